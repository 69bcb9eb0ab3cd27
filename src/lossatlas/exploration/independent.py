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
"""What they are called in the log."""
DISTANCES = min(DISPLACEMENTS), max(DISPLACEMENTS)
"""Shortest and longest displacement from which a climb begins."""


class DrawMinima:
    """Quenches from random starts, numbered through."""

    def __init__(self) -> None:
        """No draw was made yet."""
        self._draws = Numbered(MINIMA)

    def __call__(self, view: View) -> Iterator[Task]:
        """The draws that were not made."""
        for number, what in self._draws.draws(view, partial(_name, view.seed)):
            yield Task(Key(MINIMA, (), what), partial(_quench, view.seed, number), 1)


class DrawSaddles:
    """Climbs from minima, modes and signs chosen uniformly, numbered through."""

    def __init__(self) -> None:
        """No draw was made yet."""
        self._draws = Numbered(SADDLES)

    def __call__(self, view: View) -> Iterator[Task]:
        """The draws that were not made."""
        known = view.minima_inside
        draws = self._draws.draws(view, partial(_name, view.seed))
        for number, what in draws if len(known) else ():
            random = random_numbers(view.seed, 1, number)
            position = int(known[random.integers(len(known))])
            search = climb_of_random_mode(view, position, random)
            yield Task(Key(SADDLES, view.ids(position), what), search, 1)


def climb_of_random_mode(view: View, position: int, random: np.random.Generator) -> partial[Search]:
    """A climb from a minimum whose mode, sign and distance are drawn.

    Args:
        view: of the atlas.
        position: of the minimum.
        random: where the numbers come from; it moves on.
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
