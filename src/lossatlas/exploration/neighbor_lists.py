"""Neighbors in the atlas: candidates are kept by the ids of minima, and used by their positions.

They follow from the minima alone. So an atlas may lack them, as it does after the planner was
killed: they are searched for again, and are the same.
"""

import numpy as np
from jaxtyping import Int64
from sqlalchemy import Connection

from lossatlas.atlas.neighbors import NOBODY, NeighborLists, read_neighbors, write_neighbors
from lossatlas.exploration.neighbors import KEPT, Candidates, Neighbors


def stored_candidates(
    connection: Connection, ids: Int64[np.ndarray, " m"], first: int
) -> Candidates:
    """The candidates of minima from a position on, as far as the atlas has them without a gap.

    Args:
        connection: of the atlas.
        ids: of all minima, ascending.
        first: position of the first minimum of interest.
    """
    after = int(ids[first - 1]) if first else 0
    lists = read_neighbors(connection, after, int(ids[-1]))
    if lists.candidates.shape[1] != KEPT:  # none, or those of another version
        return Candidates(np.zeros((0, KEPT), np.int64), np.zeros((0, KEPT)))
    same = lists.minimum == ids[first : first + len(lists.minimum)]
    count = len(same) if same.all() else int(np.argmin(same))
    named = lists.candidates[:count]
    numbers = np.where(named == NOBODY, -1, np.searchsorted(ids, named))
    return Candidates(numbers, lists.distances[:count])


def keep_candidates(
    connection: Connection, ids: Int64[np.ndarray, " m"], near: Neighbors, first: int
) -> None:
    """Write the candidates of minima from a position on.

    Args:
        connection: that may write.
        ids: of all minima, ascending.
        near: the neighbors of all of them, or of the first ones.
        first: position of the first minimum of interest.
    """
    numbers, distances = near.candidates(first)
    named = np.where(numbers < 0, NOBODY, ids[numbers])
    write_neighbors(connection, NeighborLists(ids[first : first + len(named)], named, distances))
