"""Certification: Newton's method from the end of a search to a certified stationary point."""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.dense.polish import Polished
from lossatlas.kernels.steadiness import LARGEST_CHANGE
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.requests import Request
from lossatlas.search.outcome import Cost, StationaryPoint
from lossatlas.search.tools import Tools

DEGENERATE = 1e-6
"""Neighboring eigenvalues that differ by less than this fraction of their size belong to one
multiplet of degenerate modes."""


class Certificate(NamedTuple):
    """The outcome of polishing.

    Attributes:
        point: the certified point; None unless the status is CONVERGED.
        modes: (k, n) eigenvectors of the k lowest eigenvalues.
        eigenvalues: (m,) Hessian eigenvalues in ascending order, m >= k, without those of excluded
            modes; see `kernels.dense.polish.Polished`.
        status: CONVERGED, or the reason why the point is not certified.
        cost: evaluations spent.
    """

    point: StationaryPoint | None
    modes: np.ndarray
    eigenvalues: np.ndarray
    status: Status
    cost: Cost


def certified(
    tools: Tools, w: np.ndarray, *, downhill: bool = False
) -> Generator[Request, Any, Certificate]:
    """Polish weights with Newton steps and certify the stationary point that is reached.

    Args:
        tools: the kernels and lengths of the landscape.
        w: (n,) weights near a stationary point.
        downhill: whether steps must lower the energy, so that only a minimum is reached; see
            `kernels.dense.polish`. By default False.
    """
    polished: Polished = yield Request(tools.polish, (w, np.asarray(downhill)))
    cost = Cost(int(polished.gradients), int(polished.hessians))
    status = Status(int(polished.status))
    point = None
    if status is Status.CONVERGED:
        status = _decided(tools.landscape, polished)
        if status is Status.CONVERGED:
            point = _point(tools.landscape, polished)
    return Certificate(point, polished.modes, polished.eigenvalues, status, cost)


def _decided(landscape: Landscape, polished: Polished) -> Status:
    """CONVERGED if the sign of every eigenvalue is certain, here and at the exact point.

    The status is UNDECIDED otherwise.
    """
    tolerance = landscape.zero_tolerance
    if tolerance is None:
        tolerance = 1e-8 * polished.largest_eigenvalue
    smallest = np.abs(polished.eigenvalues).min()
    # Not "<": where all eigenvalues vanish, so does a tolerance that is relative to the largest.
    steady = smallest > tolerance and polished.curvature_change < LARGEST_CHANGE
    return Status.CONVERGED if steady else Status.UNDECIDED


def _point(landscape: Landscape, polished: Polished) -> StationaryPoint:
    w = polished.w
    eigenvalues = np.sort(np.append(polished.eigenvalues, landscape.excluded_curvatures))
    complete = len(eigenvalues) == len(w)
    log_determinant = np.log(eigenvalues[eigenvalues > 0]).sum() if complete else np.nan
    # The Newton step alone would be too small: the gradient is known only to its rounding error.
    rounding = np.finfo(float).eps * np.sqrt(len(w)) / np.abs(eigenvalues).min()
    return StationaryPoint(
        weights=w,
        energy=float(polished.energy),
        rms_gradient=float(polished.rms_gradient),
        index=int((eigenvalues < 0).sum()),
        lowest_eigenvalues=eigenvalues[:4].copy(),
        log_determinant=float(log_determinant),
        uncertainty=float(polished.newton_length + rounding),
        invariants=landscape.invariants(w),
        orbit_size=landscape.orbit_size(w),
    )


def canonical_directions(
    landscape: Landscape, w: np.ndarray, modes: np.ndarray, eigenvalues: np.ndarray
) -> np.ndarray:
    """Directions along which searches leave a stationary point, softest first.

    A multiplet of degenerate modes (as of equal units) has no preferred basis, so its modes are
    replaced by the canonical symmetry-breaking directions of the landscape. A certificate made
    without a Hessian may hold a single mode of a multiplet, which is then treated as a mode that is
    not degenerate.

    Args:
        landscape: the landscape.
        w: (n,) the stationary point.
        modes: (k, n) eigenvectors of its Hessian.
        eigenvalues: (k,) their eigenvalues in ascending order.

    Returns:
        (d, n) unit vectors.
    """
    gaps = np.abs(np.diff(eigenvalues)) > DEGENERATE * np.abs(eigenvalues[1:])
    multiplets = np.split(modes, np.flatnonzero(gaps) + 1)
    return np.concatenate(
        [m if len(m) < 2 else landscape.breaking_directions(w, m) for m in multiplets]
    )
