"""The nearest minima of every minimum, by descriptors, kept up to date as minima are added."""

import numpy as np

NEIGHBORS = 10
"""Nearest minima that pairs are chosen from."""
CANDIDATES = 2 * NEIGHBORS
"""Rows whose distances are computed without the rounding errors of matrix products."""
BLOCK = 256
"""Rows added at a time."""


class Neighbors:
    """The nearest rows of every row, nearest first, the row itself left out.

    Of rows at the same distance those added first are taken, however rows come in batches (unless
    more than `CANDIDATES` share a distance).

    Examples:
        >>> near = Neighbors()
        >>> near.add(np.array([[0.0], [1.0], [3.0]]))
        >>> near.found.tolist(), near.distances.tolist()
        ([[1, 2], [0, 2], [1, 0]], [[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]])
    """

    def __init__(self) -> None:
        """No row yet."""
        self._rows = np.zeros((0, 0))
        self._found = np.zeros((0, NEIGHBORS), int)
        self._distances = np.zeros((0, NEIGHBORS))
        self._changed: list[int] = []

    def changed_since(self, mark: int) -> np.ndarray:
        """Numbers of rows whose lists changed, in the order in which they did, after the first."""
        return np.array(self._changed[mark:], np.int64)

    @property
    def found(self) -> np.ndarray:
        """(m, k) numbers of the nearest rows, k at most `NEIGHBORS`."""
        return self._found[:, : max(0, len(self._found) - 1)]

    @property
    def distances(self) -> np.ndarray:
        """(m, k) how far they are."""
        return self._distances[:, : max(0, len(self._found) - 1)]

    def add(self, new: np.ndarray) -> None:
        """Add rows (b, d), at most `BLOCK` for the memory's sake; they are numbered on."""
        if len(new) == 0:
            return
        old = len(self._found)
        known = self._rows.reshape(old, new.shape[1])  # the first rows tell how long rows are
        self._rows = np.concatenate([known, new])
        self._found = np.concatenate([self._found, np.full((len(new), NEIGHBORS), -1)])
        self._distances = np.concatenate([self._distances, np.full((len(new), NEIGHBORS), np.inf)])
        numbers = np.arange(len(self._rows))
        apart = _squares(new, self._rows)
        apart[np.arange(len(new)), numbers[old:]] = np.inf
        self._merge(numbers[old:], numbers, apart)
        if old:
            # Products err by a little; what may be nearer than the farthest found so far competes.
            farthest = self._distances[:old, -1] ** 2
            slack = 1e-9 * (1.0 + apart[:, :old].max())
            closer = np.flatnonzero(apart[:, :old].min(axis=0) <= farthest + slack)
            self._merge(closer, numbers[old:], apart[:, closer].T)

    def _merge(self, which: np.ndarray, numbers: np.ndarray, squares: np.ndarray) -> None:
        """Rows `numbers`, at about these squared distances, compete for places with those found."""
        count = min(CANDIDATES, len(numbers))
        nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
        candidates = numbers[nearest]
        apart = np.linalg.norm(self._rows[candidates] - self._rows[which][:, None], axis=2)
        apart[candidates == which[:, None]] = np.inf
        found = np.concatenate([self._found[which], candidates], axis=1)
        distances = np.concatenate([self._distances[which], apart], axis=1)
        order = np.lexsort((found, distances))[:, :NEIGHBORS]
        self._changed += which.tolist()
        self._found[which] = np.take_along_axis(found, order, axis=1)
        self._distances[which] = np.take_along_axis(distances, order, axis=1)


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances (len(a), len(b)), by matrix products around a common origin."""
    a, b = a - b[0], b - b[0]
    return (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
