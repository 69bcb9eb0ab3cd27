"""The inverse of a shifted Hessian, and the spectrum of the Hessian in its Krylov space.

(H + shift)^-1, with a shift larger than the size of the most negative curvature, follows from one
Cholesky factorization. Each product with it enhances the modes of low curvature. Therefore a Krylov
space of such products, of a dozen blocks, contains the soft modes and the action of smooth
functions of H on the vectors that it begins with, however stiff the other modes are (van den Eshof
and Hochbruck, SIAM J. Sci. Comput. 27, 1438 (2006)). In that space the Hessian is diagonalized.

The factorization is in single precision. Its errors change the space a little, but not the accuracy
of what is computed in it. The triangular factor is inverted, because a product with a matrix takes
a small part of the time of a triangular solve.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.landscape.base import Surface, Symmetrizer
from lossatlas.typing import Scalar

RAISED = 4.0
"""Factor by which the shift is raised if the Hessian is not positive definite with it."""

LEAST_SHIFT = 2e-7
"""Smallest shift, as a part of the norm of the Hessian, below which rounding errors dominate."""

LARGEST_SHIFT = 1e3
"""Shift, as a multiple of the norm of the Hessian, at which a factorization is given up, because
some number must be infinite or NaN."""

LEAF = 512
"""Number of rows up to which a triangular matrix is inverted by substitution."""

GONE, KEPT = 1e-10, 0.5
"""A vector lies in the space already if the part of it outside is smaller than the first value, or
if orthogonalizing this part once more leaves less of it than the second."""


class Shifted(NamedTuple):
    """The inverse (H + shift)^-1, which is the product lower^T lower in inner coordinates.

    Attributes:
        lower: (m, m) inverse of the Cholesky factor.
        shift: the number that was added to the diagonal of the Hessian.
        raised: whether it is larger than was asked for.
    """

    lower: Float[Array, "m m"]
    shift: Scalar
    raised: Bool[Array, ""]


def rough_hessian(surface: Surface, w: Float[Array, " n"]) -> tuple[Float[Array, "m m"], Scalar]:
    """Compute the Hessian (m, m) in inner coordinates, in single precision, and its Frobenius norm.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) weights.
    """
    hessian = surface.rough().inner_hessian(w).astype(jnp.float32)
    return hessian, jnp.linalg.norm(hessian).astype(w.dtype)


def shifted_inverse(
    hessian: Float[Array, "m m"], norm: Scalar, shift: Scalar, *, refuse: float = LARGEST_SHIFT
) -> Shifted:
    """Factorize a Hessian with a shift, which is raised until the matrix is positive definite.

    Args:
        hessian: (m, m) the Hessian.
        norm: Frobenius norm of the Hessian.
        shift: the shift to try first; at least `LEAST_SHIFT` times the norm is used.
        refuse: shift, as a multiple of the norm, at which the factorization is given up; default
            `LARGEST_SHIFT`. The result is then not finite.
    """
    same = jnp.arange(len(hessian))

    def factor(shift: Scalar) -> Array:
        moved = jnp.where(same[:, None] == same, hessian + shift.astype(hessian.dtype), hessian)
        return jax.lax.linalg.cholesky(moved, symmetrize_input=False)

    def indefinite(found: tuple[Array, Scalar]) -> Array:
        lower, shift = found
        return ~jnp.isfinite(lower[-1, -1]) & (shift < refuse * norm)

    def raise_shift(found: tuple[Array, Scalar]) -> tuple[Array, Scalar]:
        larger = RAISED * found[1]
        return factor(larger), larger

    first = jnp.maximum(shift, LEAST_SHIFT * norm)
    lower, last = jax.lax.while_loop(indefinite, raise_shift, (factor(first), first))
    return Shifted(_inverted(lower), last, last > first)


def _inverted(lower: Float[Array, "m m"]) -> Float[Array, "m m"]:
    """Invert a lower triangular matrix by halves, so that most of the work is matrix products."""
    m = len(lower)
    if m <= LEAF:
        identity = jnp.eye(m, dtype=lower.dtype)
        return jax.lax.linalg.triangular_solve(lower, identity, left_side=True, lower=True)
    half = m // 2
    first, last = _inverted(lower[:half, :half]), _inverted(lower[half:, half:])
    below = -(last @ lower[half:, :half]) @ first
    above = jnp.zeros((half, m - half), lower.dtype)
    return jnp.block([[first, above], [below, last]])


def to_inner(surface: Surface, v: Float[Array, "n k"], m: int) -> Float[Array, "m k"]:
    """Return the inner coordinates (m, k) of the columns of v (n, k)."""
    shape = jax.ShapeDtypeStruct((m, v.shape[1]), v.dtype)
    return jax.linear_transpose(surface.from_inner, shape)(v)[0]


def solved(surface: Surface, inverse: Shifted, v: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Return (H + shift)^-1 v for the columns of v (n, k), without excluded modes."""
    lower = inverse.lower
    inner = to_inner(surface, v, len(lower))
    # Columns are scaled to unit length, since short ones would underflow in single precision.
    size = jnp.maximum(jnp.linalg.norm(inner, axis=0), 1e-300)
    half = lower @ (inner / size).astype(lower.dtype)
    return surface.from_inner((half.T @ lower).T.astype(v.dtype) * size)


