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
from itertools import count
from typing import Any

import numpy as np

from lossatlas.exploration.random_starts import random_numbers
from lossatlas.exploration.strategies import DISPLACEMENTS
from lossatlas.exploration.tasks import Key, Task, View
from lossatlas.lanes.requests import Requests
from lossatlas.search.basin_hopping import quench
from lossatlas.search.outcome import Outcome
from lossatlas.search.tools import N_SOFT, Tools
from lossatlas.search.transition_states import single_ended

MINIMA, SADDLES = "independent-minima", "independent-saddles"
"""What they are called in the log."""


def draw_minima(view: View) -> Iterator[Task]:
    """Quenches from random starts, numbered through."""
    for number, what in _not_drawn(view, MINIMA):
        yield Task(Key(MINIMA, (), what), partial(_quench, view.seed, number))


def draw_saddles(view: View) -> Iterator[Task]:
    """Climbs from minima, modes and signs chosen uniformly, numbered through."""
    known = np.flatnonzero(view.inside)
    if len(known) == 0:
        return
    modes = min(N_SOFT, view.landscape.n_weights - len(view.landscape.excluded_modes))
    shortest, longest = np.log([min(DISPLACEMENTS), max(DISPLACEMENTS)])
    for number, what in _not_drawn(view, SADDLES):
        random = random_numbers(view.seed, 1, number)
        position, mode = int(known[random.integers(len(known))]), int(random.integers(modes))
        sign = int(random.choice([1, -1]))
        displacement = float(np.exp(random.uniform(shortest, longest)))
        search = partial(
            single_ended,
            w=view.weights[position],
            mode=mode,
            sign=sign,
            displacement=displacement,
        )
        yield Task(Key(SADDLES, view.ids(position), what), search)


def _not_drawn(view: View, strategy: str) -> Iterator[tuple[int, str]]:
    """Numbers and names of the draws of the seed that the log does not have."""
    drawn = view.tried.whats(strategy)
    for number in count():
        what = f"seed {view.seed} draw {number}"
        if what not in drawn:
            yield number, what


def _quench(seed: int, number: int, tools: Tools) -> Generator[Requests, Any, Outcome]:
    start = tools.landscape.random_start(random_numbers(seed, 0, number))
    return (yield from quench(tools, start))
