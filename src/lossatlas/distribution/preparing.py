"""Before searches are sent to an executor: the setup, and what its first worker answers to it."""

import warnings
from collections.abc import Mapping
from concurrent.futures import CancelledError, Executor
from typing import NamedTuple
from uuid import uuid4

from lossatlas.distribution.executors import check_connection, executor_lost, worker_died
from lossatlas.distribution.messages import Computing, Setup, packed
from lossatlas.distribution.versions import versions
from lossatlas.distribution.worker import Ability, ability, identity
from lossatlas.errors import ClusterError, DataWarning
from lossatlas.landscape.device import xla_flags
from lossatlas.lanes.runtime import XLA_FLAGS
from lossatlas.search.tools import Tools

FIRST_TRIES = 3
"""Workers that may die before one has begun."""


class Prepared(NamedTuple):
    """What workers are sent once, and what the first of them has answered.

    Attributes:
        name: of the exploration.
        content: pickled `Computing` and `Setup`.
        ability: of one worker; all are taken to be alike.
    """

    name: str
    content: bytes
    ability: Ability


def prepare(executor: Executor, tools: Tools, lanes: int | None, threads: int | None) -> Prepared:
    """Send the setup to one worker, and hear what it can do.

    Raises:
        BadInputError: if the landscape cannot be sent.
        ClusterError: if there is no worker that could answer, or it has other versions.
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
    """What a worker answers to the setup; another one is asked where one dies."""
    for tries in range(FIRST_TRIES):
        check_connection(executor)
        try:
            return executor.submit(ability, name, content).result()
        except CancelledError as error:
            problem = "the executor has cancelled the first task: it was shut down"
            raise ClusterError(problem) from error
        except Exception as error:
            if not worker_died(error) or tries + 1 == FIRST_TRIES:
                raise executor_lost(error) or ClusterError(
                    f"no worker can begin: {error}"
                ) from error
    raise AssertionError("the last try returns or raises")


def _compare(own: Mapping[str, str], other: Ability) -> None:
    """Refuse another version of this package in workers, and warn of others that round otherwise.

    Raises:
        ClusterError: says which.
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