def walls(surface: Surface, inverse: Shifted, v: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return H^-1 (H / (H + shift))^3 v, the negative Newton step in the stiff directions alone.

    Where the curvature is far above the shift this is H^-1 v; where it is far below, it is nearly
    zero.

    Args:
        surface: the compiled half of the landscape.
        inverse: the shifted inverse.
        v: (n,) the gradient.
    """
    x = solved(surface, inverse, v[:, None])
    for _ in range(2):
        x = x - inverse.shift * solved(surface, inverse, x)
    return x[:, 0]


def floor(surface: Surface, inverse: Shifted, v: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return v - (H / (H + shift))^3 v, the vector v (n,) without its part in stiff directions."""
    v = surface.without_excluded(v)
    x = v[:, None]
    for _ in range(3):
        x = x - inverse.shift * solved(surface, inverse, x)
    return v - x[:, 0]


def reduced_spectrum(
    surface: Surface,
    w: Float[Array, " n"],
    hessian: Float[Array, "m m"],
    inverse: Shifted,
    seeds: tuple[Float[Array, "n s"], int],
    symmetrizer: Symmetrizer | None = None,
) -> tuple[Float[Array, " k"], Float[Array, "n k"]]:
    """Diagonalize the Hessian in a Krylov space of the shifted inverse.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) weights.
        hessian: (m, m) the Hessian in inner coordinates, in single precision.
        inverse: the shifted inverse.
        seeds: the vectors (n, s) that the space begins with, and the number of its blocks.
        symmetrizer: projection onto the subspace that the space is to lie in, which gradient flow
            cannot leave; default None, the whole space.

    Returns:
        Eigenvalues (k,), ascending, and orthonormal vectors (n, k). If the Krylov space has fewer
        dimensions, further vectors are zero, with a value that is not less than any other.
    """
    start, blocks = seeds
    (n, width), dtype = start.shape, w.dtype

    def inside(x: Array) -> Array:
        x = surface.from_inner(to_inner(surface, x, len(hessian)))
        return x if symmetrizer is None else symmetrizer @ x

    def extend(k: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        basis, block = found
        for column in range(width):
            x = _outside(surface, basis, block[:, column])
            basis = jax.lax.dynamic_update_index_in_dim(basis, x, k * width + column, 0)
        last = jax.lax.dynamic_slice_in_dim(basis, k * width, width)
        return basis, inside(solved(surface, inverse, last.T))

    basis = jnp.zeros((width * blocks, n), dtype)
    basis, _ = jax.lax.fori_loop(0, blocks, extend, (basis, inside(start)))
    inner = to_inner(surface, basis.T, len(hessian))
    small = inner.T @ (hessian @ inner.astype(hessian.dtype)).astype(dtype)
    largest = jnp.abs(jnp.linalg.eigvalsh(small)).max()

    def exact() -> Array:
        products = jax.lax.map(lambda v: surface.hessian_vector_product(w, v), basis)
        return basis @ products.T

    small = jax.lax.cond(surface.rough_will_do(largest), lambda: small, exact)
    unused = jnp.sum(basis**2, axis=1) == 0
    beyond = 2.0 * largest * unused.astype(dtype)
    values, columns = jnp.linalg.eigh((small + small.T) / 2 + jnp.diag(beyond))
    return values, basis.T @ columns


def _outside(
    surface: Surface, basis: Float[Array, "k n"], x: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Return the unit vector along the part of x outside the basis; zero if there is none."""
    size = jnp.linalg.norm(x)
    x = x - (basis @ x) @ basis
    left = jnp.linalg.norm(x)
    # Orthogonalized once more, because a small part consists largely of rounding errors.
    x = surface.without_excluded(x / jnp.maximum(left, 1e-300))
    x = x - (basis @ x) @ basis
    again = jnp.linalg.norm(x)
    new = (left > GONE * size) & (again > KEPT)
    return jnp.where(new, x / jnp.maximum(again, 1e-300), 0.0)


def generic(n: int, count: int) -> np.ndarray:
    """Return fixed random columns (n, count), which have a part along every mode."""
    return np.random.default_rng(0).normal(size=(n, count)) / n**0.5
