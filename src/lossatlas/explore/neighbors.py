"""The nearest minima of every minimum, by descriptors, kept up to date as minima are added."""

import numpy as np

NEIGHBORS = 10
"""Nearest minima that pairs are chosen from."""
BLOCK = 256
"""Rows compared with all others at a time."""


class Neighbors:
    """The nearest rows of every row, nearest first, the row itself left out.

    Example:
        >>> near = Neighbors()
        >>> near.add(np.array([[0.0], [1.0], [3.0]]))
        >>> near.found.tolist(), near.distances.tolist()
        ([[1, 2], [0, 2], [1, 0]], [[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]])
    """

    def __init__(self) -> None:
        """No row yet."""
        self._rows = np.zeros((0, 0), np.float32)
        self._found = np.zeros((0, NEIGHBORS), int)
        self._distances = np.zeros((0, NEIGHBORS))

    @property
    def found(self) -> np.ndarray:
        """(m, k) numbers of the nearest rows, k at most `NEIGHBORS`."""
        return self._found[:, : max(0, len(self._rows) - 1)]

    @property
    def distances(self) -> np.ndarray:
        """(m, k) how far they are."""
        return self._distances[:, : max(0, len(self._rows) - 1)]

    def add(self, rows: np.ndarray) -> None:
        """Add rows (b, d), which are numbered on."""
        for first in range(0, len(rows), BLOCK):
            self._add(np.asarray(rows[first : first + BLOCK], np.float32))

    def _add(self, new: np.ndarray) -> None:
        old = len(self._rows)
        self._rows = np.concatenate([self._rows.reshape(old, new.shape[1]), new])
        numbers = np.arange(len(self._rows))
        apart = _distances(new, self._rows)
        apart[np.arange(len(new)), numbers[old:]] = np.inf
        # What a row has found so far are candidates like those that are new to it.
        shape = (len(new), NEIGHBORS)
        self._found = np.concatenate([self._found, np.full(shape, -1)])
        self._distances = np.concatenate([self._distances, np.full(shape, np.inf)])
        closer = np.flatnonzero(apart[:, :old].min(axis=0) < self._distances[:old, -1])
        self._merge(closer, numbers[old:], apart[:, closer].T)
        self._merge(numbers[old:], numbers, apart)

    def _merge(self, which: np.ndarray, candidates: np.ndarray, apart: np.ndarray) -> None:
        """Candidates, with their distances (rows, candidates), compete for places."""
        everyone = np.broadcast_to(candidates, apart.shape)
        found = np.concatenate([self._found[which], everyone], axis=1)
        distances = np.concatenate([self._distances[which], apart], axis=1)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :NEIGHBORS]
        self._found[which] = np.take_along_axis(found, nearest, axis=1)
        self._distances[which] = np.take_along_axis(distances, nearest, axis=1)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0)).astype(np.float64)
