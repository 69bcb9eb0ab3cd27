"""Quench with a factorized Hessian in place of the first guess of L-BFGS.

The steps are those of `kernels.quench`: quasi-Newton steps that are capped and accepted unless the
energy rises, without line searches. The model of the inverse Hessian is (H + shift)^-1 of an
earlier point, updated by the pairs of the steps since then (two-loop recursion; Nocedal, Math.
Comput. 35, 773 (1980)). It is made anew after `refresh` evaluations, about as many as one
factorization costs, with a shift just large enough to make the Hessian positive definite. The first
`refresh` evaluations use no factorization, since on a well-conditioned landscape they are enough.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels import lbfgs
from lossatlas.kernels.factorized.shifted import Shifted, rough_hessian, shifted_inverse, solved
from lossatlas.kernels.quench import TRIALS, Quenched
from lossatlas.kernels.step_control import ENERGY_RISE, SHORTENED, capped, rms
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

FIRST_SHIFT = 1e-3
"""First shift, as a part of the norm of the Hessian."""

LOWERED, LOWERED_LITTLE = 0.1, 0.5
"""Factors by which the shift is lowered for the next factorization; the second if the last shift
had to be raised."""


class QuenchState(NamedTuple):
    """The state of one quench in flight between two factorizations.

    Attributes:
        w: (n,) the accepted point.
        rms: RMS gradient below which the quench has converged.
        energy: loss at the accepted point.
        gradient: (n,) gradient at the accepted point.
        shift: shift of the next factorization; infinite before the first.
        evaluations: number of evaluations of energy and gradient.
        hessians: number of Hessians computed.
        status: RUNNING, or how the quench ended.
    """

    w: Float[Array, " n"]
    rms: Scalar
    energy: Scalar
    gradient: Float[Array, " n"]
    shift: Scalar
    evaluations: Int[Array, ""]
    hessians: Int[Array, ""]
    status: Int[Array, ""]


class _Steps(NamedTuple):
    """The state of the steps with one factorization.

    Attributes:
        w: (n,) the accepted point.
        energy: loss at the accepted point.
        gradient: (n,) gradient at the accepted point.
        model: the pairs of the steps since the factorization.
        step: (n,) the step on trial.
        trials: number of times that this step was shortened.
        used: number of evaluations with this factorization.
        going: whether the next step is tried.
    """

    w: Float[Array, " n"]
    energy: Scalar
    gradient: Float[Array, " n"]
    model: lbfgs.Model
    step: Float[Array, " n"]
    trials: Int[Array, ""]
    used: Int[Array, ""]
    going: Bool[Array, ""]


@dataclass(frozen=True)
class FactorizedQuench:
    """The kernel that minimizes with factorized Hessians.

    A job of it is `(w, rms)`: the start (n,), and the RMS gradient below which the quench has
    converged.

    Args:
        max_step: largest length of a step, in units of the weights; default 1.
        max_evaluations: number of evaluations after which the quench is given up; default 20,000.
        refresh: number of evaluations between two factorizations; default 30.
        memory: number of pairs that update a factorization; default 30.
        max_rise: rise of the energy that is tolerated in one step; default 1e-10.
        guess: inverse curvature that the model assumes in every direction before the first
            factorization; default 0.1.
        steps: number of factorizations in one device call; default 1.
    """

    max_step: float = 1.0
    max_evaluations: int = 20000
    refresh: int = 30
    memory: int = 30
    max_rise: float = ENERGY_RISE
    guess: float = 0.1
    steps: int = 1

    def init(self, surface: Surface, w: Float[Array, " n"], rms: Scalar) -> QuenchState:
        """Return the state of a quench after the first evaluation."""
        w = surface.without_excluded(w)
        energy, gradient = surface.value_and_gradient(w)
        finite = jnp.isfinite(energy)
        return QuenchState(
            w=w,
            rms=rms,
            energy=energy,
            gradient=surface.without_excluded(gradient),
            shift=jnp.full((), jnp.inf, w.dtype),
            evaluations=jnp.int32(1),
            hessians=jnp.int32(0),
            status=jnp.where(finite, running(), jnp.int32(Status.NOT_FINITE)),
        )

    def step(self, surface: Surface, state: QuenchState) -> QuenchState:
        """Factorize a Hessian, unless it is the first time, and take steps with it."""
        first = state.hessians + (state.evaluations > 1) == 0
        inverse = jax.lax.cond(
            first, lambda: self._none(surface, state), lambda: self._factorized(surface, state)
        )
        useless = first | ~jnp.isfinite(inverse.lower[-1, -1])

        def inverted(model: lbfgs.Model, v: Array) -> Array:
            return jax.lax.cond(
                useless,
                lambda: model.scale * v,
                lambda: solved(surface, inverse, v[:, None])[:, 0],
            )

        steps = self._with_one_factorization(surface, state, inverted)
        evaluations = state.evaluations + steps.used
        size = rms(steps.gradient)
        status = jnp.where(evaluations >= self.max_evaluations, Status.TOO_MANY_STEPS, running())
        status = jnp.where(size <= state.rms, Status.CONVERGED, status)
        finite = jnp.isfinite(steps.energy) & jnp.isfinite(size)
        status = jnp.where(finite, status, Status.NOT_FINITE)
        lowered = jnp.where(inverse.raised, LOWERED_LITTLE, LOWERED) * inverse.shift
        return QuenchState(
            w=steps.w,
            rms=state.rms,
            energy=steps.energy,
            gradient=steps.gradient,
            shift=lowered,
            evaluations=evaluations,
            hessians=state.hessians + ~first,
            status=status.astype(jnp.int32),
        )

    def result(self, state: QuenchState) -> Quenched:
        """Return the last accepted point."""
        return Quenched(
            state.w,
            state.energy,
            rms(state.gradient),
            state.evaluations,
            state.hessians,
            state.status,
        )

    def _none(self, surface: Surface, state: QuenchState) -> Shifted:
        """Return zeros in the shape of a factorization, for the steps before the first one."""
        shape = jax.eval_shape(lambda w: rough_hessian(surface, w)[0], state.w)
        return Shifted(jnp.zeros(shape.shape, shape.dtype), state.shift, jnp.asarray(False))

    def _factorized(self, surface: Surface, state: QuenchState) -> Shifted:
        hessian, norm = rough_hessian(surface, state.w)
        shift = jnp.where(jnp.isfinite(state.shift), state.shift, FIRST_SHIFT * norm)
        return shifted_inverse(hessian, norm, shift)

    def _with_one_factorization(
        self, surface: Surface, state: QuenchState, inverted: Callable[[lbfgs.Model, Array], Array]
    ) -> _Steps:
        """Take quasi-Newton steps until the next factorization is due or the quench ends."""
        model = lbfgs.init(state.w, self.memory, self.guess)

        def proposed(model: lbfgs.Model, gradient: Array) -> Array:
            step = lbfgs.direction(model, gradient, inverted)
            step = jnp.where(jnp.vdot(step, gradient) > 0, -step, step)
            return capped(step, self.max_step)

        def advance(steps: _Steps) -> _Steps:
            w = steps.w + steps.step
            energy, gradient = surface.value_and_gradient(w)
            gradient = surface.without_excluded(gradient)
            accepted = energy <= steps.energy + self.max_rise
            taken = jnp.where(accepted, steps.step, 0.0)
            change = jnp.where(accepted, gradient - steps.gradient, 0.0)
            model = lbfgs.update(steps.model, taken, change)
            gradient = jnp.where(accepted, gradient, steps.gradient)
            step = jax.lax.cond(
                accepted, lambda: proposed(model, gradient), lambda: SHORTENED * steps.step
            )
            used, trials = steps.used + 1, jnp.where(accepted, 0, steps.trials + 1)
            finished = (rms(gradient) <= state.rms) | (used >= self.refresh) | (trials >= TRIALS)
            return _Steps(
                w=jnp.where(accepted, w, steps.w),
                energy=jnp.where(accepted, energy, steps.energy),
                gradient=gradient,
                model=model,
                step=step,
                trials=trials,
                used=used,
                going=~finished & jnp.isfinite(energy),
            )

        first = proposed(model, state.gradient)
        going = rms(state.gradient) > state.rms
        none = jnp.int32(0)
        start = _Steps(state.w, state.energy, state.gradient, model, first, none, none, going)
        return jax.lax.while_loop(lambda steps: steps.going, advance, start)
