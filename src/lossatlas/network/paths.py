"""The lowest path between two minima: over which transition states one has to climb the least."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int


class PathPoint(NamedTuple):
    """A point on a path. `pandas.DataFrame` makes a table of a list of them.

    Attributes:
        kind: what it is.
        id: among the points of this kind.
        energy: of the point.
    """

    kind: Literal["minimum", "transition state"]
    id: int
    energy: float


def shortest_below(
    ends: tuple[Int[np.ndarray, " ends"], Int[np.ndarray, " ends"]],
    heights: Float[np.ndarray, " t"],
    ceiling: float,
    first: int,
    last: int,
) -> tuple[list[int], list[int]]:
    """The path of fewest transition states, none of them above an energy.

    Where several transition states join the same two minima it takes the lowest.

    Args:
        ends: transition states and the minima that each of them reaches, both by position.
        heights: energies at which the transition states join minima.
        ceiling: an energy below which the two minima are connected.
        first: position of the minimum to start from.
        last: position of the minimum to go to.

    Returns:
        Positions of the minima passed, both ends included, and of the transition states between.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    states, minima = ends
    below = np.flatnonzero(heights <= ceiling)
    ranked = below[np.argsort(heights[below], kind="stable")]
    rank = np.full(heights.size, -1)
    rank[ranked] = np.arange(ranked.size)
    kept = rank[states] >= 0
    # Minima and transition states are both nodes: so a transition state joins any number of minima
    # in one step. The search looks at neighbors in order of their numbers, that is of height.
    n_minima = int(max(first, last, minima.max(initial=-1))) + 1
    size = n_minima + ranked.size
    places = (minima[kept], n_minima + rank[states[kept]])
    graph = coo_array((np.ones(kept.sum(), bool), places), shape=(size, size)).tocsr()
    graph.sort_indices()
    before = breadth_first_order(graph, first, directed=False)[1]
    nodes = [last]
    while nodes[-1] != first:
        nodes.append(int(before[nodes[-1]]))
    nodes.reverse()
    return nodes[::2], [int(ranked[node - n_minima]) for node in nodes[1::2]]
