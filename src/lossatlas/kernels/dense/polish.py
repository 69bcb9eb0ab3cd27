"""Newton polishing, and the spectrum that certifies what was reached.

A quench stopped at a small gradient is still soft: with a lowest eigenvalue of 1e-5 an RMS
gradient of 1e-9 leaves the weights uncertain by 1e-3. A few Newton steps with the exact Hessian
bring the gradient to rounding error, and the eigenvalues that the last of them needs are the
certificate of the Hessian index.

A gradient is far cheaper than a Hessian, so each spectrum serves for further steps (chords) as long
as they halve the gradient.

Every spectrum is checked: what certifies must not be taken on trust from a library.

What was reached lies about a Newton step from the exact point, and a curvature that changes on the
way there says nothing about the exact one (see `kernels.steadiness`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import checked_spectrum, no_spectrum
from lossatlas.kernels.parts import Polished
from lossatlas.kernels.steadiness import change_of_curvature, displacement
from lossatlas.kernels.step_control import NO_CURVATURE, capped, rms
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

WORTH = 0.5
"""A step with a spectrum at hand is worth its gradient while the RMS gradient falls to this part;
below `Polish.rms`, where one of the point's own spectrum does not do so, rounding errors rule."""


LARGEST_ERROR = 1e-10
"""Residual of an eigenvector, over the largest curvature; a right one has that of rounding errors,
some 1e-15 times the root of the number of weights."""


class PolishState(NamedTuple):
    """One polish in flight; the spectrum belongs to `evaluated`, the last point that has one."""

    w: Float[Array, " n"]
    evaluated: Float[Array, " n"]
    energy: Scalar
    rms: Scalar
    newton_length: Scalar
    eigenvalues: Float[Array, " m"]
    modes: Float[Array, "k n"]
    curvature_change: Scalar
    downhill: Bool[Array, ""]
    gradients: Int[Array, ""]
    hessians: Int[Array, ""]
    status: Int[Array, ""]


class Chords(NamedTuple):
    """Steps with one spectrum: the best point so far, its RMS gradient, and the next step."""

    w: Float[Array, " n"]
    rms: Scalar
    step: Float[Array, " n"]
    gradients: Int[Array, ""]
    going: Bool[Array, ""]


@dataclass(frozen=True)
class Polish:
    """Kernel; a job is `(w, downhill)`, see `kernels.parts`.

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

    def init(
        self, surface: Surface, w: Float[Array, " n"], downhill: Bool[Array, ""]
    ) -> PolishState:
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
            curvature_change=zero,
            downhill=downhill,
            gradients=jnp.int32(0),
            hessians=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: PolishState) -> PolishState:
        """Evaluate gradient, Hessian and spectrum, and go on by Newton and chord steps."""
        energy, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors, error = checked_spectrum(surface, state.w)
        # Not zero even where E is constant: the step must be zero there, not 0 / 0.
        tiny = jnp.maximum(NO_CURVATURE * jnp.max(jnp.abs(eigenvalues)), 1e-300)
        # Where the curvature is rounding error the step is bounded, and in the end capped.
        divisor = jnp.where(jnp.abs(eigenvalues) > tiny, eigenvalues, tiny)
        divisor = jnp.where(state.downhill, jnp.abs(divisor), divisor)

        def newton(gradient: Array) -> Array:
            return -vectors @ ((vectors.T @ gradient) / divisor)

        step = newton(gradient)
        length = jnp.linalg.norm(step)
        size = rms(gradient)
        hessians = state.hessians + 1
        finite = jnp.isfinite(energy) & jnp.isfinite(length)

        going = finite & (size > self.target)
        start = Chords(state.w, size, capped(step, self.max_step), jnp.int32(0), going)
        chords = self._chords(surface, newton, start)
        done = (size <= self.target) | ((size <= self.rms) & (chords.rms > WORTH * size))
        # One product with the Hessian, at the last point only; it is not counted as an evaluation.
        away = displacement(eigenvalues, vectors, step)
        change = jax.lax.cond(
            done,
            lambda: change_of_curvature(
                surface, state.w, eigenvalues, vectors, away, self.max_step
            ),
            lambda: jnp.zeros_like(length),
        )
        status = jnp.where(hessians >= self.max_hessians, Status.NOT_STATIONARY, running())
        status = jnp.where(done, Status.CONVERGED, status)
        # Not "<": a comparison with NaN is never true.
        status = jnp.where(error <= LARGEST_ERROR, status, Status.WRONG_SPECTRUM)
        return PolishState(
            w=chords.w,
            evaluated=state.w,
            energy=energy,
            rms=size,
            newton_length=length,
            eigenvalues=eigenvalues,
            modes=vectors[:, : self.n_modes].T,
            curvature_change=change,
            downhill=state.downhill,
            gradients=state.gradients + 1 + chords.gradients,
            hessians=hessians,
            status=jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32),
        )

    def _chords(
        self,
        surface: Surface,
        newton: Callable[[Array], Array],
        start: Chords,
    ) -> Chords:
        """Newton steps, all with the same spectrum, while they halve the gradient nearby."""
        origin = start.w

        def advance(chords: Chords) -> Chords:
            w = chords.w + chords.step
            gradient = surface.value_and_gradient(w)[1]
            size = rms(gradient)
            first = chords.gradients == 0
            # The Newton step itself is taken even if it enlarges the gradient: far from the end it
            # may, and the next spectrum is then that of another point.
            better = first | (size < chords.rms)
            step = newton(gradient)
            # The spectrum describes the surface near its own point only.
            near = jnp.linalg.norm(w + step - origin) <= self.max_step
            going = (size < WORTH * chords.rms) & (size > self.target) & near
            return Chords(
                w=jnp.where(better, w, chords.w),
                rms=jnp.where(better, size, chords.rms),
                step=step,
                gradients=chords.gradients + 1,
                going=going,
            )

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
            curvature_change=state.curvature_change,
            gradients=state.gradients,
            hessians=state.hessians,
            status=state.status,
        )
