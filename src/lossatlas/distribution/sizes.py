"""The number of searches of a batch.

An executor needs some milliseconds for each batch, so batches should last some seconds. The last
searches of a round, however, have to be divided among all workers, so batches become smaller as
fewer searches are left.

Workers with vectorized lanes, such as those of a graphics card, advance all searches of all their
batches together. There a batch takes as long as its slowest search, however many it has, and lanes
are empty while searches wait to be sent. Therefore all that waits is divided among the slots that
are free.
"""

import math

BATCH_SECONDS = 10.0
"""Number of seconds that a batch should take."""
MOST_A_SECOND = 50.0
"""Largest number of batches per second, which a scheduler can easily handle."""
FEW = 16
"""Largest number of slots that counts as few (see `outstanding`)."""
FIRST = 4
"""Largest number of searches of a batch while the time of a search is not known."""
SHARES = 2
"""Number of batches for each slot into which the waiting searches are divided."""


def batch_size(waiting: int, slots: int, seconds: float | None) -> int:
    """The number of searches of the next batch.

    Args:
        waiting: number of searches that wait to be sent, 1 or more.
        slots: number of batches that workers work on at once.
        seconds: time that a search takes in a busy worker, in seconds; None if it is not known yet.

    Examples:
        >>> batch_size(24, 2, None), batch_size(24, 2, 2.0), batch_size(24, 2, 30.0)
        (4, 5, 1)
        >>> batch_size(12_000, 500, 2.0)
        5
        >>> batch_size(6_000, 1_000, 0.2)
        100
    """
    share = math.ceil(waiting / (SHARES * max(1, slots)))
    if seconds is None:
        return max(1, min(share, FIRST))
    if seconds <= 0.0:
        return max(1, share)
    long_enough = int(BATCH_SECONDS / seconds)
    rate = slots / seconds  # Searches per second of all slots together.
    rare_enough = math.ceil(rate / MOST_A_SECOND)
    return max(1, min(waiting, max(rare_enough, min(share, long_enough))))


def shared_out(waiting: int, free: int) -> int:
    """The number of searches of the next batch for workers with vectorized lanes.

    Args:
        waiting: number of searches that wait to be sent, 1 or more.
        free: number of slots without a batch, 1 or more.

    Examples:
        >>> shared_out(12_000, 500), shared_out(3, 500)
        (24, 1)
    """
    return math.ceil(waiting / free)


def outstanding(slots: int) -> int:
    """The number of batches that are given to an executor at once.

    With few slots, it is one more than the slots, since batches that wait at a worker are lost if
    the worker dies. With many slots, it is twice as many, since nothing is sent while a round is
    planned, and planning a wider round takes longer.

    Args:
        slots: number of batches that workers work on at once.

    Examples:
        >>> outstanding(1), outstanding(2), outstanding(500)
        (2, 3, 1000)
    """
    return slots + (slots if slots > FEW else 1)
