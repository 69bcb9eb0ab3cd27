"""How many searches a batch has.

What an executor does for each batch costs milliseconds, wherever it is done, so batches last some
seconds. But the last searches of a round have to be shared out among all workers, so batches become
smaller as fewer are left.
"""

import math

BATCH_SECONDS = 10.0
"""How long a batch is to take."""
MOST_A_SECOND = 50.0
"""Batches that are sent in a second, at most: what a scheduler handles without effort."""
FEW = 16
"""So many slots are few."""
FIRST = 4
"""Searches of a batch, at most, while it is not known how long one takes."""
SHARES = 2
"""Parts for each slot that what is waiting is divided into."""


def batch_size(waiting: int, slots: int, seconds: float | None) -> int:
    """Searches of the next batch.

    Args:
        waiting: searches that wait to be sent, 1 or more.
        slots: batches that are worked on at once.
        seconds: that a search takes with all else that its worker does; None if not known yet.

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
    rate = slots / seconds  # searches a second, all slots together
    rare_enough = math.ceil(rate / MOST_A_SECOND)
    return max(1, min(waiting, max(rare_enough, min(share, long_enough))))


def outstanding(slots: int) -> int:
    """Batches that are given to an executor at once.

    Of few slots one more than there are, since all that waits at a worker is lost with it. Of many
    twice as many: nothing is sent while a round is planned, which takes the longer the wider it is.

    Examples:
        >>> outstanding(1), outstanding(2), outstanding(500)
        (2, 3, 1000)
    """
    return slots + (slots if slots > FEW else 1)
