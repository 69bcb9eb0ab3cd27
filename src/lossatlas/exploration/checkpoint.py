"""Checkpoints: pairs of minima chosen by their lowest paths, computed anew only now and then.

The disconnectivity tree, the lowest paths and the gaps between components cannot be kept up to date
at a lower cost than computing them anew. Therefore three strategies (gaps, untrap, shortcut) plan
from the atlas as it was at one attempt, the *checkpoint*. A checkpoint is due when the log has
grown by a twentieth, and when a new lowest minimum is found, since all three refer to it. Which
attempt that is follows from the log alone, and so do the pairs. Pairs that were connected or tried
since then are left out when the lists are used.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra, minimum_spanning_tree

from lossatlas.network import links as linking
from lossatlas.network.links import Edges

GROWTH = 20
"""A checkpoint is due when the log has grown by one part in `GROWTH`."""
NO_PAIRS = np.zeros((0, 2), np.int64)
"""An empty list of pairs."""
CONNECTED = 1e-12
"""Cost of a known connection in the search for gaps; an untried pair costs its squared distance."""


def _due() -> Iterator[int]:
    """Yield the ids of the attempts at which a checkpoint is due, ascending and without end."""
    attempt = 1
    while True:
        yield attempt
        attempt += max(1, attempt // GROWTH)


DUE = (0, *takewhile(lambda attempt: attempt < 2**63, _due()))
"""Ids of the attempts at which a checkpoint is due, ascending; 0 stands for the empty log."""


def last_due(attempt: int) -> int:
    """Return the last attempt up to `attempt` at which a checkpoint was due; 0 before the first.

    Args:
        attempt: id of an attempt in the log.

    Examples:
        >>> last_due(7), last_due(1000)
        (7, 964)
    """
    return DUE[bisect_right(DUE, attempt) - 1]


class Picture(NamedTuple):
    """The state of the atlas as of an attempt, with minima given by their positions 0, 1, ...

    Attributes:
        energies: (m,) energies of the minima.
        inside: (m,) whether each minimum lies inside the box.
        neighbors: (m, k) positions of the nearest minima of each, nearest first; -1 in empty
            places.
        distances: (m, k) distances between the descriptors of the minima and these neighbors.
        edges: pairs of minima that a transition state joins.
        heights: (t,) energies at which the transition states join minima.
        tried: (p, 2) pairs of minima between which a path was looked for, in either order.
    """

    energies: Float[np.ndarray, " m"]
    inside: Bool[np.ndarray, " m"]
    neighbors: Int[np.ndarray, "m k"]
    distances: Float[np.ndarray, "m k"]
    edges: Edges
    heights: Float[np.ndarray, " t"]
    tried: Int[np.ndarray, "p 2"]

    @property
    def order(self) -> Int[np.ndarray, " inside"]:
        """The minima inside the box, lowest first."""
        order = np.argsort(self.energies, kind="stable")
        return order[self.inside[order]]


class Checkpoint(NamedTuple):
    """Pairs of minima between which strategies look for paths, the most promising first.

    Attributes:
        as_of: id of the attempt that they were chosen at.
        gaps: untried pairs of neighbors on the shortest ways to the lowest minimum, the nearer of
            the two to it on its way first.
        trapped: minima with the highest barrier over energy above the lowest minimum, with the
            nearest neighbor of lower energy.
        shortcuts: minima two and three steps apart on lowest paths to the lowest minimum.
    """

    as_of: int
    gaps: Int[np.ndarray, "g 2"]
    trapped: Int[np.ndarray, "p 2"]
    shortcuts: Int[np.ndarray, "s 2"]

    @classmethod
    def of(cls, picture: Picture, as_of: int = 0) -> Self:
        """Choose the pairs of a checkpoint.

        Args:
            picture: the state of the atlas that they are chosen from.
            as_of: id of the last attempt of that state.
        """
        if not picture.inside.any():
            return cls(as_of, NO_PAIRS, NO_PAIRS, NO_PAIRS)
        paths = lowest_paths(picture)
        return cls(as_of, gaps(picture), trapped(picture, paths), shortcuts(picture, paths))


NO_CHECKPOINT = Checkpoint(-1, NO_PAIRS, NO_PAIRS, NO_PAIRS)
"""The state before the first checkpoint: it lists no pairs."""


class Paths(NamedTuple):
    """The paths of lowest barrier from each minimum to the lowest one inside the box.

    Attributes:
        before: (m,) position of the next minimum on the path; -1 at its end, and where there is no
            path.
        depth: (m,) number of steps on the path.
        barrier: (m,) energy of the highest transition state on the path; infinite where there is no
            path.
        top: (m,) depth of the minimum whose step leads over the highest transition state; the first
            of them on the path if several have the same energy.
    """

    before: Int[np.ndarray, " m"]
    depth: Int[np.ndarray, " m"]
    barrier: Float[np.ndarray, " m"]
    top: Int[np.ndarray, " m"]


def lowest_paths(picture: Picture) -> Paths:
    """Find the paths of lowest barrier to the lowest minimum, from a minimum spanning tree.

    Args:
        picture: the state of the atlas; at least one minimum lies inside the box.
    """
    count, root = len(picture.energies), picture.order[0]
    codes = picture.edges.minimum_1 * count + picture.edges.minimum_2
    by_height = np.argsort(picture.heights, kind="stable")
    rank = np.empty(len(by_height))
    rank[by_height] = np.arange(1, len(by_height) + 1)
    pairs, ranks = _cheapest(codes, rank[picture.edges.transition_state])
    tree = minimum_spanning_tree(_graph(pairs, ranks, count)).tocoo()
    _, before = breadth_first_order(tree.tocsr(), root, directed=False)
    before = np.where(before < 0, -1, before).astype(np.int64)
    step = np.full(count, -np.inf)
    energies = picture.heights[by_height[tree.data.astype(np.int64) - 1]]
    for here, there in ((tree.row, tree.col), (tree.col, tree.row)):
        away = before[here] == there
        step[here[away]] = energies[away]
    depth = depths(before)
    barrier, top = _highest(before, step, depth)
    connected = (before >= 0) | (np.arange(count) == root)
    return Paths(before, depth, np.where(connected, barrier, np.inf), top)


def depths(before: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
    """Count the steps from each node of a forest to its root.

    Args:
        before: (m,) the next node on the way to the root; -1 at roots.

    Examples:
        >>> depths(np.array([-1, 0, 1, 1, -1]))
        array([0, 1, 2, 2, 0])
    """
    depth, jump = (before >= 0).astype(np.int64), _next(before)
    # Doubling the steps counted each time takes few passes even if a path visits all minima.
    while (further := depth[jump]).any():
        depth, jump = depth + further, jump[jump]
    return depth


def _highest(before: np.ndarray, step: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the highest step from each node to its root, and the depth at which it begins."""
    highest, top, jump = step.copy(), depth.copy(), _next(before)
    while (before[jump] >= 0).any():
        higher = highest[jump] > highest
        top, highest = np.where(higher, top[jump], top), np.where(higher, highest[jump], highest)
        jump = jump[jump]
    return highest, top


