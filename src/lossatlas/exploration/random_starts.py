"""Strategies that draw at random where to climb from; none of them ever runs out.

Those of `strategies` look near the minima and between near ones, and each start leads to one
transition state. These reach what lies elsewhere: around any stationary point (as PATHSAMPLE's
perturbed searches), between minima far apart, and on the mirrors of the symmetry. Draws are
numbered through, and each has random numbers of its own.
"""

from collections.abc import Generator, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np

from lossatlas.exploration.agendas import Numbered
from lossatlas.exploration.tasks import Key, Task
from lossatlas.exploration.view import View
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.requests import Requests
from lossatlas.search.outcome import Outcome
from lossatlas.search.tools import Tools
from lossatlas.search.transition_states import climb_from, from_the_middle

PERTURBATION = (0.3, 1.1)
"""Largest step of a weight from a stationary point to where a climb begins, in length scales: drawn
anew for each climb from this range, since some states are reached from near or from afar only."""
DISTURBANCE = 0.5
"""Likewise to a point near a mirror."""
MANY_WEIGHTS = 100
"""Above so many weights the step of each is shortened, so that no step gets any longer."""


PERTURBED, BETWEEN, MIRRORS = "perturbed", "between", "mirrors"
"""What they are called in the log."""


class LookAround:
    """Climbs from minima and transition states with every weight perturbed.

    Far enough from a stationary point there is negative curvature in many directions, and a climb
    has a way up from the start. Most of those along the soft modes of a minimum end on slopes that
    only the regularization bends.
    """

    def __init__(self) -> None:
        """No draw was made yet."""
        self._draws = Numbered(PERTURBED)

    def __call__(self, view: View) -> Iterator[Task]:
        """The climbs that were not made."""
        for key, random in _drawn(self._draws, view, 4):
            yield Task(key, partial(_perturbed, _stationary_point(view, random), random), 1)


def _perturbed(
    start: np.ndarray, random: np.random.Generator, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    step = perturbation(tools.landscape, deepcopy(random))
    return (yield from climb_from(tools, start + step, step))


def perturbation(landscape: Landscape, random: np.random.Generator) -> np.ndarray:
    """A step (n,) from a stationary point, uniform in a box of random size, not along the shift."""
    size = landscape.length_scale * random.uniform(*PERTURBATION)
    size *= _shortening(landscape)
    step = size * random.uniform(-1.0, 1.0, landscape.n_weights)
    return step - landscape.excluded_modes.T @ (landscape.excluded_modes @ step)


class LookBetween:
    """Climbs from the middle between any two minima, the second in any of its copies."""

    def __init__(self) -> None:
        """No draw was made yet."""
        self._draws = Numbered(BETWEEN)

    def __call__(self, view: View) -> Iterator[Task]:
        """The climbs that were not made."""
        for key, random in _drawn(self._draws, view, 2):
            a, b = view.minima_inside[random.integers(len(view.minima_inside), size=2)]
            yield Task(key, partial(_between, view.weights[a], view.weights[b], random), 1)


def _between(
    first: np.ndarray, second: np.ndarray, random: np.random.Generator, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    anywhere = tools.landscape.random_start(deepcopy(random))
    copy = tools.landscape.nearest_copy(second, anywhere)
    return (yield from from_the_middle(tools, first, copy))


class LookOnMirrors:
    """Climbs from the middle between disturbed points and their mirror images.

    A rearrangement that exchanges two units, or turns one, often has its transition state on the
    mirror: where the two units are equal, or the one is zero. On the mirror such a state is an
    ordinary minimum, with neighbors that are found as those of minima are: by a step as in
    basin-hopping, which here stays on the mirror, and the way down. The only way up is across it.
    Many states lie on several mirrors at once, which a step in any direction would leave: steps
    keep the equal units that a point has, and the middle lies on one mirror more. They begin at
    minima and at transition states.
    """

    def __init__(self) -> None:
        """No draw was made yet."""
        self._draws = Numbered(MIRRORS)
        self._mirrors: bool | None = None

    def __call__(self, view: View) -> Iterator[Task]:
        """The climbs that were not made."""
        if self._mirrors is None:
            # A point of no symmetry has copies wherever there is a mirror; a minimum may lie on it.
            anywhere = view.landscape.random_start(np.random.default_rng(0))
            self._mirrors = bool(view.landscape.neighbor_copies(anywhere))
        for key, random in _drawn(self._draws, view, 3) if self._mirrors else ():
            yield Task(key, partial(_mirrored, _stationary_point(view, random), random), 1)


def _mirrored(
    start: np.ndarray, random: np.random.Generator, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    landscape, random = tools.landscape, deepcopy(random)
    step = landscape.symmetrizer(start) @ random.uniform(-1.0, 1.0, len(start))
    size = DISTURBANCE * landscape.length_scale * random.random() * _shortening(landscape)
    disturbed = start + size * step
    copies = landscape.neighbor_copies(disturbed)
    second = copies[int(random.integers(len(copies)))] if copies else disturbed
    return (yield from from_the_middle(tools, disturbed, second))


def _shortening(landscape: Landscape) -> float:
    return min(1.0, MANY_WEIGHTS / landscape.n_weights) ** 0.5


def _stationary_point(view: View, random: np.random.Generator) -> np.ndarray:
    """Weights (n,) of one of the minima inside the box, or of the transition states there."""
    minima = view.minima_inside
    chosen = int(random.integers(len(minima) + len(view.transition_states)))
    if chosen < len(minima):
        return view.weights[minima[chosen]]
    return view.transition_states[chosen - len(minima)]


def _drawn(draws: Numbered, view: View, stream: int) -> Iterator[tuple[Key, np.random.Generator]]:
    """The draws of a strategy that were not made before: their names and random numbers.

    None without a minimum inside the box. A search copies the generator it gets, so that it is the
    same search however often it is made.
    """
    for number, what in draws.draws(view, "draw {}".format) if len(view.minima_inside) else ():
        yield Key(draws.strategy, (), what), random_numbers(view.seed, stream, number)


def random_numbers(seed: int, stream: int, number: int) -> np.random.Generator:
    """Those of one draw; no other draw and no chain of basin-hopping has the same ones.

    Streams 0 and 1 are the independent draws of minima and of saddles, 2 looks between minima, 3 on
    mirrors, 4 around stationary points, 5 are the draws of climbs from the main set.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, number)))
