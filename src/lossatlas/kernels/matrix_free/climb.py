"""Hybrid eigenvector-following: to a transition state without a Hessian.

Up along the softest mode, down in all directions across it (Munro and Wales, Phys. Rev. B 59 (1999)
3969; Kumeda, Munro and Wales, Chem. Phys. Lett. 341 (2001) 185). The mode is refined by a few
Hessian-vector products (see `softest_mode`; what L-BFGS has learned of the inverse Hessian
is the preconditioner, without which soft modes take hundreds of products), the step uphill is

    p = 2 g / (|c| (1 + sqrt(1 + 4 g^2 / c^2)))

with slope g and curvature c along the mode, and a bounded number of L-BFGS steps minimize the
energy across it, more of them once the curvature is negative. The three phases are flattened, so
that each step is one gradient or one Hessian-vector product.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels import lbfgs
from lossatlas.kernels.matrix_free.softest_mode import Pair, SoftestMode, begin, refined, unit
from lossatlas.kernels.parts import PRODUCT_COST, Climbed
from lossatlas.kernels.step_control import (
    ENERGY_RISE,
    SHORTENED,
    TrustRadius,
    bounded_newton,
    capped,
    rms,
)
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

CURVATURE, REFINE, DESCEND = 0, 1, 2
"""Phases: the product with the mode at a new point; better modes; steps across the mode."""

TRUST = TrustRadius(good=0.3, bad=0.8, growth=1.5)
"""Of predictions of the slope along one mode. The mode turns while steps are made across it, so a
good prediction says less than one with the whole spectrum (`dense.climb`): growth is slower."""

FLOOR = 0.1
"""Steps across the mode end where the gradient across it is this part of the slope along it: the
next step uphill moves the floor of the valley by more."""

MARGIN = 0.5
"""They also end at this part of the RMS gradient that convergence asks for."""

TRIALS = 5
"""Shortened steps after which one is taken although the energy rises: to 1e-5 of its length."""

FLATTEST = 1e-14
"""Curvature that stands for smaller ones where it divides."""
FROM_RANDOM = 0.1
"""First inverse curvature of the limited-memory model, before it has learned any."""


class HybridState(NamedTuple):
    """One climb in flight: the accepted point, the mode there, and the step on trial."""

    w: Float[Array, " n"]
    energy: Scalar
    gradient: Float[Array, " n"]
    mode: SoftestMode
    model: lbfgs.Model
    pair: Pair
    step: Float[Array, " n"]
    uphill: Bool[Array, ""]
    proposed: Bool[Array, ""]
    predicted: Scalar
    radius: Scalar
    phase: Int[Array, ""]
    refinements: Int[Array, ""]
    descents: Int[Array, ""]
    trials: Int[Array, ""]
    gradients: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class HybridClimb:
    """Kernel; a job is `(w, mode)`, see `kernels.parts`.

    Args:
        newton_length: converged when the curvature along the mode is negative, and the gradient
            over its size is below this,
        rms: and the RMS gradient is below this.
        radius: first cap on the step uphill.
        max_radius: largest cap on the step uphill.
        max_step: cap on a step across the mode.
        refinements: products at most to refine the mode at a point.
        accuracy: the mode is good enough if its residual is below this times its curvature.
        descents: steps across the mode while its curvature is positive, and while it is negative.
        memory: pairs of the limited-memory model.
        max_gradients: give up after so many; a Hessian-vector product counts as two.
        steps: steps a device call.
    """

    newton_length: float = 0.01
    rms: float = 1e-6
    radius: float = 0.2
    max_radius: float = 0.6
    max_step: float = 0.2
    refinements: int = 20
    accuracy: float = 0.1
    descents: tuple[int, int] = (10, 30)
    memory: int = 60
    max_gradients: int = 20000
    steps: int = 50

    def init(
        self, surface: Surface, w: Float[Array, " n"], mode: Float[Array, " n"]
    ) -> HybridState:
        """Evaluate the start."""
        energy, gradient = surface.value_and_gradient(w)
        vector = unit(surface.without_excluded(mode))
        nothing = jnp.zeros_like(w)
        return HybridState(
            w=w,
            energy=energy,
            gradient=surface.without_excluded(gradient),
            mode=begin(vector, nothing),
            model=lbfgs.init(w, self.memory, FROM_RANDOM),
            pair=Pair(nothing, nothing),
            step=nothing,
            uphill=jnp.asarray(True),
            proposed=jnp.asarray(True),
            predicted=jnp.zeros((), w.dtype),
            radius=jnp.asarray(self.radius, w.dtype),
            phase=jnp.int32(CURVATURE),
            refinements=jnp.int32(0),
            descents=jnp.int32(0),
            trials=jnp.int32(0),
            gradients=jnp.int32(1),
            status=running(),
        )

    def step(self, surface: Surface, state: HybridState) -> HybridState:
        """One gradient or one Hessian-vector product, by phase."""
        # Branches read the model but do not return it: it is large, and would be copied.
        model = lbfgs.update(state.model, *state.pair)
        nothing = jnp.zeros_like(state.w)
        rest = state._replace(model=None, pair=Pair(nothing, nothing))
        branches = (self._curvature, self._refine, self._descend)
        state = jax.lax.switch(
            state.phase, [lambda s, f=f: f(surface, s, model) for f in branches], rest
        )
        state = state._replace(model=model)
        running_still = state.status == Status.RUNNING
        over = running_still & (state.gradients >= self.max_gradients)
        status = jnp.where(over, jnp.int32(Status.TOO_MANY_STEPS), state.status)
        finite = jnp.isfinite(state.energy) & jnp.isfinite(state.mode.value)
        return state._replace(status=jnp.where(finite, status, jnp.int32(Status.NOT_FINITE)))

    def result(self, state: HybridState) -> Climbed:
        """Where the climb ended."""
        return Climbed(state.w, state.mode.vector, state.gradients, jnp.int32(0), state.status)

    def _curvature(self, surface: Surface, state: HybridState, model: lbfgs.Model) -> HybridState:
        """H times the mode, at a point where nothing is known of the Hessian yet."""
        vector = state.mode.vector
        mode = begin(vector, surface.hessian_vector_product(state.w, vector))
        return self._judge(state._replace(mode=mode, refinements=jnp.int32(0)))

    def _refine(self, surface: Surface, state: HybridState, model: lbfgs.Model) -> HybridState:
        product = partial(surface.hessian_vector_product, state.w)
        mode, pair = refined(product, surface.without_excluded, state.mode, model)
        return self._judge(state._replace(mode=mode, pair=pair, refinements=state.refinements + 1))

    def _judge(self, state: HybridState) -> HybridState:
        """Refine the mode further, stop, or go uphill."""
        mode = state.mode
        residual = jnp.linalg.norm(mode.residual)
        good = (residual <= self.accuracy * jnp.abs(mode.value)) | (
            state.refinements >= self.refinements
        )
        # Small compared to a curvature of 1e-5 is smaller than any fixed number that will do.
        size = jnp.linalg.norm(state.gradient)
        small = (size <= -self.newton_length * mode.value) & (rms(state.gradient) <= self.rms)
        arrived = good & small

        slope = jnp.vdot(state.gradient, mode.vector)
        length = bounded_newton(slope, jnp.maximum(jnp.abs(mode.value), FLATTEST))
        length = jnp.clip(length, -state.radius, state.radius)
        return state._replace(
            step=length * mode.vector,
            uphill=jnp.asarray(True),
            proposed=jnp.asarray(True),
            predicted=slope + mode.value * length,
            phase=jnp.where(good, DESCEND, REFINE).astype(jnp.int32),
            descents=jnp.int32(0),
            trials=jnp.int32(0),
            gradients=state.gradients + PRODUCT_COST,
            status=jnp.where(arrived, jnp.int32(Status.CONVERGED), running()),
        )

    def _descend(self, surface: Surface, state: HybridState, model: lbfgs.Model) -> HybridState:
        """Evaluate the step on trial; accept it, or try a tenth if it does not descend."""
        step = jax.lax.cond(state.proposed, lambda: state.step, lambda: self._propose(state, model))
        state = state._replace(step=step, proposed=jnp.asarray(True))
        w = state.w + step
        energy, gradient = surface.value_and_gradient(w)
        gradient = surface.without_excluded(gradient)
        state = state._replace(gradients=state.gradients + 1)
        acceptable = (
            state.uphill | (energy <= state.energy + ENERGY_RISE) | (state.trials >= TRIALS)
        )
        return jax.lax.cond(
            acceptable,
            lambda: self._accept(state, w, energy, gradient),
            lambda: state._replace(step=SHORTENED * state.step, trials=state.trials + 1),
        )

    def _propose(self, state: HybridState, model: lbfgs.Model) -> Float[Array, " n"]:
        """The next step across the mode: quasi-Newton, downhill, capped."""
        vector = state.mode.vector
        across = state.gradient - jnp.vdot(state.gradient, vector) * vector
        step = lbfgs.direction(model, across)
        step = step - jnp.vdot(step, vector) * vector
        step = jnp.where(jnp.vdot(step, across) > 0, -step, step)
        return capped(step, self.max_step)

    def _accept(
        self,
        state: HybridState,
        w: Float[Array, " n"],
        energy: Scalar,
        gradient: Float[Array, " n"],
    ) -> HybridState:
        vector = state.mode.vector
        slope = jnp.vdot(gradient, vector)
        across = gradient - slope * vector
        change = gradient - state.gradient
        # Only across the mode does the model have to be, and can it stay, positive definite.
        change = change - jnp.vdot(change, vector) * vector
        # A step uphill teaches nothing about the directions across it; a pair of zeros is skipped.
        taken = jnp.where(state.uphill, 0.0, state.step)

        before, after = self.descents
        limit = jnp.where(state.mode.value < 0, after, before)
        flat = jnp.linalg.norm(across) <= FLOOR * jnp.abs(slope)
        target = jnp.minimum(
            self.rms, self.newton_length * jnp.abs(state.mode.value) * w.size**-0.5
        )
        still = rms(across) <= MARGIN * target
        done = (state.descents >= limit) | flat | still
        return state._replace(
            w=w,
            energy=energy,
            gradient=gradient,
            pair=Pair(taken, change),
            uphill=jnp.asarray(False),
            proposed=jnp.asarray(False),
            radius=jnp.where(state.uphill, self._trust(state, slope), state.radius),
            phase=jnp.where(done, CURVATURE, DESCEND).astype(jnp.int32),
            descents=state.descents + 1,
            trials=jnp.int32(0),
        )

    def _trust(self, state: HybridState, slope: Scalar) -> Scalar:
        """Grow or shrink the radius by how well the slope along the mode was predicted."""
        error = jnp.abs(slope - state.predicted)
        error = error / jnp.maximum(jnp.abs(slope), jnp.abs(state.predicted))
        return TRUST.after(state.radius, error, self.max_radius)
