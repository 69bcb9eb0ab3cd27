"""The connection to a database: which one, how it locks, and what its errors mean.

Everything that is special to SQLite is in this file and in `sqlite_file`. An SQLite atlas is one
file. While a program writes to it, or after a crash, the files ``-wal`` and ``-shm`` are beside
it and belong to it; the last program that closes it makes it one plain file again, which can be
copied, and read where nothing can be written. A transaction that writes takes the one write lock
at its beginning, so what it reads stays true until it ends: two programs may write to one atlas,
they take turns.
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
"""What to install for each driver of PostgreSQL that a URL can name."""


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
    ("malformed", "the file is damaged; restore a copy (with its file -wal, if there is one)"),
    (
        "permission denied for database",
        "this user may not create a schema in it, which the upgrade of an older atlas needs; have "
        "its owner run GRANT CREATE ON DATABASE, then try again",
    ),
    (
        "foreign key constraint",
        "a row that another one refers to is not there: the atlas is damaged; lossatlas verify "
        "says what else, restore a copy",
    ),
    ("too big", "an array is larger than the database can hold; use a smaller data set"),
)
"""What an SQLite message contains, and what to say instead."""


class Connected(NamedTuple):
    """A database that can be read, and written unless it is read-only.

    Attributes:
        engine: hands out connections.
        name: of the atlas in messages.
        place: of an SQLite file, as it was found; None for other databases.
        copy: the folder of the copy that is read in place of a file that SQLite cannot read
            where it is; None for all others.
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
    """An engine for the database.

    Nothing is opened or written yet, except that a file that is there must be an SQLite file.

    Args:
        target: a path, or an SQLAlchemy URL (anything with ``://``).
        seconds: how long to wait for the lock of another program.
        may_create: whether a file that is not there is fine.

    Raises:
        BadInputError: for a target that cannot be an atlas; says why.
        AtlasError: if a file that can only be read cannot be copied where it has to be.
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
    elif copy is not None:  # SQLite may have to write to it in order to read it
        engine = _engine(URL.create("sqlite", database=str(Path(copy.name) / place.path.name)))
    else:
        engine = _reading_engine(place.path)
    _take_locks_at_begin(engine, seconds, query_only=not place.writable)
    return Connected(engine, name, place, copy)


def disconnect(connected: Connected, *, written: bool) -> None:
    """Close all connections; the last program that had an SQLite file open leaves one plain file.

    Args:
        connected: from `connect`.
        written: whether the file was written to. Another program may have written to it meanwhile,
            so it is left as it is only where it lacks its log, which must stay visible.
    """
    engine, place = connected.engine, connected.place
    for left in _writers.pop(engine.pool, {}).values():
        _undo(engine, left)
    engine.dispose()
    may_have_log = place is not None and (written or not place.without_log) and place.path.exists()
    if place is not None and place.writable and may_have_log:
        with suppress(DBAPIError):  # another program has it open, and will do this
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
    """Let SQLite readers and the writer not wait for each other, until `disconnect`."""
    if engine.dialect.name == "sqlite":
        engine = engine.execution_options(atlas_begin="")
        with explained(name), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def move_log_into_file(engine: Engine) -> None:
    """Write what is in SQLite's log into the file itself, as far as readers allow it."""
    if engine.dialect.name == "sqlite":
        with suppress(DBAPIError), engine.execution_options(atlas_begin="").connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """One state of the atlas to read from, however long it takes."""
    if engine.dialect.name != "sqlite":  # whose transactions see one state anyway
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with explained(name), connected_again(engine, name) as connection:
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
"""The driver's connection that each thread is writing with, by the connections of an atlas."""


@contextmanager
def _unfinished(connection: Connection) -> Iterator[None]:
    """Undo what this thread has begun to write and not ended, and remember what it begins now.

    An interrupt can come where a transaction has begun and the block in it has not, or while it is
    undone. As long as the exception is handled nobody ends that transaction, and its lock would
    keep out the thread that has it.
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
        with suppress(engine.dialect.loaded_dbapi.Error):  # it is closed already
            left.rollback()


SECRETS = ("password", "passwd", "pwd", "passfile", "sslpassword", "sslkey")
"""Parameters of a URL that are shown to nobody."""


def name_of(url: URL) -> str:
    """A URL as messages show it, without passwords.

    Examples:
        >>> name_of(make_url("postgresql://me:secret@host/d2?sslpassword=secret"))
        'postgresql://me:***@host/d2?sslpassword=***'
    """
    hidden = {key: "***" for key in url.query if key.lower() in SECRETS}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def without_secrets(target: str) -> str:
    """What cannot be read as a URL, without what may be a password in it.

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
    except (ArgumentError, ValueError) as error:  # the latter for a port that is no number
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
    # A connection of the pool may be lost: one of a server is tried before it is used.
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
    """An engine that never writes to a file, nor makes one."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False),
        poolclass=QueuePool,
    )


def _take_locks_at_begin(engine: Engine, seconds: float, *, query_only: bool) -> None:
    """Have SQLite begin transactions explicitly: at once with the write lock where we write."""

    @event.listens_for(engine, "connect")
    def set_up(connection, _record) -> None:
        connection.isolation_level = None  # the driver shall not begin transactions by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={round(1000 * seconds)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA query_only={int(query_only)}")
        cursor.close()

    @event.listens_for(engine, "invalidate")
    def undo(connection, _record, _error) -> None:
        # SQLite closes it, and gives its lock back, when an interrupted statement is forgotten.
        with suppress(sqlite3.Error):
            connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("atlas_begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn errors of the database into `AtlasError` with a message for its user."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # the latter where rows are read as tuples
        text = str(error.orig if isinstance(error, DBAPIError) else error)
        known = (say for fragment, say in EXPLANATIONS if fragment in text.lower())
        if isinstance(error, DBAPIError) and is_lost(error):
            reason = f"the connection is lost ({' '.join(text.split())})"
            kept = "all that was committed is safe: run again when the server is there"
            raise ConnectionLostError(f"{name}: {reason}; {kept}") from error
        raise AtlasError(f"{name}: {next(known, ' '.join(text.split()))}") from error
