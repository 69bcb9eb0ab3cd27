"""Gradient flow by a general-purpose ODE solver: an independent check of the links.

Nothing is shared with `kernels.dense.flow` but the function itself: SciPy's LSODA, which switches
to stiff steps by itself, on dw/dt = -grad E(w) with the exact Jacobian, until Newton's method takes
over. It is a host call: several paths are followed at once, one a core, except by an LSODA of
SciPy before 1.17, which keeps its state where all threads share it.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface

SEGMENT, SEGMENTS = 10.0, 12
"""Each segment of the integration covers this many times the time covered before; at most so many
segments."""
SHORT_STEP, FLAT = 0.002, 1e-9
"""A path has arrived where Newton's step to a minimum is shorter than this, in length scales, or
where at a saddle, in a symmetric subspace that it cannot leave, the RMS gradient is smaller."""


_SHARES_STATE = tuple(map(int, version("scipy").split(".")[:2])) < (1, 17)
_ALONE = Lock() if _SHARES_STATE else nullcontext()


class Integrated(NamedTuple):
    """Where a path led: the last point (n,), and CONVERGED or TOO_MANY_STEPS."""

    w: np.ndarray
    status: Status


@dataclass(frozen=True)
class OdeFlow:
    """Host call; a job is `(w, symmetrizer, length)`, its result is `Integrated`.

    The path begins at `w` (n,) and is kept in the subspace that `symmetrizer` (n, n) projects onto;
    `length` is the length scale of the landscape.

    Args:
        method: a stiff method of `scipy.integrate.solve_ivp`: LSODA, BDF or Radau.
        tolerance: relative and absolute tolerance of the integrator.
    """

    method: str = "LSODA"
    tolerance: float = 1e-8

    def call(self, surface: Surface, w: np.ndarray, symmetrizer: Any, length: float) -> Integrated:
        """Integrate gradient flow into the Newton ball of where it leads."""

        def downhill(_: float, x: np.ndarray) -> np.ndarray:
            return -(symmetrizer @ np.asarray(_gradient(surface, x)))

        def jacobian(_: float, x: np.ndarray) -> np.ndarray:
            return -(symmetrizer @ np.asarray(_hessian(surface, x)))

        w, time = symmetrizer @ w, 1.0
        for _ in range(SEGMENTS):
            options = {"jac": jacobian, "rtol": self.tolerance, "atol": self.tolerance}
            with _ALONE if self.method == "LSODA" else nullcontext():
                solution = solve_ivp(downhill, (0.0, time), w, method=self.method, **options)
            w = symmetrizer @ solution.y[:, -1]
            gradient, hessian = np.asarray(_gradient(surface, w)), np.asarray(_hessian(surface, w))
            if _arrived(gradient, hessian, length):
                return Integrated(w, Status.CONVERGED)
            time *= SEGMENT
        return Integrated(w, Status.TOO_MANY_STEPS)


def _arrived(gradient: np.ndarray, hessian: np.ndarray, length: float) -> bool:
    """Close to a minimum, or in a symmetric subspace at a saddle that cannot be left."""
    eigenvalues, vectors = np.linalg.eigh(hessian)
    newton = np.linalg.norm((vectors.T @ gradient) / eigenvalues)
    if eigenvalues[0] > 0:
        return bool(newton < SHORT_STEP * length)
    return bool(np.sqrt(np.mean(gradient**2)) < FLAT)


@compiled
def _gradient(surface, w):
    return surface.value_and_gradient(w)[1]


@compiled
def _hessian(surface, w):
    return surface.hessian(w)
