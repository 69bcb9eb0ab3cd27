"""Linear algebra with Hessian-vector products only, for Hessians too large to compute.

`minres` solves H x = b for a symmetric, possibly indefinite H (Paige and Saunders, SIAM J. Numer.
Anal. 12, 617 (1975)), compiled as one loop on the device. `lowest_modes` finds the lowest
eigenpairs by the Lanczos method without restarts. To resolve a gap of 1e-6 of the spectrum takes
hundreds of products if all Lanczos vectors are kept, and many times more with the few dozen vectors
that restarted methods keep.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial
from jaxtyping import Bool, Float, Int
from scipy.linalg import eigh_tridiagonal, eigvalsh_tridiagonal

from lossatlas.compiled import compiled
from lossatlas.kernels.step_control import TINY
from lossatlas.landscape.base import Surface
from lossatlas.typing import Scalar

BLOCK = 10
"""Number of Lanczos steps between two computations of the Ritz values, and of rows that are
orthogonalized against at once, because they fit into the cache."""

MOSTLY_KEPT = 0.7
"""If orthogonalization leaves less than this part of a vector, it is repeated, since it makes
rounding errors of the size of what it removes."""

EXHAUSTED = 1e-12
"""The Krylov space is exhausted where the next vector, before it is normalized, is smaller than
this part of the matrix, since it then consists of rounding errors."""

NOTHING_NEW = 1e-8
"""Length of the part of a random vector outside the basis below which the basis is the whole
space."""


class Solution(NamedTuple):
    """An approximate solution of H x = b.

    Attributes:
        x: (n,) the solution.
        residual: the relative residual |H x - b| / |b|.
        products: number of products with H.
    """

    x: Float[Array, " n"]
    residual: Scalar
    products: Int[Array, ""]


class _Recurrence(NamedTuple):
    """The state of MINRES: Lanczos vectors, the last plane rotation, two search directions."""

    x: Float[Array, " n"]
    v: Float[Array, " n"]
    v_before: Float[Array, " n"]
    beta: Scalar
    direction: Float[Array, " n"]
    direction_before: Float[Array, " n"]
    cosine: Scalar
    sine: Scalar
    diagonal: Scalar
    corner: Scalar
    residual: Scalar
    products: Int[Array, ""]


@partial(compiled, static_argnames="max_products")
def newton_step(
    surface: Surface,
    w: Float[Array, " n"],
    b: Float[Array, " n"],
    relative: float | Scalar,
    max_products: int,
) -> Solution:
    """Solve H x = b with the Hessian H of a surface at the weights w (n,), by `minres`."""
    return minres(partial(surface.hessian_vector_product, w), b, relative, max_products)


def minres(
    product: Callable[[Array], Array],
    b: Float[Array, " n"],
    relative: float | Scalar,
    max_products: int,
) -> Solution:
    """Minimize |H x - b| over growing Krylov spaces until it is below `relative` times |b|.

    Args:
        product: returns H v for a vector v (n,), with a symmetric H.
        b: (n,) right-hand side, not zero.
        relative: relative residual to reach.
        max_products: number of products after which the solution so far is returned.
    """
    size = jnp.linalg.norm(b)
    zero, null = jnp.zeros_like(b), jnp.zeros((), b.dtype)
    start = _Recurrence(
        zero, b / size, zero, null, zero, zero, null - 1.0, null, null, null, size, jnp.int32(0)
    )

    def unfinished(state: _Recurrence) -> Array:
        return (state.residual > relative * size) & (state.products < max_products)

    state = jax.lax.while_loop(unfinished, partial(_extend, product), start)
    return Solution(state.x, state.residual / size, state.products)


def _extend(product: Callable[[Array], Array], state: _Recurrence) -> _Recurrence:
    """Make one Lanczos step, and update the QR factorization of the tridiagonal matrix."""
    new = product(state.v) - state.beta * state.v_before
    alpha = jnp.vdot(state.v, new)
    new = new - alpha * state.v
    beta = jnp.linalg.norm(new)

    above = state.cosine * state.diagonal + state.sine * alpha
    pivot = state.sine * state.diagonal - state.cosine * alpha
    length = jnp.maximum(jnp.hypot(pivot, beta), TINY)
    cosine, sine = pivot / length, beta / length
    direction = (state.v - state.corner * state.direction_before - above * state.direction) / length
    return _Recurrence(
        x=state.x + cosine * state.residual * direction,
        v=new / jnp.maximum(beta, TINY),
        v_before=state.v,
        beta=beta,
        direction=direction,
        direction_before=state.direction,
        cosine=cosine,
        sine=sine,
        diagonal=-state.cosine * beta,
        corner=state.sine * beta,
        residual=sine * state.residual,
        products=state.products + 1,
    )


class Modes(NamedTuple):
    """Eigenpairs found by `lowest_modes`.

    Attributes:
        values: (k,) eigenvalues, ascending.
        vectors: (k, n) eigenvectors, one in each row.
        largest: size of the eigenvalue that is largest in size.
        products: number of products with the matrix.
        converged: whether all k eigenpairs have converged.
    """

    values: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "k n"]
    largest: float
    products: int
    converged: bool


class Matrix(NamedTuple):
    """A symmetric matrix H, given by its products, and an invariant subspace of it.

    Both functions are pytrees (`jax.tree_util.Partial`), so that compiled loops can call them.

    Attributes:
        product: returns H v for a vector v (n,).
        project: projects a vector (n,) onto the invariant subspace.
    """

    product: Partial
    project: Partial


def hessian_at(surface: Surface, w: Float[np.ndarray, " n"]) -> Matrix:
    """Return the Hessian of a surface at w (n,), without the excluded modes of the landscape."""
    return Matrix(Partial(_product, surface, jnp.asarray(w)), Partial(_outside, surface))


class _Lanczos(NamedTuple):
    """The state of the Lanczos method.

    Attributes:
        basis: (capacity, n) known eigenvectors, then the Lanczos vectors.
        used: number of rows of the basis that are in use.
        diagonal: (capacity,) diagonal of the tridiagonal matrix; zero for known eigenvectors.
        beside: (capacity,) its elements beside the diagonal; zero for known eigenvectors.
        vector: (n,) the next Lanczos vector.
        exhausted: whether the Krylov space is exhausted.
    """

    basis: Float[Array, "capacity n"]
    used: Int[Array, ""]
    diagonal: Float[Array, " capacity"]
    beside: Float[Array, " capacity"]
    vector: Float[Array, " n"]
    exhausted: Bool[Array, ""]


def lowest_modes(
    matrix: Matrix,
    k: int,
    random: np.random.Generator,
    away: Float[np.ndarray, "d n"],
    *,
    residual: float,
    max_basis: int,
) -> Modes:
    """Compute the k lowest eigenpairs by the Lanczos method with full orthogonalization.

    Args:
        matrix: the symmetric matrix.
        k: number of eigenpairs.
        random: generator of the random vectors with which the method begins, and begins again
            whenever the Krylov space is exhausted.
        away: (d, n) orthonormal eigenvectors that are left out.
        residual: largest |H v - value v| of an eigenpair that has converged, as a part of |value|.
        max_basis: number of Lanczos vectors at which the method is given up.
    """
    known, n = away.shape
    limit = known + min(max_basis, n)
    state = _empty(away, limit)
    found = Modes(np.empty(0), np.empty((0, 0)), 0.0, 0, False)
    while True:
        if state.exhausted:
            vector, length = _fresh(matrix, state, random.normal(size=n))
            if length <= NOTHING_NEW:  # the whole space has been searched
                found = found._replace(converged=True)
                break
            state = state._replace(vector=vector)
        if state.used == limit:
            break
        state = _extend_basis(matrix, state, limit)
        found = _ritz(state, known, k, residual)
        if found.converged and not state.exhausted:
            break
    rows = np.asarray(state.basis)[known : int(state.used)]
    return found._replace(vectors=found.vectors @ rows)


def _empty(away: Float[np.ndarray, "d n"], limit: int) -> _Lanczos:
    """Return the state before the first Lanczos vector, with room for whole blocks of them."""
    known, n = away.shape
    capacity = -(-limit // BLOCK) * BLOCK
    basis = jnp.zeros((capacity, n)).at[:known].set(away)
    diagonal, beside = jnp.zeros(capacity), jnp.zeros(capacity)
    return _Lanczos(basis, jnp.int32(known), diagonal, beside, jnp.zeros(n), jnp.asarray(True))


@partial(compiled, donate_argnames="state")
def _extend_basis(matrix: Matrix, state: _Lanczos, limit: int) -> _Lanczos:
    """Make Lanczos steps until a block of the basis is full or the Krylov space is exhausted."""

    def unfinished(state: _Lanczos) -> Array:
        return (state.used % BLOCK != 0) & (state.used < limit) & ~state.exhausted

    return jax.lax.while_loop(
        unfinished, partial(_lanczos_step, matrix), _lanczos_step(matrix, state)
    )


def _lanczos_step(matrix: Matrix, state: _Lanczos) -> _Lanczos:
    """Append the next Lanczos vector, and orthogonalize its image, which is the one after it."""
    row, used = state.used, state.used + 1
    basis = state.basis.at[row].set(state.vector)
    image = matrix.product(state.vector)
    diagonal = state.diagonal.at[row].set(jnp.vdot(image, state.vector))
    before = jnp.where(row > 0, state.beside[row - 1], 0.0)
    image = image - diagonal[row] * state.vector - before * basis[row - 1]
    length = jnp.linalg.norm(image)
    image = matrix.project(_orthogonal(basis, used, image))
    # Once is enough for orthogonality to rounding error, unless most of the vector was removed.
    image = jax.lax.cond(
        jnp.linalg.norm(image) < MOSTLY_KEPT * length,
        lambda: matrix.project(_orthogonal(basis, used, image)),
        lambda: image,
    )
    length = jnp.linalg.norm(image)
    exhausted = length < EXHAUSTED * jnp.abs(diagonal).max()
    # If the space is exhausted, a zero splits the tridiagonal matrix into blocks, and the next
    # vector, which is not finite here, is replaced by a fresh one.
    beside = state.beside.at[row].set(jnp.where(exhausted, 0.0, length))
    return _Lanczos(basis, used, diagonal, beside, image / length, exhausted)


def _orthogonal(
    basis: Float[Array, "capacity n"], used: Int[Array, ""], vector: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Return the vector without its part along the rows in use.

    It is made orthogonal block by block, because a block is still in the cache when it is read
    again.
    """

    def without(k: Array, vector: Array) -> Array:
        rows = jax.lax.dynamic_slice_in_dim(basis, k * BLOCK, BLOCK)
        return vector - (rows @ vector) @ rows

    return jax.lax.fori_loop(0, (used + BLOCK - 1) // BLOCK, without, vector)


@compiled
def _fresh(
    matrix: Matrix, state: _Lanczos, vector: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Scalar]:
    """Return the unit vector along the new part of a random vector, and the length of that part."""
    for _ in range(2):
        vector = matrix.project(_orthogonal(state.basis, state.used, vector))
    length = jnp.linalg.norm(vector)
    return vector / length, length


def _ritz(state: _Lanczos, known: int, k: int, residual: float) -> Modes:
    """Compute the k lowest Ritz pairs, with vectors as combinations of the Lanczos vectors."""
    lanczos = slice(known, int(state.used))
    diagonal, beside = np.asarray(state.diagonal)[lanczos], np.asarray(state.beside)[lanczos]
    m, count = len(diagonal), min(k, len(diagonal))
    off = beside[:-1]
    values, columns = eigh_tridiagonal(diagonal, off, select="i", select_range=(0, count - 1))
    # The largest eigenvalue sets the scale that rounding errors are compared with.
    top = eigvalsh_tridiagonal(diagonal, off, select="i", select_range=(m - 1, m - 1))
    # The residual of a Ritz pair is the next element beside the diagonal times the last component
    # of its vector, so that no product is needed.
    rest = np.abs(beside[-1] * columns[-1])
    converged = count == k and bool((rest <= residual * np.abs(values)).all())
    largest = float(max(abs(top[0]), abs(values[0])))
    return Modes(values, columns.T, largest, m, converged)


def _product(surface: Surface, w: Float[Array, " n"], v: Float[Array, " n"]) -> Float[Array, " n"]:
    return surface.hessian_vector_product(w, v)


def _outside(surface: Surface, v: Float[Array, " n"]) -> Float[Array, " n"]:
    return surface.without_excluded(v)
