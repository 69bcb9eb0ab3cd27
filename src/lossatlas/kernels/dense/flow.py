"""Gradient flow dw/dt = -grad E(w), followed accurately and cheaply.

Which minimum a path leads to is defined by gradient flow; minimizers jump between basins. The flow
is as stiff as the Hessian is ill-conditioned (1e5 here), and it starts at a saddle, where explicit
steps take forever and implicit ones are limited by the negative curvature. An exponential
Rosenbrock method has neither trouble: it solves the local quadratic model exactly (the idea of Page
and McIver 1988), with phi functions that are diagonal in the eigenvectors of the exact Hessian, and
corrects for what the model lacks, the remainder N of -gradient.

A step is predicted with a parabola through N at the point before, and at the present one, where it
and its derivative are zero; corrected with the cubic that also passes through N where the
prediction leads (fourth order; multistep methods of this kind: Hochbruck and Ostermann, Acta
Numerica 19 (2010) 209); and the difference of the two is taken for the error, which is
that of the prediction and larger. So a step costs one Hessian, one diagonalization and four
gradients.

Between the walls of a valley both have to stay on its floor. A straight step leaves a floor that
turns, and a little way up a wall of curvature 1 forces are a thousand times those along the floor,
where the curvature is 1e-5: N would be that of the wall, and steps so short that the floor looks
straight. So before N is taken, and at the end of the step, a Newton step in the stiff directions
alone leads back to the floor. The flow itself does so within a fraction of a step. Where it leads
less than half of the way the walls have changed, as where a valley branches, and the step is
shortened.

The path ends where Newton's method may take over: the Hessian is positive definite and the Newton
step is shorter than `ball`. (Whether it was right to is seen afterwards, see `search.pathway`.) On
a path inside a symmetric subspace only the modes in that subspace count: it may end at a saddle.

Errors matter where they grow: along a ridge, near another saddle. So the kernel carries them along,
as the linearized flow does: each step multiplies what there is by exp(-h lambda), lambda the lowest
curvature across the path, and adds its own error. The largest value on the way, `spread`, tells how
far the path may have strayed from the true one; where it is not small the path should be followed
again with a tighter tolerance.
"""

from dataclasses import dataclass
from math import factorial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import no_spectrum, rough_spectrum
from lossatlas.lanes.requests import running

STIFF = 200.0
"""Directions are stiff if their curvature times the time step is more than this: the flow is on the
floor of a valley long before the step ends."""


class FlowState(NamedTuple):
    """One path in flight; unless it has just `arrived`, with the quadratic model at `w`.

    `before` is the last point on the path before w, `step_before` the time between: 0 if none.
    """

    w: Array
    arrived: Array
    time_step: Array
    tolerance: Array
    ball: Array
    symmetrizer: Array
    gradient: Array
    eigenvalues: Array
    vectors: Array
    across: Array
    deviation: Array
    spread: Array
    newton: Array
    before: Array
    gradient_before: Array
    step_before: Array
    gradients: Array
    hessians: Array
    status: Array


