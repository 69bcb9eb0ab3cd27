"""Independent draws: the sample from which one can tell how much of a landscape is unseen.

All other strategies are adaptive: they look where something is expected, and what they find or do
not find says nothing about what is left. These two draw blindly, whatever was found before:

* ``independent-minima``: a quench from a random start. One start is one draw; the draws are
  independent and identically distributed.
* ``independent-saddles``: a climb from a known minimum along one of its soft modes. The minimum,
  the mode and the sign are chosen uniformly, the distance at which the climb begins log-uniformly.
  The draws are independent, and identically distributed as long as the set of known minima is the
  same; when a minimum is added, it is among those that later draws choose from.

Draw k of a seed has random numbers of its own. The distance makes every draw another search, so a
point that is hit twice was hit by two independent draws, never by one that was repeated. A draw is
made once for each seed and atlas; another seed gives an independent run.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from lossatlas.exploration.random_starts import random_numbers
from lossatlas.exploration.strategies import DISPLACEMENTS, Task
from lossatlas.exploration.view import View
from lossatlas.search.basin_hopping import quench_attempt
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import single_ended

INDEPENDENT_MINIMA, INDEPENDENT_SADDLES = "independent-minima", "independent-saddles"
"""The strategies of the two streams."""


def draw_minima(view: View, seed: int = 0) -> Iterator[Task]:
    """Quenches from random starts, numbered through."""
    for number, detail in _not_drawn(view, INDEPENDENT_MINIMA, seed):
        search = partial(_quench, random_numbers(seed, 0, number), detail)
        yield Task(INDEPENDENT_MINIMA, (), detail, search)


def draw_saddles(view: View, seed: int = 0) -> Iterator[Task]:
    """Climbs from minima, modes and signs chosen uniformly, numbered through."""
    known = np.flatnonzero(view.inside)
    if len(known) == 0:
        return
    modes = min(N_SOFT, view.landscape.n_weights - len(view.landscape.excluded_modes))
    shortest, longest = np.log([min(DISPLACEMENTS), max(DISPLACEMENTS)])
    for number, detail in _not_drawn(view, INDEPENDENT_SADDLES, seed):
        random = random_numbers(seed, 1, number)
        position, mode = int(known[random.integers(len(known))]), int(random.integers(modes))
        sign = int(random.choice([1, -1]))
        displacement = float(np.exp(random.uniform(shortest, longest)))
        (identity,) = view.ids(position)
        start = (identity, view.weights[position])
        search = partial(_climb, start, mode, sign, displacement, detail)
        yield Task(INDEPENDENT_SADDLES, (identity,), detail, search)


def _not_drawn(view: View, strategy: str, seed: int) -> Iterator[tuple[int, str]]:
    """Numbers and names of the draws of a seed that the log does not have."""
    drawn = {detail for name, _, detail in view.tried if name == strategy}
    for number in count():
        detail = f"seed {seed} draw {number}"
        if detail not in drawn:
            yield number, detail


def _quench(random: np.random.Generator, detail: str, tools: Tools) -> Iterator[Any]:
    start = tools.landscape.random_start(random)
    attempt = yield from quench_attempt(tools, start, INDEPENDENT_MINIMA, detail)
    return attempt


def _climb(
    minimum: tuple[int, np.ndarray],
    mode: int,
    sign: int,
    displacement: float,
    detail: str,
    tools: Tools,
) -> Iterator[Any]:
    attempt = yield from single_ended(tools, minimum, mode, sign, displacement)
    return attempt._replace(strategy=INDEPENDENT_SADDLES, detail=detail)
