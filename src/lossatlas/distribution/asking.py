"""What a worker asks for: once, however many batches lack it.

A worker that begins an exploration lacks the landscape and the known transition states. If it makes
many batches at once, all of them notice that at the same time. One asks, and the others wait until
what it has asked for is sent.
"""

import threading
import time
from dataclasses import dataclass

SECONDS = 5.0
"""Seconds that a batch waits for what another batch of its process has asked for."""


@dataclass
class Asked:
    """What this process has asked for.

    Attributes:
        time: time at which a batch has asked; in the distant past if what it asked for has come.
        waiting: number of batches that wait for it.
    """

    time: float = -SECONDS
    waiting: int = 0


_NEWS = threading.Condition()
"""The lock of `_ASKED`, on which batches wait."""
_ASKED: dict[str, Asked] = {}
"""What this process has asked for, by the key of the exploration."""


def arrives(exploration: str, until: float, threads: int) -> bool:
    """Wait for what another batch has asked for.

    One thread of the worker never waits, so that there is one for the batch that brings it.

    Args:
        exploration: key of the exploration.
        until: time at which the batch asks in any case.
        threads: number of batches that the worker makes at once.

    Returns:
        Whether something has arrived. If not, this batch has to ask.
    """
    with _NEWS:
        now = time.monotonic()
        asked = _ASKED.setdefault(exploration, Asked())
        if now - asked.time >= SECONDS or asked.waiting >= threads - 1:
            asked.time = now
            return False
        asked.waiting += 1
        try:
            return _NEWS.wait(until - now)
        finally:
            asked.waiting -= 1


def has_arrived(exploration: str) -> None:
    """Wake the batches that wait for what has arrived.

    Args:
        exploration: key of the exploration.
    """
    with _NEWS:
        if exploration in _ASKED:
            _ASKED[exploration].time = -SECONDS
        _NEWS.notify_all()
