"""Copy an atlas while programs write to it, and give back the space that it does not need.

A copy is one state of the atlas: it holds everything that was committed before, and nothing that is
committed later. It is written in a folder of its own next to its target, and moved to the target
when it is complete and on disk.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, delete, select, text

from lossatlas.atlas import contents, database, schema
from lossatlas.atlas.checksums import stored_rows
from lossatlas.atlas.opening import check_target
from lossatlas.atlas.sqlite_file import beside
from lossatlas.atlas.statements import insert_stored
from lossatlas.atlas.store import Atlas
from lossatlas.errors import AtlasError, BadInputError

T = TypeVar("T")

ROWS_AT_ONCE = 2000
"""Number of rows that are copied together."""
NEXT_RUN = text("SELECT setval(pg_get_serial_sequence('run', 'id'), MAX(id)) FROM run")
SIZE_IN_POSTGRESQL = text("SELECT pg_database_size(current_database())")


class Sizes(NamedTuple):
    """The size of an atlas before and after it was made compact.

    Attributes:
        before: number of bytes before.
        after: number of bytes after.
    """

    before: int
    after: int


def backup(atlas: Atlas, target: str | Path) -> None:
    """Copy an atlas as it is now to a new file or to an empty database.

    Other programs may write to the atlas at the same time.

    Args:
        atlas: an open atlas.
        target: path of a file that does not exist yet, or URL of an empty database.

    Raises:
        BadInputError: the target exists already, or cannot be written.
        AtlasError: the copy cannot be made; then nothing is left at the target.

    Examples:
        >>> backup(atlas, "d2-copy.atlas")                           # doctest: +SKIP
    """
    try:
        with new_database(target, atlas):
            pass
    except (sqlite3.Error, OSError) as error:
        reason = " ".join(str(error).split())
        shown = target if not is_url(target) else "the new database"
        problem = f"the copy cannot be written ({reason}); {atlas.name} is as it was"
        raise AtlasError(f"{shown}: {problem}") from error


def is_url(target: str | Path) -> bool:
    """Whether a target is the URL of a database rather than a path."""
    return isinstance(target, str) and "://" in target


def check_new(target: str | Path) -> None:
    """Refuse a target that exists already or cannot be written.

    Args:
        target: a path; a URL is not checked here.

    Raises:
        BadInputError: there is a file at the target, or its folder is missing or cannot be written.
    """
    if is_url(target):
        return
    path = Path(target).expanduser()
    check_target(target)
    for file in (path, beside(path, "-wal"), beside(path, "-journal")):
        if file.exists():
            remedy = "give another path, or move it away"
            raise BadInputError(str(file), "is there already", remedy)


@contextmanager
def new_database(target: str | Path, first: Atlas) -> Iterator[Connection]:
    """A transaction that adds to a copy of an atlas; on an error, nothing is left at the target.

    Args:
        target: path of a file that does not exist yet, or URL of an empty database.
        first: the atlas that is copied.

    Raises:
        BadInputError: the target exists already.
    """
    check_new(target)
    if is_url(target):
        with _filled(target, first, copied=False) as connection:
            yield connection
        return
    path = Path(target).expanduser()
    # In a folder of its own no other program writes, and the copy gets the usual permissions.
    folder = TemporaryDirectory(prefix="partial-", dir=path.parent, ignore_cleanup_errors=True)
    with folder as own:
        partial = Path(own) / path.name
        copied = first.connected.place is not None
        if copied:
            with first.reading() as source:
                _copy_pages(source, partial)
        with _filled(partial, first, copied=copied, name=str(target)) as connection:
            yield connection
        put_in_place(partial, path)


@contextmanager
def _filled(
    target: str | Path, first: Atlas, *, copied: bool, name: str | None = None
) -> Iterator[Connection]:
    """A transaction in a new database that holds all rows of an atlas.

    Args:
        target: path or URL of the new database.
        first: the atlas whose rows it gets.
        copied: whether the rows were copied already, as pages of an SQLite file.
        name: name of the database in messages; by default its path, or its URL without a password.
    """
    connected = database.connect(target, 60.0, may_create=True)
    name = name or connected.name
    try:
        with database.writing(connected.engine, name, locked=False) as connection:
            if not copied:
                _refuse_atlas(connection, name)
                schema.metadata.create_all(connection)
                with first.reading() as source:
                    copy_rows(source, connection)
            yield connection
            # In PostgreSQL the ids of runs come from a sequence, which the copied rows did not use.
            if connection.dialect.name == "postgresql":
                connection.execute(NEXT_RUN)
        database.disconnect(connected, written=True)
    except BaseException:
        connected.engine.dispose()
        raise


def put_in_place(partial: Path, path: Path) -> None:
    """Move a complete file to its target, after making sure that its content is on disk.

    Raises:
        BadInputError: another program has put a file at the target meanwhile.
        AtlasError: the folder is gone, or the disk is full.
    """
    try:
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(partial, path)  # Unlike renaming, this never replaces a file.
        partial.unlink()
    except FileExistsError:
        raise BadInputError(str(path), "is there already", "give another path") from None
    except OSError as error:
        if path.exists():
            raise AtlasError(f"{path}: {error.strerror}") from error
        _rename(partial, path)


def _rename(partial: Path, path: Path) -> None:
    """Move a complete file to its target where the file system has no links."""
    try:
        partial.rename(path)
    except OSError as error:
        problem = f"the copy cannot be given its name ({error.strerror})"
        raise AtlasError(f"{path}: {problem}") from error


def _refuse_atlas(connection: Connection, name: str) -> None:
    """Refuse a database that is not empty."""
    if contents.version_of(connection, name) is not None:
        raise BadInputError(name, "there is an atlas already", "give an empty database")


def _copy_pages(source: Connection, partial: Path) -> None:
    """Copy the pages of an SQLite file as a transaction sees them, even if rows are damaged."""
    driver: Any = source.connection.dbapi_connection
    source.exec_driver_sql("SELECT 1 FROM meta").all()  # A transaction begins with its first read.
    with closing(sqlite3.connect(partial)) as copy:
        driver.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy all rows of an atlas, with their checksums."""
    for table in schema.metadata.sorted_tables:
        for rows in in_parts(stored_rows(source, table)):
            insert_stored(target, table, rows)


