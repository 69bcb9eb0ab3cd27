"""Copies of an atlas while programs write to it, and space that is given back.

A copy is one state of the atlas: all of what was committed before, nothing of what comes after. It
is written in a folder of its own beside its place, and takes it when it is whole and on disk.
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
"""Rows that are copied together."""
NEXT_RUN = text("SELECT setval(pg_get_serial_sequence('run', 'id'), MAX(id)) FROM run")
SIZE_IN_POSTGRESQL = text("SELECT pg_database_size(current_database())")


class Sizes(NamedTuple):
    """Bytes that an atlas took before and takes after it was made compact."""

    before: int
    after: int


def backup(atlas: Atlas, target: str | Path) -> None:
    """Copy an atlas as it is now to a new file, or to an empty database; others may go on writing.

    Args:
        atlas: an open atlas.
        target: path of a file that is not there yet, or URL of an empty database.

    Raises:
        BadInputError: if there is something at the target already, or it cannot be written.
        AtlasError: if the copy cannot be made; then there is nothing at the target.

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
    """Whether a target is the URL of a database, and not a path."""
    return isinstance(target, str) and "://" in target


def check_new(target: str | Path) -> None:
    """Refuse a place where there is something, or where nothing can be written.

    Args:
        target: a path; of a URL nothing is checked.

    Raises:
        BadInputError: says what is in the way.
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
    """A transaction that adds to a copy of an atlas: all of it comes to be, or nothing.

    Args:
        target: path of a file that is not there yet, or URL of an empty database.
        first: what is copied.

    Raises:
        BadInputError: if there is something at the target already.
    """
    check_new(target)
    if is_url(target):
        with _filled(target, first, copied=False) as connection:
            yield connection
        return
    path = Path(target).expanduser()
    # A folder of its own, so that nobody else writes there and the copy has the usual permissions.
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
    """A transaction in a new database, with all rows of an atlas unless they are copied already.

    Messages call it as given, or by its path or its URL without the password.
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
            if connection.dialect.name == "postgresql":  # ids of runs are given by a sequence
                connection.execute(NEXT_RUN)
        database.disconnect(connected, written=True)
    except BaseException:
        connected.engine.dispose()
        raise


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that is whole its name, and see that both are on disk.

    Raises:
        BadInputError: if another program has put a file there meanwhile.
        AtlasError: if the folder is gone or the disk is full.
    """
    try:
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a renaming, it never replaces a file
        partial.unlink()
    except FileExistsError:
        raise BadInputError(str(path), "is there already", "give another path") from None
    except OSError as error:
        if path.exists():
            raise AtlasError(f"{path}: {error.strerror}") from error
        _rename(partial, path)


def _rename(partial: Path, path: Path) -> None:
    """Where the file system has no links."""
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
    """The pages of an SQLite file as a transaction sees them, damaged rows as they are."""
    driver: Any = source.connection.dbapi_connection
    source.exec_driver_sql("SELECT 1 FROM meta").all()  # the transaction begins with a read
    with closing(sqlite3.connect(partial)) as copy:
        driver.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def copy_rows(source: Connection, target: Connection) -> None:
    """All rows of an atlas, with the checksums that they have."""
    for table in schema.metadata.sorted_tables:
        for rows in in_parts(stored_rows(source, table)):
            insert_stored(target, table, rows)


def in_parts(rows: Iterator[T]) -> Iterator[list[T]]:
    """Rows, some together."""
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield some


def table_rows(source: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """All rows of a table in the order of their keys, not all in memory at once."""
    query = select(table).order_by(*table.primary_key)
    found = source.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for row in found.mappings():
        yield dict(row)


def compact(atlas: Atlas) -> Sizes:
    """Give back the space that an atlas does not need: it is written anew, in order.

    Nobody else can write meanwhile. An SQLite file needs as much free space as it has itself.

    Args:
        atlas: an open atlas.

    Raises:
        BadInputError: if it cannot be written.
        AtlasError: if there is too little space, or another program has it open; nothing is
            changed then.
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
    """Bytes that an atlas takes."""
    place = atlas.connected.place
    if place is None:
        with atlas.reading() as connection:
            return connection.execute(SIZE_IN_POSTGRESQL).scalar_one()
    files = (place.path, beside(place.path, "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
