"""The connection to a database: which one, how it locks, and what its errors mean.

Everything that is special to SQLite is in this file. An SQLite atlas is one file (while a
program has it open, or after a crash, with the files ``-wal`` and ``-shm`` beside it, which
belong to it). A transaction that writes takes the one write lock at its beginning, so what it
reads stays true until it ends: two programs may write to one atlas, they take turns.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from lossatlas.atlas.schema import meta
from lossatlas.errors import AtlasError, BadInputError

SQLITE_MAGIC = b"SQLite format 3\0"


class Readable(Protocol):
    """What hands out connections that see one state of the database: an atlas."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection for one consistent read."""
        ...


EXPLANATIONS = (
    ("is full", "the disk is full; all that was committed before is safe: free space, run again"),
    ("locked", "another program keeps it locked; wait until it ends or stop it, then run again"),
    ("readonly", "it is not writable; change its permissions or copy it"),
    ("unable to open", "it cannot be opened; check that its folder is writable"),
    ("disk i/o error", "the disk failed or is full; all that was committed before is safe"),
    ("not a database", "it is not an SQLite file; give the path of an atlas"),
    ("malformed", "the file is damaged; restore a copy"),
    (
        "permission denied for database",
        "this user may not create a schema in it, which the upgrade of an older atlas needs; have "
        "its owner run GRANT CREATE ON DATABASE, then try again",
    ),
    ("too big", "an array is larger than the database can hold; use a smaller data set"),
)
"""What an SQLite message contains, and what to say instead."""


def connect(target: str | Path, seconds: float, *, may_create: bool) -> tuple[Engine, str]:
    """An engine for the database, and the name of the atlas in messages.

    Nothing is opened or written yet, except that a file that is there must be an SQLite file.

    Args:
        target: a path, or an SQLAlchemy URL (anything with ``://``).
        seconds: how long to wait for the lock of another program.
        may_create: whether a file that is not there is fine.

    Raises:
        BadInputError: for a target that cannot be an atlas; says why.
    """
    url = _as_url(target)
    if url.get_backend_name() != "sqlite":
        return _engine(url), url.render_as_string(hide_password=True)
    _check_file(url.database, may_create)
    engine = _engine(url)
    _take_locks_at_begin(engine, seconds)
    return engine, str(url.database)


def use_write_ahead_log(engine: Engine, name: str) -> None:
    """Let SQLite readers and the writer not wait for each other (a lasting mark in the file)."""
    if engine.dialect.name == "sqlite":
        engine = engine.execution_options(atlas_begin="")
        with _explained(name), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """One state of the atlas to read from, however long it takes."""
    if engine.dialect.name != "sqlite":  # whose transactions see one state anyway
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with _explained(name), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, name: str, *, locked: bool = True) -> Iterator[Connection]:
    """A transaction that no other writer runs beside; all of it is kept or, on an error, none.

    Args:
        engine: from `connect`.
        name: of the atlas, for messages.
        locked: False where the tables may not be there yet. Databases other than SQLite lock
            the rows of the table ``meta``.
    """
    engine = engine.execution_options(atlas_begin="BEGIN IMMEDIATE")
    with _explained(name), engine.begin() as connection:
        if locked:
            connection.execute(select(meta.c.key).with_for_update()).all()
        yield connection


def _as_url(target: str | Path) -> URL:
    if isinstance(target, Path) or "://" not in target:
        return URL.create("sqlite", database=str(Path(target).expanduser()))
    try:
        return make_url(target)
    except ArgumentError as error:
        raise BadInputError(target, "not a database URL", "give a path or a valid URL") from error


def _engine(url: URL) -> Engine:
    name = url.render_as_string(hide_password=True)
    try:
        return create_engine(url)
    except NoSuchModuleError as error:
        raise BadInputError(name, "unknown kind of database", "use e.g. postgresql://") from error
    except ModuleNotFoundError as error:
        remedy = f"install the Python package {error.name}"
        raise BadInputError(name, "the driver of this database is not installed", remedy) from error


def _check_file(database: str | None, may_create: bool) -> None:
    """Refuse what is no SQLite file before SQLite touches it."""
    if not database or database == ":memory:" or database.startswith("file:"):
        raise BadInputError("sqlite", "an atlas needs a file of its own", "give a path")
    path = Path(database)
    if path.is_dir():
        raise BadInputError(database, "is a folder", "give the path of a file in it")
    if not path.parent.is_dir():
        raise BadInputError(database, f"there is no folder {path.parent}", "create it first")
    if path.exists():
        _check_magic(path)
    elif not may_create:
        raise BadInputError(database, "no such atlas", "check the path, or explore a study first")


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise BadInputError(str(path), str(error.strerror), "make it readable") from error
    if head not in (b"", SQLITE_MAGIC):
        raise BadInputError(str(path), "is not an SQLite file", "give the path of an atlas")


def _take_locks_at_begin(engine: Engine, seconds: float) -> None:
    """Have SQLite begin transactions explicitly: at once with the write lock where we write."""

    @event.listens_for(engine, "connect")
    def set_up(connection, _record) -> None:
        connection.isolation_level = None  # the driver shall not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(1000 * seconds)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("atlas_begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn errors of the database into `AtlasError` with a message for its user."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig)
        known = (say for fragment, say in EXPLANATIONS if fragment in text.lower())
        raise AtlasError(f"{name}: {next(known, text)}") from error
