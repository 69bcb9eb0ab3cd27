"""Connections to a database: how it is opened and locked, and what its errors mean.

Everything that is special to SQLite is in this file and in `sqlite_file`. An SQLite atlas is one
file. While a program writes to it, and after a crash, the files with ``-wal`` and ``-shm`` at the
end of their names belong to it too. The last program that closes the atlas turns it into one plain
file again, which can be copied, and can be read in a folder that cannot be written. A transaction
that writes takes the one write lock at its beginning, so that what it reads stays true until it
ends. Two programs may therefore write to one atlas; they take turns.
"""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import Pool, QueuePool

from lossatlas.atlas.lost_connections import connected_again, is_lost
from lossatlas.atlas.schema import meta
from lossatlas.atlas.sqlite_file import Place, end_use, inspect_file, private_copy
from lossatlas.errors import AtlasError, BadInputError, ConnectionLostError

PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pg8000": "pg8000",
    "psycopg2cffi": "psycopg2cffi",
}
"""The package to install for each driver of PostgreSQL that a URL can name."""


class Readable(Protocol):
    """An atlas, as far as reading goes: each of its connections sees one state of the database."""

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
    ("malformed", "the file is damaged; restore a copy (with its file -wal, if there is one)"),
    (
        "permission denied for database",
        "this user may not create a schema in it, which the upgrade of an older atlas needs; have "
        "its owner run GRANT CREATE ON DATABASE, then try again",
    ),
    (
        "foreign key constraint",
        "a row that another one refers to is not there: the atlas is damaged; lossatlas verify "
        "lists all damage, restore a copy",
    ),
    ("too big", "an array is larger than the database can hold; use a smaller data set"),
)
"""Pairs of a part of a message of the database and the message that is shown in its place."""


class Connected(NamedTuple):
    """A database that can be read and, unless it is read-only, written.

    Attributes:
        engine: the SQLAlchemy engine, from which connections come.
        name: name of the atlas in messages.
        place: the SQLite file as it was found before it was opened; None for other databases.
        copy: folder of a temporary copy, if SQLite cannot read the file where it is; otherwise
            None.
    """

    engine: Engine
    name: str
    place: Place | None = None
    copy: TemporaryDirectory | None = None

    @property
    def read_only(self) -> bool:
        """Whether the file or its folder cannot be written."""
        return self.place is not None and not self.place.writable


def connect(target: str | Path, seconds: float, *, may_create: bool) -> Connected:
    """Prepare an engine for a database.

    The database is not opened or written yet; only the header of an existing file is checked.

    Args:
        target: a path, or an SQLAlchemy URL (any text with ``://``).
        seconds: time to wait for the lock of another program, in seconds.
        may_create: whether the file may be missing, to be created later.

    Raises:
        BadInputError: the target cannot be an atlas; the message says why.
        AtlasError: a read-only file has to be copied in order to be read, and cannot be.
    """
    url = _as_url(target)
    if url.get_backend_name() != "sqlite":
        return Connected(_engine(url), name_of(url))
    name = _file_of(url)
    place = inspect_file(Path(name), may_create)
    try:
        copy = private_copy(place) if place.needs_copy else None
    except BaseException:
        end_use(place.use)
        raise
    if place.writable:
        engine = _engine(url)
    elif copy is not None:  # SQLite may have to write to the copy in order to read it.
        engine = _engine(URL.create("sqlite", database=str(Path(copy.name) / place.path.name)))
    else:
        engine = _reading_engine(place.path)
    _take_locks_at_begin(engine, seconds, query_only=not place.writable)
    return Connected(engine, name, place, copy)


def disconnect(connected: Connected, *, written: bool) -> None:
    """Close all connections; the last program that has an SQLite file open leaves one plain file.

    Args:
        connected: the result of `connect`.
        written: whether this program wrote to the file. If it did not, a file whose log was missing
            when it was opened stays in write-ahead mode, so that later programs can tell that the
            log is missing.
    """
    engine, place = connected.engine, connected.place
    for left in _writers.pop(engine.pool, {}).values():
        _undo(engine, left)
    engine.dispose()
    may_have_log = place is not None and (written or not place.without_log) and place.path.exists()
    if place is not None and place.writable and may_have_log:
        with suppress(DBAPIError):  # Another program has it open, and will do this when it ends.
            plain = engine.execution_options(atlas_begin="")
            with plain.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout=0")
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        engine.dispose()
    if place is not None:
        end_use(place.use)
    if connected.copy is not None:
        connected.copy.cleanup()


def use_write_ahead_log(engine: Engine, name: str) -> None:
    """Switch SQLite to a mode in which readers and the writer do not wait for each other."""
    if engine.dialect.name == "sqlite":
        engine = engine.execution_options(atlas_begin="")
        with explained(name), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def move_log_into_file(engine: Engine) -> None:
    """Move what is in the log of SQLite into the file itself, as far as readers allow it."""
    if engine.dialect.name == "sqlite":
        with suppress(DBAPIError), engine.execution_options(atlas_begin="").connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """A connection that sees one state of the atlas, however long it is used."""
    if engine.dialect.name != "sqlite":  # Transactions of SQLite always see one state.
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with explained(name), connected_again(engine, name) as connection:
        yield connection


@contextmanager
def writing(engine: Engine, name: str, *, locked: bool = True) -> Iterator[Connection]:
    """A transaction beside which no other program writes; on an error, nothing of it is kept.

    Args:
        engine: the engine of the atlas, from `connect`.
        name: name of the atlas in messages.
        locked: whether to lock the rows of the table ``meta``, which keeps out other writers in
            databases other than SQLite; False if the tables may not exist yet. Default True.
    """
    engine = engine.execution_options(atlas_begin="BEGIN IMMEDIATE")
    with (
        explained(name),
        connected_again(engine, name) as connection,
        _unfinished(connection),
        connection.begin(),
    ):
        if locked and engine.dialect.name != "sqlite":
            connection.execute(select(meta.c.key).with_for_update()).all()
        yield connection


