"""The softest mode of a Hessian, refined by one Hessian-vector product at a time.

The method is locally optimal minimization of the Rayleigh quotient (Knyazev, SIAM J. Sci. Comput.
23, 517 (2001), with a block of one vector): the new mode is the lowest Ritz vector in the span of
the mode, its residual and the previous direction. It converges like conjugate gradients and starts
from the mode that is known already, so that a mode can be followed along a path with a few products
at each point. With a limited-memory model of the inverse Hessian as preconditioner it takes a tenth
of the products.
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
"""Smallest part of the previous direction outside the span of the other two with which it is used
as a third basis vector. The square of this part, on which the Ritz matrix depends, is above
rounding error."""

NEW = 1e-10
"""Smallest part of a direction orthogonal to the mode with which the direction is used."""


class Pair(NamedTuple):
    """A pair for a limited-memory model.

    Attributes:
        step: (n,) a step.
        change: (n,) the change of the gradient along it.
    """

    step: Float[Array, " n"]
    change: Float[Array, " n"]


class SoftestMode(NamedTuple):
    """An approximate eigenpair of the Hessian H.

    Attributes:
        vector: (n,) the unit vector x.
        product: (n,) the product H x.
        previous: (n,) direction of the last change of the vector; zero if there was none.
        previous_product: (n,) H times this direction.
        value: the Rayleigh quotient x.H x, an upper bound of the lowest eigenvalue.
    """

    vector: Float[Array, " n"]
    product: Float[Array, " n"]
    previous: Float[Array, " n"]
    previous_product: Float[Array, " n"]
    value: Scalar

    @property
    def residual(self) -> Float[Array, " n"]:
        """(n,) the residual H x - value x; an eigenvalue lies within its length of `value`."""
        return self.product - self.value * self.vector


def begin(vector: Float[Array, " n"], product: Float[Array, " n"]) -> SoftestMode:
    """Return the approximate eigenpair of a unit vector (n,) and its product (n,) with H."""
    nothing = jnp.zeros_like(vector)
    return SoftestMode(vector, product, nothing, nothing, jnp.vdot(vector, product))


def refine(
    mode: SoftestMode, direction: Float[Array, " n"], product: Float[Array, " n"]
) -> SoftestMode:
    """Return the lowest Ritz pair in the span of mode, direction and previous direction.

    Args:
        mode: the approximate eigenpair.
        direction: (n,) a unit vector orthogonal to the mode, or zero if there is none.
        product: (n,) H times the direction.
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
    # Basis vectors that are zero get a large value, so that they are not chosen.
    top = 1.0 + jnp.abs(small).sum()
    missing = jnp.stack([jnp.asarray(False), jnp.vdot(direction, direction) < 0.5, ~usable])
    small = small + jnp.diag(jnp.where(missing, top, 0.0))
    weights = jnp.linalg.eigh(small)[1][:, 0]
    # The sign of an eigenvector is arbitrary, but a mode that is followed must not turn around.
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
    """Return a vector (n,) divided by its length; zero stays zero."""
    return vector / jnp.maximum(jnp.linalg.norm(vector), TINY)


def refined(
    product: Callable[[Array], Array],
    project: Callable[[Array], Array],
    mode: SoftestMode,
    model: lbfgs.Model,
) -> tuple[SoftestMode, Pair]:
    """Refine a mode once, preconditioned by a model of the inverse Hessian.

    Args:
        product: returns H v for a vector v (n,); it is called once.
        project: projects a vector (n,) onto the subspace that the mode is searched in.
        mode: the approximate eigenpair, inside the subspace.
        model: a limited-memory model of the inverse Hessian.

    Returns:
        The refined mode, and a pair with which the model can be updated.
    """
    guess = project(lbfgs.direction(model, mode.residual))
    direction = guess
    # Near convergence one orthogonalization is not enough.
    for _ in range(2):
        direction = direction - jnp.vdot(direction, mode.vector) * mode.vector
    usable = jnp.linalg.norm(direction) > NEW * jnp.linalg.norm(guess)
    direction = jnp.where(usable, unit(direction), 0.0)
    image = product(direction)
    across = image - jnp.vdot(image, mode.vector) * mode.vector
    return refine(mode, direction, image), Pair(direction, across)
