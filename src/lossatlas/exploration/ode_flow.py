"""Gradient flow by a general-purpose ODE solver: an independent check of the links.

Nothing is shared with `kernels.dense.flow` but the function itself: SciPy's implicit Radau or BDF
integrator on dw/dt = -grad E(w), with the exact Jacobian, until Newton's method takes over.
"""

from collections.abc import Callable

import jax
import numpy as np
from scipy.integrate import solve_ivp

from lossatlas.errors import Status
from lossatlas.landscape.base import Landscape

SEGMENT = 10.0
"""Each segment of the integration covers this many times the time covered before."""


def ode_flow(
    landscape: Landscape, start: np.ndarray, *, method: str = "LSODA", tolerance: float = 1e-8
) -> tuple[np.ndarray, Status]:
    """Integrate gradient flow from `start` (n,) into the Newton ball of where it leads.

    Args:
        landscape: the landscape.
        start: where the path begins.
        method: a stiff method of `scipy.integrate.solve_ivp`: LSODA, BDF or Radau.
        tolerance: relative and absolute tolerance of the integrator.

    Returns:
        The last point, and CONVERGED or TOO_MANY_STEPS.
    """
    gradient, hessian = _numpy_functions(landscape)
    symmetrizer = landscape.symmetrizer(start)
    w, time = symmetrizer @ start, 1.0
    for _ in range(12):
        solution = solve_ivp(
            lambda t, x: -(symmetrizer @ gradient(x)),
            (0.0, time),
            w,
            method=method,
            jac=lambda t, x: -(symmetrizer @ hessian(x)),
            rtol=tolerance,
            atol=tolerance,
        )
        w = symmetrizer @ solution.y[:, -1]
        if _arrived(gradient(w), hessian(w), landscape.length_scale):
            return w, Status.CONVERGED
        time *= SEGMENT
    return w, Status.TOO_MANY_STEPS


def _arrived(gradient: np.ndarray, hessian: np.ndarray, length: float) -> bool:
    """Close to a minimum, or in a symmetric subspace at a saddle that cannot be left."""
    eigenvalues, vectors = np.linalg.eigh(hessian)
    newton = np.linalg.norm((vectors.T @ gradient) / eigenvalues)
    if eigenvalues[0] > 0:
        return bool(newton < 0.002 * length)
    return bool(np.sqrt(np.mean(gradient**2)) < 1e-9)


def _numpy_functions(
    landscape: Landscape,
) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    surface = landscape.surface

    def gradient(w: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(_gradient(surface, w))

    def hessian(w: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(_hessian(surface, w))

    return gradient, hessian


@jax.jit
def _gradient(surface, w):
    return surface.value_and_gradient(w)[1]


@jax.jit
def _hessian(surface, w):
    return surface.hessian(w)
