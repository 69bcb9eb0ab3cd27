"""Eigenvector-following without the spectrum: the step of `dense.climb` in a Krylov space.

The space begins with the gradient, the mode followed before and random vectors, and products with
(H + shift)^-1 enhance its soft part (`shifted`). It contains the lowest modes and the directions
that the gradient acts on.

A step along the floor of a winding valley ends on its wall. Before the next Hessian, two Newton
steps in the stiff directions lead back to the floor, with another factorization of the present
Hessian.
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
"""The shift, as a multiple of the size of the lowest curvature at the point before."""

WALL = 0.01
"""Shift of the factorization that leads back to the floor of the valley, as a part of the norm of
the Hessian. With a smaller one errors of single precision along soft modes exceed the steps."""

FIRST_SHIFT = 0.02
"""First shift, as a part of the norm of the Hessian."""

FLATTEST = 1e-6
"""Smallest curvature, as a part of the norm of the Hessian, by which overlaps are divided when the
mode to be followed uphill is chosen; it replaces smaller ones."""

RANDOM = 2
"""Number of random vectors that the space begins with, so that it contains several modes of equal
curvature."""


class ClimbState(NamedTuple):
    """The state of one climb in flight.

    Attributes:
        w: (n,) the present point.
        mode: (n,) unit vector of the mode that was followed last.
        radius: trust radius.
        predicted: (n,) prediction of the gradient at the present point; NaN before the first step.
        shift: shift of the next factorization.
        hessians: number of Hessians computed.
        convex: number of points in a row without a negative eigenvalue.
        status: RUNNING, or how the climb ended.
    """

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
    """The kernel of eigenvector-following with factorizations of the Hessian.

    A job of it is `(w, mode)`: the start and the direction to go up along, both (n,).

    Args:
        newton_length: length of the Newton step, in units of the weights, below which a climb has
            converged if the Hessian index is one; default 1e-3.
        radius: first trust radius, in units of the weights; default 1.
        max_radius: largest trust radius; default 4.
        max_hessians: number of Hessians after which a climb is given up; default 100.
        max_convex: number of Hessians in a row without a negative eigenvalue after which a climb is
            given up; default 20.
        blocks: number of blocks of the Krylov space; default 10.
        corrections: number of steps back to the floor of the valley after each step; default 2.
        steps: number of steps in one device call; default 1.
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
        """Factorize a Hessian, take a step, and go back to the floor of the valley."""
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
        """Return where the climb ended."""
        gradients = (1 + PRODUCT_COST + self.corrections) * state.hessians
        return Climbed(state.w, state.mode, gradients, state.hessians, state.status)

    def _corrected(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        model: tuple[Shifted, Float[Array, "n k"]],
        length: Scalar,
    ) -> Float[Array, " n"]:
        """Return w (n,) after Newton steps in the stiff directions.

        Args:
            surface: the compiled half of the landscape.
            w: (n,) the point to begin at.
            model: the factorization, and the modes (n, k) along which these steps do not move.
            length: length of the step before; a step back is at most half as long.
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
    """Return a predicted gradient (n,) without the part that steps back to the floor remove."""
    along = kept @ (kept.T @ gradient)
    return along + floor(surface, inverse, gradient - along)
