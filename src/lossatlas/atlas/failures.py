"""Why searches failed: the reason that most of them had, where little came of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from lossatlas.atlas import schema
from lossatlas.errors import ADVICE, AtlasError, Status

HARMLESS = (Status.CONVERGED, Status.NO_CANDIDATE, Status.RUNNING)
"""These say nothing about the landscape; a search without a candidate is one that is used up."""


class Failure(NamedTuple):
    """The reason why most searches failed.

    Attributes:
        status: the reason.
        count: of attempts that ended with it.
        attempts: in all.
    """

    status: Status
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    attempts: int

    def __str__(self) -> str:
        """What happened, what it means and what to do."""
        meaning, remedy = ADVICE[self.status]
        ended = f"{self.count:,} of {self.attempts:,} attempts ended as {self.status.name}"
        return f"{ended}: {meaning}; {remedy}"

    def fields(self) -> dict[str, Any]:
        """The same as JSON has it."""
        meaning, remedy = ADVICE[self.status]
        return {
            "status": self.status.name,
            "count": self.count,
            "attempts": self.attempts,
            "meaning": meaning,
            "remedy": remedy,
        }


def dominant_failure(counts: Mapping[Status, int], minima: int) -> Failure | None:
    """The most frequent reason, if nothing was found or more than half of all failed for it.

    Args:
        counts: number of attempts that ended with each status.
        minima: in the atlas.

    Examples:
        >>> found = dominant_failure({Status.UNDECIDED: 9, Status.CONVERGED: 3}, minima=1)
        >>> found.status.name, found.count, found.attempts
        ('UNDECIDED', 9, 12)
        >>> dominant_failure({Status.UNDECIDED: 3, Status.CONVERGED: 9}, minima=1)
    """
    telling = {status: n for status, n in counts.items() if n and status not in HARMLESS}
    if not telling:
        return None
    worst = max(telling, key=lambda status: telling[status])
    made = sum(n for status, n in counts.items() if status is not Status.NO_CANDIDATE)
    frequent = 2 * telling[worst] > made
    return Failure(worst, telling[worst], sum(counts.values())) if frequent or not minima else None


def count_statuses(connection: Connection) -> dict[Status, int]:
    """How many attempts of the atlas ended with each status.

    Raises:
        AtlasError: for a status that there is not.
    """
    log = schema.attempt.c
    rows = connection.execute(select(log.status, func.count(log.id)).group_by(log.status))
    counts = {name: count for name, count in rows}
    unknown = sorted(counts.keys() - Status.__members__.keys())
    if unknown:
        problem = f"an attempt of the atlas has the status {unknown[0]!r}, which there is not"
        raise AtlasError(f"{problem}: it is damaged; lossatlas verify says where")
    return {Status[name]: count for name, count in counts.items()}
