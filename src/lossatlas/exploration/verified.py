"""A file of what was verified before, so that a long verification can go on where it ended.

One line of JSON for each point that was as stored, with the checksums of its rows: a row that is
changed since is checked again, and so is whatever was not as stored.
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
    """Points verified before, and now.

    Args:
        path: of the file, which is begun if it is not there; None to remember nothing.
        connection: to the atlas.
        manner: how it is verified; what was verified otherwise does not count.

    Raises:
        BadInputError: if the file is of another atlas or another manner, or no such file.
    """

    def __init__(self, path: Path | None, connection: Connection, manner: dict[str, Any]) -> None:
        """Read the file, or begin it."""
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
        """Whether a point was verified before, given the name of its table and its id."""
        kind, identifier = point
        return (kind, identifier, self._sums.get(kind, {}).get(identifier, 0)) in self._there

    def add(self, kind: str, identifier: int) -> None:
        """A point is as stored."""
        if self._file is not None:
            checksum = self._sums[kind].get(identifier, 0)
            self._write({"kind": kind, "id": identifier, "checksum": checksum})

    def close(self) -> None:
        """Nothing more is added."""
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
            problem = "it is of another atlas, another version, or another way of verifying"
            raise BadInputError(str(path), problem, remedy)
        if lines[-1]:  # it is cut short where the program was killed: it is ended, and left out
            with path.open("ab") as file:
                file.write(b"\n")
        for line in lines[1:]:
            try:
                found = json.loads(line)
                self._there.add((found["kind"], found["id"], found["checksum"]))
            except (ValueError, KeyError, TypeError):
                continue  # it was cut short: that point is verified again


def _checksums(connection: Connection, name: str) -> dict[int, int]:
    c = schema.metadata.tables[name].c
    return {i: checksum for i, checksum in connection.execute(select(c.id, c.checksum))}


def _with_links(connection: Connection) -> dict[int, int]:
    """Of transition states, together with those of their links."""
    sums = defaultdict[int, int](int, _checksums(connection, "transition_state"))
    c = schema.link.c
    for state, side, checksum in connection.execute(select(c.transition_state, c.side, c.checksum)):
        sums[state] ^= checksum if side else ~checksum
    return sums
