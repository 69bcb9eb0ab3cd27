"""The inverse of a shifted Hessian, and the part of the spectrum that it makes visible.

(H + shift)^-1, with the shift beyond the most negative curvature, comes from one Cholesky
factorization. Each product with it enhances the modes of low curvature, so a Krylov space of such
products, of a dozen blocks, contains the soft modes and the action of smooth functions of H on the
vectors that it begins with, however stiff the other modes are (van den Eshof and Hochbruck, SIAM J.
Sci. Comput. 27 (2006) 1438). In that space the Hessian is diagonalized.

The factorization is in single precision. Its errors change the space a little, and not what is
computed in it. The triangular factor is inverted, because a product with a matrix takes a small
part of the time of a triangular solve.
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
"""Factor by which a shift grows that has not made the Hessian positive definite."""

LEAST_SHIFT = 2e-7
"""Smallest shift, as a part of the norm of the Hessian: below, rounding errors decide."""

LARGEST_SHIFT = 1e3
"""Shift at which a factorization is given up, as a part of the norm: something is not finite."""

LEAF = 512
"""Rows of a triangular matrix that are inverted by substitution."""

GONE, KEPT = 1e-10, 0.5
"""What is left of a vector, as a part of it, when it lies in the space already; and what at least
is left of the rest when it is made orthogonal once more."""


class Shifted(NamedTuple):
    """(H + shift)^-1 as a product: `lower`^T `lower` in inner coordinates.

    Attributes:
        lower: (m, m) inverse of the Cholesky factor.
        shift: what was added to the Hessian.
        raised: whether the shift asked for was not enough.
    """

    lower: Float[Array, "m m"]
    shift: Scalar
    raised: Bool[Array, ""]


def rough_hessian(surface: Surface, w: Float[Array, " n"]) -> tuple[Float[Array, "m m"], Scalar]:
    """The Hessian (m, m) in single precision, where the surface has it, and its Frobenius norm."""
    hessian = surface.rough().inner_hessian(w).astype(jnp.float32)
    return hessian, jnp.linalg.norm(hessian).astype(w.dtype)


def shifted_inverse(
    hessian: Float[Array, "m m"], norm: Scalar, shift: Scalar, *, refuse: float = LARGEST_SHIFT
) -> Shifted:
    """Factorize the Hessian with this shift, or with a larger one that makes it positive definite.

    The shift is at least `LEAST_SHIFT` of the norm, and `lower` not finite where even `refuse`
    times the norm is not enough.
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
    """The inverse of a lower triangular matrix, by halves, so that most of it are products."""
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
    """Inner coordinates (m, k) of the columns of v (n, k)."""
    shape = jax.ShapeDtypeStruct((m, v.shape[1]), v.dtype)
    return jax.linear_transpose(surface.from_inner, shape)(v)[0]


def solved(surface: Surface, inverse: Shifted, v: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """(H + shift)^-1 v for the columns of v (n, k), without excluded modes."""
    lower = inverse.lower
    inner = to_inner(surface, v, len(lower))
    # Columns of any length: products in single precision would underflow.
    size = jnp.maximum(jnp.linalg.norm(inner, axis=0), 1e-300)
    half = lower @ (inner / size).astype(lower.dtype)
    return surface.from_inner((half.T @ lower).T.astype(v.dtype) * size)


def walls(surface: Surface, inverse: Shifted, v: Float[Array, " n"]) -> Float[Array, " n"]:
    """The Newton step's opposite in the stiff directions alone: H^-1 (H / (H + shift))^3 v.

    Where the curvature is far above the shift this is H^-1 v, far below it nearly nothing.
    """
    x = solved(surface, inverse, v[:, None])
    for _ in range(2):
        x = x - inverse.shift * solved(surface, inverse, x)
    return x[:, 0]


def floor(surface: Surface, inverse: Shifted, v: Float[Array, " n"]) -> Float[Array, " n"]:
    """What is left of v without its part in the stiff directions: v - (H / (H + shift))^3 v."""
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
    """Ascending values (k,) and orthonormal vectors (n, k) of the Hessian in a Krylov space.

    `seeds` are the vectors (n, s) that the space begins with, and the number of its blocks. Where
    it is exhausted vectors are zero, with a value that is no less than any other. With a
    symmetrizer all is inside the subspace that gradient flow cannot leave.
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
    """The unit vector along the part of x that is outside the basis, zero if there is none."""
    size = jnp.linalg.norm(x)
    x = x - (basis @ x) @ basis
    left = jnp.linalg.norm(x)
    # Once more with a unit vector, because what little is left consists of rounding errors, too.
    x = surface.without_excluded(x / jnp.maximum(left, 1e-300))
    x = x - (basis @ x) @ basis
    again = jnp.linalg.norm(x)
    new = (left > GONE * size) & (again > KEPT)
    return jnp.where(new, x / jnp.maximum(again, 1e-300), 0.0)


def generic(n: int, count: int) -> np.ndarray:
    """Fixed random columns (n, count): they have a part along every mode."""
    return np.random.default_rng(0).normal(size=(n, count)) / n**0.5
