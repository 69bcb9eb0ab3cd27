"""The places where searches are made: this process, or the workers of an executor."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

from lossatlas.distribution.dispatcher import elsewhere
from lossatlas.distribution.executors import check_executor, processes, slots
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
    """The place where the searches of an exploration are made.

    Attributes:
        capacity: lanes and workers of all engines together.
        device: platform and kind of the device that they compute on, for example "cpu: cpu".
        open: returns a context manager that gives a `Runner`. It takes the transition states that
            searches recognize, and the limits of time.
    """

    capacity: Capacity
    device: str
    open: Callable[[KnownPoints, Limits], AbstractContextManager[Runner]]


def chosen_place(landscape: Landscape, options: ExploreOptions, tools: Tools) -> Place:
    """Return this process, or the workers of the executor that the options name.

    Args:
        landscape: the landscape that searches are made on.
        options: the options, of which lanes, workers and executor are used.
        tools: tolerances and lengths of the searches, which are sent to the workers.

    Raises:
        BadInputError: if the executor cannot be used, or the landscape cannot be sent to workers.
        ClusterError: if no worker answers, or one has another version of this package.
    """
    if options.executor is None:
        engine, used = Engine(landscape.surface, options.lanes, options.workers), device()
        open_here = partial(here, engine, tools)
        return Place(engine.capacity, f"{used.platform}: {used.device_kind}", open_here)
    check_executor(options.executor)
    there = prepare(options.executor, tools, options.lanes, options.workers)
    one = there.ability
    if one.vectorized:
        workers = processes(options.executor) * one.threads
    else:  # each slot of the executor stands for one thread
        workers = slots(options.executor) * (options.workers or 1)
    capacity = Capacity(one.lanes, max(1, workers), 0, one.vectorized, ())
    return Place(capacity, one.device, partial(elsewhere, options.executor, there))
