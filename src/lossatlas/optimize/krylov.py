"""Linear algebra with Hessian-vector products only, for Hessians too large to form.

`minres` solves H x = b for a symmetric, possibly indefinite H (Paige and Saunders, SIAM J. Numer.
Anal. 12 (1975) 617), compiled as one loop on the device. `lowest_modes` finds the lowest
eigenpairs by SciPy's implicitly restarted Lanczos method (ARPACK).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh


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
    """Eigenpairs: values (k,) ascending, vectors (k, n); whether all of them have converged."""

    values: np.ndarray
    vectors: np.ndarray
    converged: bool


class LowestModes:
    """Finds the lowest eigenpairs of the Hessian at one point, and counts what that costs.

    The excluded modes of the landscape are lifted to the upper end of the spectrum, out of the way.

    Args:
        surface: the function.
        w: (n,) the point.
        residual: converged when |H v - value v| is below this times |value|.
        basis: Lanczos vectors kept.
        max_products: stop restarting after about so many products.

    Attributes:
        products: Hessian-vector products so far.
        largest: the largest eigenvalue in size, to a few per cent, or a little more.
    """

    def __init__(
        self, surface: Any, w: np.ndarray, residual: float, basis: int, max_products: int
    ) -> None:
        """Find the upper end of the spectrum."""
        self.surface, self.w, self.n = surface, jnp.asarray(w), len(w)
        self.residual, self.basis, self.max_products = residual, basis, max_products
        self.products, self.largest = 0, 0.0
        start = np.random.default_rng(0).normal(size=self.n)
        top = self._lanczos(1, "LM", start, np.zeros((0, self.n)), 1e-2)
        self.largest = float(np.abs(top.values).max(initial=0.0))

    def find(self, k: int, start: np.ndarray, away: np.ndarray) -> Modes:
        """The k < n lowest eigenpairs but those of the orthonormal eigenvectors `away` (d, n).

        `start` (n,) is the first Lanczos vector.
        """
        return self._lanczos(k, "SA", start, away, self.residual)

    def _lanczos(
        self, k: int, which: str, start: np.ndarray, away: np.ndarray, residual: float
    ) -> Modes:
        def matvec(v: np.ndarray) -> np.ndarray:
            v = v.ravel()
            self.products += 1
            product = np.asarray(_searched_product(self.surface, self.w, v, self.largest))
            return product + self.largest * ((away @ v) @ away)

        matrix = LinearOperator((self.n, self.n), matvec=matvec, dtype=np.float64)  # type: ignore[call-arg]
        basis = min(max(self.basis, 2 * k + 1), self.n)
        restarts = max(1, self.max_products // basis)
        try:
            values, columns = eigsh(
                matrix,
                k,
                which=which,
                v0=start,
                ncv=basis,
                maxiter=restarts,
                tol=residual,  # type: ignore[arg-type]
            )
        except ArpackNoConvergence as failure:
            return Modes(failure.eigenvalues, failure.eigenvectors.T, False)
        order = np.argsort(values)
        return Modes(values[order], columns.T[order], True)


@jax.jit
def _searched_product(surface: Any, w: Array, v: Array, lift: float) -> Array:
    """H(w) v, with the excluded modes at eigenvalue `lift`."""
    inside = surface.without_excluded(v)
    return surface.hessian_vector_product(w, inside) + lift * (v - inside)
