"""Create, check and open an atlas, and keep its connections while it is open."""

import os
import tempfile
import threading
import time
import warnings
import weakref
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from lossatlas.atlas import contents, database, schema
from lossatlas.atlas.records import Problem
from lossatlas.atlas.sqlite_file import beside, refuse_if_gone, refuse_without_log
from lossatlas.atlas.upgrade import upgrade
from lossatlas.errors import AtlasError, BadInputError

UNFINISHED = select(func.count()).where(schema.run.c.end_time.is_(None))
"""A query for the number of runs without an end, which were killed or are still in progress."""

CREATION_DELAYS = (0.05, 0.2, 0.5)
"""Seconds between tries to create an atlas that another program is creating at the same time."""


def create(engine: Engine, name: str, problem: Problem) -> bool:
    """Create the tables of an atlas; return False if another program has created it first.

    No database can lock tables that do not exist yet. If another program creates the atlas at the
    same moment, one of the two fails, and tries again after a short while.

    Raises:
        AtlasError: the atlas cannot be created.
    """
    for delay in CREATION_DELAYS:
        try:
            return _create(engine, name, problem)
        except AtlasError:
            time.sleep(delay)
    return _create(engine, name, problem)


def _create(engine: Engine, name: str, problem: Problem) -> bool:
    """Try once to create an atlas, in one transaction.

    This comes before the file is switched to write-ahead mode, so that a file in this mode without
    tables is known to have lost its log.
    """
    with database.writing(engine, name, locked=False) as connection:
        if contents.version_of(connection, name) is not None:
            return False
        contents.write_new(connection, problem)
        return True


def check_whole(connected: database.Connected, connection: Connection) -> int:
    """Refuse a file without an atlas, and warn about one that lacks its log.

    Returns:
        The schema version of the atlas.

    Raises:
        AtlasError: a newer lossatlas wrote the atlas, or it is damaged.
        BadInputError: there is no atlas in the database.
    """
    name, place = connected.name, connected.place
    version = contents.version_of(connection, name)
    if version is None and place is not None:
        refuse_without_log(place)
    if version is None:
        raise BadInputError(name, "no atlas in it", "explore a study first")
    if place is not None and place.without_log and connection.execute(UNFINISHED).scalar_one():
        log = beside(place.path, "-wal").name
        text = (
            f"{name}: an exploration of it has not ended, and there is no file {log}; if this is "
            "a copy made while it was explored, it lacks what that file holds: copy both files, or "
            "copy again when the exploration has ended"
        )
        warnings.warn(text, stacklevel=4)
    return version


def check_upgradable(connected: database.Connected, version: int) -> None:
    """Refuse an atlas of an older version that can only be read.

    Raises:
        BadInputError: its file or folder cannot be written.
    """
    if connected.read_only:
        raise BadInputError(
            connected.name,
            f"was written by an older lossatlas (schema version {version}) and cannot be "
            "upgraded, since it or its folder is protected",
            "copy it to a folder of your own and open the copy",
        )


def check_target(target: str | Path) -> None:
    """Refuse a path at which no atlas can be written, before any work is done.

    Args:
        target: a path; a URL is not checked here.

    Raises:
        BadInputError: the path is a folder, its folder is missing, or one of them is read-only.
    """
    if "://" in str(target):
        return
    path, name = Path(target).expanduser(), str(target)
    if path.is_dir():
        raise BadInputError(name, "is a folder", "give the path of a file in it")
    if not path.parent.is_dir():
        raise BadInputError(name, f"there is no folder {path.parent}", "create it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        problem = f"its folder cannot be written ({error.strerror})"
        raise BadInputError(name, problem, "keep the atlas in another folder") from error
    if path.exists() and not os.access(path, os.W_OK):
        raise BadInputError(name, "cannot be written", "change its permissions or copy it")


class Handle:
    """The connections of one open atlas, which are closed when nothing refers to it any more.

    Args:
        connected: the database of the atlas, from `database.connect`.
    """

    def __init__(self, connected: database.Connected) -> None:
        self._connected = connected
        self._written = threading.Event()
        self._file: tuple[int, int] | None = None
        self._release_when_forgotten()

    def check(self) -> None:
        """Make sure that the database holds an atlas, and upgrade one of an older version.

        Raises:
            BadInputError: there is no atlas, or it needs an upgrade and can only be read.
            AtlasError: a newer lossatlas wrote the atlas, it is damaged, or the upgrade fails.
        """
        with self.reading() as connection:
            version = check_whole(self._connected, connection)
        self._upgrade(version)

    def begin(self, problem: Problem, must_be_new: bool) -> bool:
        """Create the atlas of a problem, or upgrade the one that is there.

        Args:
            problem: the landscape of a new atlas.
            must_be_new: whether to refuse an atlas that is there already.

        Returns:
            Whether the atlas is new.

        Raises:
            BadInputError: there is an atlas already, or it needs an upgrade and can only be read.
            AtlasError: a newer lossatlas wrote the atlas, it is damaged, or the upgrade fails.
        """
        name, place = self._connected.name, self._connected.place
        with self.reading() as connection:  # Refuse the file before anything is written to it.
            version = contents.version_of(connection, name)
        if version is None and place is not None:
            refuse_without_log(place)
        if version is None and create(self._connected.engine, name, problem):
            return True
        if must_be_new:
            remedy = "open it, or give another path"
            raise BadInputError(name, "there is an atlas already", remedy)
        self._upgrade(version)
        return False

    def check_writable(self) -> None:
        """Refuse an atlas that can only be read.

        Raises:
            BadInputError: its file or folder cannot be written.
        """
        if self._connected.read_only:
            problem = "can only be read, it or its folder is protected"
            remedy = "copy it to a folder of your own and use the copy"
            raise BadInputError(self._connected.name, problem, remedy)

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one state of the atlas, even while other programs write."""
        self._release_when_forgotten()
        return database.reading(self._connected.engine, self._connected.name)

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection with which no other program writes; on an error, nothing of it is kept.

        Raises:
            BadInputError: the atlas can only be read.
            AtlasError: the database is locked or fails, or its file was moved or deleted.
        """
        self.check_writable()
        engine, name, place = self._connected.engine, self._connected.name, self._connected.place
        if place is not None:
            self._file = refuse_if_gone(place.path, self._file)
        self._release_when_forgotten()
        if not self._written.is_set():
            database.use_write_ahead_log(engine, name)
            self._written.set()
        return database.writing(engine, name)

    def close(self) -> None:
        """Close the connections; the last program that closes an atlas leaves one plain file."""
        self._release()
        self._written.clear()

    def _upgrade(self, version: int | None) -> None:
        """Upgrade an atlas of an older version, and warn with the place of its backup."""
        if version is not None and version < schema.SCHEMA_VERSION:
            check_upgradable(self._connected, version)
            self._written.set()  # Version 1 left its file in write-ahead mode, without a log.
            message = upgrade(self._connected.engine, self._connected.name)
            if message is not None:  # It is None if another program was faster.
                warnings.warn(message, stacklevel=4)

    def _release_when_forgotten(self) -> None:
        """Close the connections when the atlas is collected, also if it is used after `close`."""
        if not getattr(self, "_release", None) or not self._release.alive:
            self._release = weakref.finalize(self, _release, self._connected, self._written)


def _release(connected: database.Connected, written: threading.Event) -> None:
    database.disconnect(connected, written=written.is_set())
