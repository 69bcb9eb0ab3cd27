"""A record of how an exploration ended, and the sentences in which it is reported."""

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
"""The sentence in which each reason for the end of an exploration is reported."""


class Exploration(NamedTuple):
    """How an exploration ended.

    Attributes:
        reason: why it ended. ``"time"``: the time was up; ``"number"``: the atlas has as many
            points as asked for; ``"complete"``: it is as complete as asked for, by independent
            draws; ``"nothing new"``: nothing new was found for a while; ``"interrupted"``: the
            program was asked to end.
        minima: number of minima in the atlas at the end, including those outside of the box of a
            function.
        transition_states: number of transition states in the atlas at the end, likewise.
        attempts: number of attempts (searches) that this call made.
        seconds: wall-clock time that this call took, in seconds.
        cpu_seconds: CPU time that this call took, in seconds.
        uncompiled: names of the methods that were not used because there was not enough time to
            compile them; default none.
        compile_seconds: estimated time to compile these methods, in seconds; default 0.
        dominant_failure: the reason why most attempts of this call failed, if they found nothing or
            little; otherwise None, the default.

    Examples:
        >>> ended = Exploration("number", 6, 1, 40, 120.0, 200.0)
        >>> ended.reason, ended.minima
        ('number', 6)
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
        """Report the exploration in two lines, with a third one if most attempts failed.

        Args:
            name: name of the atlas.
            reason: why the exploration ended, in words; by default the sentence for `reason`.

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
            f"{reason or self._sentence()}; {counted(self.attempts, 'attempt')} in {spent}",
        ]
        return lines if self.dominant_failure is None else [*lines, str(self.dominant_failure)]

    def _sentence(self) -> str:
        """Why the exploration ended."""
        if self.reason == "time" and self.uncompiled:
            return "too little time is left to compile what comes next"
        return REASONS[self.reason]

    def advice(self) -> str:
        """What to do if nothing could be explored, or methods could not be compiled; else empty."""
        if self.reason == "number" and not self.attempts:
            return (
                "nothing was explored, since the atlas has as many minima or transition states as "
                "are asked for: ask for more (minima, transition_states)"
            )
        if self.reason != "time" or (self.attempts and not self.uncompiled):
            return ""
        minutes = max(1, math.ceil((self.seconds + self.compile_seconds) / 60.0))
        found = "too short" if self.attempts else "too short to find anything"
        missing = f" ({', '.join(self.uncompiled)})" if self.uncompiled else ""
        return (
            f"the time was {found}: compiling the methods of searching takes longer{missing}; give "
            f"it {counted(minutes, 'minute')} or more the first time"
        )
