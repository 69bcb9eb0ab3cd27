"""Strategies that search at and between known minima.

Each looks at a view of the atlas and proposes the searches that it considers best. They are named
by their aim, as in the program PATHSAMPLE of D. J. Wales, whose keywords are given in parentheses:
find minima; climb from every minimum; join unconnected minima (CONNECTUNC); bridge the gaps on the
way to the global minimum (missing-connection search); free minima that seem trapped behind a high
barrier (UNTRAP); find paths with fewer steps (SHORTCUT); find rearrangements of a minimum into its
own copies. Strategies that climb from random starts are in `random_starts`. None proposes a search
that was made before; what a strategy remembers from round to round is in `agendas`.
"""

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import numpy as np

from lossatlas.errors import Status
from lossatlas.exploration.agendas import Levels, Listed, Numbered
from lossatlas.exploration.components import Components
from lossatlas.exploration.neighbors import NEIGHBORS
from lossatlas.exploration.tasks import Key, Task
from lossatlas.exploration.view import View
from lossatlas.lanes.requests import Requests, Search
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.outcome import Cost, Outcome
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import double_ended, from_the_middle, single_ended

COPIES = 32
"""Number of symmetry copies of a minimum, nearest first, to which rearrangements are searched."""
DISPLACEMENTS = (1.0, 2.0, 0.5)
"""Multiples of the usual displacement from a minimum at which climbs begin, tried in this order."""
CLIMB_LEVELS = len(DISPLACEMENTS) * N_SOFT
"""Number of pairs of mode and displacement of the climbs from a minimum, which `climbs` numbers."""


BASIN_HOPPING, SINGLE_ENDED, DEGENERATE = "basin-hopping", "single-ended", "degenerate"
CONNECT, UNTRAP, SHORTCUT = "connect", "untrap", "shortcut"
"""Names of the strategies in the log. `JoinUnconnected` and `BridgeGaps` make the same bands and
share the name "connect"."""


class FindMinima:
    """Chains of basin-hopping from random starts; each chain has random numbers of its own."""

    def __init__(self) -> None:
        """Begin at chain 0."""
        self._chains = Numbered(BASIN_HOPPING)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the chains that were not made yet."""
        options = BasinHoppingOptions()
        for number, what in self._chains.draws(view, "chain {}".format):
            search = partial(_chain, [view.seed, number], options)
            yield Task(Key(BASIN_HOPPING, (), what), search, options.steps)


def _chain(stream: list[int], options: BasinHoppingOptions, tools: Tools) -> Search:
    return basin_hopping(tools, np.random.default_rng(stream), options)


class ClimbFromMinima:
    """Single-ended searches: climbs from every minimum along its soft modes.

    All minima are climbed from along their softest mode before any is along the next mode; the
    minima of lowest energy come first.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._levels = Levels(CLIMB_LEVELS)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
        self._levels.add_new(view)
        return self._levels.tasks(view, partial(climbs, view))


def climbs(view: View, position: int, level: int) -> Iterator[Task]:
    """Yield the two climbs from a minimum along one mode, in both directions.

    Args:
        view: the present state of the atlas.
        position: position of the minimum in the view.
        level: number of the mode and the displacement, below `CLIMB_LEVELS`: first all modes with
            the first displacement, then all modes with the next.
    """
    round_, mode = divmod(level, N_SOFT)
    displacement, origin = DISPLACEMENTS[round_], view.ids(position)
    for sign in (1, -1):
        key = Key(SINGLE_ENDED, origin, climb_name(mode, sign, displacement))
        yield Task(key, _climb(view.weights[position], mode, sign, displacement), 1)


def climb_name(mode: int, sign: int, displacement: float) -> str:
    """Return the name of a climb from a minimum, as its key has it.

    Args:
        mode: number of the mode, 0 for the softest.
        sign: 1 or -1, the direction along the mode.
        displacement: where the climb begins, as a multiple of the usual displacement.

    Examples:
        >>> climb_name(2, 1, 1.0)
        'mode 2 + x1'
    """
    return f"mode {mode} {'+' if sign > 0 else '-'} x{displacement:g}"


def _climb(w: np.ndarray, mode: int, sign: int, displacement: float) -> partial[Search]:
    return partial(single_ended, w=w, mode=mode, sign=sign, displacement=displacement)


