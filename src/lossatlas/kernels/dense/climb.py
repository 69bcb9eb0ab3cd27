"""Eigenvector-following: uphill along one Hessian eigenvector, downhill along all others.

With the exact spectrum the step in each eigendirection i is

    p_i = +- 2 g_i / (|lambda_i| (1 + sqrt(1 + 4 g_i^2 / lambda_i^2)))

with slope g_i and eigenvalue lambda_i, + for the mode followed and - for the others (Wales, J.
Chem. Phys. 101, 3750 (1994)). It tends to the Newton step near a stationary point and is bounded
far from one. The method goes back to Cerjan and Miller, J. Chem. Phys. 75, 2800 (1981), and
Banerjee et al., J. Phys. Chem. 89, 52 (1985), reference 44 of the paper.

If any curvature is negative, the mode followed is the lowest. If none is negative, there may be
many soft modes, and the lowest of them changes from step to step. Then the mode followed is that
with the largest |v.m| / lambda, for the eigenvector v and the mode m that was followed before. This
prefers soft modes that m has a part along to a stiff mode that m is nearer to, since a climb along
a stiff mode never ends. The overlap |v.m| alone would lead to such modes. To choose by the overlap
while several curvatures are negative would lead from mode to mode to a stiff one, too.

A step along the floor of a winding valley ends on its wall. Before the next Hessian, two steps with
the present spectrum lead back to the floor. They cost a gradient each, and a climb then needs fewer
Hessians and arrives more often. The steps are Newton steps in stiff directions and vanish in soft
ones, with a smooth transition between them,

    p_i = - g_i lambda_i^3 / (lambda_i^4 + tau^4),

with tau a fiftieth of the largest curvature, in all directions but the mode followed. With a sharp
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
"""How the trust radius follows predictions of the whole gradient. A relative error of one is that
of a prediction of zero."""

LONGEST_CORRECTION = 0.5
"""Longest step back to the floor of the valley, as a part of the step before it. A longer one would
leave the valley."""

SOFTEST = 1e-6
"""Curvatures below this part of the largest count as equally soft, since single precision does not
resolve them and the mode followed must not change with rounding errors."""


class ClimbState(NamedTuple):
    """The state of one climb in flight.

    Attributes:
        w: (n,) the present point.
        mode: (n,) unit vector of the mode that was followed last.
        radius: trust radius.
        predicted: (n,) prediction of the gradient at the present point; NaN before the first step.
        hessians: number of Hessians computed.
        convex: number of points in a row without a negative eigenvalue.
        status: RUNNING, or how the climb ended.
    """

    w: Float[Array, " n"]
    mode: Float[Array, " n"]
    radius: Scalar
    predicted: Float[Array, " n"]
    hessians: Int[Array, ""]
    convex: Int[Array, ""]
    status: Int[Array, ""]


@dataclass(frozen=True)
class Climb:
    """The kernel of eigenvector-following with spectra of the Hessian.

    A job of it is `(w, mode)`: the start and the direction to go up along, both (n,).

    Args:
        newton_length: length of the Newton step, in units of the weights, below which a climb has
            converged if the Hessian index is one; default 1e-4.
        radius: first trust radius, in units of the weights; default 1.
        max_radius: largest trust radius; default 4.
        max_hessians: number of Hessians after which a climb is given up; default 100.
        max_convex: number of Hessians in a row without a negative eigenvalue after which a climb is
            given up, since it would never end along a direction that only the regularization
            curves; default 20.
        stiff: curvature of the walls of a valley, as a part of the largest: the tau of the module's
            docstring; default 0.02.
        corrections: number of steps back to the floor of the valley after each step; default 2.
        steps: number of steps in one device call; default 8.
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
        """Return the state of a climb before its first evaluation."""
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
        """Evaluate gradient and spectrum, take a step, and go back to the floor of the valley."""
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
        # The length of the step without cap and signs tells how far the stationary point is.
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
        """Return where the climb ended."""
        gradients = (1 + self.corrections) * state.hessians
        return Climbed(state.w, state.mode, gradients, state.hessians, state.status)

    def _corrected(
        self,
        surface: Surface,
        w: Float[Array, " n"],
        model: tuple[Float[Array, " m"], Float[Array, "n m"], Bool[Array, " m"]],
        length: Scalar,
    ) -> Float[Array, " n"]:
        """Return w (n,) after steps back to the floor of the valley.

        Args:
            surface: the compiled half of the landscape.
            w: (n,) the point to begin at.
            model: eigenvalues, eigenvectors, and which of these directions lead down.
            length: length of the step before; a step back is at most half as long.
        """
        eigenvalues, vectors, down = model
        inverse = jnp.where(down, inverse_of_stiff(eigenvalues, self.stiff), 0.0)
        for _ in range(self.corrections):
            slope = vectors.T @ surface.value_and_gradient(w)[1]
            w = w - vectors @ capped(inverse * slope, LONGEST_CORRECTION * length)
        return w

    def _trust(self, state: ClimbState, gradient: Float[Array, " n"]) -> Scalar:
        """Grow or shrink the radius by how well the last gradient was predicted.

        The gradient is the one after the corrections. Before them the prediction of its stiff part
        would always be wrong, and the radius would shrink at every step.
        """
        error = jnp.linalg.norm(gradient - state.predicted)
        error = error / jnp.maximum(jnp.linalg.norm(gradient), jnp.linalg.norm(state.predicted))
        return TRUST.after(state.radius, error, self.max_radius)


def inverse_of_stiff(eigenvalues: Float[Array, " m"], part: float) -> Float[Array, " m"]:
    """Return the inverse curvatures of stiff directions, which tend to zero in soft ones.

    They are lambda^3 / (lambda^4 + tau^4), and zero where the curvature is negative, since there is
    no wall.

    Args:
        eigenvalues: (m,) eigenvalues of the Hessian, ascending.
        part: tau as a part of the largest eigenvalue.
    """
    curved = eigenvalues > 0
    positive = jnp.where(curved, eigenvalues, 1.0)
    ratio = part * eigenvalues[-1] / positive
    return jnp.where(curved, 1.0 / (positive * (1.0 + ratio**4)), 0.0)


def _soft_and_alike(
    eigenvalues: Float[Array, " m"], vectors: Float[Array, "n m"], mode: Float[Array, " n"]
) -> Int[Array, ""]:
    """Return the number of the mode with the largest |v.m| / |lambda|, for the mode m (n,)."""
    # Absolute values, since the sign of an eigenvector is arbitrary.
    overlap = jnp.abs(vectors.T @ mode)
    least = jnp.maximum(SOFTEST * jnp.abs(eigenvalues[-1]), TINY)
    return jnp.argmax(overlap / jnp.maximum(jnp.abs(eigenvalues), least))
