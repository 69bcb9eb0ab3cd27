"""The file of a verification, with which a long one is continued where it ended.

Its first line says what is verified. It has one line of JSON for each point that was found as
stored, with the checksum of its rows: if a row has changed since, its point is checked again.
Points that were not as stored have no line, and are checked again too.
"""

import json
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, select

from lossatlas.atlas import contents, schema
from lossatlas.errors import BadInputError


class Verified:
    """The points that were verified before or now, as they are listed in a file.

    Args:
        path: path of the file, which is created if it does not exist; None for no file.
        connection: a connection to the atlas.
        manner: the options of the verification; a file of one with other options is refused.

    Raises:
        BadInputError: if the file belongs to another atlas, to another version of the program, or
            to other options, if it is not a file of a verification, or if it cannot be read and
            written.
    """

    def __init__(self, path: Path | None, connection: Connection, manner: dict[str, Any]) -> None:
        """Read the file, or create it."""
        self.path, self._file = path, None
        self._there: set[tuple[str, int, int]] = set()
        self._sums: dict[str, dict[int, int]] = {}
        if path is None:
            return
        fingerprint = contents.read_meta(connection)["fingerprint"]
        head = {"verified": fingerprint, "lossatlas": version("lossatlas"), **manner}
        self._sums = {
            "minimum": _checksums(connection, "minimum"),
            "transition_state": _with_links(connection),
        }
        try:
            self._read(path, head)
            self._file: TextIO | None = path.open("a", encoding="utf-8")
            if path.stat().st_size == 0:
                self._write(head)
        except OSError as error:
            remedy = "give a file in a folder that you can write to"
            raise BadInputError(str(path), str(error.strerror), remedy) from error

    def __contains__(self, point: tuple[str, int]) -> bool:
        """Say whether a point, the name of its table and its id, was verified before."""
        kind, identifier = point
        return (kind, identifier, self._sums.get(kind, {}).get(identifier, 0)) in self._there

    def add(self, kind: str, identifier: int) -> None:
        """Add a point that was found as stored.

        Args:
            kind: name of its table, "minimum" or "transition_state".
            identifier: id of the point.
        """
        if self._file is not None:
            checksum = self._sums[kind].get(identifier, 0)
            self._write({"kind": kind, "id": identifier, "checksum": checksum})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def _read(self, path: Path, head: dict[str, Any]) -> None:
        if not path.exists() or path.stat().st_size == 0:
            return
        remedy = "give another file, or delete it and verify everything again"
        lines = path.read_bytes().split(b"\n")
        try:
            found = json.loads(lines[0])
        except ValueError as error:
            raise BadInputError(str(path), "it does not say what was verified", remedy) from error
        if found != head:
            problem = "it belongs to another atlas, another version, or another way of verifying"
            raise BadInputError(str(path), problem, remedy)
        # A program that was killed may leave half a line. It is ended, so that what is added next
        # begins a new line, and skipped below.
        if lines[-1]:
            with path.open("ab") as file:
                file.write(b"\n")
        for line in lines[1:]:
            try:
                found = json.loads(line)
                self._there.add((found["kind"], found["id"], found["checksum"]))
            except (ValueError, KeyError, TypeError):
                continue  # half a line: its point is verified again


def _checksums(connection: Connection, name: str) -> dict[int, int]:
    c = schema.metadata.tables[name].c
    return {i: checksum for i, checksum in connection.execute(select(c.id, c.checksum))}


def _with_links(connection: Connection) -> dict[int, int]:
    """Return checksums of transition states, each combined with the checksums of its links."""
    sums = defaultdict[int, int](int, _checksums(connection, "transition_state"))
    c = schema.link.c
    for state, side, checksum in connection.execute(select(c.transition_state, c.side, c.checksum)):
        sums[state] ^= checksum if side else ~checksum
    return sums
