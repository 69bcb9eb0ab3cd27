"""The log of attempts, as the planner reads it: what was tried, what it cost, what it brought."""

from typing import NamedTuple

from sqlalchemy import select

from lossatlas.atlas import schema
from lossatlas.atlas.database import Readable


class Entry(NamedTuple):
    """One attempt of the past.

    Attributes:
        id: of the attempt.
        strategy, origin, detail: what was tried; together they name it.
        gradients, hessians: what it cost.
        new_minima, new_transition_states: what it added.
    """

    id: int
    strategy: str
    origin: tuple[int, ...]
    detail: str
    gradients: int
    hessians: int
    new_minima: int
    new_transition_states: int


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
    return [
        Entry(identity, strategy, tuple(map(int, origin.split())), *rest)
        for identity, strategy, origin, *rest in rows
    ]
