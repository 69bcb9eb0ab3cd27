"""Hundreds of thousands of lines in a picture, and which of them are visible.

Hidden lines are found on a grid whose cells are much smaller than the lines are wide: of lines that
begin and end in the same cells, only the one drawn last is visible.
"""

import numpy as np
from jaxtyping import Float, Int

BUNDLE = 1000
"""Number of lines of one color that are drawn as one polyline."""


def distinct(
    lines: Float[np.ndarray, "lines 2 2"], cell: Float[np.ndarray, " 2"]
) -> Int[np.ndarray, " seen"]:
    """Find the lines that are visible: those that are longer than a cell and drawn last.

    Args:
        lines: (lines, 2, 2) the two ends (x, y) of each line, in the order in which they are drawn.
        cell: (2,) width and height of a cell.

    Returns:
        Positions of the lines that are visible. A line is not if both of its ends lie in one cell,
        or a later line has its ends in the same two cells.

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
    """Find the vertical lines that are visible, where those with the deepest ends are drawn last.

    A line is hidden if a deeper one in the same column of cells begins at the same height or
    higher.

    Args:
        drops: (lines, 2, 2) the upper and the lower end (x, y) of each line, in order of descending
            lower ends.
        cell: (2,) width and height of a cell.

    Returns:
        Positions of the lines that are visible.

    Examples:
        >>> drops = np.array([[[0, 3], [0, 2]], [[0, 5], [0, 1]], [[0, 4], [0, 0]]])
        >>> exposed(drops, np.array([0.5, 0.5]))
        array([1, 2])
    """
    column, top = np.floor(drops[:, 0] / cell).astype(int).T
    order = np.lexsort((-np.arange(len(drops)), column))  # the deepest of each column first
    # Heights are shifted so that each column lies above all before it, so that one running maximum
    # works for all columns.
    height = (column * (np.ptp(top) + 1) + top)[order]
    highest = np.maximum.accumulate(height)
    return np.sort(order[np.append(True, highest[1:] > highest[:-1])])


def bundles(lines: Float[np.ndarray, "lines 2 2"]) -> list[Float[np.ndarray, "points 2"]]:
    """Join lines of one color to a few polylines with gaps.

    The time that matplotlib takes depends on the number of polylines, not on their length.
    """
    gap = np.full((len(lines), 1, 2), np.nan)
    broken = np.concatenate([lines, gap], axis=1)
    starts = range(0, len(lines), BUNDLE)
    return [broken[start : start + BUNDLE].reshape(-1, 2)[:-1] for start in starts]


def _first_of_each(rows: Int[np.ndarray, "rows 4"]) -> Int[np.ndarray, " distinct"]:
    """The position at which each distinct row occurs first."""
    shifted = rows - rows.min(axis=0, initial=0)
    key = np.ravel_multi_index(tuple(shifted.T), tuple(shifted.max(axis=0, initial=0) + 1))
    return np.unique(key, return_index=True)[1]
