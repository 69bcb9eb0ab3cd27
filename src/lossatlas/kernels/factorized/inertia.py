"""Symmetric indefinite factorizations, and the lowest eigenpairs with a proof that none is missing.

A factorization H - s = L D L^T (Bunch and Kaufman, Math. Comp. 31, 163 (1977)) tells how many
eigenvalues of H lie below s: as many as D has negative ones (Sylvester's law of inertia). The
lowest eigenpairs are computed in a block Krylov space of H^-1. Counting the eigenvalues below a
number just above them proves that none is missing, whatever their multiplicity.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh
from scipy.linalg.lapack import dsytrf, dsytrs  # type: ignore[attr-defined]

BLOCK = 12
"""Number of vectors in a block, up to which modes of equal curvature are found together."""

LONGEST = 12
"""Largest number of blocks of the Krylov space."""

GAP = 1e-3
"""Smallest gap between two eigenvalues, as a part of the larger one, in whose middle a number is
chosen below which eigenvalues are counted."""

WORK = 64
"""Number of columns of a block in LAPACK, for which the workspace is large enough."""


class Factors(NamedTuple):
    """The factorization L D L^T of a symmetric matrix, as LAPACK stores it.

    Attributes:
        factor: (m, m) L and D together.
        pivots: (m,) the permutation, and which blocks of D have two rows.
        negative: the number of negative eigenvalues.
        singular: whether D has a block that is exactly zero.
    """

    factor: Float[np.ndarray, "m m"]
    pivots: np.ndarray
    negative: int
    singular: bool

    def solve(self, b: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """Return H^-1 b for the columns of b (m, k)."""
        return dsytrs(self.factor, self.pivots, b, lower=1)[0]


class LowPairs(NamedTuple):
    """The lowest eigenpairs of a matrix.

    Attributes:
        values: (k,) eigenvalues, ascending; at least one is positive if the matrix has any.
        vectors: (m, k) orthonormal eigenvectors.
        counted: whether a factorization has proved that no eigenvalue below the last is missing.
    """

    values: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "m k"]
    counted: bool


def factorized(matrix: Float[np.ndarray, "m m"], below: float = 0.0) -> Factors:
    """Factorize a symmetric matrix minus `below` times the identity.

    Args:
        matrix: (m, m) the symmetric matrix.
        below: the number below which eigenvalues are counted; default 0.
    """
    # The transpose of the symmetric matrix is itself, in the order of columns that LAPACK needs.
    moved = np.array(matrix.T, order="F")
    moved[np.diag_indices_from(moved)] -= below
    factor, pivots, info = dsytrf(moved, lower=1, lwork=WORK * len(moved), overwrite_a=1)
    return Factors(factor, pivots, _negative(factor, pivots), info > 0)


def _negative(factor: np.ndarray, pivots: np.ndarray) -> int:
    """Count the negative eigenvalues of D.

    A block of two rows, which negative pivots mark, has one negative eigenvalue.
    """
    alone = pivots > 0
    return int((np.diagonal(factor)[alone] < 0).sum() + (~alone).sum() // 2)


def lowest_pairs(
    matrix: Float[np.ndarray, "m m"], factors: Factors, count: int, residual: float
) -> LowPairs:
    """Compute all negative eigenvalues and some positive ones, with their eigenvectors.

    Args:
        matrix: (m, m) the symmetric matrix.
        factors: factorization of the matrix.
        count: smallest number of eigenvalues to compute, if the matrix has so many.
        residual: largest |H v - value v| of an eigenpair, as a part of |value|.
    """
    wanted = min(max(count, factors.negative + 1), len(matrix))
    if 4 * wanted + BLOCK < len(matrix) and not factors.singular:
        for values, vectors in _krylov(matrix, factors, residual):
            pairs = _counted(matrix, factors, (values, vectors), wanted)
            if pairs is not None:
                return pairs
    # Reached with few dimensions, or with negative curvatures so far from zero that the Krylov
    # space of H^-1 does not contain them.
    last = min(wanted + 1, len(matrix)) - 1
    values, vectors = eigh(matrix, subset_by_index=[0, last])
    return LowPairs(values, vectors, int((values < 0).sum()) == factors.negative)


def _krylov(
    matrix: np.ndarray, factors: Factors, residual: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the eigenpairs that have converged, ascending, as the space of H^-1 grows."""
    m = len(matrix)
    block = np.random.default_rng(0).normal(size=(m, BLOCK))
    basis, images = np.empty((m, 0)), np.empty((m, 0))
    for number in range(LONGEST):
        for _ in range(2):
            block = block - basis @ (basis.T @ block)
            block = np.linalg.qr(block)[0]
        basis = np.concatenate([basis, block], axis=1)
        images = np.concatenate([images, matrix @ block], axis=1)
        if number > 1:
            small = basis.T @ images
            values, columns = np.linalg.eigh((small + small.T) / 2)
            rest = np.linalg.norm(images @ columns - (basis @ columns) * values, axis=0)
            good = rest <= residual * np.abs(values)
            yield values[good], basis @ columns[:, good]
        block = factors.solve(block)


def _counted(
    matrix: np.ndarray, factors: Factors, found: tuple[np.ndarray, np.ndarray], wanted: int
) -> LowPairs | None:
    """Return the pairs found up to a gap if a factorization counts as many below it, else None."""
    values, vectors = found
    if int((values < 0).sum()) != factors.negative or len(values) <= wanted:
        return None
    gaps = np.diff(values) > GAP * np.abs(values[1:])
    ends = np.flatnonzero(gaps) + 1
    ends = ends[(ends >= wanted) & (ends <= len(values) - 1)]
    if len(ends) == 0:
        return None
    end = ends[0]
    between = float(values[end - 1] + values[end]) / 2
    if factorized(matrix, between).negative != end:
        return None
    return LowPairs(values[:end], vectors[:, :end], True)
