"""Quench: minimization from a start to the bottom of its basin, without line searches.

The method is the customized L-BFGS of the program GMIN, which the paper uses too (section III). A
quasi-Newton step is capped in length, and turned around if it points uphill. It is accepted unless
the energy rises by more than a tolerance; otherwise a tenth of it is tried. There is no line
search, so each step takes one evaluation. The model of the inverse Hessian is either that of
limited memory (`memory=m`; Nocedal, Math. Comput. 35, 773 (1980)), for any number of weights, or a
full matrix (`memory=None`), which needs fewer steps and is cheaper up to a few hundred weights. The
full matrix can be computed from the Hessian itself at intervals (`refresh`), which halves the
number of steps again.
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
"""A model of the inverse Hessian: a full matrix, or the pairs of limited memory."""

TRIALS = 10
"""Number of shortened steps after which the model is given up; the last is 1e-10 of the first."""


class QuenchState(NamedTuple):
    """The state of one quench in flight.

    Attributes:
        w: (n,) the accepted point.
        rms: RMS gradient below which the quench has converged.
        energy: loss at the accepted point; infinite before the first evaluation.
        gradient: (n,) gradient at the accepted point.
        model: model of the inverse Hessian.
        step: (n,) the step on trial.
        trials: number of times that this step was shortened.
        evaluations: number of evaluations of energy and gradient.
        hessians: number of Hessians computed.
        refreshed: value of `evaluations` from which the next interval of `refresh` counts.
        status: RUNNING, or how the quench ended.
    """

    w: Float[Array, " n"]
    rms: Scalar
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
    """The end of a quench.

    The attributes are JAX arrays in compiled code and NumPy arrays outside.

    Attributes:
        w: (n,) weights of the last point.
        energy: loss at the last point.
        rms_gradient: root-mean-square of the components of the gradient.
        evaluations: number of evaluations of energy and gradient.
        hessians: number of Hessians computed.
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
    """The kernel that minimizes from a start.

    A job of it is `(w, rms)`: the start (n,), and the RMS gradient below which the quench has
    converged. It is part of the job, so quenches with different ones share their code.

    Args:
        max_step: largest length of a step, in units of the weights; default 1.
        max_evaluations: number of evaluations after which the quench is given up; default 20,000.
        memory: number of pairs of the limited-memory model; default None, the full matrix.
        refresh: number of evaluations between two refreshments of the full matrix by the Hessian;
            default None, no Hessian is computed.
        max_rise: rise of the energy that is tolerated in one step; default 1e-10.
        guess: inverse curvature that the first model assumes in every direction; default 0.1.
        steps: number of steps in one device call; default 100.

    Raises:
        ValueError: if both `refresh` and `memory` are given.
    """

    max_step: float = 1.0
    max_evaluations: int = 20000
    memory: int | None = None
    refresh: int | None = None
    max_rise: float = ENERGY_RISE
    guess: float = 0.1
    steps: int = 100

    def __post_init__(self) -> None:
        """Refuse to refresh the limited-memory model."""
        if self.refresh is not None and self.memory is not None:
            raise ValueError("only the full matrix can be refreshed; leave memory at None")

    def init(self, surface: Surface, w: Float[Array, " n"], rms: Scalar) -> QuenchState:
        """Return the state of a quench before its first evaluation.

        The first step has length zero and is always accepted.
        """
        return QuenchState(
            w=surface.without_excluded(w),
            rms=rms,
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
            # The next interval counts from a multiple of the interval. Since every lane begins with
            # a device call, all lanes are then due at the same step, even if one was late once.
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
        """Return the last accepted point."""
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
        """Return the model after an accepted step; after `TRIALS` shortened ones it is reset."""
        step = jnp.where(accepted, w - state.w, 0.0)
        change = jnp.where(accepted, gradient - state.gradient, 0.0)
        model = self._quasi_newton.update(state.model, step, change)
        return self._quasi_newton.forget(
            model, self.guess, ~accepted & (state.trials == TRIALS - 1)
        )

    def _refreshed(self, surface: Surface, w: Float[Array, " n"], model: Any) -> Any:
        """Return the model from the Hessian, unless that is zero or not finite.

        Single precision is enough, since the model does not distinguish soft curvatures.
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
        # The model is positive definite, but rounding errors may turn a step uphill.
        step = jnp.where(jnp.vdot(step, gradient) > 0, -step, step)
        return state._replace(
            w=w,
            energy=energy,
            gradient=gradient,
            step=capped(step, self.max_step),
            trials=jnp.int32(0),
            status=self._status(state, energy, gradient),
        )

    def _shorten(self, state: QuenchState) -> QuenchState:
        """Shorten the step to a tenth; after `TRIALS` times start again from steepest descent."""
        downhill = capped(-self.guess * state.gradient, self.max_step)
        step = jnp.where(state.trials == TRIALS - 1, downhill, SHORTENED * state.step)
        exhausted = state.evaluations >= self.max_evaluations
        status = jnp.where(exhausted, jnp.int32(Status.TOO_MANY_STEPS), running())
        return state._replace(step=step, trials=state.trials + 1, status=status)

    def _status(
        self, state: QuenchState, energy: Scalar, gradient: Float[Array, " n"]
    ) -> Int[Array, ""]:
        size, exhausted = rms(gradient), state.evaluations >= self.max_evaluations
        status = jnp.where(exhausted, Status.TOO_MANY_STEPS, running())
        status = jnp.where(size <= state.rms, Status.CONVERGED, status)
        finite = jnp.isfinite(energy) & jnp.isfinite(size)
        return jnp.where(finite, status, Status.NOT_FINITE).astype(jnp.int32)
