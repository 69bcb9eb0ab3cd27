"""Quench: from a start to the bottom of its basin, without line searches.

The group's customized L-BFGS (paper, section III; design of GMIN): take the quasi-Newton step,
capped in length, turned around if it points uphill; accept it unless the energy rises by more than
a tolerance, else try a tenth of it. There is no line search, so one evaluation is one step. The
model of the inverse Hessian is either limited-memory pairs (`memory=m`, Nocedal 1980, for any n) or
the full matrix (`memory=None`, better than unlimited memory and cheaper up to a few hundred
weights). The full matrix can be taken from the Hessian itself at intervals (`refresh`), which
halves the number of steps again.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels import bfgs, lbfgs
from lossatlas.kernels.dense.spectrum import spectrum
from lossatlas.kernels.step_control import ENERGY_RISE, SHORTENED, capped, rms
from lossatlas.landscape.base import Surface
from lossatlas.lanes.branches import rarely
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

Model: TypeAlias = Float[Array, "n n"] | lbfgs.Model
"""What has been learned of the inverse Hessian: a matrix, or pairs."""

TRIALS = 10
"""Shortened steps after which the model is worthless: the last of them is 1e-10 of the first."""


class QuenchState(NamedTuple):
    """One quench in flight: the accepted point, the model, and the step on trial."""

    w: Float[Array, " n"]
    energy: Scalar
    gradient: Float[Array, " n"]
    model: Model | None
    step: Float[Array, " n"]
    trials: Int[Array, ""]
    evaluations: Int[Array, ""]
    hessians: Int[Array, ""]
    refreshed: Int[Array, ""]
    status: Int[Array, ""]


class Quenched(NamedTuple):
    """Where a quench ended; JAX arrays inside compiled code, NumPy arrays outside.

    Attributes:
        w: (n,) weights.
        energy: loss.
        rms_gradient: root-mean-square gradient.
        evaluations: gradients used.
        hessians: Hessians used.
        status: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    w: Any
    energy: Any
    rms_gradient: Any
    evaluations: Any
    hessians: Any
    status: Any


