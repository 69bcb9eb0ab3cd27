"""The connected components of minima: disjoint sets that are joined whenever a link is added."""

from collections.abc import Iterable

import numpy as np


class Components:
    """The connected components of the minima 0, 1, ..., up to date at any moment.

    They are kept as disjoint sets with path halving (Tarjan and van Leeuwen, J. ACM 31, 245
    (1984)), so that asking about one minimum takes a nearly constant time. A component is named by
    its first minimum, whatever the order in which its minima were joined.

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
        """Begin without any minimum."""
        self._above: list[int] = []
        self._inside: list[int] = []

    def __len__(self) -> int:
        """Return the number of minima."""
        return len(self._above)

    def add(self, inside: Iterable[bool]) -> None:
        """Add minima that nothing joins yet.

        Args:
            inside: for each of them, whether it lies inside the box.
        """
        self._inside.extend(map(int, inside))
        self._above.extend(range(len(self._above), len(self._inside)))

    def find(self, minimum: int) -> int:
        """Return the first minimum of the component that a minimum belongs to."""
        above = self._above
        while above[minimum] != minimum:
            above[minimum] = minimum = above[above[minimum]]
        return minimum

    def same(self, one: int, other: int) -> bool:
        """Say whether two minima are connected."""
        return self.find(one) == self.find(other)

    def join(self, one: int, other: int) -> None:
        """Join the components of two minima."""
        first, second = sorted((self.find(one), self.find(other)))
        if first != second:
            self._above[second] = first
            self._inside[first] += self._inside[second]

    def inside(self, minimum: int) -> int:
        """Count the minima inside the box in the component that a minimum belongs to."""
        return self._inside[self.find(minimum)]

    def labels(self) -> np.ndarray:
        """Return (m,) the first minimum of the component of each minimum."""
        above = np.array(self._above, np.int64)
        while (further := above[above]).tobytes() != above.tobytes():
            above = further
        return above