def _next(before: np.ndarray) -> np.ndarray:
    return np.where(before >= 0, before, np.arange(len(before)))


def gaps(picture: Picture) -> Int[np.ndarray, "g 2"]:
    """Return the untried pairs on the shortest ways from unconnected minima to the lowest one.

    This is the missing-connection search of Carr, Trygubenko and Wales, J. Chem. Phys. 122, 234903
    (2005): Dijkstra's algorithm on the graph of near neighbors, in which known connections cost
    next to nothing, untried pairs their squared distance, and tried pairs are not used.

    Args:
        picture: the state of the atlas.

    Returns:
        (g, 2) positions of minima, ordered by the energy of the unconnected minimum whose way they
        lie on; on a way, the pair nearest to that minimum comes first.
    """
    order, count = picture.order, len(picture.energies)
    component = linking.components(picture.edges, count)
    outside = order[component[order] != component[order[0]]]
    if not len(outside) or len(order) < 3:
        return NO_PAIRS
    here, there = np.repeat(np.arange(count), picture.neighbors.shape[1]), picture.neighbors.ravel()
    code = np.minimum(here, there) * count + np.maximum(here, there)
    closed = np.sort(picture.tried, axis=1) @ np.array([count, 1])
    opened = (there >= 0) & (component[here] != component[there])
    opened &= picture.inside[here] & picture.inside[there] & ~np.isin(code, closed)
    known = picture.edges.minimum_1 * count + picture.edges.minimum_2
    costs = [picture.distances.ravel()[opened] ** 2, np.full(len(known), CONNECTED)]
    pairs, costs = _cheapest(np.concatenate([code[opened], known]), np.concatenate(costs))
    graph = _graph(pairs, np.maximum(costs, CONNECTED), count)
    _, before = dijkstra(graph, directed=False, indices=order[0], return_predecessors=True)
    before = np.where(before < 0, -1, before).astype(np.int64)
    owner = first_visits(before, depth := depths(before), outside)
    nodes = np.flatnonzero((owner < len(outside)) & (before >= 0))
    nodes = nodes[component[nodes] != component[before[nodes]]]
    nodes = nodes[np.lexsort((-depth[nodes], owner[nodes]))]
    return np.stack([before[nodes], nodes], axis=1)


