"""Gradient flow dw/dt = -grad E(w), followed by an exponential integrator with exact Hessians.

Which minimum a path leads to is defined by gradient flow; minimizers jump between basins. The flow
is as stiff as the Hessian is ill-conditioned (typically 1e5), and it starts at a saddle. Explicit
integrators take very many steps there, and the time step of implicit ones is limited by the
negative curvature. An exponential Rosenbrock method has neither problem: it solves the local
quadratic model exactly (the idea of Page and McIver, J. Chem. Phys. 88, 922 (1988)), with phi
functions that are diagonal in the eigenvectors of the exact Hessian, and corrects for the remainder
N, the part of the negative gradient that the model lacks.

A step is predicted with a parabola for N, which passes through N at the point before and vanishes,
with its derivative, at the present point. It is corrected with the cubic that also passes through N
at the point that the prediction leads to, which gives a method of fourth order (multistep methods
of this kind: Hochbruck and Ostermann, Acta Numerica 19, 209 (2010)). The difference of the two is
taken as the error. It is that of the prediction, and larger than that of the corrected step. A step
takes one Hessian, one diagonalization and four gradients.

Between the walls of a valley, prediction and correction have to stay on its floor. A straight step
leaves a floor that turns, and a short way up a wall of curvature 1 forces are a thousand times
those along the floor, where the curvature is 1e-5. N would then be that of the wall, and steps
would be so short that the floor looks straight. Therefore, before N is computed and at the end of
the step, a Newton step in the stiff directions alone leads back to the floor, as the flow itself
does within a fraction of a step. Where it leads less than half of the way, the walls have changed,
for example because a valley branches, and the time step is shortened.

The path ends where Newton's method may take over: the Hessian is positive definite and the Newton
step is shorter than `ball`. `search.pathway` checks afterwards whether this was right. On a path
inside a symmetric subspace only the modes in that subspace count, so it may end at a saddle.

Errors matter where they grow, along a ridge or near another saddle. Therefore the kernel carries
them along as the linearized flow does: each step multiplies the deviation by exp(-h lambda), with
the time step h and the lowest curvature lambda across the path, and adds its own error. The largest
value on the way, `spread`, tells how far the path may have strayed from the true one. If it is not
small, the path has to be followed again with a tighter tolerance.

Where the curvature across the path is positive, the flow makes errors smaller, so the error of a
step may be ten times the tolerance; it counts in the spread as all errors do. However, a minimum
may be so shallow that such an error leads out of its basin. The length of the Newton step tells how
far the quadratic model is valid there, so the error is at most a part of it.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import no_spectrum, rough_spectrum
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
from lossatlas.kernels.parts import Flowed
from lossatlas.kernels.step_control import carried, rms
from lossatlas.landscape.base import Surface, Symmetrizer
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

STIFF = 200.0
"""A direction is stiff if its curvature times the time step is more than this. Along it the flow
reaches the floor of the valley long before the step ends."""


class FlowState(NamedTuple):
    """The state of one path in flight.

    Attributes:
        w: (n,) the present point.
        arrived: whether the quadratic model at this point still has to be made.
        time_step: the next time step.
        tolerance: error tolerated in one step.
        ball: length of the Newton step at which the path ends.
        symmetrizer: projection onto the subspace that the path stays in.
        gradient: (n,) gradient at the present point.
        eigenvalues: (m,) eigenvalues of the Hessian, ascending.
        vectors: (n, m) eigenvectors of the Hessian.
        across: lowest curvature across the path.
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
    arrived: Bool[Array, ""]
    time_step: Scalar
    tolerance: Scalar
    ball: Scalar
    symmetrizer: Symmetrizer
    gradient: Float[Array, " n"]
    eigenvalues: Float[Array, " m"]
    vectors: Float[Array, "n m"]
    across: Scalar
    deviation: Scalar
    spread: Scalar
    newton: Scalar
    before: Float[Array, " n"]
    gradient_before: Float[Array, " n"]
    step_before: Scalar
    gradients: Int[Array, ""]
    hessians: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class Flow:
    """The kernel that follows gradient flow with spectra; for its job see `kernels.parts`.

    Args:
        max_step: largest distance covered in one step, in units of the weights; default 0.5.
        max_hessians: number of Hessians after which a path is given up; default 3000.
        stationary_rms: RMS gradient below which a path has ended even if the Hessian is not
            positive definite, as where the landscape is flat; default 1e-11.
        steps: number of steps in one device call; default 8.
    """

    method: ClassVar[str] = "exponential"

    max_step: float = 0.5
    max_hessians: int = 3000
    stationary_rms: float = 1e-11
    steps: int = 8

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
        eigenvalues, vectors = no_spectrum(surface, w)
        return FlowState(
            w=w,
            arrived=jnp.asarray(True),
            time_step=jnp.zeros((), w.dtype),
            tolerance=tolerance,
            ball=ball,
            symmetrizer=symmetrizer,
            gradient=jnp.zeros_like(w),
            eigenvalues=eigenvalues,
            vectors=vectors,
            across=jnp.zeros((), w.dtype),
            deviation=deviation,
            spread=deviation,
            newton=jnp.full((), jnp.inf, w.dtype),
            before=w,
            gradient_before=jnp.zeros_like(w),
            step_before=jnp.zeros((), w.dtype),
            gradients=jnp.int32(0),
            hessians=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: FlowState) -> FlowState:
        """Make the quadratic model at a new point, and try a step with it.

        Both happen in one step of the kernel because vectorized lanes compute both in any case.
        """
        state = jax.lax.cond(state.arrived, lambda: self._model(surface, state), lambda: state)
        unfinished = state.status == Status.RUNNING
        return jax.lax.cond(unfinished, lambda: self._try(surface, state), lambda: state)

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

    def _model(self, surface: Surface, state: FlowState) -> FlowState:
        """Compute gradient and spectrum at the present point, and decide whether the path ends."""
        _, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors = rough_spectrum(surface, state.w, state.symmetrizer)
        slope = vectors.T @ gradient
        # This is not finite on a flat surface, so that no comparison with the ball is true.
        newton = jnp.linalg.norm(slope / eigenvalues)
        convex = eigenvalues[0] > 0
        size = rms(gradient)
        hessians = state.hessians + 1

        ended = (convex & (newton < state.ball)) | (size < self.stationary_rms)
        status = jnp.where(hessians >= self.max_hessians, Status.TOO_MANY_STEPS, running())
        # At least one step is taken, since a path must not end where it starts.
        status = jnp.where(ended & (hessians > 1), Status.CONVERGED, status)
        finite = jnp.isfinite(size) & jnp.isfinite(eigenvalues).all()
        status = jnp.where(finite, status, Status.NOT_FINITE)
        # Near a saddle the flow grows on the time scale of the negative curvature.
        first = FIRST_STEP / jnp.maximum(jnp.abs(eigenvalues[0]), FLAT)
        return state._replace(
            arrived=jnp.asarray(False),
            time_step=jnp.where(hessians == 1, first, state.time_step),
            gradient=gradient,
            eigenvalues=eigenvalues,
            vectors=vectors,
            across=curvature_across(eigenvalues, slope),
            newton=newton,
            gradients=state.gradients + 1,
            hessians=hessians,
            status=status.astype(jnp.int32),
        )

    def _try(self, surface: Surface, state: FlowState) -> FlowState:
        """Predict and correct one step, and accept it or shorten it by its error."""
        lam, vectors, h = state.eigenvalues, state.vectors, state.time_step
        slope = vectors.T @ state.gradient
        stiff = h * lam > STIFF

        def gradient(u: Array) -> Array:
            return vectors.T @ surface.value_and_gradient(state.w + vectors @ u)[1]

        def above_floor(gradient: Array) -> Array:
            return jnp.where(stiff, gradient / jnp.where(stiff, lam, 1.0), 0.0)

        def moved(parabola: Array, cubic: Array | float) -> Array:
            """Return the displacement if N is parabola s^2 + cubic s^3 after part s of the step."""
            return h * (2.0 * phi3 * parabola + 6.0 * phi4 * cubic - phi1 * slope)

        phi1, phi3, phi4 = phi(-h * lam)
        # N and its derivative vanish at w, so its value at the point before, `ratio` steps back,
        # gives a parabola past s^2.
        back = vectors.T @ (state.before - state.w)
        known = state.step_before > 0
        ratio = jnp.where(known, state.step_before / h, 1.0)
        past = slope + lam * back - vectors.T @ state.gradient_before
        past = jnp.where(known, past / ratio**2, 0.0)

        predicted = moved(past, 0.0)
        down = above_floor(gradient(predicted))
        u = predicted - down
        there = gradient(u)
        left = jnp.linalg.norm(above_floor(there))
        on_floor = left <= LEFT_ON_FLOOR * jnp.linalg.norm(down) + ON_FLOOR * state.tolerance
        remainder = slope + lam * u - there
        # With N = parabola s^2 + cubic s^3: at s = 1 their sum is the remainder, and at s = -ratio
        # parabola - ratio cubic is what `past` was.
        parabola = jnp.where(known, (past + ratio * remainder) / (1.0 + ratio), remainder)
        corrected = moved(parabola, remainder - parabola)
        move = corrected - above_floor(gradient(corrected))

        # Errors in the stiff directions do not count, since the flow removes them within the step.
        error = jnp.linalg.norm(jnp.where(stiff, 0.0, corrected - predicted))
        length = jnp.linalg.norm(move)
        finite = jnp.isfinite(error) & jnp.isfinite(length)
        error, length = STEPS.measured(error, length, finite)
        most = tolerated(state.tolerance, state.across, state.newton)
        factor = STEPS.factor(error, length, most, self.max_step)
        factor = jnp.where(on_floor, factor, jnp.minimum(factor, LEFT_ON_FLOOR))
        accept = (error <= most) & (length <= self.max_step) & on_floor
        deviation = carried(state.deviation, h * state.across) + error
        return state._replace(
            deviation=jnp.where(accept, deviation, state.deviation),
            spread=jnp.where(accept, jnp.maximum(state.spread, deviation), state.spread),
            before=jnp.where(accept, state.w, state.before),
            gradient_before=jnp.where(accept, state.gradient, state.gradient_before),
            step_before=jnp.where(accept, h, state.step_before),
            w=jnp.where(accept, state.symmetrizer @ (state.w + vectors @ move), state.w),
            arrived=accept,
            time_step=h * STEPS.bounded(factor),
            gradients=state.gradients + 3,
        )
