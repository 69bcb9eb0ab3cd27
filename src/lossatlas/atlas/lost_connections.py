"""Lost connections to a database server, which may be restarted or unreachable for a while.

A lost connection is replaced, and a server that does not answer is tried again for some minutes.
The server undoes the unfinished transaction. A batch is then committed again with the same key, so
that it is stored exactly once, whether or not the server had completed the first commit.
"""

import time
import warnings
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import Pool

from lossatlas.errors import ConnectionLostError, DataWarning

T = TypeVar("T")

PATIENCE = 300.0
"""Time in seconds for which a server that has answered before is tried again."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between tries, in seconds; the last one is repeated."""
LOST = ("08", "57P01", "57P02", "57P03")
"""First characters of the SQLSTATE codes of a failed connection, and of a server that is starting
or shutting down."""

_answered: "WeakSet[Pool]" = WeakSet()
"""Connection pools of the databases that have answered before."""


def is_lost(error: DBAPIError) -> bool:
    """Whether an error means that the server cannot be reached, rather than that it refuses."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state is None:  # The error does not come from a server.
        module = type(error.orig).__module__.partition(".")[0]
        return module.startswith(("psycopg", "pg8000")) and "Operational" in type(error).__name__
    return str(state).startswith(LOST)


def connected_again(engine: Engine, name: str) -> Connection:
    """Open a connection; a server that has answered before is tried again for some minutes.

    Args:
        engine: the engine of the database.
        name: name of the atlas in messages.

    Raises:
        DBAPIError: the server refuses, has never answered, or does not answer for `PATIENCE`.
    """
    until, tries = time.monotonic() + PATIENCE, 0
    while True:
        try:
            connection = engine.connect()
            _answered.add(engine.pool)
            return connection
        except DBAPIError as error:
            waited_for = engine.pool in _answered and is_lost(error)
            if not waited_for or time.monotonic() > until:
                raise
        if tries == 0:
            text = (
                f"{name}: the connection is lost, it is tried again for {PATIENCE / 60:g} minutes"
            )
            warnings.warn(text, DataWarning, stacklevel=4)
        time.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
        tries += 1


def tried_again(store: Callable[[], T]) -> T:
    """Call a function that may be repeated, again if the connection to the server is lost.

    Raises:
        ConnectionLostError: the server does not answer for `PATIENCE`.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return store()
        except ConnectionLostError:
            if time.monotonic() > until:
                raise
        time.sleep(PAUSES[0])
