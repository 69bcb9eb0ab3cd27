"""A landscape and searches that workers can import."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import jax.numpy as jnp

from lossatlas.errors import Status
from lossatlas.exploration import Key, Strategy, Task
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.requests import Found
from lossatlas.search import Cost, Outcome


def rough(w):
    """Many minima."""
    x, y = w
    waves = jnp.sin(3.1 * x + 0.4) * jnp.cos(2.7 * y - 0.2) + 0.6 * jnp.sin(1.3 * x * y)
    return 0.08 * (x**2 + y**2) + waves + 0.1 * x


def rough_landscape():
    return FunctionLandscape(rough, [-9, -9], [9, 9], "rough", length_scale=0.6)


def nothing(tools):
    """A search that finds nothing."""
    yield []
    return Outcome(Status.NO_CANDIDATE, Cost())


def deadly(folder: str, times: int, tools):
    """A search of which so many workers die."""
    for number in range(times):
        mark = Path(folder, f"died-{number}")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    yield []
    return Outcome(Status.NO_CANDIDATE, Cost())


def failing(tools):
    yield []
    raise ValueError("no such luck")


def talkative(tools):
    yield Found(Outcome(Status.NO_CANDIDATE, Cost()))
    return Outcome(Status.NOT_FINITE, Cost())


def slow(tools):
    time.sleep(0.05)
    yield []
    return Outcome(Status.NO_CANDIDATE, Cost())


def tasks(*searches):
    """A strategy that proposes these searches, each once, among others that find nothing."""

    def propose(view):
        for number, search in enumerate(searches):
            parts = 2 if search is talkative else 1
            yield Task(Key("own", (), f"special {number}"), search, parts)
        for number in range(60):
            yield Task(Key("own", (), f"plain {number}"), nothing, 1)

    return [Strategy("own", propose)]


def deaths(folder, times):
    return partial(deadly, str(folder), times)
