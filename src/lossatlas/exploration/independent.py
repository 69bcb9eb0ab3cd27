"""Independent draws: the sample from which the unseen part of a landscape is estimated.

All other strategies are adaptive: they look where something is expected, so what they find or do
not find says nothing about what is left. The two strategies of this module draw at random, whatever
was found before:

* ``independent-minima``: a quench from a random start. One start is one draw; the draws are
  independent and identically distributed.
* ``independent-saddles``: a climb from a known minimum along one of its soft modes. The minimum,
  the mode and the sign are chosen uniformly, the distance at which the climb begins log-uniformly.
  The draws are independent, and identically distributed as long as the set of known minima is the
  same; when a minimum is added, later draws choose from it too.

Each draw of a seed has random numbers of its own. Since the distance differs from draw to draw, no
two draws are the same search: a point that is hit twice was hit by two independent draws. A draw is
made once for each seed and atlas; another seed gives an independent run.
"""

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import numpy as np

from lossatlas.exploration.agendas import Numbered
from lossatlas.exploration.random_starts import random_numbers
from lossatlas.exploration.strategies import DISPLACEMENTS
from lossatlas.exploration.tasks import Key, Task
from lossatlas.exploration.view import View
from lossatlas.lanes.requests import Requests, Search
from lossatlas.search.basin_hopping import quench
from lossatlas.search.outcome import Outcome
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import single_ended

MINIMA, SADDLES = "independent-minima", "independent-saddles"
"""Names of the two strategies in the log."""
DISTANCES = min(DISPLACEMENTS), max(DISPLACEMENTS)
"""Shortest and longest displacement at which a climb begins, as multiples of the usual one."""


class DrawMinima:
    """Independent draws of minima: quenches from random starts."""

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(MINIMA)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the draws that were not made yet."""
        for number, what in self._draws.draws(view, partial(_name, view.seed)):
            yield Task(Key(MINIMA, (), what), partial(_quench, view.seed, number), 1)


class DrawSaddles:
    """Independent draws of saddles: climbs whose minimum, mode and sign are chosen uniformly."""

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(SADDLES)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the draws that were not made yet."""
        known = view.minima_inside
        draws = self._draws.draws(view, partial(_name, view.seed))
        for number, what in draws if len(known) else ():
            random = random_numbers(view.seed, 1, number)
            position = int(known[random.integers(len(known))])
            search = climb_of_random_mode(view, position, random)
            yield Task(Key(SADDLES, view.ids(position), what), search, 1)


def climb_of_random_mode(view: View, position: int, random: np.random.Generator) -> partial[Search]:
    """Draw the mode, the sign and the distance of a climb from a minimum.

    Args:
        view: the present state of the atlas.
        position: position of the minimum in the view.
        random: generator of the random numbers, which is advanced.

    Returns:
        The search, to be called with the tools.
    """
    modes = min(N_SOFT, view.landscape.n_weights - len(view.landscape.excluded_modes))
    mode = int(random.integers(modes))
    return partial(
        single_ended,
        w=view.weights[position],
        mode=mode,
        sign=int(random.choice([1, -1])),
        displacement=float(np.exp(random.uniform(*np.log(DISTANCES)))),
    )


def _name(seed: int, number: int) -> str:
    return f"seed {seed} draw {number}"


def _quench(seed: int, number: int, tools: Tools) -> Generator[Requests, Any, Outcome]:
    start = tools.landscape.random_start(random_numbers(seed, 0, number))
    return (yield from quench(tools, start))
