"""Linear algebra with Hessian-vector products only, for Hessians too large to form.

`minres` solves H x = b for a symmetric, possibly indefinite H (Paige and Saunders, SIAM J. Numer.
Anal. 12 (1975) 617), compiled as one loop on the device. `lowest_modes` finds the lowest
eigenpairs by the Lanczos method, never restarted: a gap of 1e-6 of the spectrum takes hundreds of
products with all Lanczos vectors at hand, and many times more with the few dozen that restarted
methods keep.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.linalg import eigh_tridiagonal, eigvalsh_tridiagonal

CHECK = 10
"""Lanczos steps from one look at the Ritz values to the next."""


class Solution(NamedTuple):
    """An approximate solution x (n,), the relative residual |H x - b|/|b|, products used."""

    x: Array
    residual: Array
    products: Array


class _Recurrence(NamedTuple):
    """The Lanczos vectors, the last plane rotation, and the last two search directions."""

    x: Array
    v: Array
    v_before: Array
    beta: Array
    direction: Array
    direction_before: Array
    cosine: Array
    sine: Array
    diagonal: Array
    corner: Array
    residual: Array
    products: Array


@partial(jax.jit, static_argnames="max_products")
def newton_step(surface: Any, w: Array, b: Array, relative: float, max_products: int) -> Solution:
    """Solve H(w) x = b on a surface; see `minres`."""
    return minres(partial(surface.hessian_vector_product, w), b, relative, max_products)


def minres(
    product: Callable[[Array], Array], b: Array, relative: float, max_products: int
) -> Solution:
    """Minimize |H x - b| over growing Krylov spaces, until it is below `relative` times |b|.

    Args:
        product: v -> H v, H symmetric.
        b: right-hand side (n,), not zero.
        relative: relative residual to reach.
        max_products: give up after so many products; the solution so far is returned.
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
    """One Lanczos step, and the QR factorization of the tridiagonal matrix updated by it."""
    new = product(state.v) - state.beta * state.v_before
    alpha = jnp.vdot(state.v, new)
    new = new - alpha * state.v
    beta = jnp.linalg.norm(new)

    above = state.cosine * state.diagonal + state.sine * alpha
    pivot = state.sine * state.diagonal - state.cosine * alpha
    length = jnp.maximum(jnp.hypot(pivot, beta), 1e-300)
    cosine, sine = pivot / length, beta / length
    direction = (state.v - state.corner * state.direction_before - above * state.direction) / length
    return _Recurrence(
        x=state.x + cosine * state.residual * direction,
        v=new / jnp.maximum(beta, 1e-300),
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
        values: (k,) ascending.
        vectors: (k, n).
        largest: the largest eigenvalue in size.
        products: matrix-vector products used.
        converged: whether all k have.
    """

    values: np.ndarray
    vectors: np.ndarray
    largest: float
    products: int
    converged: bool


class Matrix(NamedTuple):
    """A symmetric matrix H by its products, and the projector onto an invariant subspace of it."""

    product: Callable[[np.ndarray], np.ndarray]
    project: Callable[[np.ndarray], np.ndarray]


def hessian_at(surface: Any, w: np.ndarray) -> Matrix:
    """The Hessian of a surface at w (n,), outside the excluded modes of the landscape."""
    at = jnp.asarray(w)
    return Matrix(
        lambda v: np.asarray(_product(surface, at, v)),
        lambda v: np.asarray(_outside(surface, v)),
    )


def lowest_modes(
    matrix: Matrix,
    k: int,
    random: np.random.Generator,
    away: np.ndarray,
    *,
    residual: float,
    max_basis: int,
) -> Modes:
    """The k lowest eigenpairs by the Lanczos method with full orthogonalization.

    Args:
        matrix: the matrix.
        k: how many.
        random: draws the start, and another wherever the Krylov space is exhausted.
        away: (d, n) orthonormal eigenvectors to leave out.
        residual: an eigenpair has converged when |H v - value v| is below this times |value|.
        max_basis: give up at so many Lanczos vectors.
    """
    known, n = away.shape
    basis = np.empty((known + min(max_basis, n), n))
    basis[:known] = away
    diagonal: list[float] = []
    beside: list[float] = []
    found = Modes(np.empty(0), np.empty((0, n)), 0.0, 0, False)
    vector = _fresh(matrix, random, basis[:known])
    while vector is not None and known + len(diagonal) < len(basis):
        used = known + len(diagonal) + 1
        basis[used - 1] = vector
        image = matrix.product(vector)
        diagonal.append(float(image @ vector))
        for _ in range(2):  # once is not enough for orthogonality to rounding error
            image = matrix.project(image - (basis[:used] @ image) @ basis[:used])
        beside.append(float(np.linalg.norm(image)))
        exhausted = beside[-1] < 1e-12 * max(map(abs, diagonal))
        if exhausted:
            beside[-1], vector = 0.0, _fresh(matrix, random, basis[:used])
        else:
            vector = image / beside[-1]
        if vector is None or len(diagonal) % CHECK == 0:
            found = _ritz(diagonal, beside, basis[known:used], k, residual)
            if found.converged and not exhausted:
                break
    return found if vector is not None else found._replace(converged=True)


def _fresh(matrix: Matrix, random: np.random.Generator, basis: np.ndarray) -> np.ndarray | None:
    """A random unit vector of the subspace, orthogonal to the basis; None if there is none."""
    vector = random.normal(size=basis.shape[1])
    for _ in range(2):
        vector = matrix.project(vector - (basis @ vector) @ basis)
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-8 else None


def _ritz(
    diagonal: list[float], beside: list[float], basis: np.ndarray, k: int, residual: float
) -> Modes:
    """The k lowest Ritz pairs, and whether they are eigenpairs."""
    m = len(diagonal)
    off, count = np.array(beside[:-1]), min(k, m)
    values, columns = eigh_tridiagonal(diagonal, off, select="i", select_range=(0, count - 1))
    top = eigvalsh_tridiagonal(diagonal, off, select="i", select_range=(m - 1, m - 1))
    rest = np.abs(beside[-1] * columns[-1])
    converged = count == k and bool((rest <= residual * np.abs(values)).all())
    largest = float(max(abs(top[0]), abs(values[0])))
    return Modes(values, columns.T @ basis, largest, m, converged)


@jax.jit
def _product(surface: Any, w: Array, v: Array) -> Array:
    return surface.hessian_vector_product(w, v)


@jax.jit
def _outside(surface: Any, v: Array) -> Array:
    return surface.without_excluded(v)
