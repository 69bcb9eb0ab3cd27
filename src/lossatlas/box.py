"""The box of a function: where its random starts come from, and which points count as outside.

The box is part of the fingerprint of a landscape, so an atlas knows it without the function.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lossatlas.errors import BadInputError

SLACK = 1e-6
"""A point beyond a face by at most this fraction of the edge still counts as inside: minima on a
mirror plane of the symmetry lie on the face of a box that ends there, up to rounding."""


class Box(NamedTuple):
    """The corners of a box in n coordinates, and the periods of its coordinates.

    Attributes:
        low: (n,) lower corner.
        high: (n,) upper corner, above the lower one in every coordinate.
        period: (n,) period of each coordinate, infinite where it is not periodic.

    Examples:
        >>> box = Box(np.array([-1.0, 0.0]), np.array([1.0, 2.0]), np.array([np.inf, 2.0]))
        >>> box.contains(np.array([[0.5, 7.0], [1.5, 1.0]])).tolist()
        [True, False]
        >>> Box.of(box.fingerprint()).high.tolist()
        [1.0, 2.0]
    """

    low: np.ndarray
    high: np.ndarray
    period: np.ndarray

    @property
    def periodic(self) -> np.ndarray:
        """(n,) whether each coordinate has a period."""
        return np.isfinite(self.period)

    def contains(self, w: np.ndarray) -> np.ndarray:
        """(...,) whether weights (..., n) lie inside; a periodic coordinate always does."""
        slack = SLACK * (self.high - self.low)
        within = (w >= self.low - slack) & (w <= self.high + slack)
        return np.asarray((within | self.periodic).all(axis=-1))

    def fingerprint(self) -> dict[str, str]:
        """The parts of a landscape's fingerprint that describe the box exactly."""
        corners = {"box": f"{self.low.tolist()} to {self.high.tolist()}"}
        if not self.periodic.any():
            return corners
        periods = [p if np.isfinite(p) else None for p in self.period.tolist()]
        return {**corners, "period": json.dumps(periods)}

    @classmethod
    def of(cls, fingerprint: Mapping[str, str]) -> "Box | None":
        """The box that a fingerprint describes; None for a landscape without one (a network)."""
        try:
            low, high = map(json.loads, fingerprint["box"].split(" to "))
            periods = json.loads(fingerprint.get("period", "null"))
            return checked_box(low, high, periods, "box")
        # A user's own landscape class may give these keys another meaning.
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def checked_box(low: object, high: object, period: object, name: str) -> Box:
    """Make a box from what a user gave.

    Args:
        low: (n,) lower corner.
        high: (n,) upper corner.
        period: (n,) period of each coordinate, None or infinite for a coordinate that is not
            periodic; None if no coordinate is periodic.
        name: name of the landscape, for messages.

    Raises:
        BadInputError: if `low` and `high` are not the corners of a box, or `period` is not a list
            of n positive periods.
    """
    lower, upper = (_numbers(side, name) for side in (low, high))
    if lower.ndim != 1 or lower.shape != upper.shape or not len(lower):
        shapes = f"low and high are not corners of a box: shapes {lower.shape} and {upper.shape}"
        raise BadInputError(name, shapes, "give two lists of one length, low < high")
    if not (np.isfinite(lower) & np.isfinite(upper) & (lower < upper)).all():
        problem = "low and high are not corners of a box"
        raise BadInputError(name, problem, "give finite numbers, low < high in every coordinate")
    return Box(lower, upper, _periods(period, len(lower), f"{name}: period"))


def _periods(period: object, n: int, where: str) -> np.ndarray:
    if period is None:
        return np.full(n, np.inf)
    remedy = f"give {n} positive numbers, None for a coordinate that is not periodic"
    try:
        given = [np.inf if p is None else float(p) for p in period]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise BadInputError(where, f"{period!r} is no list of periods", remedy) from error
    if len(given) != n:
        raise BadInputError(where, f"{len(given)} periods for {n} coordinates", remedy)
    if not all(p > 0 for p in given):
        raise BadInputError(where, f"{given} are not all positive", remedy)
    return np.array(given)


def _numbers(values: object, name: str) -> np.ndarray:
    problem = "low and high are not corners of a box"
    try:
        return np.array(values, float)
    except (TypeError, ValueError) as error:
        raise BadInputError(name, f"{problem}: {error}", "give two lists of numbers") from error
