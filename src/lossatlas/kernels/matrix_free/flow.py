"""Gradient flow dw/dt = -grad E(w) with gradients only, for Hessians too large to compute.

The integrator is the stabilized explicit Runge-Kutta-Chebyshev method of second order (RKC2:
Sommeijer, Shampine and Verwer, J. Comput. Appl. Math. 88, 315 (1998)). With s stages it is stable
up to a time step of 0.65 s^2 divided by the largest curvature, where s ordinary explicit steps
cover 2 s. The estimate of the error from the points w_0 and w_1 at both ends of a step h and the
gradients g_0 and g_1 is

    0.8 (w_0 - w_1) - 0.4 h (g_0 + g_1),

and the number of stages follows from the largest curvature, which a power iteration with
Hessian-vector products finds. Stages, products and rejected steps are not nested: each step of the
kernel is one gradient or one Hessian-vector product.

The path ends in the Newton ball of a minimum, as that of `dense.flow`: the lowest curvature c,
which is refined along the path (`softest_mode`), is positive, and |g| / c, a bound of the length of
the Newton step, is smaller than `ball`. On a path inside a symmetric subspace both refer to that
subspace. `spread` is estimated as in `dense.flow`, but from the softest mode alone, as far as it
lies across the path.
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
"""The phases of a step: the largest curvature, the curvature along the path, the curvature along
the softest mode, the refinement of this mode, and the stages of the step."""

DAMPING = 2.0 / 13.0
"""Damping of the stability polynomial, as in the paper. It makes the stable step a little shorter
and keeps the polynomial below one in size inside the stability interval, so that errors decay."""

STABLE = 1.54
"""With this damping s stages are stable up to a time step of 0.65 (s^2 - 1) over the largest
curvature. The factor 1 / 1.54 that is used is a little smaller than 0.65."""

STEPS = PathSteps(order=3, safety=0.8, growth=5.0)
"""The method is of second order, so the error of one step grows with the third power of the time
step."""

STIFFNESS_MARGIN = 1.1
"""Factor on the result of the power iteration, which finds the largest curvature from below."""

FIRST_STEP = 0.5
"""First time step, in units of the time in which the flow grows by a factor e along the path. It is
shorter than that of the exponential method, which makes no error on a quadratic surface."""

FLAT, SHORTEST = 1e-12, 1e-12
"""Smallest curvature that is divided by, which replaces smaller ones; and the time step at which a
path is given up, since steps become so short only if some number is infinite or NaN."""

SETTLED = 0.1
"""Residual of the softest mode, as a part of its curvature, below which the sign is certain."""

FROM_RANDOM = 0.1
"""Inverse curvature that the limited-memory model assumes before it has any pair."""


class ChebyshevState(NamedTuple):
    """The state of one path in flight.

    Attributes:
        w: (n,) the accepted point.
        gradient: (n,) gradient at the accepted point.
        tolerance: error tolerated in one step.
        ball: bound of the Newton step at which the path ends.
        symmetrizer: projection onto the subspace that the path stays in.
        time_step: the next time step; 0 before the first.
        stages: number of stages of the step.
        stage: number of the present stage.
        now: (n,) point of the present stage.
        before: (n,) point of the stage before.
        top: (n,) vector of the power iteration for the largest curvature.
        stiffness: estimate of the largest curvature.
        mode: the softest mode at the accepted point.
        model: limited-memory model of the inverse Hessian.
        pair: the pair that the model is updated with at the next step.
        phase: the phase of the next step.
        repeats: number of repetitions that are left of the phase.
        deviation: distance that the accepted point may have from the true path.
        spread: largest deviation on the way.
        gradients: number of gradients computed; a Hessian-vector product counts as two.
        status: RUNNING, or how the path ended.
    """

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
    """The kernel that follows gradient flow with gradients only; for its job see `kernels.parts`.

    Args:
        max_step: largest distance covered in one step, in units of the weights; default 0.5.
        max_stages: largest number of stages, and so of gradients, of one step; default 200.
        max_gradients: number of gradients after which a path is given up, where a Hessian-vector
            product counts as two; default 200,000.
        powers: number of power iterations at the start and after a rejected step; there is one
            before every other step. Default 12.
        refinements: largest number of products that refine the softest mode at a point where the
            path may end; there is one at every other point. Default 60.
        memory: number of pairs of the limited-memory model that the refinement uses; default 60.
        steps: number of steps in one device call; default 100.
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
        """Return the state of a path after the evaluation of its start."""
        w = symmetrizer @ w
        energy, gradient = surface.value_and_gradient(w)
        noise = unit(jax.random.normal(jax.random.key(0), w.shape, w.dtype))
        # The start has a part in every direction: without one along the softest mode, the
        # refinement would never find it.
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
        """Compute one gradient or one Hessian-vector product, as the phase requires."""
        # Branches read the model but do not return it, since it is large and would be copied.
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
        """Return where the path was handed over."""
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
        """Make one power iteration for the largest curvature."""
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
        """Compute the curvature along the path, which tells whether the end may be near."""
        gradient = state.gradient
        product = surface.hessian_vector_product(state.w, gradient)
        square = jnp.vdot(gradient, gradient)
        curvature = jnp.vdot(gradient, product) / jnp.maximum(square, TINY)
        # Near a saddle the flow grows on the time scale of the negative curvature.
        first = FIRST_STEP / jnp.maximum(jnp.abs(curvature), FLAT)
        # The lowest curvature is at most this one, so the path can only end if this is true.
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
        """Decide whether the path ends, the softest mode is refined further, or a step follows.

        One refinement at each step keeps track of the mode; there are more only where the end may
        be near.
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
        """Choose the number of stages of the next step, and make its first stage."""
        limit = ((self.max_stages - 1.0) ** 2 - 1.0) / STABLE
        # The largest number of stages limits the time step, beyond which they are not stable.
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
        """Compute the gradient at the present stage, and make the next stage or end the step."""
        energy, gradient = surface.value_and_gradient(state.now)
        state = state._replace(gradients=state.gradients + 1)
        return jax.lax.cond(
            state.stage >= state.stages,
            lambda: self._finish(state, energy, gradient),
            lambda: self._onward(state, gradient),
        )

    def _onward(self, state: ChebyshevState, gradient: Float[Array, " n"]) -> ChebyshevState:
        """Make the next stage from the last two and the gradient at the last."""
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
        """Accept the step or shorten it by its error and its length."""
        h, change = state.time_step, state.now - state.w
        error = jnp.linalg.norm(0.8 * change + 0.4 * h * (gradient + state.gradient))
        length = jnp.linalg.norm(change)
        error, length = STEPS.measured(error, length, jnp.isfinite(error) & jnp.isfinite(energy))
        factor = STEPS.factor(error, length, state.tolerance, self.max_step)
        accept = (error <= state.tolerance) & (length <= self.max_step)
        state = state._replace(time_step=h * STEPS.bounded(factor), phase=jnp.int32(POWER))
        lost = state.time_step < SHORTEST
        # Only the part of the softest mode across the path counts, since an error along the path
        # does not change where it leads.
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
        # If the largest curvature was underestimated, the step is unstable and its error large.
        # Therefore that curvature is determined anew.
        rejected = state._replace(
            repeats=jnp.int32(self.powers),
            status=jnp.where(lost, jnp.int32(Status.NOT_FINITE), running()),
        )
        return jax.lax.cond(accept, lambda: arrived, lambda: rejected)


class Coefficients:
    """The coefficients of RKC2 in closed form, from Chebyshev polynomials.

    They are those of eqs. 2.2-2.3 of Sommeijer, Shampine and Verwer (1998).

    Args:
        stages: number of stages, at least 2.

    Attributes:
        excess: the argument of the Chebyshev polynomials minus one.
        scale: the coefficient w_1 of the paper.
        first: the coefficient mu~ of the first stage.
    """

    def __init__(self, stages: Array) -> None:
        """Compute what all stages have in common."""
        self.excess = DAMPING / stages.astype(jnp.result_type(float)) ** 2
        _, slope, curvature = self._chebyshev(stages)
        self.scale = slope / curvature
        self.first = self._b(jnp.int32(1)) * self.scale

    def stage(self, j: Array) -> tuple[Array, Array, Array, Array]:
        """Return the coefficients nu, mu, mu~ and gamma~ of stage j, at least 2."""
        here, last, before = self._b(j), self._b(j - 1), self._b(j - 2)
        mu = 2.0 * here * (1.0 + self.excess) / last
        mu_tilde = 2.0 * here * self.scale / last
        polynomial, _, _ = self._chebyshev(j - 1)
        return -here / before, mu, mu_tilde, -(1.0 - last * polynomial) * mu_tilde

    def _b(self, j: Array) -> Array:
        _, slope, curvature = self._chebyshev(jnp.maximum(j, 2))
        return curvature / slope**2

    def _chebyshev(self, j: Array) -> tuple[Array, Array, Array]:
        """Return the Chebyshev polynomial T_j and its first two derivatives at 1 + excess."""
        x, degree = 1.0 + self.excess, j.astype(self.excess.dtype)
        angle = jnp.log1p(self.excess + jnp.sqrt(self.excess * (2.0 + self.excess)))
        square = self.excess * (2.0 + self.excess)
        value = jnp.cosh(degree * angle)
        slope = degree * jnp.sinh(degree * angle) / jnp.sqrt(square)
        return value, slope, (degree**2 * value - x * slope) / square
