"""Strategies that draw at random where to climb from; none of them ever runs out.

Those of `strategies` look near the minima and between near ones, and each start leads to one
transition state. These reach what lies elsewhere: around any stationary point (as PATHSAMPLE's
perturbed searches), between minima far apart, and on the mirrors of the symmetry. Draws are
numbered through, and each has random numbers of its own.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from lossatlas.exploration.strategies import Task
from lossatlas.exploration.view import View
from lossatlas.landscape.base import Landscape
from lossatlas.search.tools import Tools
from lossatlas.search.transition_states import climb_from, from_the_middle

PERTURBATION = (0.3, 1.1)
"""Largest step of a weight from a stationary point to where a climb begins, in length scales: drawn
anew for each climb from this range, since some states are reached from near or from afar only."""
DISTURBANCE = 0.5
"""Likewise to a point near a mirror."""
MANY_WEIGHTS = 100
"""Above so many weights the step of each is shortened, so that no step gets any longer."""


def look_around(view: View, seed: int = 0) -> Iterator[Task]:
    """Climbs from minima and transition states with every weight perturbed.

    Far enough from a stationary point there is negative curvature in many directions, and a climb
    has a way up from the start. Most of those along the soft modes of a minimum end on slopes that
    only the regularization bends.
    """
    known = _stationary_points(view)
    for detail, random in _draws(view, "perturbed", seed, 4) if known else ():
        start = known[int(random.integers(len(known)))]
        yield Task("perturbed", (), detail, partial(_perturbed, start, random, detail))


def _perturbed(
    start: np.ndarray, random: np.random.Generator, detail: str, tools: Tools
) -> Iterator[Any]:
    landscape = tools.landscape
    step = perturbation(landscape, random)
    attempt = yield from climb_from(tools, "perturbed", start + step, step)
    return attempt._replace(detail=detail)


def perturbation(landscape: Landscape, random: np.random.Generator) -> np.ndarray:
    """A step (n,) from a stationary point, uniform in a box of random size, not along the shift."""
    size = landscape.length_scale * random.uniform(*PERTURBATION)
    size *= _shortening(landscape)
    step = size * random.uniform(-1.0, 1.0, landscape.n_weights)
    return step - landscape.excluded_modes.T @ (landscape.excluded_modes @ step)


def look_between(view: View, seed: int = 0) -> Iterator[Task]:
    """Climbs from the middle between any two minima, the second in any of its copies."""
    known = np.flatnonzero(view.inside)
    for detail, random in _draws(view, "between", seed, 2) if len(known) else ():
        a, b = known[random.integers(len(known), size=2)]
        first, second = ((view.ids(p)[0], view.weights[p]) for p in (a, b))
        yield Task("between", (), detail, partial(_between, first, second, random, detail))


def _between(
    first: tuple[int, np.ndarray],
    second: tuple[int, np.ndarray],
    random: np.random.Generator,
    detail: str,
    tools: Tools,
) -> Iterator[Any]:
    anywhere = tools.landscape.random_start(random)
    copy = tools.landscape.nearest_copy(second[1], anywhere)
    attempt = yield from from_the_middle(tools, "between", first, (second[0], copy))
    return attempt._replace(origin=(), detail=detail)


def look_on_mirrors(view: View, seed: int = 0) -> Iterator[Task]:
    """Climbs from the middle between disturbed points and their mirror images.

    A rearrangement that exchanges two units, or turns one, often has its transition state on the
    mirror: where the two units are equal, or the one is zero. On the mirror such a state is an
    ordinary minimum, with neighbors that are found as those of minima are: by a step as in
    basin-hopping, which here stays on the mirror, and the way down. The only way up is across it.
    Many states lie on several mirrors at once, which a step in any direction would leave: steps
    keep the equal units that a point has, and the middle lies on one mirror more. They begin at
    minima and at transition states.
    """
    known = _stationary_points(view)
    # A point of no symmetry has copies wherever there is a mirror; a minimum may lie on it.
    anywhere = view.landscape.random_start(np.random.default_rng(0))
    some = known and view.landscape.neighbor_copies(anywhere)
    for detail, random in _draws(view, "mirrors", seed, 3) if some else ():
        start = known[int(random.integers(len(known)))]
        yield Task("mirrors", (), detail, partial(_mirrored, start, random, detail))


def _mirrored(
    start: np.ndarray, random: np.random.Generator, detail: str, tools: Tools
) -> Iterator[Any]:
    landscape = tools.landscape
    step = landscape.symmetrizer(start) @ random.uniform(-1.0, 1.0, len(start))
    size = DISTURBANCE * landscape.length_scale * random.random() * _shortening(landscape)
    disturbed = start + size * step
    copies = landscape.neighbor_copies(disturbed)
    second = copies[int(random.integers(len(copies)))] if copies else disturbed
    attempt = yield from from_the_middle(tools, "mirrors", (0, disturbed), (0, second))
    return attempt._replace(origin=(), detail=detail)


def _shortening(landscape: Landscape) -> float:
    return min(1.0, MANY_WEIGHTS / landscape.n_weights) ** 0.5


def _stationary_points(view: View) -> list[np.ndarray]:
    """Weights of the minima inside the box, then of the transition states; empty without minima."""
    if not view.inside.any():
        return []
    return [*view.weights[view.inside], *view.transition_states]


def _draws(
    view: View, strategy: str, seed: int, stream: int
) -> Iterator[tuple[str, np.random.Generator]]:
    """The draws of a strategy that were not made before: their names and random numbers."""
    for number in count():
        detail = f"draw {number}"
        if (strategy, (), detail) not in view.tried:
            yield detail, random_numbers(seed, stream, number)


def random_numbers(seed: int, stream: int, number: int) -> np.random.Generator:
    """Those of one draw; no other draw and no chain of basin-hopping has the same ones.

    Streams 0 and 1 are the independent draws of minima and of saddles, 2 looks between minima, 3 on
    mirrors, 4 around stationary points.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, number)))
