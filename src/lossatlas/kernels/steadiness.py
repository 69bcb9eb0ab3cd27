"""The test whether curvatures at a point have the signs of those at the exact stationary point.

Newton's method ends a distance |H^-1 g| from the exact stationary point. If that point is
nondegenerate, a curvature changes by a tiny part of its size over this distance, and its sign is
that at the exact point. If it is degenerate, such as the minimum of w^4, curvatures vanish like a
power of the distance: however small the distance is, the Newton step changes them by half or more,
and their signs prove nothing.

Therefore the Hessian is compared with the Hessian at a second point, some Newton steps further away
from the exact point than the first. It lies further away because all powers grow in this direction.
In the opposite direction they need not change: for w^p the exact point w = 0 is p - 1 Newton steps
away from w = 1, and at the same distance beyond it the curvature is the same again. One product of
each Hessian is compared, with the direction from the first point to the second, because modes along
which the exact point may lie have a part in it. The norm of the change is divided by the norm of
the product. Norms weight every mode by the size of its curvature and cannot cancel, as the
curvatures of a saddle do along a direction in which E does not change.

The gradient may vanish by rounding alone. Therefore the second point is also displaced along the
softest mode, by the distance that the rounding error of the gradient corresponds to.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.base import Surface
from lossatlas.typing import Scalar

STEPS = 4.0
"""Distance of the second point from the first, in Newton steps. The exact point is one Newton step
from the first point if it is nondegenerate, but three at a minimum of fourth order."""
ROUNDING = float(np.finfo(float).eps)
"""Rounding error of a component of the gradient of size one."""
LARGEST_CHANGE = 0.5
"""Curvatures that change by this part of their size or more have no certain sign."""


def displacement(
    eigenvalues: Float[Array, " m"], vectors: Float[Array, "n m"], step: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Return the displacement (n,) to the second point, at which curvatures are compared.

    Args:
        eigenvalues: (m,) eigenvalues of the Hessian, all or some of them, including the smallest in
            size.
        vectors: (n, m) eigenvectors of these.
        step: (n,) Newton step from the first point.
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
    """Return the relative change of the Hessian, times the direction to a second point, on the way.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) the first point.
        eigenvalues: (m,) eigenvalues of the Hessian at the first point.
        vectors: (n, m) eigenvectors of these, which span the displacement.
        away: (n,) displacement to the second point (`displacement`).
        longest: largest length of the displacement at which the two points can be compared, in
            units of the weights.

    Returns:
        The norm of the change over the norm of the product at the first point. It is infinite if
        that product is zero, or if the displacement is longer than `longest`.
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
    """Return the same as `change_of_curvature`, given the product at the first point.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) the first point.
        here: (n,) product of the Hessian at the first point and the unit vector along `away`.
        away: (n,) displacement to the second point.
        longest: largest length of the displacement at which the two points can be compared.
    """
    length = jnp.linalg.norm(away)
    direction = away / jnp.maximum(length, 1e-300)
    product = surface.hessian_vector_product(w + away, direction)
    there = surface.without_excluded(product)
    size = jnp.linalg.norm(here)
    change = jnp.linalg.norm(there - here)
    comparable = (size > 0) & (length <= longest)
    return jnp.where(comparable, change / jnp.maximum(size, 1e-300), jnp.inf)
