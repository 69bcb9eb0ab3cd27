"""A log of the device calls of an engine, with their steps and times."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from lossatlas.lanes import executables
from lossatlas.lanes.blocks import Block


class Call(NamedTuple):
    """One device call.

    Attributes:
        kernel: name of the class of the kernel.
        taken: number of steps, in all lanes, that advanced an unfinished search.
        executed: number of steps that were executed. On a CPU, a lane that has finished executes
            nothing.
        slowest: number of steps if all lanes had to take as many as the slowest, as on a GPU.
        seconds: wall time of the call.
    """

    kernel: str
    taken: int
    executed: int
    slowest: int
    seconds: float


@contextmanager
def noted() -> Iterator[list[Call]]:
    """A context in which every device call is appended to the list that it yields."""
    calls: list[Call] = []
    start, finish = Block.start, Block.finish
    begun: dict[Block, float] = {}

    def starting(self: Block, new, lanes):
        begun[self] = time.perf_counter()
        return start(self, new, lanes)

    def finishing(self: Block):
        finished = finish(self)
        seconds, taken = time.perf_counter() - begun[self], np.asarray(self.taken)
        total, slowest = int(taken.sum()), int(taken.max() * taken.size)
        executed = slowest if self.vectorized else total
        calls.append(Call(type(self.kernel).__name__, total, executed, slowest, seconds))
        return finished

    with patch.object(Block, "start", starting), patch.object(Block, "finish", finishing):
        yield calls


class Steps(NamedTuple):
    """Numbers of steps, as in `Call`."""

    taken: int
    executed: int


def wait_for_code() -> None:
    """Wait until this process has compiled everything that it has begun to compile."""
    for code in list(executables._known.values()):
        code.exception()


def steps_so_far() -> Steps:
    """The steps of all device calls of this process since this function was called first."""
    calls = _all_calls()[1]
    return Steps(sum(call.taken for call in calls), sum(call.executed for call in calls))


@cache
def _all_calls() -> tuple[ExitStack, list[Call]]:
    """A context that is never left, and the calls that are noted in it."""
    kept = ExitStack()
    return kept, kept.enter_context(noted())
