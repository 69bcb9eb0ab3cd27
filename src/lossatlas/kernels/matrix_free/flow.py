"""Gradient flow dw/dt = -grad E(w) with gradients only, for Hessians too large to form.

The stabilized explicit second-order Runge-Kutta-Chebyshev method (RKC2: Sommeijer, Shampine and
Verwer, J. Comput. Appl. Math. 88 (1998) 315): s stages are stable up to a step of 0.65 s^2 over the
largest curvature, where s ordinary explicit steps cover 2 s. The error estimate is embedded,

    0.8 (w_0 - w_1) - 0.4 h (g_0 + g_1),

and the number of stages follows from the largest curvature, found by a power iteration with
Hessian-vector products. Stages, products and rejected steps are flattened: each kernel step is one
gradient or one Hessian-vector product.

The path ends like that of `flow.Flow` in the Newton ball of a minimum: the lowest curvature c
(refined along the path, see `softest_mode`) is positive and |g| / c, a bound of the Newton step, is
below `ball`. On a path inside a symmetric subspace both refer to that subspace. `spread` is as in
`flow.Flow`, by the softest mode alone, as far as it lies across the path.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from lossatlas.errors import Status
from lossatlas.kernels import lbfgs
from lossatlas.kernels.matrix_free.softest_mode import Pair, SoftestMode, begin, refined, unit
from lossatlas.kernels.parts import PRODUCT_COST, Flowed
from lossatlas.kernels.step_control import TINY, PathSteps, carried
from lossatlas.landscape.base import Surface, Symmetrizer
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

POWER, SLOPE, CURVATURE, REFINE, STAGE = range(5)
"""Phases: largest curvature; curvature along the path; that along the softest mode; its refinement;
stages of a step."""

DAMPING = 2.0 / 13.0
"""Of the stability polynomial, as in the paper: a little of the stable step is given up so that the
polynomial stays below one in size inside the interval, and errors decay."""

STABLE = 1.54
"""With this damping s stages are stable up to h times the largest curvature of 0.65 (s^2 - 1);
1 / 1.54 is a little less."""

STEPS = PathSteps(order=3, safety=0.8, growth=5.0)
"""The method is of second order, so the error of one step grows with h^3."""

STIFFNESS_MARGIN = 1.1
"""A power iteration finds the largest curvature from below; this much more is allowed for."""

FIRST_STEP = 0.5
"""First time step, over the time in which the flow grows by e along the path. Shorter than that of
the exponential method, for which a quadratic surface has no error."""

FLAT, SHORTEST = 1e-12, 1e-12
"""Curvature that stands for smaller ones where it divides; time step at which a path is given up,
because no error is that large unless something is not finite."""

SETTLED = 0.1
"""Residual of the softest mode, as a part of its curvature, that leaves no doubt about the sign."""

FROM_RANDOM = 0.1
"""First inverse curvature of the limited-memory model, before it has learned any."""


class ChebyshevState(NamedTuple):
    """One path in flight: the accepted point with its gradient, and the stages of the next step."""

    w: Float[Array, " n"]
    gradient: Float[Array, " n"]
    tolerance: Scalar
    ball: Scalar
    symmetrizer: Symmetrizer
    time_step: Scalar
    stages: Int[Array, ""]
    stage: Int[Array, ""]
    now: Float[Array, " n"]
    before: Float[Array, " n"]
    top: Float[Array, " n"]
    stiffness: Scalar
    mode: SoftestMode
    model: lbfgs.Model
    pair: Pair
    phase: Int[Array, ""]
    repeats: Int[Array, ""]
    deviation: Scalar
    spread: Scalar
    gradients: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class ChebyshevFlow:
    """Kernel; a job is `(w, tolerance, ball, symmetrizer, deviation)`, see `kernels.parts`.

    Args:
        max_step: cap on the distance covered in one step.
        max_stages: cap on the gradients for one step.
        max_gradients: give up after so many; a Hessian-vector product counts as two.
        powers: power iterations at the start and after a rejected step; else one a step.
        refinements: products at most to decide about the softest mode at one point; one a step
            keep track of it.
        memory: pairs of the limited-memory model that helps to find it.
        steps: steps a device call.
    """

    method: ClassVar[str] = "chebyshev"

    max_step: float = 0.5
    max_stages: int = 200
    max_gradients: int = 200_000
    powers: int = 12
    refinements: int = 60
    memory: int = 60
    steps: int = 100

    def init(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        tolerance: Scalar,
        ball: Scalar,
        symmetrizer: Symmetrizer,
        deviation: Scalar,
    ) -> ChebyshevState:
        """Evaluate the start."""
        w = symmetrizer @ w
        energy, gradient = surface.value_and_gradient(w)
        noise = unit(jax.random.normal(jax.random.key(0), w.shape, w.dtype))
        # Some of every direction: a mode that starts without the softest would never find it.
        mixed = surface.without_excluded(unit(gradient) + noise)
        finite = jnp.isfinite(energy) & jnp.isfinite(jnp.linalg.norm(gradient))
        return ChebyshevState(
            w=w,
            gradient=gradient,
            tolerance=tolerance,
            ball=ball,
            symmetrizer=symmetrizer,
            time_step=jnp.zeros((), w.dtype),
            stages=jnp.int32(2),
            stage=jnp.int32(0),
            now=w,
            before=w,
            top=noise,
            stiffness=jnp.zeros((), w.dtype),
            mode=begin(unit(symmetrizer @ mixed), jnp.zeros_like(w)),
            model=lbfgs.init(w, self.memory, FROM_RANDOM),
            pair=Pair(jnp.zeros_like(w), jnp.zeros_like(w)),
            phase=jnp.int32(POWER),
            repeats=jnp.int32(self.powers),
            deviation=deviation,
            spread=deviation,
            gradients=jnp.int32(1),
            status=jnp.where(finite, running(), jnp.int32(Status.NOT_FINITE)),
        )

    def step(self, surface: Surface, state: ChebyshevState) -> ChebyshevState:
        """One gradient or one Hessian-vector product, by phase."""
        # Branches read the model but do not return it: it is large, and would be copied.
        model = lbfgs.update(state.model, *state.pair)
        nothing = jnp.zeros_like(state.w)
        rest = state._replace(model=None, pair=Pair(nothing, nothing))
        refine = partial(self._refine, model=model)
        branches = (self._power, self._slope, self._curvature, refine, self._stage)
        state = jax.lax.switch(state.phase, [lambda s, f=f: f(surface, s) for f in branches], rest)
        state = state._replace(model=model)
        over = (state.status == Status.RUNNING) & (state.gradients >= self.max_gradients)
        return state._replace(
            status=jnp.where(over, jnp.int32(Status.TOO_MANY_STEPS), state.status)
        )

    def result(self, state: ChebyshevState) -> Flowed:
        """Where the path was handed over."""
        newton = jnp.linalg.norm(state.gradient) / state.mode.value
        return Flowed(
            state.w,
            state.deviation,
            state.spread,
            newton,
            state.gradients,
            jnp.int32(0),
            state.status,
        )

    def _power(self, surface: Surface, state: ChebyshevState) -> ChebyshevState:
        """One power iteration for the largest curvature."""
        product = surface.hessian_vector_product(state.w, state.top)
        size = jnp.linalg.norm(product)
        last = state.repeats <= 1
        return state._replace(
            top=unit(product),
            stiffness=STIFFNESS_MARGIN * size,
            phase=jnp.where(last, SLOPE, POWER).astype(jnp.int32),
            repeats=state.repeats - 1,
            gradients=state.gradients + PRODUCT_COST,
        )

    def _slope(self, surface: Surface, state: ChebyshevState) -> ChebyshevState:
        """The curvature along the path: whether the end may be near."""
        gradient = state.gradient
        product = surface.hessian_vector_product(state.w, gradient)
        square = jnp.vdot(gradient, gradient)
        curvature = jnp.vdot(gradient, product) / jnp.maximum(square, TINY)
        # Near a saddle the flow grows on the time scale of the negative curvature.
        first = FIRST_STEP / jnp.maximum(jnp.abs(curvature), FLAT)
        # The lowest curvature is no larger than this one, so the path cannot end unless this holds.
        near = (curvature > 0) & (jnp.sqrt(square) < state.ball * curvature)
        return state._replace(
            time_step=jnp.where(state.time_step == 0, first, state.time_step),
            phase=jnp.int32(CURVATURE),
            repeats=jnp.where(near, self.refinements, 1).astype(jnp.int32),
            gradients=state.gradients + PRODUCT_COST,
        )

    def _curvature(self, surface: Surface, state: ChebyshevState) -> ChebyshevState:
        vector = unit(surface.without_excluded(state.symmetrizer @ state.mode.vector))
        mode = begin(vector, surface.hessian_vector_product(state.w, vector))
        return self._judge(state._replace(mode=mode))

    def _refine(
        self, surface: Surface, state: ChebyshevState, model: lbfgs.Model
    ) -> ChebyshevState:
        product = partial(surface.hessian_vector_product, state.w)

        def project(v: Array) -> Array:
            return surface.without_excluded(state.symmetrizer @ v)

        mode, pair = refined(product, project, state.mode, model)
        return self._judge(state._replace(mode=mode, pair=pair))

    def _judge(self, state: ChebyshevState) -> ChebyshevState:
        """End here, refine the softest mode further, or go on along the path.

        One refinement a step keeps track of the mode; only where the end may be near there are
        more.
        """
        value = state.mode.value
        tracked, exhausted = state.phase == REFINE, state.repeats <= 0
        settled = jnp.linalg.norm(state.mode.residual) <= SETTLED * value
        close = jnp.linalg.norm(state.gradient) < state.ball * value
        end = tracked & settled & close & ~exhausted
        state = state._replace(
            phase=jnp.int32(REFINE),
            repeats=state.repeats - 1,
            gradients=state.gradients + PRODUCT_COST,
            status=jnp.where(end, jnp.int32(Status.CONVERGED), running()),
        )
        go_on = exhausted | (tracked & ~close)
        return jax.lax.cond(go_on, lambda: self._begin(state), lambda: state)

    def _begin(self, state: ChebyshevState) -> ChebyshevState:
        """The number of stages for the next step, and its first stage."""
        limit = ((self.max_stages - 1.0) ** 2 - 1.0) / STABLE
        # The cap on the stages is a cap on the step: no more would be stable.
        h = jnp.minimum(state.time_step, limit / state.stiffness)
        stages = 1 + jnp.floor(jnp.sqrt(1.0 + STABLE * h * state.stiffness))
        stages = jnp.clip(stages, 2, self.max_stages).astype(jnp.int32)
        first = Coefficients(stages).first
        return state._replace(
            time_step=h,
            stages=stages,
            stage=jnp.int32(1),
            before=state.w,
            now=state.w - first * h * state.gradient,
            phase=jnp.int32(STAGE),
        )

    def _stage(self, surface: Surface, state: ChebyshevState) -> ChebyshevState:
        """The gradient at the current stage: the next stage, or the end of the step."""
        energy, gradient = surface.value_and_gradient(state.now)
        state = state._replace(gradients=state.gradients + 1)
        return jax.lax.cond(
            state.stage >= state.stages,
            lambda: self._finish(state, energy, gradient),
            lambda: self._onward(state, gradient),
        )

    def _onward(self, state: ChebyshevState, gradient: Float[Array, " n"]) -> ChebyshevState:
        """The next stage from the last two and the gradient at the last."""
        nu, mu, here, at_start = Coefficients(state.stages).stage(state.stage + 1)
        following = (
            (1.0 - mu - nu) * state.w
            + mu * state.now
            + nu * state.before
            - state.time_step * (here * gradient + at_start * state.gradient)
        )
        return state._replace(now=following, before=state.now, stage=state.stage + 1)

    def _finish(
        self, state: ChebyshevState, energy: Scalar, gradient: Float[Array, " n"]
    ) -> ChebyshevState:
        """Accept the step or shorten it, by its error and its length."""
        h, change = state.time_step, state.now - state.w
        error = jnp.linalg.norm(0.8 * change + 0.4 * h * (gradient + state.gradient))
        length = jnp.linalg.norm(change)
        error, length = STEPS.measured(error, length, jnp.isfinite(error) & jnp.isfinite(energy))
        factor = STEPS.factor(error, length, state.tolerance, self.max_step)
        accept = (error <= state.tolerance) & (length <= self.max_step)
        state = state._replace(time_step=h * STEPS.bounded(factor), phase=jnp.int32(POWER))
        lost = state.time_step < SHORTEST
        # Of the softest mode what lies across the path; growth along it is harmless.
        along = jnp.vdot(unit(state.mode.vector), unit(state.gradient)) ** 2
        deviation = carried(state.deviation, h * (1.0 - along) * state.mode.value) + error
        arrived = state._replace(
            deviation=deviation,
            spread=jnp.maximum(state.spread, deviation),
            w=state.symmetrizer @ state.now,
            gradient=state.symmetrizer @ gradient,
            pair=Pair(change, gradient - state.gradient),
            repeats=jnp.int32(1),
        )
        # A largest curvature that was underestimated makes a step unstable, which shows as an
        # error: it is determined anew.
        rejected = state._replace(
            repeats=jnp.int32(self.powers),
            status=jnp.where(lost, jnp.int32(Status.NOT_FINITE), running()),
        )
        return jax.lax.cond(accept, lambda: arrived, lambda: rejected)


class Coefficients:
    """Coefficients of RKC2 in closed form from Chebyshev polynomials (the paper's eqs. 2.2-2.3).

    Attributes:
        first: coefficient mu~ of the first stage.
    """

    def __init__(self, stages: Array) -> None:
        """For a number of stages, at least 2."""
        self.excess = DAMPING / stages.astype(jnp.result_type(float)) ** 2
        _, slope, curvature = self._chebyshev(stages)
        self.scale = slope / curvature
        self.first = self._b(jnp.int32(1)) * self.scale

    def stage(self, j: Array) -> tuple[Array, Array, Array, Array]:
        """(nu, mu, mu~, gamma~) of stage j >= 2."""
        here, last, before = self._b(j), self._b(j - 1), self._b(j - 2)
        mu = 2.0 * here * (1.0 + self.excess) / last
        mu_tilde = 2.0 * here * self.scale / last
        polynomial, _, _ = self._chebyshev(j - 1)
        return -here / before, mu, mu_tilde, -(1.0 - last * polynomial) * mu_tilde

    def _b(self, j: Array) -> Array:
        _, slope, curvature = self._chebyshev(jnp.maximum(j, 2))
        return curvature / slope**2

    def _chebyshev(self, j: Array) -> tuple[Array, Array, Array]:
        """T_j and its first two derivatives at 1 + excess."""
        x, degree = 1.0 + self.excess, j.astype(self.excess.dtype)
        angle = jnp.log1p(self.excess + jnp.sqrt(self.excess * (2.0 + self.excess)))
        square = self.excess * (2.0 + self.excess)
        value = jnp.cosh(degree * angle)
        slope = degree * jnp.sinh(degree * angle) / jnp.sqrt(square)
        return value, slope, (degree**2 * value - x * slope) / square
