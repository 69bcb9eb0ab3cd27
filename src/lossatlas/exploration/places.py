"""Where the searches of an exploration are made: here, or by the workers of an executor."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from lossatlas.distribution.dispatcher import elsewhere
from lossatlas.distribution.executors import check_executor, slots
from lossatlas.distribution.preparing import prepare
from lossatlas.distribution.runner import Limits, Runner, here
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.device import device
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.engine import Engine
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import Tools


class Place(NamedTuple):
    """Where searches are made.

    Attributes:
        capacity: of all engines together.
        device: they compute on.
        open: begins to make searches, given the transition states known and when to end.
    """

    capacity: Capacity
    device: str
    open: Callable[[KnownPoints, Limits], AbstractContextManager[Runner]]


def chosen_place(landscape: Landscape, options: ExploreOptions, tools: Tools) -> Place:
    """This process, or the workers of an executor.

    Raises:
        BadInputError: if the executor cannot be used, or the landscape cannot be sent.
        ClusterError: if no worker answers, or has another version of this package.
    """
    if options.executor is None:
        engine, used = Engine(landscape.surface, options.lanes, options.workers), device()
        open_here = partial(here, engine, tools)
        return Place(engine.capacity, f"{used.platform}: {used.device_kind}", open_here)
    check_executor(options.executor)
    there = prepare(options.executor, tools, options.lanes, options.workers)
    one = there.ability
    threads = one.threads if one.vectorized else 1  # each slot brings a thread of its own
    workers = slots(options.executor) * (options.workers or threads)
    capacity = Capacity(one.lanes, max(1, workers), 0, one.vectorized, ())
    return Place(capacity, one.device, partial(elsewhere, options.executor, there))
