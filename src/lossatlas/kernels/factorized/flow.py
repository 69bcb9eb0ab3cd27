"""Gradient flow dw/dt = -grad E(w) by the method of `dense.flow`, without the spectrum.

The exponential Rosenbrock step is the same: it is predicted by a parabola through the remainder N,
which the quadratic model lacks, corrected by a cubic, and brought back to the floor of the valley.
Its phi functions of the Hessian act on three vectors: the gradient, N at the point before, and N at
the point that the prediction leads to. Each lies, with its images, in a Krylov space of the inverse
of H + POLE / h, with the time step h, of a dozen dimensions (`shifted`). The same inverse separates
the walls of the valley from its floor by the smooth factor (H / (H + shift))^3, where `dense.flow`
has a sharp border.

The path ends when the lowest curvature in the Krylov space is positive and the Newton step is
shorter than `ball`.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels.exponential import (
    FIRST_STEP,
    FLAT,
    LEFT_ON_FLOOR,
    ON_FLOOR,
    STEPS,
    curvature_across,
    phi,
    tolerated,
)
from lossatlas.kernels.factorized.shifted import (
    Shifted,
    floor,
    generic,
    reduced_spectrum,
    rough_hessian,
    shifted_inverse,
    walls,
)
from lossatlas.kernels.parts import PRODUCT_COST, Flowed
from lossatlas.kernels.step_control import carried, rms
from lossatlas.landscape.base import Surface, Symmetrizer
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

POLE = 10.0
"""Shift times time step, chosen so that the Krylov spaces of the phi functions converge fast (van
den Eshof and Hochbruck, SIAM J. Sci. Comput. 27, 1438 (2006))."""

FIRST_SHIFT = 1e-5
"""Shift, as a part of the norm of the Hessian, with which the lowest curvature is found before the
first time step, which follows from it."""

TRIALS = 4
"""Number of time steps that are tried with one Hessian after the first one."""


class FlowState(NamedTuple):
    """The state of one path in flight.

    Attributes:
        w: (n,) the present point.
        time_step: the next time step; 0 before the first.
        tolerance: error tolerated in one step.
        ball: length of the Newton step at which the path ends.
        symmetrizer: projection onto the subspace that the path stays in.
        deviation: distance that the present point may have from the true path.
        spread: largest deviation on the way.
        newton: length of the Newton step.
        before: (n,) the point before.
        gradient_before: (n,) gradient at the point before.
        step_before: time from the point before to the present one; 0 if there is none.
        gradients: number of gradients computed.
        hessians: number of Hessians computed.
        status: RUNNING, or how the path ended.
    """

    w: Float[Array, " n"]
    time_step: Scalar
    tolerance: Scalar
    ball: Scalar
    symmetrizer: Symmetrizer
    deviation: Scalar
    spread: Scalar
    newton: Scalar
    before: Float[Array, " n"]
    gradient_before: Float[Array, " n"]
    step_before: Scalar
    gradients: Int[Array, ""]
    hessians: Int[Array, ""]
    status: Int[Array, ""]


class _Point(NamedTuple):
    """Gradient, remainder N at the point before, Hessian and its norm, where steps are tried."""

    gradient: Float[Array, " n"]
    past: Float[Array, " n"]
    hessian: Float[Array, "m m"]
    norm: Scalar


class _Model(NamedTuple):
    """The quadratic model for one time step: the shifted inverse and the reduced spectrum."""

    inverse: Shifted
    values: Float[Array, " k"]
    vectors: Float[Array, "n k"]


class _Trial(NamedTuple):
    """The state after the last time step tried at a point, and whether it ended or was accepted."""

    state: FlowState
    ended: Bool[Array, ""]
    accepted: Bool[Array, ""]
    trials: Int[Array, ""]


@dataclass(frozen=True)
class FactorizedFlow:
    """The kernel that follows gradient flow with factorizations; for its job see `kernels.parts`.

    Args:
        max_step: largest distance covered in one step, in units of the weights; default 0.5.
        max_hessians: number of Hessians after which a path is given up; default 1000.
        stationary_rms: RMS gradient below which a path has ended even if the Hessian is not
            positive definite, as where the landscape is flat; default 1e-11.
        blocks: number of blocks of the Krylov space of each point; default 12.
        depth: number of vectors of the Krylov space of the remainder; default 10.
        steps: number of steps in one device call; default 1.
    """

    method: ClassVar[str] = "exponential"

    max_step: float = 0.5
    max_hessians: int = 1000
    stationary_rms: float = 1e-11
    blocks: int = 12
    depth: int = 10
    steps: int = 1

    def init(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        tolerance: Scalar,
        ball: Scalar,
        symmetrizer: Symmetrizer,
        deviation: Scalar,
    ) -> FlowState:
        """Return the state of a path before its first evaluation."""
        w = surface.without_excluded(symmetrizer @ w)
        zero = jnp.zeros((), w.dtype)
        return FlowState(
            w=w,
            time_step=zero,
            tolerance=tolerance,
            ball=ball,
            symmetrizer=symmetrizer,
            deviation=deviation,
            spread=deviation,
            newton=jnp.full((), jnp.inf, w.dtype),
            before=w,
            gradient_before=jnp.zeros_like(w),
            step_before=zero,
            gradients=jnp.int32(0),
            hessians=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: FlowState) -> FlowState:
        """Evaluate a Hessian, and try time steps until one is accepted."""
        point = self._point(surface, state)
        size = rms(point.gradient)
        hessians = state.hessians + 1
        counted = state._replace(hessians=hessians, gradients=state.gradients + 1 + PRODUCT_COST)
        start = _Trial(counted, jnp.asarray(False), jnp.asarray(False), jnp.int32(0))

        def unfinished(trial: _Trial) -> Array:
            return ~trial.accepted & ~trial.ended & (trial.trials <= TRIALS)

        def attempt(trial: _Trial) -> _Trial:
            return self._attempt(surface, point, trial)

        trial = jax.lax.while_loop(unfinished, attempt, start)
        ended = trial.ended | (size < self.stationary_rms)
        status = jnp.where(hessians >= self.max_hessians, Status.TOO_MANY_STEPS, running())
        # At least one step is taken, since a path must not end where it starts.
        status = jnp.where(ended & (state.hessians > 0), Status.CONVERGED, status)
        finite = jnp.isfinite(size) & jnp.isfinite(trial.state.newton)
        status = jnp.where(finite, status, Status.NOT_FINITE)
        return trial.state._replace(status=status.astype(jnp.int32))

    def result(self, state: FlowState) -> Flowed:
        """Return where the path was handed over."""
        return Flowed(
            state.w,
            state.deviation,
            state.spread,
            state.newton,
            state.gradients,
            state.hessians,
            state.status,
        )

    def _point(self, surface: Surface, state: FlowState) -> _Point:
        """Compute gradient and Hessian at the present point, and N at the point before."""
        _, gradient = surface.value_and_gradient(state.w)
        hessian, norm = rough_hessian(surface, state.w)
        back = state.before - state.w
        past = gradient + surface.hessian_vector_product(state.w, back) - state.gradient_before
        return _Point(gradient, jnp.where(state.step_before > 0, past, 0.0), hessian, norm)

    def _attempt(self, surface: Surface, point: _Point, trial: _Trial) -> _Trial:
        """Make the model for the present time step and try a step, or end the path.

        Before the first time step, the model only tells how long that is to be.
        """
        state, h = trial.state, trial.state.time_step
        begun = h > 0
        shift = jnp.where(begun, POLE / jnp.where(begun, h, 1.0), FIRST_SHIFT * point.norm)
        inverse = shifted_inverse(point.hessian, point.norm, shift)
        random = jnp.asarray(generic(len(state.w), 1))
        seeds = jnp.column_stack([point.gradient, point.past, random])
        values, vectors = reduced_spectrum(
            surface, state.w, point.hessian, inverse, (seeds, self.blocks), state.symmetrizer
        )
        model = _Model(inverse, values, vectors)
        newton = jnp.linalg.norm((vectors.T @ point.gradient) / values)
        ended = begun & (values[0] > 0) & (newton < state.ball) & (state.hessians > 1)
        state = state._replace(newton=newton)
        first = FIRST_STEP / jnp.maximum(jnp.abs(values[0]), FLAT)
        waiting = state._replace(time_step=jnp.where(begun, h, first))
        done, accepted = jax.lax.cond(
            begun & ~ended,
            lambda: self._try(surface, point, model, state),
            lambda: (waiting, jnp.asarray(False)),
        )
        return _Trial(done, ended, accepted, trial.trials + 1)

    def _try(
        self, surface: Surface, point: _Point, model: _Model, state: FlowState
    ) -> tuple[FlowState, Array]:
        """Predict and correct one step, and accept it or shorten it by its error."""
        h, (inverse, values, vectors) = state.time_step, model
        phi1, phi3, phi4 = phi(-h * values)
        known = state.step_before > 0
        ratio = jnp.where(known, state.step_before / h, 1.0)
        past = vectors.T @ (point.past / ratio**2)

        def gradient(u: Array) -> Array:
            return surface.value_and_gradient(state.w + u)[1]

        from_slope = -h * phi1 * (vectors.T @ point.gradient)
        predicted = vectors @ (from_slope + 2.0 * h * phi3 * past)
        down = walls(surface, inverse, gradient(predicted))
        u = predicted - down
        there = gradient(u)
        left = jnp.linalg.norm(walls(surface, inverse, there))
        on_floor = left <= LEFT_ON_FLOOR * jnp.linalg.norm(down) + ON_FLOOR * state.tolerance
        remainder = point.gradient + surface.hessian_vector_product(state.w, u) - there

        # As in `dense.flow`: parabola + cubic is the remainder, parabola - ratio cubic is `past`.
        new = jnp.where(known, ratio / (1.0 + ratio), 1.0)
        old = jnp.where(known, 1.0 / (1.0 + ratio), 0.0)
        others, basis = reduced_spectrum(
            surface,
            state.w,
            point.hessian,
            inverse,
            (remainder[:, None], self.depth),
            state.symmetrizer,
        )
        _, psi3, psi4 = phi(-h * others)
        lacking = (2.0 * psi3 * new + 6.0 * psi4 * (1.0 - new)) * (basis.T @ remainder)
        known_part = (2.0 * phi3 - 6.0 * phi4) * old * past
        corrected = vectors @ (from_slope + h * known_part) + h * (basis @ lacking)
        move = corrected - walls(surface, inverse, gradient(corrected))

        # Errors in the stiff directions do not count, since the flow removes them within the step.
        error = jnp.linalg.norm(floor(surface, inverse, corrected - predicted))
        length = jnp.linalg.norm(move)
        finite = jnp.isfinite(error) & jnp.isfinite(length)
        error, length = STEPS.measured(error, length, finite)
        across = curvature_across(values, vectors.T @ point.gradient)
        most = tolerated(state.tolerance, across, state.newton)
        factor = STEPS.factor(error, length, most, self.max_step)
        factor = jnp.where(on_floor, factor, jnp.minimum(factor, LEFT_ON_FLOOR))
        accept = (error <= most) & (length <= self.max_step) & on_floor
        deviation = carried(state.deviation, h * across) + error
        after = state._replace(
            deviation=jnp.where(accept, deviation, state.deviation),
            spread=jnp.where(accept, jnp.maximum(state.spread, deviation), state.spread),
            before=jnp.where(accept, state.w, state.before),
            gradient_before=jnp.where(accept, point.gradient, state.gradient_before),
            step_before=jnp.where(accept, h, state.step_before),
            w=jnp.where(accept, state.symmetrizer @ (state.w + move), state.w),
            time_step=h * STEPS.bounded(factor),
            gradients=state.gradients + 3 + PRODUCT_COST,
        )
        return after, accept
