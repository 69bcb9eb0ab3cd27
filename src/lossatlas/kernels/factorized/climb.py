"""Eigenvector-following without the spectrum: the step of `dense.climb` in a Krylov space.

The space begins with the gradient, the mode followed before and random vectors, and products with
(H + shift)^-1 enhance what is soft (see `shifted`). The lowest modes, and whatever else the
gradient moves, are in it.

A step along the floor of a winding valley ends on its wall. Before the next Hessian, two Newton
steps in the stiff directions lead back to the floor, with a factorization of their own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from lossatlas.errors import Status
from lossatlas.kernels.dense.climb import LONGEST_CORRECTION, TRUST
from lossatlas.kernels.factorized.shifted import (
    Shifted,
    floor,
    generic,
    reduced_spectrum,
    rough_hessian,
    shifted_inverse,
    walls,
)
from lossatlas.kernels.parts import PRODUCT_COST, Climbed
from lossatlas.kernels.step_control import NO_CURVATURE, bounded_newton, capped
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

BEYOND = 1.5
"""The shift, over the size of the lowest curvature at the point before."""

WALL = 0.01
"""Shift of the factorization that leads back to the floor of the valley, as a part of the norm of
the Hessian: with a smaller one errors of single precision along soft modes outweigh the steps."""

FIRST_SHIFT = 0.02
"""First shift, as a part of the norm of the Hessian."""

FLATTEST = 1e-6
"""Curvature, as a part of the largest, that stands for smaller ones where the mode to be followed
uphill is chosen."""

RANDOM = 2
"""Random vectors that the space begins with, so that it contains more than one of equal modes."""


class ClimbState(NamedTuple):
    """One climb in flight: the point, the mode followed, trust radius, prediction, next shift."""

    w: Float[Array, " n"]
    mode: Float[Array, " n"]
    radius: Scalar
    predicted: Float[Array, " n"]
    shift: Scalar
    hessians: Int[Array, ""]
    convex: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class FactorizedClimb:
    """Kernel; a job is `(w, mode)`: the start and the direction to go up along, both (n,).

    Args:
        newton_length: converged when the Newton step is shorter than this and the index is one.
        radius: first trust radius.
        max_radius: largest trust radius.
        max_hessians: give up after so many.
        max_convex: give up after so many in a row without a negative eigenvalue.
        blocks: blocks of the Krylov space.
        corrections: steps back to the floor of the valley after each step.
        steps: steps a device call.
    """

    newton_length: float = 1e-3
    radius: float = 1.0
    max_radius: float = 4.0
    max_hessians: int = 100
    max_convex: int = 20
    blocks: int = 10
    corrections: int = 2
    steps: int = 1

    def init(self, surface: Surface, w: Float[Array, " n"], mode: Float[Array, " n"]) -> ClimbState:
        """Return the state of a climb before its first evaluation."""
        mode = surface.without_excluded(mode)
        return ClimbState(
            w=surface.without_excluded(w),
            mode=mode / jnp.linalg.norm(mode),
            radius=jnp.asarray(self.radius, w.dtype),
            predicted=jnp.full_like(w, jnp.nan),
            shift=jnp.zeros((), w.dtype),
            hessians=jnp.int32(0),
            convex=jnp.int32(0),
            status=running(),
        )

    def step(self, surface: Surface, state: ClimbState) -> ClimbState:
        """Factorize a Hessian, choose the mode, take the step, go back to the floor."""
        _, gradient = surface.value_and_gradient(state.w)
        hessian, norm = rough_hessian(surface, state.w)
        shift = jnp.where(state.hessians > 0, state.shift, FIRST_SHIFT * norm)
        inverse = shifted_inverse(hessian, norm, shift)
        random = jnp.asarray(generic(len(state.w), RANDOM))
        seeds = jnp.column_stack([gradient, state.mode, random])
        values, vectors = reduced_spectrum(surface, state.w, hessian, inverse, (seeds, self.blocks))
        index = jnp.sum(values < 0)
        overlap = jnp.abs(vectors.T @ state.mode)
        overlap = overlap / jnp.maximum(jnp.abs(values), FLATTEST * norm)
        followed = jnp.where(index > 0, 0, jnp.argmax(overlap))
        sign = jnp.where(jnp.arange(len(values)) == followed, 1.0, -1.0)

        slope = vectors.T @ gradient
        size = jnp.maximum(jnp.abs(values), NO_CURVATURE * norm)
        step = sign * bounded_newton(slope, size)
        radius = self._trust(state, gradient)
        length = jnp.minimum(jnp.linalg.norm(step), radius)
        step = vectors @ capped(step, radius)
        newton = jnp.linalg.norm(slope / size)
        hessians = state.hessians + 1
        convex = jnp.where(index == 0, state.convex + 1, 0)
        over = (hessians >= self.max_hessians) | (convex >= self.max_convex)
        status = jnp.where(over, Status.TOO_MANY_STEPS, running())
        arrived = (index == 1) & (newton < self.newton_length)
        status = jnp.where(arrived, Status.CONVERGED, status)
        status = jnp.where(jnp.isfinite(length), status, Status.NOT_FINITE)
        product = surface.hessian_vector_product(state.w, step)
        wall = shifted_inverse(hessian, norm, WALL * norm)
        keep = (values < 0) | (sign > 0)
        kept = jnp.where(keep, vectors, 0.0)
        return ClimbState(
            w=self._corrected(surface, state.w + step, (wall, kept), length),
            mode=vectors[:, followed],
            radius=radius,
            predicted=_after_corrections(surface, wall, kept, gradient + product),
            shift=BEYOND * jnp.abs(values[0]),
            hessians=hessians,
            convex=convex,
            status=status.astype(jnp.int32),
        )

    def result(self, state: ClimbState) -> Climbed:
        """Where the climb ended."""
        gradients = (1 + PRODUCT_COST + self.corrections) * state.hessians
        return Climbed(state.w, state.mode, gradients, state.hessians, state.status)

    def _corrected(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        model: tuple[Shifted, Float[Array, "n k"]],
        length: Scalar,
    ) -> Float[Array, " n"]:
        """w after Newton steps in the stiff directions, none longer than half of `length`.

        `model` is the factorization, and the modes (n, k) that no such step moves along.
        """
        inverse, kept = model
        for _ in range(self.corrections):
            gradient = surface.value_and_gradient(w)[1]
            gradient = gradient - kept @ (kept.T @ gradient)
            step = -walls(surface, inverse, gradient)
            step = step - kept @ (kept.T @ step)
            w = w + capped(step, LONGEST_CORRECTION * length)
        return w

    def _trust(self, state: ClimbState, gradient: Float[Array, " n"]) -> Scalar:
        """Grow or shrink the radius by how well the last gradient was predicted."""
        error = jnp.linalg.norm(gradient - state.predicted)
        error = error / jnp.maximum(jnp.linalg.norm(gradient), jnp.linalg.norm(state.predicted))
        return TRUST.after(state.radius, error, self.max_radius)


def _after_corrections(
    surface: Surface, inverse: Shifted, kept: Float[Array, "n k"], gradient: Float[Array, " n"]
) -> Float[Array, " n"]:
    """A predicted gradient (n,) without what the steps back to the floor will remove of it."""
    along = kept @ (kept.T @ gradient)
    return along + floor(surface, inverse, gradient - along)
