"""The log of attempts: what was tried, what it cost, and what it added to the atlas."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Select, bindparam, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_lists
from lossatlas.atlas.database import Readable
from lossatlas.errors import Status

MINIMA, SADDLES = "minima", "saddles"
"""Streams of independent draws, from which the completeness of an atlas is estimated."""
HIT_BY = {MINIMA: "minimum", SADDLES: "transition_state"}
"""The kind of point that the draws of each stream hit, which is a column of ``attempt_point``."""


class Entry(NamedTuple):
    """One attempt of the log.

    Strategy, origins, what and part together name an attempt.

    Attributes:
        id: id of the attempt.
        strategy: name of its strategy.
        origins: ids of the minima from which it started; empty for random starts.
        what: text that distinguishes it from other attempts of this strategy from these origins.
        gradients: number of gradients that it took.
        hessians: number of Hessians that it took.
        new_minima: number of minima that it added.
        new_transition_states: number of transition states that it added.
        part: number of the outcome, for searches with several outcomes; default 1.
        stream: its stream, if it is an independent draw; otherwise None.
        round: number of the round of its run in which it was planned.
        as_of: id of the last attempt of the log from which it was planned.
        width: number of searches of its exploration that were in flight.
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
    """Read the attempts with ids above ``after`` (default 0, for all), in ascending order."""
    table = schema.attempt.c
    columns = [table[name] for name in Entry._fields if name in table]
    query = select(*columns).where(table.id > after).order_by(table.id)
    with atlas.reading() as connection:
        rows = connection.execute(query).all()
        origins = read_origins(connection, after)
    return [Entry(**row._mapping, origins=origins.get(row.id, ())) for row in rows]


def read_origins(connection: Connection, after: int = 0) -> dict[int, tuple[int, ...]]:
    """The minima from which each attempt with an id above ``after`` started, by its id.

    Attempts that did not start from a minimum are left out.
    """
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
    """The log of a attempts as columns; `Entry` describes the same for a single attempt.

    Attributes:
        id: (a,) int64 ids, ascending.
        strategy: a names of strategies.
        what: a texts that distinguish attempts of the same strategy and origins.
        part: (a,) int64 numbers of the outcomes of searches with several outcomes.
        stream: a names of streams; None for an attempt that is no independent draw.
        round: (a,) int64 numbers of the rounds in which they were planned.
        as_of: (a,) int64 ids of the last attempts of the log from which they were planned.
        width: (a,) int64 numbers of searches that were in flight.
        gradients: (a,) int64 numbers of gradients.
        hessians: (a,) int64 numbers of Hessians.
        new_minima: (a,) int64 numbers of minima that were added.
        new_transition_states: (a,) int64 numbers of transition states that were added.
        first: (a,) int64 ids of the first minimum from which each started; 0 if there is none.
        second: (a,) int64 ids of the second minimum from which each started; 0 if there is none.
        more: for an attempt that started from three or more minima, by its id, all of these.
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
        """The ids of all minima from which the attempt in a row of the columns started."""
        two = int(self.first[row]), int(self.second[row])
        return self.more.get(int(self.id[row]), tuple(one for one in two if one))


def read_log_columns(atlas: Readable, after: int = 0) -> LogColumns:
    """Read the log as columns, in ascending order of the ids.

    Args:
        atlas: an open atlas.
        after: only attempts with larger ids are read; default 0, for all.
    """
    attempts, origins = _columns_queries()
    with atlas.reading() as connection:
        lists = read_lists(connection, attempts, {"after": after})
        starts = read_lists(connection, origins, {"after": after})
    columns = dict(zip(attempts.selected_columns.keys(), lists, strict=True))
    texts = {name: _shared(columns.pop(name)) for name in ("strategy", "what", "stream")}
    numbers = {name: np.array(values, np.int64) for name, values in columns.items()}
    return LogColumns(**texts, **numbers, **_origins(numbers["id"], *starts))


@cache
def _columns_queries() -> tuple[Select, Select]:
    """The queries of `read_log_columns`, which are built once: that takes longer than a short read.

    They read the attempts, and the origins of these attempts.
    """
    table, point, after = schema.attempt.c, schema.attempt_point.c, bindparam("after")
    names = [name for name in LogColumns._fields if name in table]
    attempts = select(*(table[name] for name in names)).where(table.id > after)
    origins = select(point.attempt, point.position, point.minimum).where(
        point.attempt > after, point.role == "origin"
    )
    return attempts.order_by(table.id), origins.order_by(point.attempt, point.position)


def _shared(texts: list[Any]) -> list[Any]:
    """Replace equal texts, of which a log has many, by one object to save memory."""
    first: dict[Any, Any] = {}
    return [first.setdefault(text, text) for text in texts]


def _origins(
    ids: np.ndarray, attempts: list[int], positions: list[int], minima: list[int]
) -> dict[str, Any]:
    """The entries of `LogColumns` for the origins, which are the first points of an attempt."""
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
    """One independent draw of the log.

    Attributes:
        point: id of the minimum or transition state that it hit; None if it hit none.
        is_new: whether the draw added this point to the atlas.
    """

    point: int | None
    is_new: bool


def read_draws(atlas: Readable, stream: str) -> list[Draw]:
    """Read the independent draws of a stream, in the order in which they were stored.

    A draw that two programs made is listed once. An attempt may list several transition states: the
    last one is that which the climb hit, while the others were met by the paths down from it, and
    were not drawn.

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
