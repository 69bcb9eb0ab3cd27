"""The log of attempts, as the planner reads it: what was tried, what it cost, what it brought."""

from typing import NamedTuple

from sqlalchemy import select

from lossatlas.atlas import schema
from lossatlas.atlas.database import Readable
from lossatlas.errors import Status

INDEPENDENT_MINIMA, INDEPENDENT_SADDLES = "independent-minima", "independent-saddles"
"""Strategies of the independent draws, from which completeness is estimated."""


class Entry(NamedTuple):
    """One attempt of the past.

    Attributes:
        id: of the attempt.
        strategy, origins, what, part: what was tried; together they name it.
        gradients, hessians: what it cost.
        new_minima, new_transition_states: what it added.
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


def read_log(atlas: Readable, after: int = 0) -> list[Entry]:
    """The attempts with ids above `after`, ascending."""
    table = schema.attempt.c
    columns = (
        table.id,
        table.strategy,
        table.origin,
        table.detail,
        table.gradients,
        table.hessians,
        table.new_minima,
        table.new_transition_states,
    )
    query = select(*columns).where(table.id > after).order_by(table.id)
    with atlas.reading() as connection:
        rows = connection.execute(query).all()
    entries = []
    for identity, strategy, origin, detail, *rest in rows:
        what, part = parts_of(detail)
        origins = tuple(map(int, origin.split()))
        entries.append(Entry(identity, strategy, origins, what, *rest, part=part))
    return entries


def detail_of(what: str, part: int) -> str:
    """How `what` and `part` of an attempt are stored in one column."""
    return f"{what} quench {part}" if what.startswith("chain ") else what


def parts_of(detail: str) -> tuple[str, int]:
    """What `detail_of` stored."""
    what, found, part = detail.partition(" quench ")
    return (what, int(part)) if found else (detail, 1)


class Draw(NamedTuple):
    """One independent draw of the past.

    Attributes:
        point: id of the minimum or transition state that it hit; None if it found nothing.
        is_new: whether the atlas had no such point before.
    """

    point: int | None
    is_new: bool


def read_draws(atlas: Readable, strategy: str) -> list[Draw]:
    """The independent draws of a stream in the order committed.

    A draw that two programs made is listed once. The transition state that a climb hit is the last
    of its attempt; others are those that the paths from it ran into, which were not drawn.
    """
    table = schema.attempt.c
    minima = strategy == INDEPENDENT_MINIMA
    points = table.minima if minima else table.transition_states
    new = table.new_minima if minima else table.new_transition_states
    query = (
        select(table.detail, table.status, points, new)
        .where(table.strategy == strategy)
        .order_by(table.id)
    )
    with atlas.reading() as connection:
        rows = connection.execute(query).all()
    draws: dict[str, Draw] = {}
    for detail, status, ids, added in rows:
        hit = ids[-1] if status == Status.CONVERGED.name and ids else None
        draws.setdefault(detail, Draw(hit, added > 0))
    return list(draws.values())