@dataclass(frozen=True)
class Quench:
    """Kernel; a job is `(w,)`.

    Args:
        rms: converged when the RMS gradient is below this.
        max_step: cap on the length of a step.
        max_evaluations: give up after so many.
        memory: pairs of the limited-memory model; None for the full matrix.
        refresh: evaluations between two refreshments of the full matrix from the Hessian; None for
            no Hessians at all.
        max_rise: energy rise tolerated in one step.
        guess: initial inverse Hessian, times the identity.
        steps: steps a device call.
    """

    rms: float = 1e-7
    max_step: float = 1.0
    max_evaluations: int = 20000
    memory: int | None = None
    refresh: int | None = None
    max_rise: float = ENERGY_RISE
    guess: float = 0.1
    steps: int = 100

    def __post_init__(self) -> None:
        """Refuse to refresh what is not a matrix."""
        if self.refresh is not None and self.memory is not None:
            raise ValueError("only the full matrix can be refreshed; leave memory at None")

    def init(self, surface: Surface, w: Float[Array, " n"]) -> QuenchState:
        """Nothing evaluated yet: the first step has length zero and is always accepted."""
        return QuenchState(
            w=surface.without_excluded(w),
            energy=jnp.full((), jnp.inf, w.dtype),
            gradient=jnp.zeros_like(w),
            model=self._new_model(w),
            step=jnp.zeros_like(w),
            trials=jnp.int32(0),
            evaluations=jnp.int32(0),
            hessians=jnp.int32(0),
            refreshed=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: QuenchState) -> QuenchState:
        """Evaluate the step on trial; accept it, or shorten it to a tenth."""
        w = state.w + state.step
        energy, gradient = surface.value_and_gradient(w)
        accepted = (energy <= state.energy + self.max_rise) | (state.trials >= TRIALS)
        model = self._learned(state, accepted, w, gradient)
        if self.refresh is not None:
            due = accepted & (state.evaluations >= state.refreshed + self.refresh)
            model = rarely(due, lambda: self._refreshed(surface, w, model), lambda: model)
            # Counted from the multiple of the interval: all lanes of a block began with a device
            # call, and so they are due at the same step, also if one was late once.
            on_time = state.evaluations - state.evaluations % self.refresh
            state = state._replace(
                hessians=state.hessians + due,
                refreshed=jnp.where(due, on_time, state.refreshed),
            )
        # The model stays outside these branches, because what a branch returns is copied.
        state = state._replace(model=None, evaluations=state.evaluations + 1)
        state = jax.lax.cond(
            accepted,
            lambda: self._accept(state, model, w, energy, gradient),
            lambda: self._shorten(state),
        )
        return state._replace(model=model)

    def result(self, state: QuenchState) -> Quenched:
        """The point reached."""
        return Quenched(
            state.w,
            state.energy,
            rms(state.gradient),
            state.evaluations,
            state.hessians,
            state.status,
        )

    @property
    def _quasi_newton(self) -> ModuleType:
        return bfgs if self.memory is None else lbfgs

    def _new_model(self, w: Float[Array, " n"]) -> Model:
        if self.memory is None:
            return bfgs.init(w, self.guess)
        return lbfgs.init(w, self.memory, self.guess)

    def _learned(
        self,
        state: QuenchState,
        accepted: Bool[Array, ""],
        w: Float[Array, " n"],
        gradient: Float[Array, " n"],
    ) -> Model:
        """The model with the pair of an accepted step; after ten tenths it is worthless."""
        step = jnp.where(accepted, w - state.w, 0.0)
        change = jnp.where(accepted, gradient - state.gradient, 0.0)
        model = self._quasi_newton.update(state.model, step, change)
        return self._quasi_newton.forget(
            model, self.guess, ~accepted & (state.trials == TRIALS - 1)
        )

    def _refreshed(self, surface: Surface, w: Float[Array, " n"], model: Any) -> Any:
        """The model from the Hessian, unless that is zero or not finite.

        Single precision will do: the model does not distinguish soft curvatures.
        """
        fresh = bfgs.from_spectrum(*spectrum(surface.rough(), w))
        return jnp.where(jnp.isfinite(fresh).all(), fresh, model)

    def _accept(
        self,
        state: QuenchState,
        model: Model,
        w: Float[Array, " n"],
        energy: Scalar,
        gradient: Float[Array, " n"],
    ) -> QuenchState:
        step = self._quasi_newton.direction(model, gradient)
        # The model is positive definite but for rounding errors.
        step = jnp.where(jnp.vdot(step, gradient) > 0, -step, step)
        return state._replace(
            w=w,
            energy=energy,
            gradient=gradient,
            step=capped(step, self.max_step),
            trials=jnp.int32(0),
            status=self._status(energy, gradient, state.evaluations),
        )

    def _shorten(self, state: QuenchState) -> QuenchState:
        """A tenth of the step; after ten tenths start again from steepest descent."""
        downhill = capped(-self.guess * state.gradient, self.max_step)
        step = jnp.where(state.trials == TRIALS - 1, downhill, SHORTENED * state.step)
        exhausted = state.evaluations >= self.max_evaluations
        status = jnp.where(exhausted, jnp.int32(Status.TOO_MANY_STEPS), running())
        return state._replace(step=step, trials=state.trials + 1, status=status)

    def _status(
        self, energy: Scalar, gradient: Float[Array, " n"], evaluations: Int[Array, ""]
    ) -> Int[Array, ""]:
        size = rms(gradient)
        status = jnp.where(evaluations >= self.max_evaluations, Status.TOO_MANY_STEPS, running())
        status = jnp.where(size <= self.rms, Status.CONVERGED, status)
        finite = jnp.isfinite(energy) & jnp.isfinite(size)
        return jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32)
