"""What the device calls of an engine do, and how long they take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from lossatlas.lanes.blocks import Block


class Call(NamedTuple):
    """One device call.

    Attributes:
        kernel: name of its class.
        taken: steps that advanced an unfinished search, in all lanes.
        executed: steps executed. On a CPU a lane that has finished executes nothing.
        slowest: steps if all lanes had to take as many as the slowest, as on a GPU.
        seconds: wall time.
    """

    kernel: str
    taken: int
    executed: int
    slowest: int
    seconds: float


@contextmanager
def noted() -> Iterator[list[Call]]:
    """Note every device call."""
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
