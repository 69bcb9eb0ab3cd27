"""A frozen picture of the whole network of points, for strategies, trees and plots.

Taken in one read transaction, so every transition state's minima are in it, whatever other
programs write meanwhile.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, func, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.atlas.database import Readable
from lossatlas.atlas.outside import left_out_states, outside_flags


class Snapshot(NamedTuple):
    """Minima and transition states as read-only arrays, ascending by id.

    Attributes:
        minimum_ids: (m,) int64.
        minimum_energies: (m,) float64.
        orbit_sizes: (m,) Python ints (they may exceed 64 bits).
        lowest_eigenvalues: (m,) float64.
        times_found: (m,) int64.
        transition_state_ids: (t,) int64.
        transition_state_energies: (t,) float64.
        curvatures: (t,) float64, the negative eigenvalue of each.
        minimum_1: (t,) int64 positions in the arrays of minima (not ids); minimum_1 <= minimum_2.
        minimum_2: likewise.
        degenerate: (t,) bool, true where both are one.
        transition_state_times_found: (t,) int64.
        attempts: how many attempts were made, by strategy and the ids of the minima they started
            from, e.g. ``{("single-ended", (12,)): 3}``.
        minimum_weights: (m, n) float64, None unless asked for.
        transition_state_weights: (t, n) float64, None unless asked for.
    """

    minimum_ids: np.ndarray
    minimum_energies: np.ndarray
    orbit_sizes: np.ndarray
    lowest_eigenvalues: np.ndarray
    times_found: np.ndarray
    transition_state_ids: np.ndarray
    transition_state_energies: np.ndarray
    curvatures: np.ndarray
    minimum_1: np.ndarray
    minimum_2: np.ndarray
    degenerate: np.ndarray
    transition_state_times_found: np.ndarray
    attempts: Mapping[tuple[str, tuple[int, ...]], int]
    minimum_weights: np.ndarray | None = None
    transition_state_weights: np.ndarray | None = None


def snapshot(atlas: Readable, *, with_weights: bool = False, outside: bool = False) -> Snapshot:
    """The network of points as it is now.

    Args:
        atlas: an open atlas.
        outside: also points outside of the box of a function; otherwise these and the transition
            states that join one of them are left out.
        with_weights: also read all weights, 8 (m + t) n bytes; single ones are read by
            `Atlas.minimum_weights`.
    """
    with atlas.reading() as connection:
        return read_snapshot(connection, with_weights=with_weights, outside=outside)


def read_snapshot(
    connection: Connection, *, with_weights: bool = False, outside: bool = False
) -> Snapshot:
    """As `snapshot`, within a transaction."""
    minima, states = schema.minimum, schema.transition_state
    low = _columns(connection, minima, ["orbit_size"], with_weights)
    high = _columns(connection, states, ["minimum_1", "minimum_2", "degenerate"], with_weights)
    if not outside:
        kept = ~outside_flags(connection, minima)
        low = {name: values[kept] for name, values in low.items()}
        kept = ~left_out_states(connection, low["id"])
        high = {name: values[kept] for name, values in high.items()}
    ids = low["id"].astype(np.int64)
    sizes = np.empty(len(ids), object)
    sizes[:] = [int(text) for text in low["orbit_size"].tolist()]
    return Snapshot(
        minimum_ids=_frozen(ids),
        minimum_energies=_frozen(low["energy"].astype(np.float64)),
        orbit_sizes=_frozen(sizes),
        lowest_eigenvalues=_frozen(low["lowest_eigenvalue"].astype(np.float64)),
        times_found=_frozen(low["times_found"].astype(np.int64)),
        transition_state_ids=_frozen(high["id"].astype(np.int64)),
        transition_state_energies=_frozen(high["energy"].astype(np.float64)),
        curvatures=_frozen(high["lowest_eigenvalue"].astype(np.float64)),
        minimum_1=_frozen(np.searchsorted(ids, high["minimum_1"].astype(np.int64))),
        minimum_2=_frozen(np.searchsorted(ids, high["minimum_2"].astype(np.int64))),
        degenerate=_frozen(high["degenerate"].astype(bool)),
        transition_state_times_found=_frozen(high["times_found"].astype(np.int64)),
        attempts=_attempts(connection),
        minimum_weights=_frozen(stack(low["weights"].tolist())) if with_weights else None,
        transition_state_weights=_frozen(stack(high["weights"].tolist())) if with_weights else None,
    )


def read_links(
    connection: Connection, minimum_ids: np.ndarray, *, outside: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a tree needs of a `Snapshot`, in less time: energies of the transition states by
    ascending id, and the positions of their minima among the ids given, which ascend; without
    `outside` those inside the box that join minima of the list only."""
    table = schema.transition_state.c
    query = select(table.energy, table.minimum_1, table.minimum_2).order_by(table.id)
    read = read_columns(connection, query)
    if not outside:
        kept = ~left_out_states(connection, minimum_ids)
        read = {name: values[kept] for name, values in read.items()}
    sides = [np.searchsorted(minimum_ids, read[side]) for side in ("minimum_1", "minimum_2")]
    return read["energy"].astype(np.float64), sides[0], sides[1]


def components(points: Snapshot) -> np.ndarray:
    """(m,) the connected component of each minimum, numbered from 0 in order of first minimum.

    Two minima are connected if pathways lead from one to the other, at whatever energy.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(points.minimum_ids)
    edges = np.ones(len(points.minimum_1), bool)
    graph = coo_array((edges, (points.minimum_1, points.minimum_2)), shape=(size, size))
    return connected_components(graph, directed=False)[1]


def _columns(
    connection: Connection, table: Table, extra: Sequence[str], with_weights: bool
) -> dict[str, np.ndarray]:
    """Columns by name in ascending order of ids, the weights as bytes."""
    names = ["id", "energy", "lowest_eigenvalue", "times_found", *extra]
    names += ["weights"] if with_weights else []
    return read_columns(connection, select(*(table.c[name] for name in names)).order_by(table.c.id))


def _attempts(connection: Connection) -> Mapping[tuple[str, tuple[int, ...]], int]:
    table = schema.attempt.c
    query = select(table.strategy, table.origin, func.count(table.id))
    rows = connection.execute(query.group_by(table.strategy, table.origin))
    return MappingProxyType(
        {(strategy, tuple(map(int, origin.split()))): count for strategy, origin, count in rows}
    )


def _frozen(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
