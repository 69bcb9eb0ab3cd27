"""How an exploration of an atlas ended: a record, and what is said about it."""

import math
from typing import NamedTuple

from lossatlas.atlas.failures import Failure
from lossatlas.shown import counted

REASONS = {
    "time": "the time is up",
    "number": "there are as many points as asked for",
    "complete": "it is as complete as asked for, by independent draws",
    "nothing new": "nothing new turns up any more",
    "interrupted": "interrupted",
}
"""What the reasons for which an exploration ends mean."""


class Exploration(NamedTuple):
    """How an exploration ended.

    Attributes:
        reason: ``"time"``, ``"number"``, ``"complete"``, ``"nothing new"`` or ``"interrupted"``.
        minima, transition_states: in the atlas at the end, those outside of the box included.
        attempts: made in this call.
        seconds, cpu_seconds: spent in this call.
        uncompiled: names of the methods that were not used, because there was no time left to
            compile them.
        compile_seconds: how long to compile these would take, roughly.
        dominant_failure: why most attempts of this call failed, where nothing or little was found.
    """

    reason: str
    minima: int
    transition_states: int
    attempts: int
    seconds: float
    cpu_seconds: float
    uncompiled: tuple[str, ...] = ()
    compile_seconds: float = 0.0
    dominant_failure: Failure | None = None

    def lines(self, name: str, reason: str = "") -> list[str]:
        """What there is to say, one sentence or two a line.

        Args:
            name: of the atlas.
            reason: why it ended, in words, where more is known than `REASONS` says.

        Examples:
            >>> for line in Exploration("time", 6, 1, 40, 120.0, 200.0).lines("d2.atlas"):
            ...     print(line)
            d2.atlas: 6 minima, 1 transition state
            the time is up; 40 attempts in 120.0 s (200.0 s of CPU time)
        """
        minima = counted(self.minima, "minimum", "minima")
        states = counted(self.transition_states, "transition state")
        spent = f"{self.seconds:.1f} s ({self.cpu_seconds:.1f} s of CPU time)"
        lines = [
            f"{name}: {minima}, {states}",
            f"{reason or REASONS[self.reason]}; {counted(self.attempts, 'attempt')} in {spent}",
        ]
        return lines if self.dominant_failure is None else [*lines, str(self.dominant_failure)]

    def advice(self) -> str:
        """What to do where the time was too short to compile what searches need; else nothing."""
        if self.reason != "time" or (self.attempts and not self.uncompiled):
            return ""
        minutes = max(1, math.ceil((self.seconds + self.compile_seconds) / 60.0))
        found = "too short" if self.attempts else "too short to find anything"
        missing = f" ({', '.join(self.uncompiled)})" if self.uncompiled else ""
        return (
            f"the time was {found}: compiling the methods of searching takes longer{missing}; give "
            f"it {counted(minutes, 'minute')} or more the first time"
        )