class JoinUnconnected:
    """Bands from minima that are not connected to the global minimum to their nearest neighbors.

    All such minima are paired with their nearest neighbor before any is paired with its second, and
    with the global minimum last. The minima of lowest energy come first.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._levels, self._lowest, self._mark = Levels(NEIGHBORS + 1), -1, 0

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        changed = view.neighbors_changed(self._mark)
        self._mark += len(changed)
        # Another global minimum is connected to other minima, so the agenda begins anew.
        if view.lowest != self._lowest:
            useful = partial(_unconnected, view.components, view.lowest)
            self._levels, self._lowest = Levels(NEIGHBORS + 1, useful), view.lowest
            changed = changed[:0]
        self._levels.add_new(view)
        for position in changed.tolist():
            self._levels.begin_again(view, position)
        return self._levels.tasks(view, partial(_join, view))


def _unconnected(components: Components, lowest: int, position: int) -> bool:
    return not components.same(lowest, position)


def _join(view: View, position: int, rank: int) -> Iterator[Task]:
    """Yield the band from a minimum to its neighbor of a rank; the last is the global minimum."""
    other = view.lowest
    if rank < NEIGHBORS:
        near = view.neighbors[position]
        other = int(near[rank]) if rank < len(near) else -1
    if other >= 0 and view.inside[other] and not view.components.same(position, other):
        yield from band(CONNECT, view, position, other)


class BridgeGaps:
    """Bands along the shortest ways from unconnected minima to the global minimum.

    The ways follow from a missing-connection search (Carr, Trygubenko and Wales, J. Chem. Phys.
    122, 234903 (2005)): Dijkstra's algorithm on the graph of near neighbors, in which known
    connections cost next to nothing, untried pairs their squared distance, and tried pairs are not
    used. The untried pairs on the shortest ways as of the checkpoint (`checkpoint.gaps`) are
    proposed as long as they join minima that are not connected yet.
    """

    def __init__(self) -> None:
        """Begin without a checkpoint."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        for near, far in self._listed.pairs(
            view, view.checkpoint.gaps, partial(_is_gap, view.components, view.lowest)
        ):
            yield from band(CONNECT, view, near, far)


def _is_gap(components: Components, lowest: int, near: int, far: int) -> bool:
    """Say whether a pair, whose second is farther from the global minimum, is still a gap."""
    return not components.same(near, far) and not components.same(far, lowest)


class FreeTrapped:
    """Bands from minima that seem trapped to their nearest neighbor of lower energy.

    Minima are ordered by the ratio of their barrier to their energy above the global minimum, the
    largest first, as of the checkpoint (`checkpoint.trapped`).
    """

    def __init__(self) -> None:
        """Begin without a checkpoint."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        for position, other in self._listed.pairs(view, view.checkpoint.trapped):
            yield from band(UNTRAP, view, position, other)


class ShortenPaths:
    """Bands that may bypass transition states on the lowest paths to the global minimum.

    They join minima that are two or three steps apart on the path of lowest barrier from a minimum,
    as of the checkpoint, those around the highest transition state first (`checkpoint.shortcuts`).
    """

    def __init__(self) -> None:
        """Begin without a checkpoint."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        for first, last in self._listed.pairs(view, view.checkpoint.shortcuts):
            yield from band(SHORTCUT, view, first, last)


class Rearrange:
    """Climbs from the middle between a minimum and one of its own copies, nearest copies first.

    The middle has the symmetry that exchanges the two, and the transition state of the
    rearrangement often has it too.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._levels = Levels(COPIES)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
        self._levels.add_new(view)
        return self._levels.tasks(view, partial(_rearrangements, view))


def _rearrangements(view: View, position: int, rank: int) -> Iterator[Task]:
    key = Key(DEGENERATE, view.ids(position), f"copy {rank}")
    yield Task(key, partial(_rearrangement, view.weights[position], rank), 1)


def _rearrangement(w: np.ndarray, rank: int, tools: Tools) -> Generator[Requests, Any, Outcome]:
    copies = tools.landscape.neighbor_copies(w)
    if rank >= len(copies):
        return Outcome(Status.NO_CANDIDATE, Cost())
    return (yield from from_the_middle(tools, w, copies[rank]))


def band(strategy: str, view: View, a: int, b: int) -> Iterator[Task]:
    """Yield the task of a band between two minima, unless any strategy has tried the pair.

    Args:
        strategy: name of the strategy in the log.
        view: the present state of the atlas.
        a: position of one minimum in the view.
        b: position of the other minimum.
    """
    a, b = min(a, b), max(a, b)
    origins = view.pair(a, b)
    if a != b and not view.tried.joined(*origins):
        search = partial(_aligned_band, view.weights[a], view.weights[b])
        yield Task(Key(strategy, origins), search, 1)


def _aligned_band(
    first: np.ndarray, second: np.ndarray, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    aligned = tools.landscape.nearest_copy(second, first)
    return (yield from double_ended(tools, first, aligned))
