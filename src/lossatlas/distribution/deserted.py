"""A warning that an executor has had no worker for a while; whoever needs one goes on waiting."""

import warnings

from lossatlas.errors import DataWarning

DESERTED = 30.0
"""Seconds without any worker after which a warning says so."""
COUNT_AGAIN = 2.0
"""Seconds after which workers, which may join and leave, are counted again."""


class Deserted:
    """Warns once each time that there is no worker for a while.

    Attributes:
        since: time of the first count without a worker; None if there was one at the last count.
        told: whether the warning about the present time without workers was given.

    Examples:
        >>> deserted = Deserted()
        >>> deserted.note(0, 10.0)
        >>> deserted.since
        10.0
    """

    def __init__(self) -> None:
        """Begin without any count."""
        self.since: float | None = None
        self.told = False

    def note(self, slots: int, now: float) -> None:
        """Take note of a count of workers.

        Args:
            slots: number of batches that workers can work on.
            now: time of the count, in seconds.

        Warns:
            DataWarning: if the counts of the last `DESERTED` seconds were zero.
        """
        if slots > 0:
            self.since, self.told = None, False
            return
        self.since = now if self.since is None else self.since
        if now - self.since >= DESERTED and not self.told:
            self.told = True
            problem = f"no worker has been there for {now - self.since:.0f} s"
            remedy = "the exploration goes on when one joins (the logs of the workers may say why)"
            warnings.warn(f"{problem}; {remedy}", DataWarning, stacklevel=2)
