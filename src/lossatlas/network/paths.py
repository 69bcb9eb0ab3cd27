"""The lowest path between two minima, whose highest transition state is as low as possible."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int


class PathPoint(NamedTuple):
    """A point on a path. `pandas.DataFrame` makes a table of a list of such points.

    Attributes:
        kind: ``"minimum"`` or ``"transition state"``.
        id: id of the point among the points of its kind.
        energy: energy of the point.

    Examples:
        >>> PathPoint("minimum", 1, 0.1).kind
        'minimum'
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
    """The path with the fewest transition states, none of which lies above an energy.

    If several transition states join the same two minima, the path takes the lowest.

    Args:
        ends: positions of transition states and of the minima that each of them joins, as two
            arrays of the same length.
        heights: (t,) energies at which the transition states join minima.
        ceiling: an energy at which the two minima are connected.
        first: position of the minimum at which the path starts.
        last: position of the minimum at which the path ends.

    Returns:
        Positions of the minima on the path, including both ends, and of the transition states
        between them.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    states, minima = ends
    below = np.flatnonzero(heights <= ceiling)
    ranked = below[np.argsort(heights[below], kind="stable")]
    rank = np.full(heights.size, -1)
    rank[ranked] = np.arange(ranked.size)
    kept = rank[states] >= 0
    # Minima and transition states are both nodes, since a transition state may join more than two
    # minima. The search visits neighbors in the order of their numbers, which is that of height.
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
