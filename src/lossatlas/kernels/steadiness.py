"""Whether the curvatures at a point are those of the exact stationary point beside it.

Newton's method ends a distance |H^-1 g| from the exact stationary point. Where that is simple, a
curvature changes by a tiny part on the way, and its sign is that at the exact point. At a
degenerate one, such as the minimum of w^4, curvatures vanish like a power of the distance: whatever
the distance, the Newton step changes them by half or more, and their sign is no evidence.

So the Hessian is compared with that at a second point, some Newton steps further away from the
exact point than the first is. Away, because all powers grow there: at w^p with x = 1 the exact
point 0 is p - 1 Newton steps away, and as far on its other side the curvature is the same again.
The product of the Hessian with the one direction that leads there is enough: it is where the exact
point may be, so modes that matter have a part in it. The norm of its change is compared with its
own norm, which takes every mode by its curvature and cannot cancel, as curvatures of a saddle do
along a direction in which E does not change.

The gradient may vanish by rounding alone. So the softest mode is moved as well, by the distance
that rounding of the gradient leaves.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.base import Surface
from lossatlas.typing import Scalar

STEPS = 4.0
"""How far the second point is from the first, in Newton steps: the distance between the first and
the exact point is one step only where this is simple, three at a minimum of fourth order."""
ROUNDING = float(np.finfo(float).eps)
"""Error of a component of the gradient that is of size one."""
LARGEST_CHANGE = 0.5
"""Curvatures that change by this part or more have no certain sign."""


def displacement(
    eigenvalues: Float[Array, " m"], vectors: Float[Array, "n m"], step: Float[Array, " n"]
) -> Float[Array, " n"]:
    """The way (n,) to a second point at which curvatures are compared.

    Args:
        eigenvalues: (m,) of the Hessian, all or some of them, the smallest in size among them.
        vectors: (n, m) their eigenvectors.
        step: (n,) the Newton step from the point.
    """
    softest = jnp.argmin(jnp.abs(eigenvalues))
    smallest = jnp.maximum(jnp.abs(eigenvalues[softest]), 1e-300)
    mode = vectors[:, softest]
    onward = jnp.where(step @ mode < 0, -1.0, 1.0)
    rounding = ROUNDING * len(step) ** 0.5 / smallest
    return -STEPS * (step + onward * rounding * mode)


def change_of_curvature(
    surface: Surface,
    w: Float[Array, " n"],
    eigenvalues: Float[Array, " m"],
    vectors: Float[Array, "n m"],
    away: Float[Array, " n"],
    longest: float,
) -> Scalar:
    """The part by which the Hessian times the direction of `away` (n,) changes on that way from w.

    It is infinite where the Hessian takes the direction to zero, and where the way is longer than
    `longest`: what is said of the one point then says nothing of the other. Eigenvalues (m,) and
    vectors (n, m) are those at w that `away` is made of.
    """
    direction = away / jnp.maximum(jnp.linalg.norm(away), 1e-300)
    here = vectors @ (eigenvalues * (vectors.T @ direction))
    return change_of_product(surface, w, here, away, longest)


def change_of_product(
    surface: Surface,
    w: Float[Array, " n"],
    here: Float[Array, " n"],
    away: Float[Array, " n"],
    longest: float,
) -> Scalar:
    """As `change_of_curvature`, from the product (n,) of the Hessian at w and the direction."""
    length = jnp.linalg.norm(away)
    direction = away / jnp.maximum(length, 1e-300)
    product = surface.hessian_vector_product(w + away, direction)
    there = surface.without_excluded(product)
    size = jnp.linalg.norm(here)
    change = jnp.linalg.norm(there - here)
    comparable = (size > 0) & (length <= longest)
    return jnp.where(comparable, change / jnp.maximum(size, 1e-300), jnp.inf)
