"""Periodic coordinates: translations by whole periods are symmetries.

Coordinates with a period p live on a circle. Two points are the same if their coordinates differ by
whole periods; a point is described without a cut anywhere by cos and sin of its phases, times
p / 2 pi, so that they change as fast as the coordinate itself.
"""

from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

MOST_PAIRS = 10
"""Translations along two coordinates at once are offered with at most so many periodic ones."""


def translated(
    w: Float[np.ndarray, "... n"], target: Float[np.ndarray, " n"], period: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "... n"]:
    """The translations of points (..., n) that are nearest to target (n,), by whole periods.

    Coordinates that need no translation come back exactly as they were.

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
    """(...,) distances between points (..., n), by the nearest translations."""
    return np.linalg.norm(translated(a - b, np.zeros(len(period)), period), axis=-1)


def on_circles(
    w: Float[np.ndarray, "... n"], period: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "... k"]:
    """(..., n + k) of points (..., n) with k periodic coordinates: equal for translations only.

    In place of a periodic coordinate stands the cosine of its phase; the sines come last.

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
    """(m, n) translations to the neighboring copies of any point, the opposite ones left out.

    By one period along one coordinate, and along two at once in either sense.
    """
    along = np.flatnonzero(np.isfinite(period))
    single = np.zeros((len(along), len(period)))
    single[np.arange(len(along)), along] = period[along]
    if len(along) > MOST_PAIRS:
        return single
    pairs = [a + sign * b for a, b in combinations(single, 2) for sign in (1.0, -1.0)]
    return np.concatenate([single, np.reshape(pairs, (-1, len(period)))])


def keeps_periods(group: Float[np.ndarray, "g n n"], period: Float[np.ndarray, " n"]) -> bool:
    """Whether matrices (g, n, n) carry every translation over into translations.

    They do if they take each period to whole periods of the others, and to nothing else.
    """
    along = np.isfinite(period)
    images = group[:, :, along] * period[along]
    counts = images[:, along] / period[along][:, None]
    return bool(np.allclose(images[:, ~along], 0.0) and np.allclose(counts, np.round(counts)))