def in_parts(rows: Iterator[T]) -> Iterator[list[T]]:
    """Divide rows into lists of at most `ROWS_AT_ONCE`."""
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield some


def table_rows(source: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of a table in the order of their keys, a part in memory at a time."""
    query = select(table).order_by(*table.primary_key)
    found = source.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for row in found.mappings():
        yield dict(row)


def compact(atlas: Atlas) -> Sizes:
    """Give back the space that an atlas does not need, by writing it anew in order.

    No other program can write to the atlas meanwhile. For an SQLite file, as much free space is
    needed as the file takes.

    Args:
        atlas: an open atlas.

    Returns:
        The size of the atlas before and after.

    Raises:
        BadInputError: the atlas cannot be written.
        AtlasError: there is too little space, or another program has the atlas open; then nothing
            is changed.
    """
    with atlas.writing() as connection:
        kept = sorted(contents.read_meta(connection)["arrays"].values())
        connection.execute(delete(schema.array).where(schema.array.c.sha256.not_in(kept)))
    engine = atlas.connected.engine
    with database.explained(atlas.name):
        before = _size(atlas)
        if engine.dialect.name == "sqlite":
            with engine.execution_options(atlas_begin="").connect() as connection:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM (FULL, ANALYZE)")
        return Sizes(before, _size(atlas))


def _size(atlas: Atlas) -> int:
    """Number of bytes that an atlas takes."""
    place = atlas.connected.place
    if place is None:
        with atlas.reading() as connection:
            return connection.execute(SIZE_IN_POSTGRESQL).scalar_one()
    files = (place.path, beside(place.path, "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
