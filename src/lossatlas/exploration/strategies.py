"""Proposals: each looks at a view of the atlas, and proposes the searches that it finds best.

Named by their aim, as in the literature (Wales; PATHSAMPLE): find minima, climb from every minimum,
join what is unconnected (CONNECTUNC), bridge the gaps on the way to the global minimum
(missing-connection search: Dijkstra with known paths free), free minima that seem trapped behind a
high barrier (UNTRAP), find shorter paths (SHORTCUT), rearrangements of a minimum into its own
copies. (Those that draw at random where to climb from are in `random_starts`.) None proposes a
search that was made before; what each keeps for that from round to round is in `agendas`.
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
"""Symmetry copies of a minimum that rearrangements are looked for to, nearest first."""
DISPLACEMENTS = (1.0, 2.0, 0.5)
"""Multiples of the displacement tried from each minimum along each mode, one after the other."""
CLIMB_LEVELS = len(DISPLACEMENTS) * N_SOFT
"""Modes and displacements of the climbs from a minimum, as `climbs` numbers them."""


BASIN_HOPPING, SINGLE_ENDED, DEGENERATE = "basin-hopping", "single-ended", "degenerate"
CONNECT, UNTRAP, SHORTCUT = "connect", "untrap", "shortcut"
"""What they are called in the log. Both ways of joining components log their bands as one."""


class FindMinima:
    """Basin-hopping chains from random starts, numbered through; chain k has its own seed."""

    def __init__(self) -> None:
        """No chain was made yet."""
        self._chains = Numbered(BASIN_HOPPING)

    def __call__(self, view: View) -> Iterator[Task]:
        """The chains that were not made."""
        options = BasinHoppingOptions()
        for number, what in self._chains.draws(view, "chain {}".format):
            search = partial(_chain, [view.seed, number], options)
            yield Task(Key(BASIN_HOPPING, (), what), search, options.steps)


def _chain(stream: list[int], options: BasinHoppingOptions, tools: Tools) -> Search:
    return basin_hopping(tools, np.random.default_rng(stream), options)


class ClimbFromMinima:
    """Single-ended searches: the softest mode of every minimum, lowest first, then the next."""

    def __init__(self) -> None:
        """No minimum yet."""
        self._levels = Levels(CLIMB_LEVELS)

    def __call__(self, view: View) -> Iterator[Task]:
        """The climbs that were not made."""
        self._levels.add_new(view)
        return self._levels.tasks(view, partial(climbs, view))


def climbs(view: View, position: int, level: int) -> Iterator[Task]:
    """Both climbs from a minimum along one mode, with one displacement.

    Args:
        view: of the atlas.
        position: of the minimum.
        level: below `CLIMB_LEVELS`; the modes come one after the other, then the next displacement.
    """
    round_, mode = divmod(level, N_SOFT)
    displacement, origin = DISPLACEMENTS[round_], view.ids(position)
    for sign in (1, -1):
        key = Key(SINGLE_ENDED, origin, climb_name(mode, sign, displacement))
        yield Task(key, _climb(view.weights[position], mode, sign, displacement), 1)


def climb_name(mode: int, sign: int, displacement: float) -> str:
    """What a climb from a minimum is called.

    Examples:
        >>> climb_name(2, 1, 1.0)
        'mode 2 + x1'
    """
    return f"mode {mode} {'+' if sign > 0 else '-'} x{displacement:g}"


def _climb(w: np.ndarray, mode: int, sign: int, displacement: float) -> partial[Search]:
    return partial(single_ended, w=w, mode=mode, sign=sign, displacement=displacement)


class JoinUnconnected:
    """Bands from minima outside the global minimum's component to their nearest neighbors.

    First all to their nearest, the lowest first, then to the next, and last to the global minimum.
    """

    def __init__(self) -> None:
        """No minimum yet."""
        self._levels, self._lowest, self._mark = Levels(NEIGHBORS + 1), -1, 0

    def __call__(self, view: View) -> Iterator[Task]:
        """The bands that were not made."""
        changed = view.neighbors_changed(self._mark)
        self._mark += len(changed)
        if view.lowest != self._lowest:  # others are outside of the component of the new one
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
    """The band from a minimum to its neighbor of this rank; of the last, to the global minimum."""
    other = view.lowest
    if rank < NEIGHBORS:
        near = view.neighbors[position]
        other = int(near[rank]) if rank < len(near) else -1
    if other >= 0 and view.inside[other] and not view.components.same(position, other):
        yield from band(CONNECT, view, position, other)


class BridgeGaps:
    """Missing-connection search from unconnected minima to the global minimum.

    Dijkstra's algorithm on the graph of near neighbors: known connections are free, untried pairs
    cost their squared distance, tried ones are closed. The untried pairs on the shortest ways as of
    the checkpoint are proposed, as long as they join what is not connected yet.
    """

    def __init__(self) -> None:
        """No checkpoint was looked at yet."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """The bands that were not made."""
        for near, far in self._listed.pairs(
            view, view.checkpoint.gaps, partial(_is_gap, view.components, view.lowest)
        ):
            yield from band(CONNECT, view, near, far)


def _is_gap(components: Components, lowest: int, near: int, far: int) -> bool:
    """Whether a pair of which the second is farther from the global minimum is not bridged."""
    return not components.same(near, far) and not components.same(far, lowest)


class FreeTrapped:
    """Bands from minima with the highest barrier over energy above the global minimum.

    The partner is the nearest minimum of lower energy. Barriers are those of the checkpoint.
    """

    def __init__(self) -> None:
        """No checkpoint was looked at yet."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """The bands that were not made."""
        for position, other in self._listed.pairs(view, view.checkpoint.trapped):
            yield from band(UNTRAP, view, position, other)


class ShortenPaths:
    """Bands that would by-pass transition states on the lowest paths to the global minimum.

    Along the path of lowest barrier from a minimum as of the checkpoint, pairs two and three steps
    apart, those around the highest transition state first.
    """

    def __init__(self) -> None:
        """No checkpoint was looked at yet."""
        self._listed = Listed()

    def __call__(self, view: View) -> Iterator[Task]:
        """The bands that were not made."""
        for first, last in self._listed.pairs(view, view.checkpoint.shortcuts):
            yield from band(SHORTCUT, view, first, last)


class Rearrange:
    """Climbs from the middle between a minimum and its own copies: the nearest, then the next.

    The middle has the symmetry that exchanges the two, and the saddle of their rearrangement often
    has it too.
    """

    def __init__(self) -> None:
        """No minimum yet."""
        self._levels = Levels(COPIES)

    def __call__(self, view: View) -> Iterator[Task]:
        """The climbs that were not made."""
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
    """The task of a band between two minima, unless any strategy has tried the pair.

    Args:
        strategy: the name in the log.
        view: of the atlas.
        a, b: positions of the minima, in either order.
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
