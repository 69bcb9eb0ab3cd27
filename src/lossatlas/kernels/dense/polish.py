"""Newton polishing, and the spectrum that certifies what was reached.

A quench stopped at a small gradient is still soft: with a lowest eigenvalue of 1e-5 an RMS
gradient of 1e-9 leaves the weights uncertain by 1e-3. A few Newton steps with the exact Hessian
bring the gradient to rounding error, and the eigenvalues that the last of them needs are the
certificate of the Hessian index.

A gradient is far cheaper than a Hessian, so each spectrum serves for further steps (chords) as long
as they halve the gradient.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import no_spectrum, spectrum
from lossatlas.lanes.requests import running


class PolishState(NamedTuple):
    """One polish in flight; the spectrum belongs to `evaluated`, the last point that has one."""

    w: Array
    evaluated: Array
    energy: Array
    rms: Array
    newton_length: Array
    eigenvalues: Array
    modes: Array
    downhill: Array
    gradients: Array
    hessians: Array
    status: Array


class Polished(NamedTuple):
    """Result: the point, and the spectrum of its Hessian; JAX arrays inside, NumPy outside.

    Attributes:
        w: (n,).
        energy: loss.
        rms_gradient: root-mean-square gradient.
        newton_length: |H^-1 g|, how far the exact stationary point may be.
        eigenvalues: (m,) ascending, those of excluded modes left out, but none else from below: all
            of them from `Polish`, the lowest few up to at least one positive from
            `IterativePolish`.
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


class Chords(NamedTuple):
    """Steps with one spectrum: the best point so far, its RMS gradient, and the next step."""

    w: Array
    rms: Array
    step: Array
    gradients: Array
    going: Array


@dataclass(frozen=True)
class Polish:
    """Kernel; a job is `(w, downhill)`.

    With `downhill` True the step uses |eigenvalues|, so that it leads to a minimum; otherwise it
    is the pure Newton step to the nearest stationary point of any index.

    Args:
        rms: largest RMS gradient of a stationary point.
        target: stop at once below this; between the two, stop when a step with the spectrum of
            the point itself no longer halves it.
        max_step: cap on the length of a step.
        max_hessians: give up after so many.
        n_modes: eigenvectors handed back.
        steps: steps a device call.
    """

    rms: float = 1e-12
    target: float = 1e-15
    max_step: float = 0.3
    max_hessians: int = 60
    n_modes: int = 1
    steps: int = 8

    def init(self, surface: Any, w: Array, downhill: Array) -> PolishState:
        """Nothing evaluated yet."""
        w = surface.without_excluded(w)
        eigenvalues, vectors = no_spectrum(surface, w)
        zero = jnp.zeros((), w.dtype)
        return PolishState(
            w=w,
            evaluated=w,
            energy=zero,
            rms=jnp.full((), jnp.inf, w.dtype),
            newton_length=zero,
            eigenvalues=eigenvalues,
            modes=vectors[:, : self.n_modes].T,
            downhill=downhill,
            gradients=jnp.int32(0),
            hessians=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Any, state: PolishState) -> PolishState:
        """Evaluate gradient, Hessian and spectrum, and go on by Newton and chord steps."""
        energy, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors = spectrum(surface, state.w)
        tiny = 1e-14 * jnp.max(jnp.abs(eigenvalues))
        divisor = jnp.where(jnp.abs(eigenvalues) > tiny, eigenvalues, tiny)
        divisor = jnp.where(state.downhill, jnp.abs(divisor), divisor)

        def newton(gradient: Array) -> Array:
            return -vectors @ ((vectors.T @ gradient) / divisor)

        step = newton(gradient)
        length = jnp.linalg.norm(step)
        rms = _rms(gradient)
        hessians = state.hessians + 1
        finite = jnp.isfinite(energy) & jnp.isfinite(length)

        capped = step * jnp.minimum(1.0, self.max_step / jnp.maximum(length, 1e-300))
        going = finite & (rms > self.target)
        chords = self._chords(surface, newton, state.w, rms, capped, going)
        done = (rms <= self.target) | ((rms <= self.rms) & (chords.rms > 0.5 * rms))
        status = jnp.where(hessians >= self.max_hessians, Status.NOT_STATIONARY, running())
        status = jnp.where(done, Status.CONVERGED, status)
        return PolishState(
            w=chords.w,
            evaluated=state.w,
            energy=energy,
            rms=rms,
            newton_length=length,
            eigenvalues=eigenvalues,
            modes=vectors[:, : self.n_modes].T,
            downhill=state.downhill,
            gradients=state.gradients + 1 + chords.gradients,
            hessians=hessians,
            status=jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32),
        )

    def _chords(
        self, surface: Any, newton: Any, w: Array, rms: Array, step: Array, going: Array
    ) -> Chords:
        """Newton steps, all with the same spectrum, while they halve the gradient nearby."""
        origin = w

        def advance(chords: Chords) -> Chords:
            w = chords.w + chords.step
            gradient = surface.value_and_gradient(w)[1]
            rms = _rms(gradient)
            first = chords.gradients == 0
            better = first | (rms < chords.rms)
            step = newton(gradient)
            near = jnp.linalg.norm(w + step - origin) <= self.max_step
            going = (rms < 0.5 * chords.rms) & (rms > self.target) & near
            return Chords(
                w=jnp.where(better, w, chords.w),
                rms=jnp.where(better, rms, chords.rms),
                step=step,
                gradients=chords.gradients + 1,
                going=going,
            )

        start = Chords(w, rms, step, jnp.int32(0), going)
        return jax.lax.while_loop(lambda chords: chords.going, advance, start)

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
            gradients=state.gradients,
            hessians=state.hessians,
            status=state.status,
        )


def _rms(gradient: Array) -> Array:
    return jnp.sqrt(jnp.mean(gradient**2))
