"""Newton polishing, and the spectrum that certifies what was reached.

A quench stopped at a small gradient is still soft: with a lowest eigenvalue of 1e-5 an RMS
gradient of 1e-9 leaves the weights uncertain by 1e-3. A few Newton steps with the exact Hessian
bring the gradient to rounding error, and the eigenvalues that the last of them needs are the
certificate of the Hessian index.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from lossatlas.errors import Status
from lossatlas.optimize.lanes import running


class PolishState(NamedTuple):
    """One polish in flight; the spectrum belongs to `evaluated`, the last point evaluated."""

    w: Array
    evaluated: Array
    energy: Array
    rms: Array
    newton_length: Array
    eigenvalues: Array
    modes: Array
    downhill: Array
    evaluations: Array
    status: Array


class Polished(NamedTuple):
    """Result: the point, and the spectrum of its Hessian; JAX arrays inside, NumPy outside.

    Attributes:
        w: (n,).
        energy: loss.
        rms_gradient: root-mean-square gradient.
        newton_length: |H^-1 g|, how far the exact stationary point may be.
        eigenvalues: (m,) ascending, none left out from below: all n of them from `Polish`, the
            lowest few up to at least one positive from `IterativePolish`.
        modes: (k, n) eigenvectors of the k lowest eigenvalues.
        largest_eigenvalue: the largest in size.
        gradients, hessians: evaluations used.
        status: CONVERGED, NOT_STATIONARY, UNDECIDED or NOT_FINITE.
    """

    w: Any
    energy: Any
    rms_gradient: Any
    newton_length: Any
    eigenvalues: Any
    modes: Any
    largest_eigenvalue: Any
    gradients: Any
    hessians: Any
    status: Any


@dataclass(frozen=True)
class Polish:
    """Kernel; a job is `(w, downhill)`.

    With `downhill` True the step uses |eigenvalues|, so that it leads to a minimum; otherwise it
    is the pure Newton step to the nearest stationary point of any index.

    Args:
        rms: largest RMS gradient of a stationary point.
        target: stop at once below this; between the two, stop when a step no longer halves it.
        max_step: cap on the length of a step.
        max_evaluations: give up after so many Hessians.
        n_modes: eigenvectors handed back.
        steps: steps a device call.
    """

    rms: float = 1e-12
    target: float = 1e-15
    max_step: float = 0.3
    max_evaluations: int = 60
    n_modes: int = 1
    steps: int = 8

    def init(self, surface: Any, w: Array, downhill: Array) -> PolishState:
        """Nothing evaluated yet."""
        n = w.shape[0]
        zero = jnp.zeros((), w.dtype)
        return PolishState(
            w=w,
            evaluated=w,
            energy=zero,
            rms=jnp.full((), jnp.inf, w.dtype),
            newton_length=zero,
            eigenvalues=jnp.zeros(n, w.dtype),
            modes=jnp.zeros((min(self.n_modes, n), n), w.dtype),
            downhill=downhill,
            evaluations=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Any, state: PolishState) -> PolishState:
        """Evaluate gradient, Hessian and spectrum, and propose the Newton step."""
        energy, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors = jnp.linalg.eigh(surface.hessian(state.w))
        tiny = 1e-14 * jnp.max(jnp.abs(eigenvalues))
        divisor = jnp.where(jnp.abs(eigenvalues) > tiny, eigenvalues, tiny)
        divisor = jnp.where(state.downhill, jnp.abs(divisor), divisor)
        newton = -vectors @ ((vectors.T @ gradient) / divisor)
        length = jnp.linalg.norm(newton)
        rms = jnp.sqrt(jnp.mean(gradient**2))
        evaluations = state.evaluations + 1

        done = (rms <= self.target) | ((rms <= self.rms) & (rms > 0.5 * state.rms))
        status = jnp.where(evaluations >= self.max_evaluations, Status.NOT_STATIONARY, running())
        status = jnp.where(done, Status.CONVERGED, status)
        finite = jnp.isfinite(energy) & jnp.isfinite(length)
        return PolishState(
            w=state.w + newton * jnp.minimum(1.0, self.max_step / jnp.maximum(length, 1e-300)),
            evaluated=state.w,
            energy=energy,
            rms=rms,
            newton_length=length,
            eigenvalues=eigenvalues,
            modes=vectors[:, : self.n_modes].T,
            downhill=state.downhill,
            evaluations=evaluations,
            status=jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32),
        )

    def result(self, state: PolishState) -> Polished:
        """The last point evaluated and its spectrum."""
        return Polished(
            w=state.evaluated,
            energy=state.energy,
            rms_gradient=state.rms,
            newton_length=state.newton_length,
            eigenvalues=state.eigenvalues,
            modes=state.modes,
            largest_eigenvalue=jnp.max(jnp.abs(state.eigenvalues)),
            gradients=state.evaluations,
            hessians=state.evaluations,
            status=state.status,
        )
