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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.errors import Status
from lossatlas.kernels import bfgs, lbfgs
from lossatlas.kernels.dense.spectrum import spectrum
from lossatlas.lanes.requests import running


class QuenchState(NamedTuple):
    """One quench in flight: the accepted point, the model, and the step on trial."""

    w: Array
    energy: Array
    gradient: Array
    model: Any
    step: Array
    trials: Array
    evaluations: Array
    hessians: Array
    refreshed: Array
    status: Array


class Quenched(NamedTuple):
    """Result: weights (n,), energy, RMS gradient, evaluations and Hessians used, status."""

    w: Array
    energy: Array
    rms_gradient: Array
    evaluations: Array
    hessians: Array
    status: Array


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
    max_rise: float = 1e-10
    guess: float = 0.1
    steps: int = 100

    def __post_init__(self) -> None:
        """Refuse to refresh what is not a matrix."""
        if self.refresh is not None and self.memory is not None:
            raise ValueError("only the full matrix can be refreshed; leave memory at None")

    def init(self, surface: Any, w: Array) -> QuenchState:
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

    def step(self, surface: Any, state: QuenchState) -> QuenchState:
        """Evaluate the step on trial; accept it, or shorten it to a tenth."""
        w = state.w + state.step
        energy, gradient = surface.value_and_gradient(w)
        accepted = (energy <= state.energy + self.max_rise) | (state.trials >= 10)
        model = self._learned(state, accepted, w, gradient)
        if self.refresh is not None:
            due = accepted & (state.evaluations >= state.refreshed + self.refresh)
            model = jax.lax.cond(due, lambda: self._refreshed(surface, w, model), lambda: model)
            state = state._replace(
                hessians=state.hessians + due,
                refreshed=jnp.where(due, state.evaluations, state.refreshed),
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
        rms = jnp.sqrt(jnp.mean(state.gradient**2))
        return Quenched(state.w, state.energy, rms, state.evaluations, state.hessians, state.status)

    @property
    def _quasi_newton(self) -> Any:
        return bfgs if self.memory is None else lbfgs

    def _new_model(self, w: Array) -> Any:
        if self.memory is None:
            return bfgs.init(w, self.guess)
        return lbfgs.init(w, self.memory, self.guess)

    def _learned(self, state: QuenchState, accepted: Array, w: Array, gradient: Array) -> Any:
        """The model with the pair of an accepted step; after ten tenths it is worthless."""
        step = jnp.where(accepted, w - state.w, 0.0)
        change = jnp.where(accepted, gradient - state.gradient, 0.0)
        model = self._quasi_newton.update(state.model, step, change)
        return self._quasi_newton.forget(model, self.guess, ~accepted & (state.trials == 9))

    def _refreshed(self, surface: Any, w: Array, model: Array) -> Array:
        """The model from the Hessian, unless that is zero or not finite.

        Single precision will do: the model does not distinguish soft curvatures.
        """
        fresh = bfgs.from_spectrum(*spectrum(surface.rough(), w))
        return jnp.where(jnp.isfinite(fresh).all(), fresh, model)

    def _accept(self, state: QuenchState, model: Any, w, energy, gradient) -> QuenchState:
        step = self._quasi_newton.direction(model, gradient)
        step = jnp.where(jnp.vdot(step, gradient) > 0, -step, step)
        return state._replace(
            w=w,
            energy=energy,
            gradient=gradient,
            step=self._capped(step),
            trials=jnp.int32(0),
            status=self._status(energy, gradient, state.evaluations),
        )

    def _shorten(self, state: QuenchState) -> QuenchState:
        """A tenth of the step; after ten tenths start again from steepest descent."""
        downhill = self._capped(-self.guess * state.gradient)
        step = jnp.where(state.trials == 9, downhill, 0.1 * state.step)
        exhausted = state.evaluations >= self.max_evaluations
        status = jnp.where(exhausted, jnp.int32(Status.TOO_MANY_STEPS), running())
        return state._replace(step=step, trials=state.trials + 1, status=status)

    def _capped(self, step: Array) -> Array:
        return step * jnp.minimum(1.0, self.max_step / jnp.maximum(jnp.linalg.norm(step), 1e-300))

    def _status(self, energy: Array, gradient: Array, evaluations: Array) -> Array:
        rms = jnp.sqrt(jnp.mean(gradient**2))
        status = jnp.where(evaluations >= self.max_evaluations, Status.TOO_MANY_STEPS, running())
        status = jnp.where(rms <= self.rms, Status.CONVERGED, status)
        finite = jnp.isfinite(energy) & jnp.isfinite(rms)
        return jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32)
