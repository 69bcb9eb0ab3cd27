"""A frozen picture of the whole network of points, for strategies, trees and plots.

Taken in one read transaction, so every transition state's minima are in it, whatever other
programs write meanwhile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.atlas.database import Readable
from lossatlas.atlas.links import read_links as all_links
from lossatlas.atlas.links import usual_ends


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
    minimum_weights: np.ndarray | None = None
    transition_state_weights: np.ndarray | None = None


def snapshot(atlas: Readable, *, with_weights: bool = False) -> Snapshot:
    """The network of points as it is now.

    Args:
        atlas: an open atlas.
        with_weights: also read all weights, 8 (m + t) n bytes; single ones are read by
            `Atlas.minimum_weights`.
    """
    with atlas.reading() as connection:
        return read_snapshot(connection, with_weights=with_weights)


def read_snapshot(connection: Connection, *, with_weights: bool = False) -> Snapshot:
    """As `snapshot`, within a transaction."""
    minima, states = schema.minimum, schema.transition_state
    low = _columns(connection, minima, ["orbit_size"], with_weights)
    high = _columns(connection, states, [], with_weights)
    ends = usual_ends(all_links(connection))
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
        minimum_1=_frozen(np.searchsorted(ids, ends.minimum_1)),
        minimum_2=_frozen(np.searchsorted(ids, ends.minimum_2)),
        degenerate=_frozen(ends.degenerate),
        transition_state_times_found=_frozen(high["times_found"].astype(np.int64)),
        minimum_weights=_frozen(stack(low["weights"].tolist())) if with_weights else None,
        transition_state_weights=_frozen(stack(high["weights"].tolist())) if with_weights else None,
    )


def read_links(
    connection: Connection, minimum_ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a tree needs of a `Snapshot`, in less time: energies of the transition states by
    ascending id, and the positions of their minima among the ids given, which ascend."""
    table = schema.transition_state.c
    read = read_columns(connection, select(table.energy).order_by(table.id))
    ends = usual_ends(all_links(connection))
    sides = [np.searchsorted(minimum_ids, side) for side in (ends.minimum_1, ends.minimum_2)]
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


def _frozen(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