def trapped(picture: Picture, paths: Paths) -> Int[np.ndarray, "p 2"]:
    """Return the minima behind high barriers, each with its nearest neighbor of lower energy.

    Args:
        picture: the state of the atlas; pairs lie inside the box.
        paths: its lowest paths.

    Returns:
        (p, 2) positions, ordered by the barrier divided by the energy above the lowest minimum,
        the largest ratio first and unconnected minima last.
    """
    order, energies = picture.order, picture.energies
    if len(order) < 3:
        return NO_PAIRS
    others = order[1:]
    barriers = paths.barrier[others] - energies[others]
    above = np.maximum(energies[others] - energies[order[0]], 1e-12)
    ratio = np.where(np.isfinite(barriers), barriers / above, -1.0)
    others = others[np.argsort(-ratio, kind="stable")]
    near = picture.neighbors[others]
    lower = (near >= 0) & picture.inside[near] & (energies[near] < energies[others, None])
    first = np.argmax(lower, axis=1)[:, None]
    partners = np.take_along_axis(near, first, axis=1)[:, 0]
    return np.stack([others, partners], axis=1)[lower.any(axis=1)]


def shortcuts(picture: Picture, paths: Paths) -> Int[np.ndarray, "s 2"]:
    """Return the minima that are two or three steps apart on lowest paths to the lowest minimum.

    The paths from the highest minima come first. Where a path joins one that came before, the rest
    of its pairs were listed with that one. On each path the pairs around its highest transition
    state come first.

    Args:
        picture: the state of the atlas; pairs lie inside the box.
        paths: its lowest paths.

    Returns:
        (s, 2) positions of minima.
    """
    before, depth, _, top = paths
    begin = picture.order[::-1]
    begin = begin[depth[begin] >= 3]
    owner = first_visits(before, depth, begin)
    nodes = np.flatnonzero((owner < len(begin)) & (depth >= 2))
    second = before[before[nodes]]
    third = before[second]
    near = np.abs(top[begin[owner[nodes]]] - depth[nodes])
    far = third >= 0
    pairs = np.stack([np.append(nodes, nodes[far]), np.append(second, third[far])], axis=1)
    apart = np.append(np.full(len(nodes), 2), np.full(far.sum(), 3))
    keys = (np.append(key, key[far]) for key in (-depth[nodes], near, owner[nodes]))
    pairs = pairs[np.lexsort((apart, *keys))]
    return pairs[picture.inside[pairs].all(axis=1)]


def first_visits(
    before: Int[np.ndarray, " m"], depth: Int[np.ndarray, " m"], begin: Int[np.ndarray, " b"]
) -> Int[np.ndarray, " m"]:
    """Return for each node which of several paths to the root of a tree passes it first.

    Args:
        before: (m,) the next node on the way to the root; -1 at the root.
        depth: (m,) number of steps from each node to the root (`depths`).
        begin: (b,) nodes at which the paths begin, in the order of the paths.

    Returns:
        (m,) number of a path from 0; b for a node that no path passes.

    Examples:
        >>> before = np.array([-1, 0, 1, 1])
        >>> first_visits(before, depths(before), np.array([3, 2])).tolist()
        [0, 0, 1, 0]
    """
    owner = np.full(len(before), len(begin))
    owner[begin] = np.arange(len(begin))
    first, onward = owner.tolist(), before.tolist()
    for node in np.argsort(-depth, kind="stable").tolist():
        if (there := onward[node]) >= 0 and first[node] < first[there]:
            first[there] = first[node]
    return np.array(first, np.int64)


def _cheapest(codes: np.ndarray, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each code once, with its lowest cost."""
    order = np.lexsort((costs, codes))
    codes, costs = codes[order], costs[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    return codes[first], costs[first]


def _graph(codes: np.ndarray, costs: np.ndarray, count: int) -> csr_array:
    return coo_array((costs, np.divmod(codes, count)), shape=(count, count)).tocsr()
