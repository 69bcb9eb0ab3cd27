"""From a converged search to a certified stationary point, or the reason why not."""

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
"""Eigenvalues that differ by less than this part of the larger belong to one multiplet."""


class Certificate(NamedTuple):
    """Outcome of polishing: the point (None unless CONVERGED), its lowest modes, status, cost.

    Attributes:
        modes: (k, n) eigenvectors of the lowest eigenvalues.
        eigenvalues: (m,) ascending, m >= k, without excluded modes; see
            `kernels.dense.polish.Polished`.
    """

    point: StationaryPoint | None
    modes: np.ndarray
    eigenvalues: np.ndarray
    status: Status
    cost: Cost


def certified(
    tools: Tools, w: np.ndarray, *, downhill: bool = False
) -> Generator[Request, Any, Certificate]:
    """Polish w (n,) with Newton steps and certify what is reached; see `kernels.dense.polish`."""
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
    """UNDECIDED if the sign of an eigenvalue is not beyond doubt, here or at the exact point."""
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
    # The gradient itself is only known to rounding error.
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
    """Directions (d, n) to leave a stationary point along, given modes (k, n), softest first.

    A multiplet of degenerate modes (equal units) has no preferred basis; the landscape's canonical
    symmetry-breaking directions stand in its place. (A certificate made without a Hessian may
    hold one mode of a multiplet only, which then counts as a single mode.)
    """
    gaps = np.abs(np.diff(eigenvalues)) > DEGENERATE * np.abs(eigenvalues[1:])
    multiplets = np.split(modes, np.flatnonzero(gaps) + 1)
    return np.concatenate(
        [m if len(m) < 2 else landscape.breaking_directions(w, m) for m in multiplets]
    )
