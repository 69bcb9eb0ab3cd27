"""The points of the atlas that the planner knows, as arrays that grow with the log."""

from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from sqlalchemy import Connection, Select, Table, bindparam, func, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.atlas.database import Readable
from lossatlas.atlas.lost_connections import tried_again
from lossatlas.errors import AtlasError
from lossatlas.network.links import Links
from lossatlas.search.known import Known, Rows

REMEDY = "lossatlas verify lists all damage; restore a copy"
SHORT = ("id", "energy", "outside")
"""Columns that are read for both kinds of points."""


class Counts(NamedTuple):
    """Numbers of points.

    Attributes:
        minima: number of minima.
        transition_states: number of transition states.
    """

    minima: int
    transition_states: int


class Minima(NamedTuple):
    """The minima by position, ascending by id, as arrays that grow.

    Attributes:
        ids: (m,) ids of the minima.
        energies: (m,) energies of the minima.
        weights: (m, n) weights of the minima.
        inside: (m,) whether each minimum lies inside the box.
        among_inside: (i,) positions of the minima inside the box.
    """

    ids: Rows
    energies: Rows
    weights: Rows
    inside: Rows
    among_inside: Rows

    @classmethod
    def none(cls, n_weights: int) -> Self:
        """Return arrays without any minimum, for a landscape of `n_weights` weights."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        weights, flags = np.zeros((0, n_weights)), np.zeros(0, bool)
        return cls(*map(Rows, (whole, real, weights, flags, whole)))

    def read(self, connection: Connection, count: int) -> "NewMinima":
        """Read the minima that follow these in the atlas, until there are `count` in all."""
        new = _read(connection, schema.minimum, self.ids, count, ("weights",))
        numbers = new["id"].astype(np.int64), new["energy"].astype(np.float64)
        weights = stack(new["weights"].tolist()).reshape(
            len(numbers[0]), self.weights.array.shape[1]
        )
        return NewMinima(*numbers, weights, ~new["outside"].astype(bool))

    def add(self, new: "NewMinima") -> None:
        """Add minima at the end."""
        self.among_inside.extend(np.flatnonzero(new.inside) + len(self.ids))
        for rows, values in zip(self, new, strict=False):
            rows.extend(values)


class NewMinima(NamedTuple):
    """Minima that were read and not added yet.

    Attributes:
        ids: (m,) ids of the minima.
        energies: (m,) energies of the minima.
        weights: (m, n) weights of the minima.
        inside: (m,) whether each minimum lies inside the box.
    """

    ids: np.ndarray
    energies: np.ndarray
    weights: np.ndarray
    inside: np.ndarray

    def lowest(self) -> tuple[int, float]:
        """Return the number of the lowest minimum inside the box, and its energy.

        They are -1 and infinity if none of these minima lies inside the box.
        """
        if not self.inside.any():
            return -1, np.inf
        energies = np.where(self.inside, self.energies, np.inf)
        return int(np.argmin(energies)), float(energies.min())


class TransitionStates(NamedTuple):
    """The transition states by position, ascending by id, as arrays that grow.

    Attributes:
        ids: (t,) ids of the transition states.
        energies: (t,) energies of the transition states.
        weights_inside: (i, n) weights of the transition states inside the box.
    """

    ids: Rows
    energies: Rows
    weights_inside: Rows

    @classmethod
    def none(cls, n_weights: int) -> Self:
        """Return arrays without any transition state, for a landscape of `n_weights` weights."""
        return cls(*map(Rows, (np.zeros(0, np.int64), np.zeros(0), np.zeros((0, n_weights)))))

    def read(self, connection: Connection, counts: Counts) -> "NewTransitionStates":
        """Read those that follow these in the atlas, until there are as many as in `counts`."""
        long = ("weights", "invariants", "uncertainty")
        new = _read(connection, schema.transition_state, self.ids, counts.transition_states, long)
        return NewTransitionStates(
            new["id"].astype(np.int64),
            new["energy"].astype(np.float64),
            new["weights"],
            ~new["outside"].astype(bool),
            new["uncertainty"].astype(np.float64),
            stack(new["invariants"].tolist()),
        )

    def add(self, new: "NewTransitionStates") -> None:
        """Add transition states at the end."""
        self.ids.extend(new.ids)
        self.energies.extend(new.energies)
        self.weights_inside.extend(stack(new.weights[new.inside].tolist()))


class NewTransitionStates(NamedTuple):
    """Transition states that were read and not added yet.

    Attributes:
        ids: (t,) ids of the transition states.
        energies: (t,) energies of the transition states.
        weights: (t,) weights of each, as the atlas stores them.
        inside: (t,) whether each transition state lies inside the box.
        uncertainties: (t,) distances within which the exact points lie.
        invariants: (t, k) numbers that identify each up to symmetry.
    """

    ids: np.ndarray
    energies: np.ndarray
    weights: np.ndarray
    inside: np.ndarray
    uncertainties: np.ndarray
    invariants: np.ndarray

    @property
    def known(self) -> Known:
        """The same in the form in which searches recognize them."""
        return Known(self.ids, self.energies, self.uncertainties, self.invariants)


def count_points(connection: Connection) -> Counts:
    """Count the points of an atlas."""
    tables = (schema.minimum, schema.transition_state)
    return Counts(*(connection.execute(select(func.count(t.c.id))).scalar_one() for t in tables))


def counted_points(atlas: Readable) -> Counts:
    """Count the points of an atlas, also where a server was restarted."""

    def count() -> Counts:
        with atlas.reading() as connection:
            return count_points(connection)

    return tried_again(count)


def unmet_points(connection: Connection) -> Counts:
    """Count the points that no attempt of the atlas found, since another program added them."""
    attempt = schema.attempt.c
    found = (attempt.new_minima, attempt.new_transition_states)
    added = connection.execute(select(*(func.coalesce(func.sum(c), 0) for c in found))).one()
    held = count_points(connection)
    return Counts(*(max(0, n - int(k)) for n, k in zip(held, added, strict=True)))


def read_links(
    connection: Connection, states: np.ndarray, first: int, minimum_ids: np.ndarray, name: str
) -> Links:
    """Read the links of consecutive transition states, by position.

    Args:
        connection: a connection to the atlas.
        states: (t,) ids of the transition states, ascending, without a gap in the table.
        first: position of the first of them.
        minimum_ids: (m,) ids of all known minima, ascending.
        name: name of the atlas, for messages.

    Raises:
        AtlasError: if a link leads to a minimum that is not in the atlas, or if a transition state
            has no link on one of its sides.
    """
    between = {"first": int(states[0]), "last": int(states[-1])}
    read = read_columns(connection, _links_query(), between)
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
    """Read the points after the last known one, until there are `count` with the known ones."""
    limit = max(0, count - len(known))
    if limit == 0:
        return {name: np.array([]) for name in (*SHORT, *long)}
    after = int(known.array[-1]) if len(known) else 0
    return read_columns(connection, _points_query(table, long), {"after": after, "limit": limit})


# Statements are built once: building one takes longer than running it when few rows are new.


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