class Flowed(NamedTuple):
    """Result.

    Attributes:
        w: the last point (n,).
        deviation: how far it may be from the true path at the last point, in weight units.
        spread: the largest deviation on the way.
        newton: length of the Newton step at the last point, or a bound of it.
        gradients, hessians: evaluations used.
        status: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    w: Array
    deviation: Array
    spread: Array
    newton: Array
    gradients: Array
    hessians: Array
    status: Array


@dataclass(frozen=True)
class Flow:
    """Kernel; a job is `(w, tolerance, ball, symmetrizer, deviation)`.

    `tolerance` bounds the error of one step in weight units; the path is handed over to Newton's
    method when its step is shorter than `ball`; `symmetrizer` (n, n) projects onto the
    subspace of symmetric weight vectors that the flow cannot leave (the identity if there is none),
    so that rounding errors do not make it leave; `deviation` is how far `w` may be from the path
    already, where one is continued.

    Args:
        max_step: cap on the distance covered in one step.
        max_hessians: give up after so many.
        stationary_rms: where the landscape is flat no Hessian is positive definite; RMS gradient at
            which the path has ended there.
        steps: steps a device call.
    """

    method: ClassVar[str] = "exponential"

    max_step: float = 0.5
    max_hessians: int = 3000
    stationary_rms: float = 1e-11
    steps: int = 16

    def init(
        self,
        surface: Any,
        w: Array,
        tolerance: Array,
        ball: Array,
        symmetrizer: Array,
        deviation: Array,
    ) -> FlowState:
        """Nothing evaluated yet."""
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

    def step(self, surface: Any, state: FlowState) -> FlowState:
        """Make the quadratic model where the path has arrived, or try a step with it."""
        return jax.lax.cond(
            state.arrived,
            lambda: self._model(surface, state),
            lambda: self._try(surface, state),
        )

    def result(self, state: FlowState) -> Flowed:
        """Where the path was handed over."""
        return Flowed(
            state.w,
            state.deviation,
            state.spread,
            state.newton,
            state.gradients,
            state.hessians,
            state.status,
        )

    def _model(self, surface: Any, state: FlowState) -> FlowState:
        """Gradient, Hessian and spectrum at w; has the path ended?"""
        _, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors = rough_spectrum(surface, state.w, state.symmetrizer)
        slope = vectors.T @ gradient
        newton = jnp.linalg.norm(slope / eigenvalues)
        convex = eigenvalues[0] > 0
        rms = jnp.sqrt(jnp.mean(gradient**2))
        hessians = state.hessians + 1

        ended = (convex & (newton < state.ball)) | (rms < self.stationary_rms)
        status = jnp.where(hessians >= self.max_hessians, Status.TOO_MANY_STEPS, running())
        status = jnp.where(ended & (hessians > 1), Status.CONVERGED, status)
        finite = jnp.isfinite(rms) & jnp.isfinite(eigenvalues).all()
        status = jnp.where(finite, status, Status.NOT_FINITE)
        # Near a saddle the flow grows on the time scale of the negative curvature.
        first = 2.0 / jnp.maximum(jnp.abs(eigenvalues[0]), 1e-12)
        return state._replace(
            arrived=jnp.asarray(False),
            time_step=jnp.where(hessians == 1, first, state.time_step),
            gradient=gradient,
            eigenvalues=eigenvalues,
            vectors=vectors,
            across=_curvature_across(eigenvalues, slope),
            newton=newton,
            gradients=state.gradients + 1,
            hessians=hessians,
            status=status.astype(jnp.int32),
        )

    def _try(self, surface: Any, state: FlowState) -> FlowState:
        """Predict and correct one step; accepted, or shortened by its error."""
        lam, vectors, h = state.eigenvalues, state.vectors, state.time_step
        slope = vectors.T @ state.gradient
        stiff = h * lam > STIFF

        def gradient(u: Array) -> Array:
            return vectors.T @ surface.value_and_gradient(state.w + vectors @ u)[1]

        def above_floor(gradient: Array) -> Array:
            return jnp.where(stiff, gradient / jnp.where(stiff, lam, 1.0), 0.0)

        def moved(parabola: Array, cubic: Array | float) -> Array:
            """The displacement if N is parabola s^2 + cubic s^3, s the part of the step."""
            return h * (2.0 * phi3 * parabola + 6.0 * phi4 * cubic - phi1 * slope)

        phi1, phi3, phi4 = _phi(-h * lam)
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
        on_floor = left <= 0.5 * jnp.linalg.norm(down) + 1e-4 * state.tolerance
        remainder = slope + lam * u - there
        parabola = jnp.where(known, (past + ratio * remainder) / (1.0 + ratio), remainder)
        corrected = moved(parabola, remainder - parabola)
        move = corrected - above_floor(gradient(corrected))

        error = jnp.linalg.norm(jnp.where(stiff, 0.0, corrected - predicted))
        length = jnp.linalg.norm(move)
        good = jnp.isfinite(error) & jnp.isfinite(length)
        error, length = jnp.where(good, error, 1e6), jnp.where(good, length, 1e6)
        factor = 0.9 * (state.tolerance / jnp.maximum(error, 1e-16)) ** 0.25
        factor = jnp.minimum(factor, 0.9 * self.max_step / jnp.maximum(length, 1e-16))
        factor = jnp.where(on_floor, factor, jnp.minimum(factor, 0.5))
        accept = (error <= state.tolerance) & (length <= self.max_step) & on_floor
        deviation = carried(state.deviation, h * state.across) + error
        return state._replace(
            deviation=jnp.where(accept, deviation, state.deviation),
            spread=jnp.where(accept, jnp.maximum(state.spread, deviation), state.spread),
            before=jnp.where(accept, state.w, state.before),
            gradient_before=jnp.where(accept, state.gradient, state.gradient_before),
            step_before=jnp.where(accept, h, state.step_before),
            w=jnp.where(accept, state.symmetrizer @ (state.w + vectors @ move), state.w),
            arrived=accept,
            time_step=h * jnp.clip(factor, 0.1, 4.0),
            gradients=state.gradients + 3,
        )


def carried(deviation: Array, exponent: Array) -> Array:
    """A deviation after a step of the linearized flow; the exponent is h lambda."""
    return deviation * jnp.exp(jnp.clip(-exponent, -30.0, 30.0))


def _curvature_across(eigenvalues: Array, slope: Array) -> Array:
    """The lowest curvature across a path, from ascending eigenvalues (m,) and the gradient along
    each mode (m,).

    Of two directions: what is left of the softest mode without its part along the path, and what in
    the plane of the two softest modes is across it. One of them is good whatever the path's own
    direction is. Growth along the path itself only changes when a point is reached.
    """
    if len(eigenvalues) == 1:
        return eigenvalues[0]
    shares = slope**2 / jnp.maximum(jnp.vdot(slope, slope), 1e-300)
    (first, second), (lowest, higher) = shares[:2], eigenvalues[:2]
    rest = jnp.maximum(1.0 - first, 1e-12)
    left = (lowest * (1.0 - 2.0 * first) + first * jnp.vdot(shares, eigenvalues)) / rest
    plane = (lowest * second + higher * first) / jnp.maximum(first + second, 1e-300)
    return jnp.minimum(left, plane)


def _phi(z: Array) -> tuple[Array, Array, Array]:
    """phi_1, phi_3, phi_4 of the exponential integrators, phi_k = (phi_{k-1} - 1/(k-1)!) / z."""
    near = jnp.abs(z) < 0.5
    small, large = jnp.where(near, z, 0.0), jnp.where(near, 1.0, z)
    series = jnp.zeros_like(z)
    for k in range(16, -1, -1):
        series = series * small + 1.0 / factorial(k + 4)
    from_series = [series]
    for k in (3, 2, 1):
        from_series.insert(0, small * from_series[0] + 1.0 / factorial(k))
    direct = [jnp.expm1(large) / large]
    for k in (1, 2, 3):
        direct.append((direct[-1] - 1.0 / factorial(k)) / large)
    one, _, three, four = (jnp.where(near, a, b) for a, b in zip(from_series, direct, strict=True))
    return one, three, four
