"""Identity: are two certified points one, up to symmetry?

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

The energy alone decides nothing: distinct points may have equal energies.

The two sides are far apart in practice: on a polished landscape of a [2, 10, 4] network one
point found twice differs by 3e-7 of the tolerance, the nearest distinct ones by 1e6 of it.
"""

import math

import numpy as np

from lossatlas.search.outcome import StationaryPoint

SLOPE = 10.0
"""Bound on an invariant's gradient norm, in units of max(1, |w|)."""
WEIGHT_ROUNDOFF = 1e-9
"""Distance left by roundoff of the gradient alone (1e-16 a component over a soft mode)."""
ROUNDOFF = 1e-10
"""Relative agreement of an invariant evaluated at one point by two programs."""
ENERGY_ROUNDOFF = 1e-10
"""Agreement of the energy of one point, relative to max(1, |E|)."""


def energy_window(energy: float) -> float:
    """How far the energy of the same point may be off."""
    return ENERGY_ROUNDOFF * max(1.0, abs(energy))


def deviation(point: StationaryPoint, uncertainty: float, invariants: np.ndarray) -> float:
    """The largest difference of invariants in units of what is tolerated; same point if <= 1.

    Args:
        point: one of the two points; energies are not compared here.
        uncertainty: that of the other, in weight units.
        invariants: (k,) of the other.

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
    """`deviation` from each of several points: (m,) uncertainties, (m, k) invariants."""
    length = max(1.0, math.sqrt(point.weights.dot(point.weights)))
    known_to = SLOPE * length * (point.uncertainty + uncertainties + WEIGHT_ROUNDOFF)
    tolerance = known_to[:, None] + ROUNDOFF * np.maximum(1.0, np.abs(point.invariants))
    return np.max(np.abs(point.invariants - invariants) / tolerance, axis=1)


def same_point(point: StationaryPoint, other: StationaryPoint) -> bool:
    """Whether two certified points are copies of each other.

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
    """Position of the candidate that the point is a copy of, the closest; None if there is none.

    Args:
        point: certified.
        uncertainties: (m,) of the candidates, which have nearly its energy and its index.
        invariants: (m, k) of the candidates.
    """
    if len(uncertainties) == 0:
        return None
    apart = deviations(point, uncertainties, invariants)
    closest = int(np.argmin(apart))
    return closest if apart[closest] <= 1.0 else None
