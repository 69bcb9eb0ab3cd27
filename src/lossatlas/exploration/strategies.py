"""Proposals: each is a pure function from a view of the atlas to the searches it proposes.

Named by their aim, as in the literature (Wales; PATHSAMPLE): find minima, climb from every minimum,
join what is unconnected (CONNECTUNC), bridge the gaps on the way to the global minimum
(missing-connection search: Dijkstra with known paths free), free minima that seem trapped behind a
high barrier (UNTRAP), find shorter paths (SHORTCUT), rearrangements of a minimum into its own
copies. (Those that draw at random where to climb from are in `random_starts`.) None proposes a
search that was made before.
"""

from collections.abc import Generator, Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from lossatlas.errors import Status
from lossatlas.exploration.tasks import Key, Task, View
from lossatlas.lanes.requests import Requests, Search
from lossatlas.network.disconnectivity import barrier
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.outcome import Cost, Outcome
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import double_ended, from_the_middle, single_ended

COPIES = 32
"""Symmetry copies of a minimum that rearrangements are looked for to, nearest first."""
DISPLACEMENTS = (1.0, 2.0, 0.5)
"""Multiples of the displacement tried from each minimum along each mode, one after the other."""


BASIN_HOPPING, SINGLE_ENDED, DEGENERATE = "basin-hopping", "single-ended", "degenerate"
CONNECT, UNTRAP, SHORTCUT = "connect", "untrap", "shortcut"
"""What they are called in the log. Both ways of joining components log their bands as one."""


def find_minima(view: View) -> Iterator[Task]:
    """Basin-hopping chains from random starts, numbered through; chain k has its own seed."""
    tried = view.tried.whats(BASIN_HOPPING)
    for number in count():
        what = f"chain {number}"
        if what not in tried:
            search = partial(_chain, [view.seed, number], BasinHoppingOptions())
            yield Task(Key(BASIN_HOPPING, (), what), search)


def _chain(stream: list[int], options: BasinHoppingOptions, tools: Tools) -> Search:
    return basin_hopping(tools, np.random.default_rng(stream), options)


def climb_from_minima(view: View) -> Iterator[Task]:
    """Single-ended searches: the softest mode of every minimum, lowest first, then the next."""
    order = view.by_energy()
    origins = [view.ids(position) for position in order]
    tried = [view.tried.whats(SINGLE_ENDED, origin) for origin in origins]
    for displacement in DISPLACEMENTS:
        for mode in range(N_SOFT):
            climbs = [(climb_name(mode, sign, displacement), sign) for sign in (1, -1)]
            for position, origin, made in zip(order, origins, tried, strict=True):
                for what, sign in climbs:
                    if what not in made:
                        search = _climb(view.weights[position], mode, sign, displacement)
                        yield Task(Key(SINGLE_ENDED, origin, what), search)


def climb_name(mode: int, sign: int, displacement: float) -> str:
    """What a climb from a minimum is called.

    Examples:
        >>> climb_name(2, 1, 1.0)
        'mode 2 + x1'
    """
    return f"mode {mode} {'+' if sign > 0 else '-'} x{displacement:g}"


def _climb(w: np.ndarray, mode: int, sign: int, displacement: float) -> partial[Search]:
    return partial(single_ended, w=w, mode=mode, sign=sign, displacement=displacement)


def join_unconnected(view: View) -> Iterator[Task]:
    """Bands from minima outside the global minimum's component to their nearest neighbors."""
    order = view.by_energy()
    if len(order) == 0:
        return
    main = view.component[order[0]]
    outside = [p for p in order if view.component[p] != main]
    for rank in range(view.neighbors.shape[1]):
        for position in outside:
            other = view.neighbors[position, rank]
            if view.component[other] != view.component[position]:
                yield from _band(CONNECT, view, position, other)
    for position in outside:
        yield from _band(CONNECT, view, order[0], position)


def bridge_gaps(view: View) -> Iterator[Task]:
    """Missing-connection search from unconnected minima to the global minimum.

    Dijkstra's algorithm on the graph of near neighbors: known connections are free, untried pairs
    cost their squared distance, tried ones are closed. The untried pairs on the best path are
    proposed.
    """
    order = view.by_energy()
    if len(order) < 3:
        return
    main = view.component[order[0]]
    outside = [p for p in order if view.component[p] != main]
    if not outside:
        return
    graph = _open_graph(view)
    _, before = dijkstra(graph, directed=False, indices=order[0], return_predecessors=True)
    for position in outside:
        here = position
        while (step := before[here]) >= 0:
            if view.component[step] != view.component[here]:
                yield from _band(CONNECT, view, step, here)
            here = step


