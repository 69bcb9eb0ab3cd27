"""Strategies that climb from random starts, of which there is no end.

The strategies of `strategies` search near minima and between near minima, and have a finite number
of starts. Those of this module reach what lies elsewhere: around any stationary point (as the
perturbed searches of PATHSAMPLE do), between minima far apart, and on the mirrors of the symmetry.
Draws are numbered, and each has random numbers of its own.
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
"""Range of the largest step of a weight from a stationary point to where a climb begins, in length
scales. It is drawn for each climb, since some transition states are reached only from near or only
from far away."""
DISTURBANCE = 0.5
"""Largest step of a weight from a stationary point to the disturbed point that is mirrored, in
length scales."""
MANY_WEIGHTS = 100
"""Number of weights above which the step of each is shortened, so that the length of the whole step
does not grow with their number."""


PERTURBED, BETWEEN, MIRRORS = "perturbed", "between", "mirrors"
"""Names of the strategies in the log."""


class LookAround:
    """Climbs from minima and transition states whose weights are all perturbed at random.

    Far enough from a stationary point the curvature is negative in many directions, so a climb has
    a direction to follow from the start. Most climbs along the soft modes of a minimum end on
    slopes that only the regularization bends.
    """

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(PERTURBED)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
        for key, random in _drawn(self._draws, view, 4):
            yield Task(key, partial(_perturbed, _stationary_point(view, random), random), 1)


def _perturbed(
    start: np.ndarray, random: np.random.Generator, tools: Tools
) -> Generator[Requests, Any, Outcome]:
    step = perturbation(tools.landscape, deepcopy(random))
    return (yield from climb_from(tools, start + step, step))


def perturbation(landscape: Landscape, random: np.random.Generator) -> np.ndarray:
    """Draw a step (n,) from a stationary point, uniform in a box of random size.

    Args:
        landscape: the landscape, whose length scale is the unit of the step and whose excluded
            modes the step has no part in.
        random: generator of the random numbers, which is advanced.
    """
    size = landscape.length_scale * random.uniform(*PERTURBATION)
    size *= _shortening(landscape)
    step = size * random.uniform(-1.0, 1.0, landscape.n_weights)
    return step - landscape.excluded_modes.T @ (landscape.excluded_modes @ step)


class LookBetween:
    """Climbs from the middle between any two minima, the second in a random symmetry copy."""

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(BETWEEN)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
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

    A rearrangement that exchanges two units, or changes the sign of one, often has its transition
    state on a mirror of the symmetry, where the two units are equal or the one is zero. Within the
    mirror such a transition state is an ordinary minimum, and its direction of negative curvature
    is across the mirror. So other such states are found as minima are in basin-hopping: by a random
    step that stays on the mirror, and the way down. Many transition states lie on several mirrors
    at once, which a step in any direction would leave. Therefore the steps keep the symmetry that a
    point has, and the middle between the disturbed point and its image lies on one mirror more. The
    draws begin at minima and at transition states.
    """

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(MIRRORS)
        self._mirrors: bool | None = None

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet; none if the symmetry has no mirror."""
        if self._mirrors is None:
            # A random point has an image for every mirror, while a minimum may lie on the mirror.
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
    """Draw the weights (n,) of one of the minima and transition states inside the box."""
    minima = view.minima_inside
    chosen = int(random.integers(len(minima) + len(view.transition_states)))
    if chosen < len(minima):
        return view.weights[minima[chosen]]
    return view.transition_states[chosen - len(minima)]


def _drawn(draws: Numbered, view: View, stream: int) -> Iterator[tuple[Key, np.random.Generator]]:
    """Yield the keys and the random numbers of the draws that were not made yet.

    There are none without a minimum inside the box. A search copies the generator that it is given,
    so that it is the same search however often it is made.
    """
    for number, what in draws.draws(view, "draw {}".format) if len(view.minima_inside) else ():
        yield Key(draws.strategy, (), what), random_numbers(view.seed, stream, number)


def random_numbers(seed: int, stream: int, number: int) -> np.random.Generator:
    """Return the random numbers of one draw, which no other draw or basin-hopping chain has.

    Args:
        seed: seed of the exploration.
        stream: number of the strategy that draws: 0 for independent draws of minima, 1 for those of
            saddles, 2 for climbs between minima, 3 for climbs across mirrors, 4 for climbs from
            perturbed points, 5 for independent draws from the main set.
        number: number of the draw.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, number)))
