"""A database server that is restarted, or not reachable for a while: it is tried again.

Connections are made anew where they are lost, and a server that does not answer is waited for. What
was going on in a transaction is undone by the server; a batch is committed again under its key,
which stores it once, whatever the server had done of it.
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
"""Seconds that a server is waited for that was there before."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries; the last one again and again."""
LOST = ("08", "57P01", "57P02", "57P03")
"""SQLSTATEs, or how they begin, of a connection that failed and a server that ends or begins."""

_answered: "WeakSet[Pool]" = WeakSet()
"""Of databases that have answered before."""


def is_lost(error: DBAPIError) -> bool:
    """Whether an error says that the server cannot be reached, not that it refuses something."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state is None:  # no server has said anything
        module = type(error.orig).__module__.partition(".")[0]
        return module.startswith(("psycopg", "pg8000")) and "Operational" in type(error).__name__
    return str(state).startswith(LOST)


def connected_again(engine: Engine, name: str) -> Connection:
    """A connection; a server that has answered before is waited for.

    Args:
        engine: of the database.
        name: of the atlas, for messages.

    Raises:
        DBAPIError: if it does not answer for `PATIENCE`.
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
    """What a function gives that may be called again, though the connection is lost in it."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return store()
        except ConnectionLostError:
            if time.monotonic() > until:
                raise
        time.sleep(PAUSES[0])
