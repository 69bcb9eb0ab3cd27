"""Hundreds of thousands of lines in a picture: which of them are seen.

What one line hides is told on a grid whose cells are much smaller than the lines are wide: of lines
that begin and end in the same cells only the last one drawn is seen.
"""

import numpy as np
from jaxtyping import Float, Int

BUNDLE = 1000
"""Lines of one color drawn together."""


def distinct(
    lines: Float[np.ndarray, "lines 2 2"], cell: Float[np.ndarray, " 2"]
) -> Int[np.ndarray, " seen"]:
    """Which lines are seen: no points, and the last of those between the same two cells.

    Examples:
        >>> lines = np.array([[[0, 0], [1, 1]], [[0, 0.1], [1, 1]], [[0, 0], [2, 1]]])
        >>> distinct(lines, np.array([0.5, 0.5]))
        array([1, 2])
    """
    long = np.flatnonzero((lines[:, 0] != lines[:, 1]).any(axis=1))
    cells = np.floor(lines[long] / cell).astype(int).reshape(-1, 4)
    latest_first = cells[::-1]
    last = _first_of_each(latest_first)
    return long[np.sort(long.size - 1 - last)]


def exposed(
    drops: Float[np.ndarray, "lines 2 2"], cell: Float[np.ndarray, " 2"]
) -> Int[np.ndarray, " seen"]:
    """Which of vertical lines are seen that are drawn from the highest lower end to the deepest.

    A line is hidden if one of the deeper ones in the same column of cells begins as high.

    Args:
        drops: upper and lower end of each.
        cell: width and height.

    Examples:
        >>> drops = np.array([[[0, 3], [0, 2]], [[0, 5], [0, 1]], [[0, 4], [0, 0]]])
        >>> exposed(drops, np.array([0.5, 0.5]))
        array([1, 2])
    """
    column, top = np.floor(drops[:, 0] / cell).astype(int).T
    order = np.lexsort((-np.arange(len(drops)), column))  # the deepest of each column first
    # Higher in each column than in all columns before: one running maximum serves them all.
    height = (column * (np.ptp(top) + 1) + top)[order]
    highest = np.maximum.accumulate(height)
    return np.sort(order[np.append(True, highest[1:] > highest[:-1])])


def bundles(lines: Float[np.ndarray, "lines 2 2"]) -> list[Float[np.ndarray, "points 2"]]:
    """The same lines of one color as few polylines with gaps.

    matplotlib spends its time on the number of polylines, not on their length.
    """
    gap = np.full((len(lines), 1, 2), np.nan)
    broken = np.concatenate([lines, gap], axis=1)
    starts = range(0, len(lines), BUNDLE)
    return [broken[start : start + BUNDLE].reshape(-1, 2)[:-1] for start in starts]


def _first_of_each(rows: Int[np.ndarray, "rows 4"]) -> Int[np.ndarray, " distinct"]:
    """Where each of the different rows occurs first."""
    shifted = rows - rows.min(axis=0, initial=0)
    key = np.ravel_multi_index(tuple(shifted.T), tuple(shifted.max(axis=0, initial=0) + 1))
    return np.unique(key, return_index=True)[1]
