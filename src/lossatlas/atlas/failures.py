"""The reason why most searches failed, if they found nothing or little."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from lossatlas.atlas import schema
from lossatlas.errors import ADVICE, AtlasError, Status

HARMLESS = (Status.CONVERGED, Status.NO_CANDIDATE, Status.RUNNING)
"""Statuses that do not show a difficulty of the landscape. A search without a candidate (a minimum
or mode to start from) has merely used up its candidates."""


class Failure(NamedTuple):
    """The reason why most searches failed.

    Attributes:
        status: the status with which most of the failed attempts ended.
        count: number of attempts that ended with this status.
        attempts: number of all attempts.
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
        """The failure as a dictionary of JSON types, with its meaning and its remedy."""
        meaning, remedy = ADVICE[self.status]
        return {
            "status": self.status.name,
            "count": self.count,
            "attempts": self.attempts,
            "meaning": meaning,
            "remedy": remedy,
        }


def dominant_failure(counts: Mapping[Status, int], minima: int) -> Failure | None:
    """The most frequent failure, if it matters.

    Args:
        counts: number of attempts that ended with each status.
        minima: number of minima in the atlas.

    Returns:
        The failure, if the atlas has no minima or if more than half of all attempts that had a
        candidate failed for this reason; otherwise None.

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
    """Count the attempts of an atlas by the status with which they ended.

    Raises:
        AtlasError: an attempt has a status that does not exist.
    """
    log = schema.attempt.c
    rows = connection.execute(select(log.status, func.count(log.id)).group_by(log.status))
    counts = {name: count for name, count in rows}
    unknown = sorted(counts.keys() - Status.__members__.keys())
    if unknown:
        problem = f"an attempt of the atlas has the status {unknown[0]!r}, which does not exist"
        raise AtlasError(f"{problem}: it is damaged; lossatlas verify says where")
    return {Status[name]: count for name, count in counts.items()}
