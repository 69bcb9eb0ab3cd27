"""Prepare an executor for an exploration: send the setup to one worker, and check its answer."""

import time
import warnings
from collections.abc import Mapping
from concurrent.futures import CancelledError, Executor, Future, wait
from typing import NamedTuple
from uuid import uuid4

from lossatlas.distribution.deserted import COUNT_AGAIN, Deserted
from lossatlas.distribution.executors import check_connection, executor_lost, slots, worker_died
from lossatlas.distribution.messages import Computing, Setup, packed
from lossatlas.distribution.versions import versions
from lossatlas.distribution.worker import Ability, ability, identity
from lossatlas.errors import ClusterError, DataWarning
from lossatlas.landscape.device import xla_flags
from lossatlas.lanes.runtime import XLA_FLAGS
from lossatlas.search.tools import Tools

FIRST_TRIES = 3
"""Number of workers that are tried, in case some die before they have begun."""


class Prepared(NamedTuple):
    """The setup that workers are sent once, and the answer of the first worker to it.

    Attributes:
        name: name of the exploration.
        content: pickled `Computing` and `Setup`.
        ability: what one worker can do; all workers are assumed to be alike.
    """

    name: str
    content: bytes
    ability: Ability


def prepare(executor: Executor, tools: Tools, lanes: int | None, threads: int | None) -> Prepared:
    """Send the setup of an exploration to one worker, and learn what it can do.

    Args:
        executor: the executor with the workers.
        tools: the tools of the searches, with the landscape.
        lanes: number of lanes of each kernel and thread; None for the best number on the device.
        threads: number of threads in a worker; None for as many as it has.

    Raises:
        BadInputError: the landscape cannot be sent to another process.
        ClusterError: no worker answers, or it has another version of lossatlas.
    """
    name, own = uuid4().hex, identity()
    flags = xla_flags()
    computing = Computing(own, flags, all(flag in flags for flag in XLA_FLAGS))
    where = "explore: landscape"
    content = packed((computing, packed(Setup(tools, lanes, threads, own), where)), where)
    first = _ability(executor, name, content)
    _compare(versions(), first)
    return Prepared(name, content, first)


def _ability(executor: Executor, name: str, content: bytes) -> Ability:
    """The answer of a worker to the setup; if the worker dies, another one is asked.

    Raises:
        ClusterError: no worker answers.
    """
    for tries in range(FIRST_TRIES):
        check_connection(executor)
        try:
            return _waited_for(executor, executor.submit(ability, name, content))
        except CancelledError as error:
            problem = "the executor has cancelled the first task: it was shut down"
            raise ClusterError(problem) from error
        except Exception as error:
            if not worker_died(error) or tries + 1 == FIRST_TRIES:
                raise executor_lost(error) or ClusterError(
                    f"no worker can begin: {error}"
                ) from error
    raise AssertionError("the last try returns or raises")


def _waited_for(executor: Executor, first: "Future[Ability]") -> Ability:
    """The answer of the first worker, for which a warning says after a while if there is none."""
    deserted = Deserted()
    while not wait((first,), COUNT_AGAIN).done:
        deserted.note(slots(executor), time.monotonic())
    return first.result()


def _compare(own: Mapping[str, str], other: Ability) -> None:
    """Compare the versions of a worker with those of this process.

    Other versions of libraries cause a warning, since they may round results differently.

    Raises:
        ClusterError: the worker has another version of lossatlas.
    """
    differ = [
        f"{name} {other.versions.get(name)} (here {own[name]})"
        for name in own
        if own[name] != other.versions.get(name)
    ]
    if not differ:
        return
    text = f"{other.worker} has {', '.join(differ)}"
    if own["lossatlas"] != other.versions.get("lossatlas"):
        raise ClusterError(f"{text}; install the same version of lossatlas there and here")
    warnings.warn(f"{text}: results may be rounded otherwise", DataWarning, stacklevel=3)
