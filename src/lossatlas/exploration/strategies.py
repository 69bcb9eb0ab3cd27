"""Strategies: each is a pure function from a view of the atlas to the searches it proposes.

Named by their aim, as in the literature (Wales; PATHSAMPLE): find minima, climb from every minimum,
join what is unconnected (CONNECTUNC), bridge the gaps on the way to the global minimum
(missing-connection search: Dijkstra with known paths free), free minima that seem trapped behind a
high barrier (UNTRAP), find shorter paths (SHORTCUT), rearrangements of a minimum into its own
copies. (Those that draw at random where to climb from are in `random_starts`.) None proposes a
search that was made before.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

from lossatlas.errors import Status
from lossatlas.exploration.view import View
from lossatlas.network.disconnectivity import barrier
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.outcome import Attempt, Cost
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import double_ended, from_the_middle, single_ended

COPIES = 32
"""Symmetry copies of a minimum that rearrangements are looked for to, nearest first."""
DISPLACEMENTS = (1.0, 2.0, 0.5)
"""Multiples of the displacement tried from each minimum along each mode, one after the other."""


class Task(NamedTuple):
    """A search to be made.

    Attributes:
        strategy, origin, detail: its name in the log of attempts.
        search: makes the search, given the tools.
    """

    strategy: str
    origin: tuple[int, ...]
    detail: str
    search: Callable[[Tools], Any]


Strategy: TypeAlias = Callable[[View], Iterator[Task]]


def find_minima(view: View, seed: int = 0) -> Iterator[Task]:
    """Basin-hopping chains from random starts, numbered through; chain k has its own seed."""
    options = BasinHoppingOptions()
    for number in count():
        name = f"chain {number}"
        if ("basin-hopping", (), name) not in view.tried:
            stream = [seed, number]
            yield Task("basin-hopping", (), name, partial(_chain, stream, options, name))


def _chain(
    stream: list[int], options: BasinHoppingOptions, name: str, tools: Tools
) -> Iterator[Any]:
    return basin_hopping(tools, np.random.default_rng(stream), options, name)


def climb_from_minima(view: View) -> Iterator[Task]:
    """Single-ended searches: the softest mode of every minimum, lowest first, then the next."""
    order = view.by_energy()
    for factor in DISPLACEMENTS:
        for mode in range(N_SOFT):
            for position in order:
                for sign in (1, -1):
                    (identity,) = view.ids(position)
                    detail = f"mode {mode} {'+' if sign > 0 else '-'} x{factor:g}"
                    if ("single-ended", (identity,), detail) not in view.tried:
                        start = (identity, view.weights[position])
                        search = partial(
                            single_ended, minimum=start, mode=mode, sign=sign, displacement=factor
                        )
                        yield Task("single-ended", (identity,), detail, search)


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
                yield from _band("connect", view, position, other)
    for position in outside:
        yield from _band("connect", view, order[0], position)


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
                yield from _band("connect", view, step, here)
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
                yield from _band("untrap", view, position, other)
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
                    yield from _band("shortcut", view, path[first], path[first + apart])


def rearrange(view: View) -> Iterator[Task]:
    """Climbs from the middle between a minimum and its own copies: the nearest, then the next.

    The middle has the symmetry that exchanges the two, and the saddle of their rearrangement often
    has it too.
    """
    order = view.by_energy()
    for rank in range(COPIES):
        detail = f"copy {rank}"
        for position in order:
            (identity,) = view.ids(position)
            if ("degenerate", (identity,), detail) not in view.tried:
                minimum = (identity, view.weights[position])
                search = partial(_rearrangement, minimum, rank, detail)
                yield Task("degenerate", (identity,), detail, search)


def _rearrangement(
    minimum: tuple[int, np.ndarray], rank: int, detail: str, tools: Tools
) -> Iterator[Any]:
    identity, w = minimum
    copies = tools.landscape.neighbor_copies(w)
    if rank >= len(copies):
        return Attempt("degenerate", (identity,), detail, Status.NO_CANDIDATE, Cost())
    second = (identity, copies[rank])
    attempt = yield from from_the_middle(tools, "degenerate", minimum, second)
    return attempt._replace(origin=(identity,), detail=detail)


def _band(strategy: str, view: View, a: int, b: int) -> Iterator[Task]:
    """The task of a band between two minima, unless any strategy has tried the pair.

    None from a minimum outside of the box, or to one.
    """
    if a == b or not (view.inside[a] and view.inside[b]):
        return
    a, b = min(a, b), max(a, b)
    origin = view.ids(a, b)
    if _tried(view, origin):
        return
    ends = (origin[0], view.weights[a]), (origin[1], view.weights[b])
    yield Task(strategy, origin, "", partial(_aligned_band, strategy, *ends))


def _aligned_band(
    strategy: str, first: tuple[int, np.ndarray], second: tuple[int, np.ndarray], tools: Tools
) -> Iterator[Any]:
    aligned = tools.landscape.nearest_copy(second[1], first[1])
    attempt = yield from double_ended(tools, strategy, first, (second[0], aligned))
    return attempt


def _tried(view: View, origin: tuple[int, ...]) -> bool:
    """Whether a band between two minima (their ids) was made, by whatever strategy."""
    return any((name, origin, "") in view.tried for name in ("connect", "untrap", "shortcut"))


def _open_graph(view: View) -> coo_array:
    """Near neighbors as a graph: known connections nearly free, tried pairs closed."""
    cheapest: dict[tuple[int, int], float] = {}

    def offer(a: int, b: int, cost: float) -> None:
        pair = (min(a, b), max(a, b))
        cheapest[pair] = min(cost, cheapest.get(pair, np.inf))

    for a, near in enumerate(view.neighbors):
        for b, distance in zip(near, view.distances[a], strict=True):
            apart = view.component[a] != view.component[b] and view.inside[a] and view.inside[b]
            if apart and not _tried(view, view.ids(min(a, b), max(a, b))):
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


def take(tasks: Iterator[Task], count: int, taken: set) -> list[Task]:
    """The first `count` tasks whose names are not in `taken`; their names are added to it."""

    def fresh() -> Iterator[Task]:
        for task in tasks:
            name = task[:3]
            if name not in taken:
                taken.add(name)
                yield task

    return list(islice(fresh(), count))
