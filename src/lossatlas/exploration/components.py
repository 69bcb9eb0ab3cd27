"""Which minima are connected: disjoint sets, joined as links are added, exact at any moment."""

from collections.abc import Iterable

import numpy as np


class Components:
    """The connected components of minima 0, 1, ...; what a question costs does not grow with them.

    Disjoint sets with path halving (Tarjan and van Leeuwen, J. ACM 31, 245 (1984)); each is
    named by its first minimum, whatever the order in which it was joined.

    Examples:
        >>> components = Components()
        >>> components.add([True, True, False])
        >>> components.join(0, 2)
        >>> components.same(0, 2), components.same(0, 1), components.inside(2)
        (True, False, 1)
        >>> components.labels()
        array([0, 1, 0])
    """

    def __init__(self) -> None:
        """No minimum yet."""
        self._above: list[int] = []
        self._inside: list[int] = []

    def __len__(self) -> int:
        """How many minima there are."""
        return len(self._above)

    def add(self, inside: Iterable[bool]) -> None:
        """Add minima that nothing joins yet; whether each lies inside the box."""
        self._inside.extend(map(int, inside))
        self._above.extend(range(len(self._above), len(self._inside)))

    def find(self, minimum: int) -> int:
        """The first minimum of the component of a minimum."""
        above = self._above
        while above[minimum] != minimum:
            above[minimum] = minimum = above[above[minimum]]
        return minimum

    def same(self, one: int, other: int) -> bool:
        """Whether two minima are connected."""
        return self.find(one) == self.find(other)

    def join(self, one: int, other: int) -> None:
        """Connect two minima."""
        first, second = sorted((self.find(one), self.find(other)))
        if first != second:
            self._above[second] = first
            self._inside[first] += self._inside[second]

    def inside(self, minimum: int) -> int:
        """How many minima inside the box the component of a minimum has."""
        return self._inside[self.find(minimum)]

    def labels(self) -> np.ndarray:
        """(m,) the first minimum of the component of each."""
        above = np.array(self._above, np.int64)
        while (further := above[above]).tobytes() != above.tobytes():
            above = further
        return above
