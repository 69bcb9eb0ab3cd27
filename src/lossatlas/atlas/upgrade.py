"""Upgrade an atlas of an older schema version in place, after a backup.

Everything happens under the write lock and in one transaction. If the program dies, the disk is
full or another program opens the atlas at the same moment, the atlas is either as it was or
upgraded. An SQLite file is first copied next to itself. The new tables are filled from this copy,
and changed values are computed from it, which proves that the copy can be read. In PostgreSQL the
old tables are kept in a database schema of their own.
"""

import filecmp
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    Update,
    bindparam,
    create_engine,
    inspect,
    text,
    update,
)

from lossatlas.atlas import contents, database, schema, version_1, version_2
from lossatlas.atlas.statements import insert_rows, run_for_each
from lossatlas.errors import AtlasError

ROWS_AT_ONCE = 1000
"""Number of rows that are written together."""
KEPT_IN = "lossatlas_version_{version}"
"""Name of the PostgreSQL schema in which the old tables are kept."""
TABLES = schema.metadata.tables

Row = dict[str, Any]


def upgrade(engine: Engine, name: str) -> str | None:
    """Upgrade an atlas of an older schema version.

    Args:
        engine: the engine of the atlas, see `database.connect`.
        name: name of the atlas in messages.

    Returns:
        A message that says where the backup is; None if another program has upgraded the atlas
        meanwhile.

    Raises:
        AtlasError: the upgrade failed; then the atlas is as it was.
    """
    is_file = engine.dialect.name == "sqlite"
    with database.writing(engine, name) as connection:
        version = contents.read_meta(connection)["schema_version"]
        if version == schema.SCHEMA_VERSION:
            return None
        change = _rebuild if version == 1 else _change
        if is_file:
            backup = _back_up(Path(name), version)
            with _reading(backup) as source:
                change(connection, source, None)
            where = f"a copy of the old version is {backup}"
        else:
            kept_in = _keep_tables(connection, version)
            change(connection, connection, kept_in)
            where = f"its old tables are in the database schema {kept_in}"
        contents.replace_meta(connection, "schema_version", schema.SCHEMA_VERSION)
    return f"{name}: upgraded from schema version {version} to {schema.SCHEMA_VERSION}; {where}"


def _back_up(path: Path, version: int) -> Path:
    """Copy an SQLite file next to itself, safely to disk and without replacing another file.

    If an upgrade that was interrupted has left the same copy, that copy is used.

    Raises:
        AtlasError: the copy cannot be written.
    """
    usual = f"{path.name}.version-{version}"
    unfinished = path.with_name(f"{usual}.unfinished")
    try:
        _copy(path, unfinished)
        for number in count(1):
            backup = path.with_name(usual + (f".{number}" if number > 1 else ""))
            if not backup.exists():
                unfinished.rename(backup)
                _flush(path.parent)
                return backup
            if backup.is_file() and filecmp.cmp(unfinished, backup, shallow=False):
                unfinished.unlink()
                return backup
    except (OSError, sqlite3.Error) as error:
        _remove(unfinished)
        raise AtlasError(
            f"{path}: a backup is made before it is upgraded, but {unfinished.name} cannot be "
            f"written ({error}); nothing was changed: free space, or copy the atlas elsewhere"
        ) from error
    raise AssertionError("numbers do not end")


def _copy(path: Path, target: Path) -> None:
    _remove(target)
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # The copy is one plain file, without a log.
    _flush(target)


def _remove(target: Path) -> None:
    """Remove the files that a program left which died while it copied."""
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):
            Path(f"{target}{end}").unlink()


def _flush(path: Path) -> None:
    """Make sure that a file is on disk, or the names in a folder, which Windows cannot do."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _reading(backup: Path) -> Iterator[Connection]:
    address = f"{backup.absolute().as_uri()}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _keep_tables(connection: Connection, version: int) -> str:
    """Keep the tables that change in a new PostgreSQL schema; return its name."""
    taken = set(inspect(connection).get_schema_names())
    usual = KEPT_IN.format(version=version)
    names = (usual if number == 1 else f"{usual}_{number}" for number in count(1))
    kept_in = next(name for name in names if name not in taken)
    connection.execute(text(f"CREATE SCHEMA {kept_in}"))
    for name in version_1.REPLACED if version == 1 else ():
        connection.execute(text(f"ALTER TABLE {name} SET SCHEMA {kept_in}"))
    for name in version_2.CHANGED if version == 2 else ():
        connection.execute(text(f"CREATE TABLE {kept_in}.{name} AS TABLE {name}"))
    return kept_in


def _rebuild(connection: Connection, source: Connection, kept_in: str | None) -> None:
    """Create the tables of this version, and fill them from those of version 1."""
    if kept_in is None:
        for name in version_1.REPLACED:
            connection.execute(text(f"DROP TABLE {name}"))
    schema.metadata.create_all(connection)
    for name, rows in _together(version_1.read_rows(source, kept_in)):
        insert_rows(connection, TABLES[name], rows)


def _change(connection: Connection, source: Connection, kept_in: str | None) -> None:
    """Create the tables and columns that version 2 lacks, and change values that differ."""
    version_2.add_columns(connection)
    schema.metadata.create_all(connection)
    updates = {name: _update(TABLES[name]) for name in version_2.CHANGED}
    for name, rows in _together(version_2.read_changes(source, kept_in)):
        run_for_each(connection, updates[name], rows)


def _update(table: Table) -> Update:
    """The statement that gives new values to the columns that changed after version 2."""
    where = [key == bindparam(f"old_{key.name}") for key in table.primary_key]
    changed = (*version_2.CHANGED[table.name], "checksum")
    return update(table).where(*where).values({name: bindparam(name) for name in changed})


def _together(rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, list[Row]]]:
    """Collect rows into lists of one table each, in an order in which they can be written.

    Among the rows of one portion, tables follow each other in the order in which they refer to each
    other: attempts, for example, have to be written before the points of attempts.
    """
    while some := list(islice(rows, ROWS_AT_ONCE)):
        names = {name for name, _ in some}
        for name in (table.name for table in schema.metadata.sorted_tables if table.name in names):
            yield name, [row for other, row in some if other == name]
