"""Hundreds of thousands of lines in a picture: leave out the hidden ones, draw the rest together.

What one line hides is told on a grid whose cells are much smaller than the lines are wide: of lines
that begin and end in the same cells only the last one drawn is seen.
"""

import numpy as np
from jaxtyping import Float, Int

BUNDLE, SHADES = 1000, 64
"""Lines drawn together, in the order of drawing, and colors told apart within them."""


def distinct(
    lines: Float[np.ndarray, "lines 2 2"], cell: Float[np.ndarray, " 2"]
) -> Int[np.ndarray, " seen"]:
    """Which lines are seen: no points, and the last of those between the same two cells.

    Example:
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

    Example:
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


def bundles(
    lines: Float[np.ndarray, "lines 2 2"], values: Float[np.ndarray, " lines"] | None = None
) -> tuple[list[np.ndarray], Float[np.ndarray, " bundles"] | None]:
    """The same lines as few polylines with gaps, and the value of each: neighbors in the order
    of drawing whose values are about the same.

    matplotlib spends its time on the number of polylines, not on their length.
    """
    shades = np.zeros(len(lines), int)
    if values is not None and np.isfinite(values).any():
        low, high = np.nanmin(values), np.nanmax(values)
        fraction = (values - low) / ((high - low) or 1.0)
        shades = np.where(np.isfinite(values), np.round(fraction * SHADES), -1).astype(int)
    batch = np.arange(len(lines)) // BUNDLE
    order = np.lexsort((shades, batch))
    ends = np.flatnonzero(np.diff(batch[order]) | np.diff(shades[order])) + 1
    together = np.split(order, ends)
    gap = np.full((len(lines), 1, 2), np.nan)
    broken = np.concatenate([lines, gap], axis=1)
    polylines = [broken[bundle].reshape(-1, 2)[:-1] for bundle in together]
    if values is None:
        return polylines, None
    return polylines, np.array([values[bundle].mean() for bundle in together])


def _first_of_each(rows: Int[np.ndarray, "rows 4"]) -> Int[np.ndarray, " distinct"]:
    """Where each of the different rows occurs first."""
    shifted = rows - rows.min(axis=0, initial=0)
    key = np.ravel_multi_index(tuple(shifted.T), tuple(shifted.max(axis=0, initial=0) + 1))
    return np.unique(key, return_index=True)[1]
