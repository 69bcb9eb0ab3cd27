"""Checkpoints: what follows from lowest paths, computed only when the atlas has grown by some.

The tree, lowest paths and the gaps between components cannot be kept up to date for less than they
cost. So two strategies and the search for gaps plan from a picture of the atlas as it was at some
attempt, the *checkpoint*: when the log had grown by a twentieth, or when the lowest minimum was
found, which all of them look to. Which attempt that is follows from the log alone, and so does the
picture. What was connected or tried since is left out when the lists are used.
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
"""A checkpoint is due when the log has grown by one in so many attempts."""
NO_PAIRS = np.zeros((0, 2), np.int64)
CONNECTED = 1e-12
"""Cost of a known connection in the search for gaps, where a new one costs its squared distance."""


def _due() -> Iterator[int]:
    """Attempts at which a checkpoint is due."""
    attempt = 1
    while True:
        yield attempt
        attempt += max(1, attempt // GROWTH)


DUE = (0, *takewhile(lambda attempt: attempt < 2**63, _due()))
"""Attempts at which a checkpoint is due, ascending."""


def last_due(attempt: int) -> int:
    """The last attempt at which a checkpoint was due, 0 before the first.

    Examples:
        >>> last_due(7), last_due(1000)
        (7, 961)
    """
    return DUE[bisect_right(DUE, attempt) - 1]


class Picture(NamedTuple):
    """The atlas as of an attempt, by positions of its minima.

    Attributes:
        energies: of the minima.
        inside: whether each lies inside the box.
        neighbors: positions of the nearest minima of each, nearest first; -1 for none.
        distances: how far they are.
        edges: pairs of minima that a transition state joins.
        heights: energies at which the transition states join minima.
        tried: pairs of minima between which a path was looked for, one a row, in either order.
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
        """The lists that follow from a picture."""
        if not picture.inside.any():
            return cls(as_of, NO_PAIRS, NO_PAIRS, NO_PAIRS)
        paths = lowest_paths(picture)
        return cls(as_of, gaps(picture), trapped(picture, paths), shortcuts(picture, paths))


NO_CHECKPOINT = Checkpoint(-1, NO_PAIRS, NO_PAIRS, NO_PAIRS)
"""Before the first one."""


class Paths(NamedTuple):
    """The paths of lowest barrier from each minimum to the lowest one inside the box.

    Attributes:
        before: the next minimum on the path; -1 at its end, and where there is no path.
        depth: how many steps the path has.
        barrier: energy of its highest transition state; infinite where there is no path.
        top: depth of the minimum whose step leads over the highest transition state; of several
            of one energy that of the first.
    """

    before: Int[np.ndarray, " m"]
    depth: Int[np.ndarray, " m"]
    barrier: Float[np.ndarray, " m"]
    top: Int[np.ndarray, " m"]


def lowest_paths(picture: Picture) -> Paths:
    """The lowest paths of a picture with a minimum inside the box: a minimum spanning tree."""
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
    """How many steps lead from each node of a forest to its root, given the next one; -1 at roots.

    Examples:
        >>> depths(np.array([-1, 0, 1, 1, -1]))
        array([0, 1, 2, 2, 0])
    """
    depth, jump = (before >= 0).astype(np.int64), _next(before)
    # Doubles the steps that are counted: paths may have as many as there are minima.
    while (further := depth[jump]).any():
        depth, jump = depth + further, jump[jump]
    return depth


def _highest(before: np.ndarray, step: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, ...]:
    """The highest step on the way from each node to its root, and the depth where it begins."""
    highest, top, jump = step.copy(), depth.copy(), _next(before)
    while (before[jump] >= 0).any():
        higher = highest[jump] > highest
        top, highest = np.where(higher, top[jump], top), np.where(higher, highest[jump], highest)
        jump = jump[jump]
    return highest, top


def _next(before: np.ndarray) -> np.ndarray:
    return np.where(before >= 0, before, np.arange(len(before)))


def gaps(picture: Picture) -> Int[np.ndarray, "g 2"]:
    """Untried pairs on the shortest ways from unconnected minima to the lowest one.

    Dijkstra's algorithm on the graph of near neighbors: known connections are all but free, untried
    pairs cost their squared distance, tried ones are closed.
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
    """Minima behind high barriers, each with its nearest neighbor inside of lower energy."""
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
    """Minima two and three steps apart on lowest paths, those around the highest point first.

    The paths are those from the highest minima first; where one runs into another that came
    before, its pairs were listed with that one.
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
    """Which of several paths to the root of a tree comes first through each node.

    Args:
        before: the next node on the way to the root; -1 at the end.
        depth: of each node, see `depths`.
        begin: where the paths begin, in their order.

    Returns:
        the number of a path; b where none passes.

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
    """Each code once, with its lowest cost."""
    order = np.lexsort((costs, codes))
    codes, costs = codes[order], costs[order]
    first = np.flatnonzero(np.diff(codes, prepend=-1))
    return codes[first], costs[first]


def _graph(codes: np.ndarray, costs: np.ndarray, count: int) -> csr_array:
    return coo_array((costs, np.divmod(codes, count)), shape=(count, count)).tocsr()