def free_trapped(view: View) -> Iterator[Task]:
    """Bands from minima with the highest barrier over energy above the global minimum.

    The partner is the nearest minimum of lower energy.
    """
    order = view.by_energy()
    if len(order) < 3 or view.tree is None:
        return
    energies, lowest = view.points.minimum_energies, order[0]
    others = order[1:]
    barriers = barrier(view.tree, others, np.full(len(others), lowest)) - energies[others]
    gaps = energies[others] - energies[lowest]
    ratio = np.where(np.isfinite(barriers), barriers / np.maximum(gaps, 1e-12), -1.0)
    for position in others[np.argsort(-ratio, kind="stable")]:
        for other in view.neighbors[position]:
            if view.inside[other] and energies[other] < energies[position]:
                yield from _band(UNTRAP, view, position, other)
                break


def shorten_paths(view: View) -> Iterator[Task]:
    """Bands that would by-pass transition states on the lowest paths to the global minimum.

    Along the path of lowest barrier from a minimum, pairs two and three steps apart, those around
    the highest transition state first.
    """
    order = view.by_energy()
    if len(order) < 4 or len(view.points.minimum_1) == 0:
        return
    before, height = _lowest_paths(view, order[0])
    for position in order[::-1]:
        path = [position]
        while before[path[-1]] >= 0:
            path.append(before[path[-1]])
        if len(path) < 4:
            continue
        top = int(np.argmax([height[p] for p in path[:-1]]))
        for first in sorted(range(len(path) - 2), key=lambda k: abs(k - top)):
            for apart in (2, 3):
                if first + apart < len(path):
                    yield from _band(SHORTCUT, view, path[first], path[first + apart])


def rearrange(view: View) -> Iterator[Task]:
    """Climbs from the middle between a minimum and its own copies: the nearest, then the next.

    The middle has the symmetry that exchanges the two, and the saddle of their rearrangement often
    has it too.
    """
    order = view.by_energy()
    for rank in range(COPIES):
        what = f"copy {rank}"
        for position in order:
            key = Key(DEGENERATE, view.ids(position), what)
            if key not in view.tried:
                yield Task(key, partial(_rearrangement, view.weights[position], rank))


def _rearrangement(w: np.ndarray, rank: int, tools: Tools) -> Generator[Requests, Any, Outcome]:
    copies = tools.landscape.neighbor_copies(w)
    if rank >= len(copies):
        return Outcome(Status.NO_CANDIDATE, Cost())
    return (yield from from_the_middle(tools, w, copies[rank]))


def _band(strategy: str, view: View, a: int, b: int) -> Iterator[Task]:
    """The task of a band between two minima, unless any strategy has tried the pair."""
    if a == b:
        return
    a, b = min(a, b), max(a, b)
    origins = view.ids(a, b)
    if not view.tried.joined(*origins):
        search = partial(_aligned_band, view.weights[a], view.weights[b])
        yield Task(Key(strategy, origins), search)


def _aligned_band(
    first: np.ndarray, second: np.ndarray, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    aligned = tools.landscape.nearest_copy(second, first)
    return (yield from double_ended(tools, first, aligned))


def _open_graph(view: View) -> coo_array:
    """Near neighbors as a graph: known connections nearly free, tried pairs closed."""
    cheapest: dict[tuple[int, int], float] = {}

    def offer(a: int, b: int, cost: float) -> None:
        pair = (min(a, b), max(a, b))
        cheapest[pair] = min(cost, cheapest.get(pair, np.inf))

    for a, near in enumerate(view.neighbors):
        for b, distance in zip(near, view.distances[a], strict=True):
            apart = view.component[a] != view.component[b] and view.inside[a] and view.inside[b]
            if apart and not view.tried.joined(*view.ids(min(a, b), max(a, b))):
                offer(a, b, distance**2)
    for a, b in zip(view.points.minimum_1, view.points.minimum_2, strict=True):
        if a != b:
            offer(a, b, 1e-12)
    pairs = np.array(list(cheapest), int).reshape(-1, 2)
    shape = (len(view.neighbors), len(view.neighbors))
    return coo_array((list(cheapest.values()), (pairs[:, 0], pairs[:, 1])), shape=shape)


def _lowest_paths(view: View, root: int) -> tuple[np.ndarray, np.ndarray]:
    """Predecessor of each minimum on its path of lowest barrier to the root (-1: none), and the
    energy of the transition state of that step."""
    points = view.points
    count = len(points.minimum_ids)
    order = np.argsort(points.transition_state_energies, kind="stable")
    keep = [k for k in order if not points.degenerate[k]]
    best: dict[tuple[int, int], int] = {}
    for rank, k in enumerate(keep):
        best.setdefault((int(points.minimum_1[k]), int(points.minimum_2[k])), rank + 1)
    pairs = np.array(list(best), int).reshape(-1, 2)
    ranks = np.array(list(best.values()), float)
    graph = coo_array((ranks, (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    tree = minimum_spanning_tree(graph)
    _, before = dijkstra(
        tree, directed=False, indices=root, return_predecessors=True, unweighted=True
    )
    both = (tree + tree.T).tocsr()
    height = np.full(count, -np.inf)
    for k in np.flatnonzero(before >= 0):
        rank = int(both[k, before[k]])
        height[k] = points.transition_state_energies[keep[rank - 1]]
    return before, height
