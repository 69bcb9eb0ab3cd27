"""Eigenvector-following: uphill along one Hessian eigenvector, downhill along all others.

With the exact spectrum the step in each eigendirection i is

    p_i = +- 2 g_i / (|lambda_i| (1 + sqrt(1 + 4 g_i^2 / lambda_i^2)))

with + for the mode followed and - for the others (Wales, J. Chem. Phys. 101 (1994) 3750), which
tends to the Newton step near a stationary point and is bounded far from one. The mode followed is
the lowest. (Cerjan and Miller 1981; Banerjee et al. 1985, the paper's reference 44.) Where no
curvature is negative there may be many soft modes, and the lowest of them changes from step to
step: the one followed is that with the largest |v.m| / lambda, m the mode followed before. Soft
modes that m has a part along are preferred to a stiff one that it is nearer to, up which no climb
ever ends. (To go by the overlap alone leads to such modes, and to do so while the index is too high
leads from mode to mode to a stiff one, and up that for ever.)

A step along the floor of a winding valley ends on its wall. Before the next Hessian, two steps with
the spectrum at hand lead back to the floor: they cost a gradient each, and a climb then needs fewer
Hessians and arrives more often. What a wall is is a matter of degree, so the steps are Newton's in
stiff directions and vanish in soft ones without a border between them,

    p_i = - g_i lambda_i^3 / (lambda_i^4 + tau^4),

tau a fiftieth of the largest curvature, in all directions but the mode followed. With a sharp
border, curvatures that cross it would be corrected in one step and not in the next.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import rough_spectrum
from lossatlas.kernels.parts import Climbed
from lossatlas.kernels.step_control import (
    NO_CURVATURE,
    TINY,
    TrustRadius,
    bounded_newton,
    capped,
)
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

TRUST = TrustRadius(good=0.5, bad=1.0, growth=2.0)
"""Of predictions of the whole gradient; an error of one is that of predicting nothing at all."""

LONGEST_CORRECTION = 0.5
"""Longest step back to the floor of the valley, as a part of the step before it: what leads back
further is no wall of this valley."""

SOFTEST = 1e-6
"""Among curvatures below this part of the largest none is softer: there single precision ends, and
the mode followed must not change with rounding errors."""


class ClimbState(NamedTuple):
    """One climb in flight: the point, the mode followed, the trust radius, the prediction."""

    w: Float[Array, " n"]
    mode: Float[Array, " n"]
    radius: Scalar
    predicted: Float[Array, " n"]
    hessians: Int[Array, ""]
    convex: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class Climb:
    """Kernel; a job is `(w, mode)`: the start and the direction to go up along, both (n,).

    Args:
        newton_length: converged when the Newton step is shorter than this and the index is one.
        radius: first trust radius.
        max_radius: largest trust radius.
        max_hessians: give up after so many.
        max_convex: give up after so many in a row without a negative eigenvalue: along a direction
            that only the regularization curves, a climb would go on for ever.
        stiff: curvatures well above this part of the largest, tau above, are those of the walls of
            a valley.
        corrections: steps back to the floor of the valley after each step.
        steps: steps a device call.
    """

    newton_length: float = 1e-4
    radius: float = 1.0
    max_radius: float = 4.0
    max_hessians: int = 100
    max_convex: int = 20
    stiff: float = 0.02
    corrections: int = 2
    steps: int = 8

    def init(self, surface: Surface, w: Float[Array, " n"], mode: Float[Array, " n"]) -> ClimbState:
        """Nothing evaluated yet."""
        mode = surface.without_excluded(mode)
        return ClimbState(
            w=surface.without_excluded(w),
            mode=mode / jnp.linalg.norm(mode),
            radius=jnp.asarray(self.radius, w.dtype),
            predicted=jnp.full_like(w, jnp.nan),
            hessians=jnp.int32(0),
            convex=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: ClimbState) -> ClimbState:
        """Evaluate gradient and spectrum, choose the mode, take the step, go back to the floor."""
        _, gradient = surface.value_and_gradient(state.w)
        eigenvalues, vectors = rough_spectrum(surface, state.w)
        index = jnp.sum(eigenvalues < 0)
        followed = jnp.where(index > 0, 0, _soft_and_alike(eigenvalues, vectors, state.mode))
        sign = jnp.where(jnp.arange(eigenvalues.shape[0]) == followed, 1.0, -1.0)

        slope = vectors.T @ gradient
        size = jnp.maximum(jnp.abs(eigenvalues), NO_CURVATURE * jnp.abs(eigenvalues[-1]))
        step = sign * bounded_newton(slope, size)

        radius = self._trust(state, gradient)
        length = jnp.linalg.norm(step)
        step = capped(step, radius)
        length = jnp.minimum(length, radius)
        # Of the step without cap and signs: how far the stationary point is.
        newton = jnp.linalg.norm(slope / size)
        hessians = state.hessians + 1
        convex = jnp.where(index == 0, state.convex + 1, 0)
        over = (hessians >= self.max_hessians) | (convex >= self.max_convex)
        status = jnp.where(over, Status.TOO_MANY_STEPS, running())
        arrived = (index == 1) & (newton < self.newton_length)
        status = jnp.where(arrived, Status.CONVERGED, status)
        status = jnp.where(jnp.isfinite(length), status, Status.NOT_FINITE)
        moved = state.w + vectors @ step
        return ClimbState(
            w=self._corrected(surface, moved, (eigenvalues, vectors, sign < 0), length),
            mode=vectors[:, followed],
            radius=radius,
            predicted=gradient + vectors @ (eigenvalues * step),
            hessians=hessians,
            convex=convex,
            status=status.astype(jnp.int32),
        )

    def result(self, state: ClimbState) -> Climbed:
        """Where the climb ended."""
        gradients = (1 + self.corrections) * state.hessians
        return Climbed(state.w, state.mode, gradients, state.hessians, state.status)

    def _corrected(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        model: tuple[Float[Array, " m"], Float[Array, "n m"], Bool[Array, " m"]],
        length: Scalar,
    ) -> Float[Array, " n"]:
        """w after steps back to the floor of the valley, none longer than half of `length`.

        `model` is the spectrum and which of its directions lead down.
        """
        eigenvalues, vectors, down = model
        inverse = jnp.where(down, inverse_of_stiff(eigenvalues, self.stiff), 0.0)
        for _ in range(self.corrections):
            slope = vectors.T @ surface.value_and_gradient(w)[1]
            w = w - vectors @ capped(inverse * slope, LONGEST_CORRECTION * length)
        return w

    def _trust(self, state: ClimbState, gradient: Float[Array, " n"]) -> Scalar:
        """Grow or shrink the radius by how well the last gradient was predicted.

        The gradient is that after the corrections: before them its stiff part would always be
        wrong, and the radius would shrink for ever.
        """
        error = jnp.linalg.norm(gradient - state.predicted)
        error = error / jnp.maximum(jnp.linalg.norm(gradient), jnp.linalg.norm(state.predicted))
        return TRUST.after(state.radius, error, self.max_radius)


def inverse_of_stiff(eigenvalues: Float[Array, " m"], part: float) -> Float[Array, " m"]:
    """Inverse curvatures of stiff directions, fading away below a part of the largest.

    lambda^3 / (lambda^4 + tau^4) of ascending eigenvalues (m,), tau the part of the largest. It is
    zero where the curvature is negative: there is no wall.
    """
    curved = eigenvalues > 0
    positive = jnp.where(curved, eigenvalues, 1.0)
    ratio = part * eigenvalues[-1] / positive
    return jnp.where(curved, 1.0 / (positive * (1.0 + ratio**4)), 0.0)


def _soft_and_alike(
    eigenvalues: Float[Array, " m"], vectors: Float[Array, "n m"], mode: Float[Array, " n"]
) -> Int[Array, ""]:
    """Which mode is soft and has a part along `mode` (n,): the largest |v.m| / |lambda|."""
    # The sign of an eigenvector is arbitrary.
    overlap = jnp.abs(vectors.T @ mode)
    least = jnp.maximum(SOFTEST * jnp.abs(eigenvalues[-1]), TINY)
    return jnp.argmax(overlap / jnp.maximum(jnp.abs(eigenvalues), least))
