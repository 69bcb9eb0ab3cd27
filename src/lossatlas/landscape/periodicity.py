"""Periodic coordinates, for which translations by whole periods are symmetries.

A coordinate with a period p lies on a circle, and two points are the same if their coordinates
differ by whole periods. The cosine and the sine of the phase, times p / 2 pi, describe such a
coordinate without a jump, and change as fast as the coordinate itself.
"""

from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

MOST_PAIRS = 10
"""Largest number of periodic coordinates for which translations along two of them at once are
offered."""


def translated(
    w: Float[np.ndarray, "... n"], target: Float[np.ndarray, " n"], period: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "... n"]:
    """Translate points by whole periods to be nearest to a target.

    Coordinates that need no translation are returned exactly as they were.

    Args:
        w: (..., n) points.
        target: (n,) the target.
        period: (n,) period of each coordinate, infinite for one that is not periodic.

    Examples:
        >>> translated(np.array([7.0, 7.0]), np.zeros(2), np.array([2.0, np.inf])).tolist()
        [-1.0, 7.0]
    """
    along = np.isfinite(period)
    if not along.any():
        return w
    moved = np.array(w, float)
    length = period[along]
    moved[..., along] -= length * np.round((moved[..., along] - target[along]) / length)
    return moved


def apart(
    a: Float[np.ndarray, "... n"], b: Float[np.ndarray, "... n"], period: Float[np.ndarray, " n"]
) -> Any:
    """(...,) distances between points (..., n) and the nearest translations of other points."""
    return np.linalg.norm(translated(a - b, np.zeros(len(period)), period), axis=-1)


def on_circles(
    w: Float[np.ndarray, "... n"], period: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "... k"]:
    """Coordinates that are equal for translations of a point, and for no other points.

    The cosine of the phase replaces a periodic coordinate; the sines are appended.

    Args:
        w: (..., n) points.
        period: (n,) period of each coordinate, infinite for one that is not periodic.

    Returns:
        (..., n + k) coordinates, where k is the number of periodic ones.

    Examples:
        >>> on_circles(np.array([3.0, 0.0]), np.array([np.inf, 2.0])).round(6).tolist()
        [3.0, 0.31831, 0.0]
    """
    along = np.isfinite(period)
    if not along.any():
        return w
    radius = period[along] / (2.0 * np.pi)
    phase = w[..., along] / radius
    described = np.array(w, float)
    described[..., along] = radius * np.cos(phase)
    return np.concatenate([described, radius * np.sin(phase)], axis=-1)


def translations(period: Float[np.ndarray, " n"]) -> Float[np.ndarray, "m n"]:
    """(m, n) translations of any point to its neighboring copies, without opposite ones.

    They are translations by one period along one coordinate, and along two coordinates at once in
    either sense.
    """
    along = np.flatnonzero(np.isfinite(period))
    single = np.zeros((len(along), len(period)))
    single[np.arange(len(along)), along] = period[along]
    if len(along) > MOST_PAIRS:
        return single
    pairs = [a + sign * b for a, b in combinations(single, 2) for sign in (1.0, -1.0)]
    return np.concatenate([single, np.reshape(pairs, (-1, len(period)))])


def keeps_periods(group: Float[np.ndarray, "g n n"], period: Float[np.ndarray, " n"]) -> bool:
    """Whether matrices (g, n, n) map translations by whole periods to such translations."""
    along = np.isfinite(period)
    images = group[:, :, along] * period[along]
    counts = images[:, along] / period[along][:, None]
    return bool(np.allclose(images[:, ~along], 0.0) and np.allclose(counts, np.round(counts)))
