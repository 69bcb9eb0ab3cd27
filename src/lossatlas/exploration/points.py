"""The points that the planner knows, as arrays that grow: read as far as the log was read."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from sqlalchemy import Connection, Table, func, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.errors import AtlasError
from lossatlas.network.links import Links
from lossatlas.search.known import Known, Rows


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

    def read(self, connection: Connection, count: int) -> np.ndarray:
        """Read on until there are so many; the weights of the new ones."""
        new = _read(connection, schema.minimum, self.ids, count, ("weights",))
        weights, inside = stack(new["weights"].tolist()), ~new["outside"].astype(bool)
        self.among_inside.extend(np.flatnonzero(inside) + len(self.ids))
        self.ids.extend(new["id"].astype(np.int64))
        self.energies.extend(new["energy"].astype(np.float64))
        self.weights.extend(weights)
        self.inside.extend(inside)
        return weights


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


def lowest_ahead(connection: Connection, minima: Minima, count: int) -> tuple[int, float]:
    """The lowest minimum inside the box among those not read yet, as far as there will be `count`.

    Returns:
        its position and its energy, the first of several; infinite where there is none.
    """
    new = _read(connection, schema.minimum, minima.ids, count, ())
    energies = np.where(new["outside"].astype(bool), np.inf, new["energy"].astype(np.float64))
    if not len(energies):
        return -1, np.inf
    lowest = int(np.argmin(energies))
    return lowest + len(minima.ids), float(energies[lowest])


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
    table = schema.link.c
    between = table.transition_state.between(int(states[0]), int(states[-1]))
    query = select(table.transition_state, table.side, table.minimum, table.via_index)
    order = (table.transition_state, table.side, table.minimum)
    read = read_columns(connection, query.where(between).order_by(*order))
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


REMEDY = "lossatlas verify says what else, restore a copy"


def _read(
    connection: Connection, table: Table, known: Rows, count: int, long: Sequence[str]
) -> dict[str, Any]:
    """Points with ids above the last known one, until there are `count` with the known ones."""
    columns = [table.c[name] for name in ("id", "energy", "outside", *long)]
    limit = max(0, count - len(known))
    if limit == 0:
        return {column.name: np.array([]) for column in columns}
    last = int(known.array[-1]) if len(known) else 0
    query = select(*columns).where(table.c.id > last).order_by(table.c.id).limit(limit)
    return read_columns(connection, query)
