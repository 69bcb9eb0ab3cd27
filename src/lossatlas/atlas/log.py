"""The log of attempts, as the planner reads it: what was tried, what it cost, what it brought."""

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_lists
from lossatlas.atlas.database import Readable
from lossatlas.errors import Status

MINIMA, SADDLES = "minima", "saddles"
"""The streams of independent draws, from which completeness is estimated: what they look for."""
HIT_BY = {MINIMA: "minimum", SADDLES: "transition_state"}
"""What the draws of each stream hit, a column of ``attempt_point``."""


class Entry(NamedTuple):
    """One attempt of the past.

    Attributes:
        id: of the attempt.
        strategy, origins, what, part: what was tried; together they name it.
        gradients, hessians: what it cost.
        new_minima, new_transition_states: what it added.
        stream: of independent draws, else None.
        round, as_of, width: its place in the exploration, see `lossatlas.atlas.records.Attempt`.
    """

    id: int
    strategy: str
    origins: tuple[int, ...]
    what: str
    gradients: int
    hessians: int
    new_minima: int
    new_transition_states: int
    part: int = 1
    stream: str | None = None
    round: int = 0
    as_of: int = 0
    width: int = 0


def read_log(atlas: Readable, after: int = 0) -> list[Entry]:
    """The attempts with ids above `after`, ascending."""
    table = schema.attempt.c
    columns = [table[name] for name in Entry._fields if name in table]
    query = select(*columns).where(table.id > after).order_by(table.id)
    with atlas.reading() as connection:
        rows = connection.execute(query).all()
        origins = read_origins(connection, after)
    return [Entry(**row._mapping, origins=origins.get(row.id, ())) for row in rows]


def read_origins(connection: Connection, after: int = 0) -> dict[int, tuple[int, ...]]:
    """The minima from which each attempt with an id above `after` started; others are left out."""
    table = schema.attempt_point.c
    query = (
        select(table.attempt, table.minimum)
        .where(table.attempt > after, table.role == "origin")
        .order_by(table.attempt, table.position)
    )
    origins: dict[int, tuple[int, ...]] = {}
    for attempt, minimum in connection.execute(query):
        origins[attempt] = (*origins.get(attempt, ()), minimum)
    return origins


class LogColumns(NamedTuple):
    """Attempts of the past, a column for each thing that is known of them.

    Attributes:
        id: (a,) int64, ascending.
        strategy, what: lists of a texts.
        part: (a,) int64; strategy, origins, what and part together name an attempt.
        stream: a list of a texts; None for what was no independent draw.
        round, as_of, width: (a,) int64, the place of each in its exploration, see
            `lossatlas.atlas.records.Attempt`.
        gradients, hessians: (a,) int64, what each cost.
        new_minima, new_transition_states: (a,) int64, what each added.
        first, second: (a,) int64, the first and the second minimum that each started from; 0 where
            there is none.
        more: all minima that an attempt started from, by its id, where there are three or more.
    """

    id: np.ndarray
    strategy: list[str]
    what: list[str]
    part: np.ndarray
    stream: list[str | None]
    round: np.ndarray
    as_of: np.ndarray
    width: np.ndarray
    gradients: np.ndarray
    hessians: np.ndarray
    new_minima: np.ndarray
    new_transition_states: np.ndarray
    first: np.ndarray
    second: np.ndarray
    more: dict[int, tuple[int, ...]]

    def origins(self, row: int) -> tuple[int, ...]:
        """All minima that the attempt in a row started from."""
        two = int(self.first[row]), int(self.second[row])
        return self.more.get(int(self.id[row]), tuple(one for one in two if one))


def read_log_columns(atlas: Readable, after: int = 0) -> LogColumns:
    """The attempts with ids above `after`, ascending, as columns.

    Args:
        atlas: an open atlas.
        after: 0 for all.
    """
    table = schema.attempt.c
    names = [name for name in LogColumns._fields if name in table]
    query = select(*(table[name] for name in names)).where(table.id > after).order_by(table.id)
    point = schema.attempt_point.c
    origins = select(point.attempt, point.position, point.minimum).where(
        point.attempt > after, point.role == "origin"
    )
    with atlas.reading() as connection:
        columns = dict(zip(names, read_lists(connection, query), strict=True))
        starts = read_lists(connection, origins.order_by(point.attempt, point.position))
    texts = {name: _shared(columns.pop(name)) for name in ("strategy", "what", "stream")}
    numbers = {name: np.array(values, np.int64) for name, values in columns.items()}
    return LogColumns(**texts, **numbers, **_origins(numbers["id"], *starts))


def _shared(texts: list[Any]) -> list[Any]:
    """The same object for equal texts, of which a log has many."""
    first: dict[Any, Any] = {}
    return [first.setdefault(text, text) for text in texts]


def _origins(
    ids: np.ndarray, attempts: list[int], positions: list[int], minima: list[int]
) -> dict[str, Any]:
    """What `LogColumns` has of origins; they are the first points of an attempt."""
    rows, position = np.searchsorted(ids, np.array(attempts, np.int64)), np.array(positions, int)
    minimum = np.array(minima, np.int64)
    both = np.zeros((2, len(ids)), np.int64)
    for place in range(2):
        both[place][rows[position == place]] = minimum[position == place]
    several = np.isin(rows, rows[position >= 2])
    more: dict[int, tuple[int, ...]] = {}
    for attempt, one in zip(ids[rows[several]].tolist(), minimum[several].tolist(), strict=True):
        more[attempt] = (*more.get(attempt, ()), one)
    return {"first": both[0], "second": both[1], "more": more}


class Draw(NamedTuple):
    """One independent draw of the past.

    Attributes:
        point: id of the minimum or transition state that it hit; None if it found nothing.
        is_new: whether the atlas had no such point before.
    """

    point: int | None
    is_new: bool


def read_draws(atlas: Readable, stream: str) -> list[Draw]:
    """The independent draws of a stream in the order committed.

    A draw that two programs made is listed once. The transition state that a climb hit is the last
    of its attempt; others are those that the paths from it ran into, which were not drawn.

    Args:
        atlas: an open atlas.
        stream: ``"minima"`` or ``"saddles"``.
    """
    table, kind = schema.attempt.c, HIT_BY[stream]
    new = table.new_minima if stream == MINIMA else table.new_transition_states
    mine = select(table.id, table.what, table.status, new).where(table.stream == stream)
    point = schema.attempt_point.c
    met = (
        select(point.attempt, point[kind])
        .join(schema.attempt, table.id == point.attempt)
        .where(table.stream == stream, point.role.in_(schema.MET[kind]))
        .order_by(point.attempt, point.position)
    )
    with atlas.reading() as connection:
        rows = connection.execute(mine.order_by(table.id)).all()
        last = {attempt: point for attempt, point in connection.execute(met)}
    draws: dict[str, Draw] = {}
    for identifier, what, status, added in rows:
        hit = last.get(identifier) if status == Status.CONVERGED.name else None
        draws.setdefault(what, Draw(hit, added > 0))
    return list(draws.values())
