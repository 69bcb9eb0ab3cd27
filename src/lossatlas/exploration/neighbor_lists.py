"""The neighbors of minima in the atlas, which stores them by id and not by position.

They follow from the minima alone. If the atlas lacks some of them, for example because an
exploration was killed before it wrote them, they are searched for again and are the same.
"""

import numpy as np
from jaxtyping import Int64
from sqlalchemy import Connection

from lossatlas.atlas.neighbors import NOBODY, NeighborLists, read_neighbors, write_neighbors
from lossatlas.exploration.neighbors import KEPT, Candidates, Neighbors


def stored_candidates(
    connection: Connection, ids: Int64[np.ndarray, " m"], first: int
) -> Candidates:
    """Read the candidates of the minima from a position on, up to the first that has none stored.

    Args:
        connection: a connection to the atlas.
        ids: (m,) ids of all minima, ascending.
        first: position of the first minimum whose candidates are wanted.

    Returns:
        The candidates by position, one row for each minimum; empty if the atlas has none, or those
        of a version that stored another number of them.
    """
    after = int(ids[first - 1]) if first else 0
    lists = read_neighbors(connection, after, int(ids[-1]))
    if lists.candidates.shape[1] != KEPT:  # nothing stored, or stored by another version
        return Candidates(np.zeros((0, KEPT), np.int64), np.zeros((0, KEPT)))
    same = lists.minimum == ids[first : first + len(lists.minimum)]
    count = len(same) if same.all() else int(np.argmin(same))
    named = lists.candidates[:count]
    numbers = np.where(named == NOBODY, -1, np.searchsorted(ids, named))
    return Candidates(numbers, lists.distances[:count])


def keep_candidates(
    connection: Connection, ids: Int64[np.ndarray, " m"], near: Neighbors, first: int
) -> None:
    """Write the candidates of the minima from a position on into the atlas.

    Args:
        connection: a connection to the atlas in a transaction that may write.
        ids: (m,) ids of all minima, ascending.
        near: the neighbors of all minima, or of the first ones.
        first: position of the first minimum whose candidates are written.
    """
    numbers, distances = near.candidates(first)
    named = np.where(numbers < 0, NOBODY, ids[numbers])
    write_neighbors(connection, NeighborLists(ids[first : first + len(named)], named, distances))
