"""Symmetric indefinite factorizations, and the lowest eigenpairs that they prove to be the lowest.

A factorization H - s = L D L^T (Bunch and Kaufman, Math. Comp. 31 (1977) 163) tells how many
eigenvalues lie below s: as many as D has negative ones (Sylvester's law of inertia). The lowest
eigenpairs come from a block Krylov space of H^-1; a count below a number just above them proves
that none is missing, whatever their multiplicity.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh
from scipy.linalg.lapack import dsytrf, dsytrs  # type: ignore[attr-defined]

BLOCK = 12
"""Vectors of a block: equal modes are found together up to so many."""

LONGEST = 12
"""Blocks of the Krylov space at most."""

GAP = 1e-3
"""Eigenvalues are counted below a number in a gap that is this part of the larger beside it."""

WORK = 64
"""Columns of a block in LAPACK, which the workspace is made for."""


class Factors(NamedTuple):
    """L D L^T of a symmetric matrix, as LAPACK has it.

    Attributes:
        factor: (m, m) the factors.
        pivots: (m,) the permutation, and which blocks of D have two rows.
        negative: the number of negative eigenvalues.
        singular: whether D has a block that is exactly zero.
    """

    factor: Float[np.ndarray, "m m"]
    pivots: np.ndarray
    negative: int
    singular: bool

    def solve(self, b: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        """H^-1 b for columns b (m, k)."""
        return dsytrs(self.factor, self.pivots, b, lower=1)[0]


class LowPairs(NamedTuple):
    """The lowest eigenpairs of a matrix, none left out.

    Attributes:
        values: (k,) ascending, at least one of them positive unless none is.
        vectors: (m, k) orthonormal.
        counted: whether a factorization has confirmed that there are no others below the last.
    """

    values: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "m k"]
    counted: bool


def factorized(matrix: Float[np.ndarray, "m m"], below: float = 0.0) -> Factors:
    """L D L^T of the matrix less `below` times the identity."""
    moved = np.array(matrix.T, order="F")  # symmetric: as it stands, without a transposition
    moved[np.diag_indices_from(moved)] -= below
    factor, pivots, info = dsytrf(moved, lower=1, lwork=WORK * len(moved), overwrite_a=1)
    return Factors(factor, pivots, _negative(factor, pivots), info > 0)


def _negative(factor: np.ndarray, pivots: np.ndarray) -> int:
    """Negative eigenvalues of D. A block of two rows, marked by negative pivots, is indefinite."""
    alone = pivots > 0
    return int((np.diagonal(factor)[alone] < 0).sum() + (~alone).sum() // 2)


def lowest_pairs(
    matrix: Float[np.ndarray, "m m"], factors: Factors, count: int, residual: float
) -> LowPairs:
    """All negative eigenvalues and some positive ones, at least `count` in all where there are.

    Args:
        matrix: (m, m) symmetric.
        factors: of the matrix itself.
        count: how many are wanted.
        residual: largest |H v - value v|, as a part of |value|.
    """
    wanted = min(max(count, factors.negative + 1), len(matrix))
    if 4 * wanted + BLOCK < len(matrix) and not factors.singular:
        for values, vectors in _krylov(matrix, factors, residual):
            pairs = _counted(matrix, factors, (values, vectors), wanted)
            if pairs is not None:
                return pairs
    # Few dimensions, or negative curvatures so far from zero that H^-1 hardly shows them.
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
    """The pairs found up to a gap, if as many eigenvalues lie below it; otherwise None."""
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
