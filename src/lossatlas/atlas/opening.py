"""Creating an atlas, and what is checked before one is opened."""

import os
import tempfile
import time
import warnings
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from lossatlas.atlas import contents, database, schema
from lossatlas.atlas.records import Problem
from lossatlas.atlas.sqlite_file import beside, refuse_without_log
from lossatlas.errors import AtlasError, BadInputError

UNFINISHED = select(func.count()).where(schema.run.c.end_time.is_(None))
"""How many runs are killed or still going."""

CREATION_DELAYS = (0.05, 0.2, 0.5)
"""Seconds between tries to create an atlas that another program creates too."""


def create(engine: Engine, name: str, problem: Problem) -> bool:
    """Create the atlas; False if another program was faster.

    It is tried again where another program creates it at the very same moment: no database can
    lock tables that are not there yet.
    """
    for delay in CREATION_DELAYS:
        try:
            return _create(engine, name, problem)
        except AtlasError:
            time.sleep(delay)
    return _create(engine, name, problem)


def _create(engine: Engine, name: str, problem: Problem) -> bool:
    """One try, in one transaction.

    Before the write-ahead log is used: a file that uses one but has no tables has lost it.
    """
    with database.writing(engine, name, locked=False) as connection:
        if contents.version_of(connection, name) is not None:
            return False
        contents.write_new(connection, problem)
        return True


def check_whole(connected: database.Connected, connection: Connection) -> int:
    """Refuse a file without an atlas, warn about one that lacks its log; the schema version."""
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


def check_target(target: str | Path) -> None:
    """Refuse a place where no atlas can be written, before any work is done.

    Args:
        target: a path; of a URL nothing is checked.

    Raises:
        BadInputError: if the folder is missing, or it or the file cannot be written.
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
