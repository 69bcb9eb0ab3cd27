"""The points that the planner knows, as arrays that grow: read as far as the log was read."""

from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from sqlalchemy import Connection, Select, Table, bindparam, func, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.errors import AtlasError
from lossatlas.network.links import Links
from lossatlas.search.known import Known, Rows

REMEDY = "lossatlas verify says what else, restore a copy"
SHORT = ("id", "energy", "outside")
"""Columns that are read of every point."""


class Minima(NamedTuple):
    """Minima by position, ascending by id.

    Attributes:
        ids: (m,) ids.
        energies: (m,) energies.
        weights: (m, n) weights.
        inside: (m,) whether each lies inside the box.
        among_inside: (i,) positions of those that do.
    """

    ids: Rows
    energies: Rows
    weights: Rows
    inside: Rows
    among_inside: Rows

    @classmethod
    def none(cls, n_weights: int) -> Self:
        """No minimum yet."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        weights, flags = np.zeros((0, n_weights)), np.zeros(0, bool)
        return cls(*map(Rows, (whole, real, weights, flags, whole)))

    def read(self, connection: Connection, count: int) -> "NewMinima":
        """Those that there are beyond these, until there are so many in all."""
        new = _read(connection, schema.minimum, self.ids, count, ("weights",))
        numbers = new["id"].astype(np.int64), new["energy"].astype(np.float64)
        weights = stack(new["weights"].tolist()).reshape(
            len(numbers[0]), self.weights.array.shape[1]
        )
        return NewMinima(*numbers, weights, ~new["outside"].astype(bool))

    def add(self, new: "NewMinima") -> None:
        """Add some at the end."""
        self.among_inside.extend(np.flatnonzero(new.inside) + len(self.ids))
        for rows, values in zip(self, new, strict=False):
            rows.extend(values)


class NewMinima(NamedTuple):
    """Minima that are not among the others yet; columns as in `Minima`."""

    ids: np.ndarray
    energies: np.ndarray
    weights: np.ndarray
    inside: np.ndarray

    def split(self, count: int) -> "tuple[NewMinima, NewMinima]":
        """The first ones, and the rest."""
        return NewMinima(*(c[:count] for c in self)), NewMinima(*(c[count:] for c in self))

    def lowest(self) -> tuple[int, float]:
        """The first of the lowest inside the box, and its energy; -1 and infinite without any."""
        if not self.inside.any():
            return -1, np.inf
        energies = np.where(self.inside, self.energies, np.inf)
        return int(np.argmin(energies)), float(energies.min())


class TransitionStates(NamedTuple):
    """Transition states by position, ascending by id.

    Attributes:
        ids: (t,) ids.
        energies: (t,) energies.
        weights_inside: (i, n) weights of those inside the box.
    """

    ids: Rows
    energies: Rows
    weights_inside: Rows

    @classmethod
    def none(cls, n_weights: int) -> Self:
        """No transition state yet."""
        return cls(*map(Rows, (np.zeros(0, np.int64), np.zeros(0), np.zeros((0, n_weights)))))

    def read(self, connection: Connection, count: int) -> Known:
        """Read on until there are so many; what is needed to recognize the new ones."""
        long = ("weights", "invariants", "uncertainty")
        new = _read(connection, schema.transition_state, self.ids, count, long)
        ids, energies = new["id"].astype(np.int64), new["energy"].astype(np.float64)
        inside = ~new["outside"].astype(bool)
        self.ids.extend(ids)
        self.energies.extend(energies)
        self.weights_inside.extend(stack(new["weights"][inside].tolist()))
        invariants = stack(new["invariants"].tolist())
        return Known(ids, energies, new["uncertainty"].astype(np.float64), invariants)


class Counts(NamedTuple):
    """How many minima and transition states there are."""

    minima: int
    transition_states: int


def count_points(connection: Connection) -> Counts:
    """How many points an atlas has."""
    tables = (schema.minimum, schema.transition_state)
    return Counts(*(connection.execute(select(func.count(t.c.id))).scalar_one() for t in tables))


def unmet_points(connection: Connection) -> Counts:
    """How many points no attempt of the atlas found: another program brought them."""
    attempt = schema.attempt.c
    found = (attempt.new_minima, attempt.new_transition_states)
    added = connection.execute(select(*(func.coalesce(func.sum(c), 0) for c in found))).one()
    held = count_points(connection)
    return Counts(*(max(0, n - int(k)) for n, k in zip(held, added, strict=True)))


def read_links(
    connection: Connection, states: np.ndarray, first: int, minimum_ids: np.ndarray, name: str
) -> Links:
    """The links of transition states by positions.

    Args:
        connection: of an atlas.
        states: ids of the transition states, consecutive ones.
        first: position of the first of them.
        minimum_ids: of all minima known, ascending.
        name: of the atlas, for messages.

    Raises:
        AtlasError: if a link leads to a minimum that is not there, or a transition state has none
            on one of its sides.
    """
    between = {"first": int(states[0]), "last": int(states[-1])}
    read = read_columns(connection, _links_query().params(between))
    read["via_index"] = np.where(read["via_index"] == None, 0, read["via_index"])  # noqa: E711
    ids, side, minimum, via = (read[name].astype(np.int64) for name in Links._fields)
    position, row = np.searchsorted(minimum_ids, minimum), np.searchsorted(states, ids)
    there = np.append(minimum_ids, -1)[position] == minimum
    if not there.all():
        missing = f"a link leads to minimum {minimum[~there][0]}, which is not there"
        raise AtlasError(f"{name}: the atlas is damaged: {missing}; {REMEDY}")
    sides = np.bincount(2 * row + side, minlength=2 * len(states)) > 0
    if not sides.all():
        state = states[int(np.flatnonzero(~sides)[0]) // 2]
        missing = f"transition state {state} has no minimum on one of its sides"
        raise AtlasError(f"{name}: the atlas is damaged: {missing}; {REMEDY}")
    return Links(row + first, side, position, via)


def _read(
    connection: Connection, table: Table, known: Rows, count: int, long: tuple[str, ...]
) -> dict[str, Any]:
    """Points with ids above the last known one, until there are `count` with the known ones."""
    limit = max(0, count - len(known))
    if limit == 0:
        return {name: np.array([]) for name in (*SHORT, *long)}
    after = int(known.array[-1]) if len(known) else 0
    return read_columns(connection, _points_query(table, long).params(after=after, limit=limit))


# Statements are made once: to make one costs more than to run it where few rows are new.


@cache
def _points_query(table: Table, long: tuple[str, ...]) -> Select:
    columns = [table.c[name] for name in (*SHORT, *long)]
    query = select(*columns).where(table.c.id > bindparam("after")).order_by(table.c.id)
    return query.limit(bindparam("limit"))


@cache
def _links_query() -> Select:
    table = schema.link.c
    query = select(table.transition_state, table.side, table.minimum, table.via_index)
    between = table.transition_state.between(bindparam("first"), bindparam("last"))
    return query.where(between).order_by(table.transition_state, table.side, table.minimum)
