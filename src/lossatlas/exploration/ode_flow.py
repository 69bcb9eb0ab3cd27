"""Gradient flow by a general-purpose ODE solver: an independent check of the links.

It shares nothing with `kernels.dense.flow` but the loss function itself. SciPy's LSODA, which
switches to a stiff method by itself, integrates dw/dt = -grad E(w) with the exact Jacobian until
Newton's method would converge. With tight tolerances it sometimes does not notice that a path has
become stiff: its errors are no larger than rounding, so it cannot tell that longer steps of the
stiff method would do, and goes on by millions of short ones. Where it has made `MANY_STEPS`, the
implicit method Radau goes on in its place, to the end of the path.

The solver runs on the host, and several paths are followed at once, one on each core. The exception
is the LSODA of SciPy before 1.17, which follows one path at a time, because all threads share its
state.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import BDF, LSODA, OdeSolver, Radau

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface

SEGMENT, SEGMENTS = 10.0, 12
"""Each segment of the integration is this many times as long as the one before; and the largest
number of segments."""
MANY_STEPS = 10_000
"""LSODA leaves a segment that takes more steps than this to Radau."""
SHORT_STEP, FLAT = 0.002, 1e-9
"""A path has arrived at a minimum where the Newton step is shorter than the first value, in length
scales. It has arrived at a saddle, in a symmetric subspace that it cannot leave, where the RMS
gradient is smaller than the second."""

_METHODS: dict[str, type[OdeSolver]] = {"LSODA": LSODA, "BDF": BDF, "Radau": Radau}
_SHARES_STATE = tuple(map(int, version("scipy").split(".")[:2])) < (1, 17)
_ALONE = Lock() if _SHARES_STATE else nullcontext()


class Integrated(NamedTuple):
    """The end of a path.

    Attributes:
        w: (n,) the last point of the path.
        status: CONVERGED if the path has arrived at a stationary point, else TOO_MANY_STEPS.
    """

    w: np.ndarray
    status: Status


@dataclass(frozen=True)
class OdeFlow:
    """The host call that follows gradient flow with a solver of `scipy.integrate`.

    A job of it is `(w, symmetrizer, length)`, and its result is `Integrated`. The path begins at
    `w` (n,) and is kept in the subspace that `symmetrizer` (n, n) projects onto; `length` is the
    length scale of the landscape.

    Args:
        method: a method for stiff equations: "LSODA" (the default), "BDF" or "Radau".
        tolerance: relative and absolute tolerance of the solver; default 1e-8.
    """

    method: str = "LSODA"
    tolerance: float = 1e-8

    def call(self, surface: Surface, w: np.ndarray, symmetrizer: Any, length: float) -> Integrated:
        """Integrate gradient flow until Newton's method would converge to where it leads.

        Args:
            surface: the compiled half of the landscape.
            w: (n,) the beginning of the path.
            symmetrizer: (n, n) projection onto the subspace that the path stays in.
            length: length scale of the landscape.
        """

        def downhill(_: float, x: np.ndarray) -> np.ndarray:
            return -(symmetrizer @ np.asarray(_gradient(surface, x)))

        def jacobian(_: float, x: np.ndarray) -> np.ndarray:
            return -(symmetrizer @ np.asarray(_hessian(surface, x)))

        w, time, method = symmetrizer @ w, 1.0, self.method
        for _ in range(SEGMENTS):
            w, method = self._integrated(downhill, jacobian, (method, w, time))
            w = symmetrizer @ w
            gradient, hessian = np.asarray(_gradient(surface, w)), np.asarray(_hessian(surface, w))
            if _arrived(gradient, hessian, length):
                return Integrated(w, Status.CONVERGED)
            time *= SEGMENT
        return Integrated(w, Status.TOO_MANY_STEPS)

    def _integrated(
        self, downhill: Callable, jacobian: Callable, segment: tuple[str, np.ndarray, float]
    ) -> tuple[np.ndarray, str]:
        """Follow a segment of the path.

        Args:
            downhill, jacobian: the equation and its derivative.
            segment: the method, the beginning of the segment, and the time that it takes.

        Returns:
            The end of the segment, or the point where the solver cannot go on; and the method for
            the next one.
        """
        method, w, time = segment
        options = {"jac": jacobian, "rtol": self.tolerance, "atol": self.tolerance}
        with _ALONE if method == "LSODA" else nullcontext():
            solver = _METHODS[method](downhill, 0.0, w, time, **options)
            steps = 0
            while solver.status == "running" and (method != "LSODA" or steps < MANY_STEPS):
                solver.step()
                steps += 1
        if solver.status == "running":
            method, solver = "Radau", Radau(downhill, solver.t, solver.y, time, **options)
            while solver.status == "running":
                solver.step()
        return solver.y, method


def _arrived(gradient: np.ndarray, hessian: np.ndarray, length: float) -> bool:
    """Say whether a path is close to a minimum, or at a saddle that its symmetry keeps it at."""
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
