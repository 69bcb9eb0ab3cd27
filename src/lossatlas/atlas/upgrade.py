"""Upgrading an atlas of an older schema version in place, after a backup.

All happens under the one write lock and in one transaction: whenever the program dies, the disk is
full or another program opens the atlas at the same moment, it is either as it was or upgraded. An
SQLite file is copied beside itself first; the new tables are filled from the copy, so it is proven
to be readable. In PostgreSQL the old tables are moved to a database schema of their own.
"""

import filecmp
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count, islice
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, insert, inspect, text

from lossatlas.atlas import contents, database, schema, version_1
from lossatlas.atlas.checksums import checksum
from lossatlas.errors import AtlasError, BadInputError

ROWS_AT_ONCE = 1000
"""Rows that are inserted together."""
KEPT_IN = "lossatlas_version_1"
"""The PostgreSQL schema that the old tables are moved to."""


def upgrade(engine: Engine, name: str) -> str | None:
    """Upgrade an atlas of version 1.

    Args:
        engine: of the atlas, see `database.connect`.
        name: of the atlas, for messages.

    Returns:
        Where the backup is, in words; None if another program has upgraded it meanwhile.

    Raises:
        BadInputError: if the atlas cannot be written.
        AtlasError: if the upgrade fails; the atlas is as it was then.
    """
    is_file = engine.dialect.name == "sqlite"
    if is_file:
        _refuse_protected(Path(name))
    with database.writing(engine, name) as connection:
        if contents.read_meta(connection)["schema_version"] == schema.SCHEMA_VERSION:
            return None
        if is_file:
            backup = _back_up(Path(name))
            with _reading(backup) as source:
                _rebuild(connection, source, None)
            where = f"a copy of what it was is {backup}"
        else:
            kept_in = _move_aside(connection)
            _rebuild(connection, connection, kept_in)
            where = f"its old tables are in the database schema {kept_in}"
    return f"{name}: upgraded from schema version 1 to {schema.SCHEMA_VERSION}; {where}"


def _refuse_protected(path: Path) -> None:
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise BadInputError(
            str(path),
            "was written by an older lossatlas (schema version 1) and cannot be upgraded, since it "
            "or its folder is protected",
            "copy it to a folder of your own and open the copy",
        )


def _back_up(path: Path) -> Path:
    """A copy of an SQLite file beside it, safely on disk; never in place of another file.

    A copy that an upgrade made which did not come to its end is used again.
    """
    unfinished = path.with_name(f"{path.name}.version-1.unfinished")
    try:
        _copy(path, unfinished)
        for number in count(1):
            backup = path.with_name(f"{path.name}.version-1" + (f".{number}" if number > 1 else ""))
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
        copy.execute("PRAGMA journal_mode=DELETE")  # one plain file
    _flush(target)


def _remove(target: Path) -> None:
    """Remove what a program left that died while it copied."""
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):
            Path(f"{target}{end}").unlink()


def _flush(path: Path) -> None:
    """Have a file, or the names in a folder, on disk (Windows cannot flush folders)."""
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


def _move_aside(connection: Connection) -> str:
    """Move the tables that are replaced to a PostgreSQL schema that is not there yet."""
    taken = set(inspect(connection).get_schema_names())
    names = (KEPT_IN if number == 1 else f"{KEPT_IN}_{number}" for number in count(1))
    kept_in = next(name for name in names if name not in taken)
    connection.execute(text(f"CREATE SCHEMA {kept_in}"))
    for name in version_1.REPLACED:
        connection.execute(text(f"ALTER TABLE {name} SET SCHEMA {kept_in}"))
    return kept_in


def _rebuild(connection: Connection, source: Connection, kept_in: str | None) -> None:
    """Make the tables of version 2 and fill them from those of version 1."""
    if kept_in is None:
        for name in version_1.REPLACED:
            connection.execute(text(f"DROP TABLE {name}"))
    schema.metadata.create_all(connection)
    tables = schema.metadata.tables
    rows = version_1.read_rows(source, kept_in)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        for name in dict.fromkeys(name for name, _ in some):
            mine = [row for other, row in some if other == name]
            summed = [{**row, "checksum": checksum(tables[name], row)} for row in mine]
            connection.execute(insert(tables[name]), summed)
    contents.replace_meta(connection, "schema_version", schema.SCHEMA_VERSION)