_writers: WeakKeyDictionary[Pool, dict[int, Any]] = WeakKeyDictionary()
"""For the connection pool of each atlas, the driver's connection with which each thread writes."""


@contextmanager
def _unfinished(connection: Connection) -> Iterator[None]:
    """Roll back a transaction that this thread left unfinished, and remember the one it begins.

    A keyboard interrupt can arrive after a transaction has begun and before its block is entered,
    or while the transaction is rolled back. Then nothing ends the transaction while the exception
    is handled, and its lock would block the very thread that holds it.
    """
    of_threads, thread = _writers.setdefault(connection.engine.pool, {}), threading.get_ident()
    _undo(connection.engine, of_threads.pop(thread, None))
    of_threads[thread] = mine = connection.connection.dbapi_connection
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        if not interrupted and of_threads.get(thread) is mine:
            del of_threads[thread]


def _undo(engine: Engine, left: Any) -> None:
    if left is not None:
        with suppress(engine.dialect.loaded_dbapi.Error):  # The connection may be closed already.
            left.rollback()


SECRETS = ("password", "passwd", "pwd", "passfile", "sslpassword", "sslkey")
"""Parameters of a URL that no message shows."""


def name_of(url: URL) -> str:
    """A URL as messages show it, with passwords replaced by asterisks.

    Examples:
        >>> name_of(make_url("postgresql://me:secret@host/d2"))
        'postgresql://me:***@host/d2'
    """
    hidden = {key: "***" for key in url.query if key.lower() in SECRETS}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def without_secrets(target: str) -> str:
    """A text that cannot be read as a URL, without the parts that may be a password.

    Examples:
        >>> without_secrets("postgresql://me:secret@host:port/d2?password=secret")
        'postgresql://***@host:port/d2?***'
    """
    text = re.sub(r"://.*@", "://***@", target)
    return re.sub(r"\?.*", "?***", text)


def _as_url(target: str | Path) -> URL:
    if isinstance(target, Path) or "://" not in target:
        return URL.create("sqlite", database=str(Path(target).expanduser()))
    try:
        return make_url(target)
    except (ArgumentError, ValueError) as error:  # ValueError if the port is not a number.
        name = without_secrets(target)
        raise BadInputError(name, "not a database URL", "give a path or a valid URL") from error


def _engine(url: URL) -> Engine:
    name = name_of(url)
    remedy = "use a path, or a URL that begins with postgresql://"
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        problem = f"unknown kind of database {url.get_backend_name()!r}"
        raise BadInputError(name, f"{problem}; an atlas is in SQLite or PostgreSQL", remedy)
    try:
        dialect = url.get_dialect()
    except (NoSuchModuleError, ArgumentError) as error:
        problem = f"unknown kind of database {url.drivername!r}"
        raise BadInputError(name, problem, remedy) from error
    usable = dialect.driver in PACKAGES and not dialect.is_async
    if url.get_backend_name() == "postgresql" and not usable:
        problem = f"the driver {url.get_driver_name()!r} cannot be used here"
        raise BadInputError(name, problem, "use postgresql+psycopg://") from None
    # A pooled connection to a server may be lost by now, so it is tested before it is used.
    careful = {"pool_pre_ping": True} if url.get_backend_name() == "postgresql" else {}
    try:
        return create_engine(url, **careful)
    except ImportError as error:
        remedy = f"run: pip install '{PACKAGES.get(dialect.driver, dialect.driver)}'"
        raise BadInputError(name, "the driver of this database is not installed", remedy) from error


def _file_of(url: URL) -> str:
    """The path in an SQLite URL."""
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        problem = f"the driver {url.get_driver_name()!r} cannot be used here"
        raise BadInputError(url.drivername, problem, "give a path")
    database = url.database
    if not database or database == ":memory:" or database.startswith("file:"):
        raise BadInputError("sqlite", "an atlas needs a file of its own", "give a path")
    return database


def _reading_engine(path: Path) -> Engine:
    """An engine that never writes to a file and never creates one."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False),
        poolclass=QueuePool,
    )


def _take_locks_at_begin(engine: Engine, seconds: float, *, query_only: bool) -> None:
    """Make SQLite begin transactions explicitly, with the write lock if they are to write."""

    @event.listens_for(engine, "connect")
    def set_up(connection, _record) -> None:
        connection.isolation_level = None  # The driver must not begin transactions by itself.
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(1000 * seconds)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA query_only={int(query_only)}")
        cursor.close()

    @event.listens_for(engine, "invalidate")
    def undo(connection, _record, _error) -> None:
        # Otherwise SQLite would keep the lock until the interrupted statement is collected.
        with suppress(sqlite3.Error):
            connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("atlas_begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn errors of the database into `AtlasError`, with a message that says what to do.

    Raises:
        ConnectionLostError: the database server cannot be reached.
        AtlasError: the database reports any other error.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # sqlite3.Error comes from reading plain tuples.
        text = str(error.orig if isinstance(error, DBAPIError) else error)
        known = (say for fragment, say in EXPLANATIONS if fragment in text.lower())
        if isinstance(error, DBAPIError) and is_lost(error):
            reason = f"the connection is lost ({' '.join(text.split())})"
            kept = "all that was committed is safe: run again when the server is there"
            raise ConnectionLostError(f"{name}: {reason}; {kept}") from error
        raise AtlasError(f"{name}: {next(known, ' '.join(text.split()))}") from error
