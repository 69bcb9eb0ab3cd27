"""Searches whose worker has died: one of them may be what kills workers, most are innocent.

They are sent again one by one, never two at a time, so that a second death is certainly the fault
of the search that was sent. Workers with vectorized lanes make thousands of searches at once, and
one search alone takes them nearly as long as all. Therefore all searches that such a worker has
lost are sent again together. If its worker dies too, the group is halved, until a group that kills
its worker is a single search.
"""

from collections import deque
from collections.abc import Sequence

from lossatlas.distribution.messages import Search


class Suspects:
    """The searches to be sent again, and which of them are sent next.

    Args:
        vectorized: whether workers advance all searches that they have together.

    Examples:
        >>> from lossatlas.distribution.messages import Search
        >>> lost = [Search(name, k, b"", 0) for k, name in enumerate("abc")]
        >>> suspects = Suspects(vectorized=True)
        >>> suspects.add(lost[:2]), suspects.add(lost[2:])
        (None, None)
        >>> group = suspects.next_group()
        >>> [search.name for search in group], bool(suspects)
        (['a', 'b', 'c'], False)
        >>> suspects.halve(group)
        >>> [[search.name for search in suspects.next_group()] for _ in range(2)]
        [['a'], ['b', 'c']]
    """

    def __init__(self, vectorized: bool) -> None:
        """Begin without any search."""
        self.vectorized = vectorized
        self._lost: deque[Search] = deque()
        self._halves: deque[tuple[Search, ...]] = deque()

    def __bool__(self) -> bool:
        """Return whether there is any search to be sent."""
        return bool(self._lost or self._halves)

    def add(self, searches: Sequence[Search]) -> None:
        """Add searches whose worker has died for the first time."""
        self._lost.extend(searches)

    def halve(self, group: Sequence[Search]) -> None:
        """Take back a group of several searches whose worker has died again."""
        middle = len(group) // 2
        self._halves.extend((tuple(group[:middle]), tuple(group[middle:])))

    def next_group(self) -> tuple[Search, ...]:
        """Remove and return the searches that are sent next."""
        if self._halves:
            return self._halves.popleft()
        if not self.vectorized:
            return (self._lost.popleft(),)
        group = tuple(self._lost)
        self._lost.clear()
        return group

    def clear(self) -> None:
        """Forget all."""
        self._lost.clear()
        self._halves.clear()
