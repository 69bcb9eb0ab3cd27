"""The softest mode of a Hessian, one Hessian-vector product at a time.

Locally optimal minimization of the Rayleigh quotient (Knyazev, SIAM J. Sci. Comput. 23 (2001) 517,
with a block of one vector): the new mode is the lowest Ritz vector in the span of the mode, its
residual and the previous direction. It converges like conjugate gradients and starts from what is
known already, so that a mode can be followed along a path at a few products a point. With a
limited-memory model of the inverse Hessian as preconditioner it takes ten times fewer.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.kernels import lbfgs
from lossatlas.kernels.step_control import TINY
from lossatlas.typing import Scalar

THIRD = 1e-7
"""The previous direction counts as a third basis vector if more than this part of it is outside the
other two; the square of this part, which the Ritz matrix sees, is then above rounding error."""

NEW = 1e-10
"""A direction is usable if more than this part of it is orthogonal to the mode."""


class Pair(NamedTuple):
    """A step (n,) and the change of the gradient along it (n,), for a limited-memory model."""

    step: Float[Array, " n"]
    change: Float[Array, " n"]


class SoftestMode(NamedTuple):
    """An approximate eigenpair.

    Attributes:
        vector, product: unit vector x (n,), and H x.
        previous, previous_product: the direction of the last change (n,), zero if none, and H
            times it.
        value: the Rayleigh quotient x.H x, an upper bound of the lowest eigenvalue.
    """

    vector: Float[Array, " n"]
    product: Float[Array, " n"]
    previous: Float[Array, " n"]
    previous_product: Float[Array, " n"]
    value: Scalar

    @property
    def residual(self) -> Float[Array, " n"]:
        """H x - value x: an eigenvalue lies within its length of `value`."""
        return self.product - self.value * self.vector


def begin(vector: Float[Array, " n"], product: Float[Array, " n"]) -> SoftestMode:
    """The eigenpair that a unit vector and its product suggest."""
    nothing = jnp.zeros_like(vector)
    return SoftestMode(vector, product, nothing, nothing, jnp.vdot(vector, product))


def refine(
    mode: SoftestMode, direction: Float[Array, " n"], product: Float[Array, " n"]
) -> SoftestMode:
    """The lowest Ritz pair in the span of mode, direction and previous direction.

    `direction` (n,) is a unit vector orthogonal to the mode (or zero: none is left), and `product`
    H times it.
    """
    along, across = jnp.vdot(mode.previous, mode.vector), jnp.vdot(mode.previous, direction)
    third = mode.previous - along * mode.vector - across * direction
    third_product = mode.previous_product - along * mode.product - across * product
    size = jnp.linalg.norm(third)
    usable = size > THIRD * jnp.linalg.norm(mode.previous)
    scale = jnp.where(usable, 1.0 / jnp.maximum(size, TINY), 0.0)
    basis = jnp.stack([mode.vector, direction, scale * third])
    products = jnp.stack([mode.product, product, scale * third_product])

    small = basis @ products.T
    small = 0.5 * (small + small.T)
    # A basis vector that is none must not be chosen.
    top = 1.0 + jnp.abs(small).sum()
    missing = jnp.stack([jnp.asarray(False), jnp.vdot(direction, direction) < 0.5, ~usable])
    small = small + jnp.diag(jnp.where(missing, top, 0.0))
    weights = jnp.linalg.eigh(small)[1][:, 0]
    # The sign of an eigenvector is arbitrary; a mode that is followed must not turn around.
    weights = weights * jnp.where(weights[0] < 0, -1.0, 1.0)
    vector, change = weights @ basis, weights.at[0].set(0.0)
    length = jnp.linalg.norm(vector)
    vector, product = vector / length, (weights @ products) / length
    return SoftestMode(
        vector=vector,
        product=product,
        previous=change @ basis,
        previous_product=change @ products,
        value=jnp.vdot(vector, product),
    )


def unit(vector: Float[Array, " n"]) -> Float[Array, " n"]:
    """The vector divided by its length; zero stays zero."""
    return vector / jnp.maximum(jnp.linalg.norm(vector), TINY)


def refined(
    product: Callable[[Array], Array],
    project: Callable[[Array], Array],
    mode: SoftestMode,
    model: lbfgs.Model,
) -> tuple[SoftestMode, Pair]:
    """One refinement, preconditioned by a model of the inverse Hessian; and what that can learn.

    Args:
        product: v -> H v; used once.
        project: onto the subspace that the mode is searched in.
        mode: what is known, inside the subspace.
        model: a limited-memory model of the inverse Hessian.
    """
    guess = project(lbfgs.direction(model, mode.residual))
    direction = guess
    for _ in range(2):  # once is not enough near convergence
        direction = direction - jnp.vdot(direction, mode.vector) * mode.vector
    usable = jnp.linalg.norm(direction) > NEW * jnp.linalg.norm(guess)
    direction = jnp.where(usable, unit(direction), 0.0)
    image = product(direction)
    across = image - jnp.vdot(image, mode.vector) * mode.vector
    return refine(mode, direction, image), Pair(direction, across)
