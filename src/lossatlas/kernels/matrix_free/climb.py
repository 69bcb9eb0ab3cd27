"""Hybrid eigenvector-following: a climb to a transition state without a Hessian.

The climb goes up along the softest mode and down in all directions across it (Munro and Wales,
Phys. Rev. B 59, 3969 (1999); Kumeda, Munro and Wales, Chem. Phys. Lett. 341, 185 (2001)). The mode
is refined by a few Hessian-vector products (`softest_mode`). The preconditioner is the model of the
inverse Hessian that L-BFGS has made; without it soft modes take hundreds of products. The step
uphill is

    p = 2 g / (|c| (1 + sqrt(1 + 4 g^2 / c^2)))

with slope g and curvature c along the mode. A limited number of L-BFGS steps minimize the energy
across the mode, more of them once the curvature is negative. The three phases are not nested: each
step of the kernel is one gradient or one Hessian-vector product.
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
"""The phases of a climb: the product with the mode at a new point, the refinement of the mode, and
steps up along the mode and down across it."""

TRUST = TrustRadius(good=0.3, bad=0.8, growth=1.5)
"""How the trust radius follows predictions of the slope along the mode. The mode turns while steps
are made across it, so a good prediction tells less than one with the whole spectrum (`dense.climb`)
and the radius grows more slowly."""

FLOOR = 0.1
"""Steps across the mode end where the gradient across it is smaller than this part of the slope
along it, since the next step uphill moves the floor of the valley by more."""

MARGIN = 0.5
"""Steps across the mode also end at this part of the RMS gradient that convergence requires."""

TRIALS = 5
"""Number of shortened steps after which the last, 1e-5 of the first in length, is taken although
the energy rises."""

FLATTEST = 1e-14
"""Smallest curvature that is divided by; it replaces smaller ones."""
FROM_RANDOM = 0.1
"""Inverse curvature that the limited-memory model assumes before it has any pair."""


class HybridState(NamedTuple):
    """The state of one climb in flight.

    Attributes:
        w: (n,) the accepted point.
        energy: loss at the accepted point.
        gradient: (n,) gradient at the accepted point.
        mode: the softest mode at the accepted point.
        model: limited-memory model of the inverse Hessian.
        pair: the pair that the model is updated with at the next step.
        step: (n,) the step on trial.
        uphill: whether this step is the one along the mode.
        proposed: whether this step has been computed.
        predicted: prediction of the slope along the mode after the step uphill.
        radius: trust radius of the step uphill.
        phase: the phase of the next step.
        refinements: number of refinements of the mode at this point.
        descents: number of steps since the mode was refined.
        trials: number of times that the step on trial was shortened.
        gradients: number of gradients computed; a Hessian-vector product counts as two.
        status: RUNNING, or how the climb ended.
    """

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
    """The kernel of hybrid eigenvector-following; for its job see `kernels.parts`.

    A climb has converged if the curvature along the mode is negative, and if gradient and RMS
    gradient are as small as the first two arguments require.

    Args:
        newton_length: largest length of the gradient divided by the size of the curvature along the
            mode, in units of the weights; default 0.01.
        rms: largest RMS gradient; default 1e-6.
        radius: first trust radius of the step uphill, in units of the weights; default 0.2.
        max_radius: largest trust radius; default 0.6.
        max_step: largest length of a step across the mode; default 0.2.
        refinements: largest number of products that refine the mode at one point; default 20.
        accuracy: largest residual of the mode, as a part of its curvature; default 0.1.
        descents: largest numbers of steps across the mode, while its curvature is positive and
            while it is negative; default 10 and 30.
        memory: number of pairs of the limited-memory model; default 60.
        max_gradients: number of gradients after which a climb is given up, where a Hessian-vector
            product counts as two; default 20,000.
        steps: number of steps in one device call; default 50.
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
        """Return the state of a climb after the evaluation of its start."""
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
        """Compute one gradient or one Hessian-vector product, as the phase requires."""
        # Branches read the model but do not return it, since it is large and would be copied.
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
        """Return where the climb ended."""
        return Climbed(state.w, state.mode.vector, state.gradients, jnp.int32(0), state.status)

    def _curvature(self, surface: Surface, state: HybridState, model: lbfgs.Model) -> HybridState:
        """Compute H times the mode at a new point."""
        vector = state.mode.vector
        mode = begin(vector, surface.hessian_vector_product(state.w, vector))
        return self._judge(state._replace(mode=mode, refinements=jnp.int32(0)))

    def _refine(self, surface: Surface, state: HybridState, model: lbfgs.Model) -> HybridState:
        product = partial(surface.hessian_vector_product, state.w)
        mode, pair = refined(product, surface.without_excluded, state.mode, model)
        return self._judge(state._replace(mode=mode, pair=pair, refinements=state.refinements + 1))

    def _judge(self, state: HybridState) -> HybridState:
        """Decide whether the mode is refined further, the climb ends, or a step uphill follows."""
        mode = state.mode
        residual = jnp.linalg.norm(mode.residual)
        good = (residual <= self.accuracy * jnp.abs(mode.value)) | (
            state.refinements >= self.refinements
        )
        # The limit is relative to the curvature: with one of 1e-5 no fixed limit is small enough.
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
        """Evaluate the step on trial; accept it, or shorten it to a tenth if the energy rises."""
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
        """Return the next step (n,) across the mode: a quasi-Newton step downhill, capped."""
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
        # The model must be positive definite across the mode, and along it it could not be.
        change = change - jnp.vdot(change, vector) * vector
        # A step uphill tells nothing about directions across it, so its pair of zeros is skipped.
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
