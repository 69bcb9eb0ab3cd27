"""Identity: whether two certified points are the same point, up to symmetry.

Symmetry copies of a point have equal invariants (`Landscape.invariants`), so two certified
points are the same if their invariants agree as well as the points are known. A certified
point lies within u = |H^-1 g| (its ``uncertainty``) of the exact one, and an invariant f moves
by at most |grad f| u. For networks |grad f| grows like the weight vector's length: the
gradient of |w|^2 is 2 w, that of a logit at a probe input x at most about |w| |x|. Hence

    |f_a - f_b| <= SLOPE max(1, |w|) (u_a + u_b + WEIGHT_ROUNDOFF) + ROUNDOFF max(1, |f|)

for every invariant. The energy moves only in second order, by g.H^-1 g / 2, far below the
roundoff at certified points: it must agree to ENERGY_ROUNDOFF, which is the narrow window in
which the index on the energy finds the candidates. The cost of a match does not grow with the
number of points.

The energy alone does not decide: distinct points may have equal energies.

In practice the two cases are far apart: on a polished landscape of a [2, 10, 4] network, a point
that is found twice differs by 3e-7 times the tolerance, and the nearest distinct points differ by
1e6 times the tolerance.
"""

import math

import numpy as np

from lossatlas.search.outcome import StationaryPoint

SLOPE = 10.0
"""Bound on the length of the gradient of an invariant, in units of max(1, |w|)."""
WEIGHT_ROUNDOFF = 1e-9
"""Distance, in weight units, that rounding of the gradient alone leaves along a soft mode."""
ROUNDOFF = 1e-10
"""Largest relative difference of an invariant that two programs compute at one point."""
ENERGY_ROUNDOFF = 1e-10
"""Largest difference of the energies of one point found twice, relative to max(1, |E|)."""


def energy_window(energy: float) -> float:
    """The largest difference between an energy and that of the same point found again."""
    return ENERGY_ROUNDOFF * max(1.0, abs(energy))


def deviation(point: StationaryPoint, uncertainty: float, invariants: np.ndarray) -> float:
    """The largest difference of the invariants of two points, in units of the tolerance.

    Two points of equal energy and index are the same if it is at most 1. Energies are not compared
    here.

    Args:
        point: one of the two points.
        uncertainty: uncertainty of the other point, in weight units.
        invariants: (k,) invariants of the other point.

    Examples:
        >>> one = np.ones(3)
        >>> point = StationaryPoint(one, 0.5, 1e-14, 0, one, 0.0, 1e-9, np.array([0.5, 3.0]), 8)
        >>> deviation(point, 1e-9, np.array([0.5, 3.0 + 1e-9])) < 1
        True
        >>> deviation(point, 1e-9, np.array([0.5, 3.0 + 1e-6])) < 1
        False
    """
    return float(deviations(point, np.array([uncertainty]), invariants[None])[0])


def deviations(
    point: StationaryPoint, uncertainties: np.ndarray, invariants: np.ndarray
) -> np.ndarray:
    """(m,) the `deviation` of a point from each of m others.

    Args:
        point: a certified point.
        uncertainties: (m,) uncertainties of the others, in weight units.
        invariants: (m, k) invariants of the others.
    """
    length = max(1.0, math.sqrt(point.weights.dot(point.weights)))
    known_to = SLOPE * length * (point.uncertainty + uncertainties + WEIGHT_ROUNDOFF)
    tolerance = known_to[:, None] + ROUNDOFF * np.maximum(1.0, np.abs(point.invariants))
    return np.max(np.abs(point.invariants - invariants) / tolerance, axis=1)


def same_point(point: StationaryPoint, other: StationaryPoint) -> bool:
    """Whether two certified points are symmetry copies of each other.

    Examples:
        >>> one = np.ones(3)
        >>> point = StationaryPoint(one, 0.5, 1e-14, 0, one, 0.0, 1e-9, np.array([0.5, 3.0]), 8)
        >>> same_point(point, point._replace(energy=0.5 + 1e-12))
        True
        >>> same_point(point, point._replace(index=1)), same_point(point, point._replace(energy=1))
        (False, False)
    """
    if point.index != other.index:
        return False
    if abs(point.energy - other.energy) > energy_window(other.energy):
        return False
    return deviation(point, other.uncertainty, other.invariants) <= 1.0


def match(point: StationaryPoint, uncertainties: np.ndarray, invariants: np.ndarray) -> int | None:
    """Find the candidate that a point is a symmetry copy of.

    Args:
        point: a certified point.
        uncertainties: (m,) uncertainties of the candidates, which have the Hessian index of the
            point and nearly its energy.
        invariants: (m, k) invariants of the candidates.

    Returns:
        The position of the candidate with the smallest deviation; None if the point is a copy of
        none of them.
    """
    if len(uncertainties) == 0:
        return None
    apart = deviations(point, uncertainties, invariants)
    closest = int(np.argmin(apart))
    return closest if apart[closest] <= 1.0 else None
