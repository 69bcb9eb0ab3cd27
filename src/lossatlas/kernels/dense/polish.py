"""Newton polishing, and the spectrum that certifies the point reached.

Where a quench stops at a small gradient, the weights are still uncertain: with a lowest eigenvalue
of 1e-5 an RMS gradient of 1e-9 leaves an error of 1e-3. A few Newton steps with the exact Hessian
reduce the gradient to rounding errors, and the eigenvalues that the last of them needs certify the
Hessian index.

A gradient is far cheaper than a Hessian, so each spectrum is used for further steps (chords) as
long as these halve the gradient.

Every spectrum is checked by its residual, since libraries have returned wrong ones.

The point reached lies about a Newton step from the exact stationary point. A curvature that changes
much over this distance proves nothing about the exact point (`kernels.steadiness`).
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
"""Further steps with the same spectrum are taken while each reduces the RMS gradient to this part.
If the first step with the spectrum of a point does not do so below `Polish.rms`, the gradient
consists of rounding errors."""


LARGEST_ERROR = 1e-10
"""Largest residual of an eigenvector, as a part of the largest curvature. Rounding errors make it
some 1e-15 times the square root of the number of weights."""


class PolishState(NamedTuple):
    """The state of one polish in flight.

    Attributes:
        w: (n,) the point that is evaluated next.
        evaluated: (n,) the last point whose spectrum was computed; the next attributes belong to
            it.
        energy: loss.
        rms: root-mean-square of the components of the gradient.
        newton_length: length of the Newton step.
        eigenvalues: (m,) eigenvalues of the Hessian, ascending, without excluded modes.
        modes: (k, n) eigenvectors of the k lowest eigenvalues.
        curvature_change: relative change of the curvature near the point; 0 before the end.
        downhill: whether steps lead to a minimum.
        gradients: number of gradients computed.
        hessians: number of Hessians computed.
        status: RUNNING, or how the polish ended.
    """

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
    """The state of the steps with one spectrum.

    Attributes:
        w: (n,) the best point so far.
        rms: root-mean-square of the components of the gradient there.
        step: (n,) the next step.
        gradients: number of gradients computed.
        going: whether the next step is taken.
    """

    w: Float[Array, " n"]
    rms: Scalar
    step: Float[Array, " n"]
    gradients: Int[Array, ""]
    going: Bool[Array, ""]


@dataclass(frozen=True)
class Polish:
    """The kernel of Newton steps with spectra of the Hessian; for its job see `kernels.parts`.

    With `downhill` True the step uses the absolute values of the eigenvalues, so that it leads to a
    minimum; otherwise it is the Newton step to the nearest stationary point of any index.

    Args:
        rms: largest RMS gradient of a stationary point; default 1e-12.
        target: RMS gradient below which a polish ends at once; default 1e-15. Between `target` and
            `rms` it ends when a step with the spectrum of its point does not halve the gradient.
        max_step: largest length of a step, in units of the weights; default 0.3.
        max_hessians: number of Hessians after which a polish is given up; default 60.
        n_modes: number of eigenvectors in the result; default 1.
        steps: number of steps in one device call; default 8.
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
        """Return the state of a polish before its first evaluation."""
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
        """Evaluate gradient, Hessian and spectrum, and take Newton steps with them."""
        energy, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors, error = checked_spectrum(surface, state.w)
        # Above zero even where E is constant, so that the step there is zero and not 0 / 0.
        tiny = jnp.maximum(NO_CURVATURE * jnp.max(jnp.abs(eigenvalues)), 1e-300)
        # Where the curvature is a rounding error, this bounds the step, which is capped later.
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
        # Written so that an error of NaN, with which no comparison is true, is refused.
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
        """Take Newton steps with one spectrum while they halve the gradient and stay near."""
        origin = start.w

        def advance(chords: Chords) -> Chords:
            w = chords.w + chords.step
            gradient = surface.value_and_gradient(w)[1]
            size = rms(gradient)
            first = chords.gradients == 0
            # The first step is taken even if it enlarges the gradient, as it may far from the end:
            # the next spectrum must be that of another point.
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
        """Return the last point whose spectrum was computed, with this spectrum."""
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
