"""A symmetry written out as matrices: a finite group, and translations by whole periods.

Symmetry copies of a point are its images under the group, and their translations by whole periods
(see `periodicity`). Copies are counted modulo translations.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas.landscape import periodicity

TIES = (1e-6, 1e-8, 0.0)
"""Coordinates of two copies that differ by less than this, in length scales, count as equal when
the copy that stands for all is chosen, but for a later, finer distinction."""
MOST_NEIGHBORS = 32
"""Neighboring copies offered to searches."""


class MatrixGroup(NamedTuple):
    """A finite group of orthogonal matrices.

    Attributes:
        matrices: (g, n, n) its elements.
        period: (n,) period of each coordinate, infinite for one that is not periodic.
        length_scale: a typical distance between minima.
    """

    matrices: np.ndarray
    period: np.ndarray
    length_scale: float

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.matrices)

    def problem(self, n: int) -> str | None:
        """What keeps the matrices from being a group of n coordinates, in words."""
        group = self.matrices
        if group.ndim != 3 or group.shape[1:] != (n, n):
            return f"has shape {group.shape}, not (elements, {n}, {n})"
        if not np.allclose(group @ group.transpose(0, 2, 1), np.eye(n)):
            return "has a matrix that is not orthogonal"
        if not all(np.isclose(group, a @ b).all(axis=(1, 2)).any() for a in group for b in group):
            return "is not closed under products, or lacks the identity"
        if not periodicity.keeps_periods(group, self.period):
            return "has a matrix that takes a period to what is no sum of whole periods"
        return None

    def copies(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "g n"]:
        """(g, n) the images of w under the group, not translated."""
        return self.matrices @ w

    def near(
        self, w: Float[np.ndarray, " n"], center: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "g n"]:
        """(1 + g, n) w and its images, translated to near the center."""
        return periodicity.translated(np.stack([w, *self.copies(w)]), center, self.period)

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """The coordinates of the copy that is last in lexicographic order.

        Cosine and sine stand in place of a periodic coordinate, see `periodicity.on_circles`.
        """
        described = periodicity.on_circles(self.copies(w), self.period)
        left = np.arange(len(described))
        # Copies that rounding alone tells apart must not be chosen between by it: first those drop
        # out that are clearly behind in one coordinate, whatever the others are.
        for tie in TIES:
            for column in described.T:
                values = column[left]
                left = left[values >= values.max() - tie * self.length_scale]
        return described[left[0]]

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The copy of w nearest to target."""
        copies = periodicity.translated(self.copies(w), target, self.period)
        return copies[np.argmin(np.linalg.norm(copies - target, axis=1))]

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """All other images, translated to near w, and the neighboring translations of w itself."""
        images = periodicity.translated(self.copies(w), w, self.period)
        copies = [copy for copy in images if not self._same(copy, w)]
        copies += list(w + periodicity.translations(self.period))
        copies.sort(key=lambda copy: float(np.linalg.norm(copy - w)))
        return copies[:MOST_NEIGHBORS] if np.isfinite(self.period).any() else copies

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """Group order over the number of group elements that take w to itself or a translation."""
        return self.order // int(self._same(self.copies(w), w).sum())

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
        """The average of the group elements that leave w where it is.

        Those that bring it back by a translation only are left out, though gradient flow keeps that
        symmetry too: they are no linear operators on weights.
        """
        fixed = np.linalg.norm(self.copies(w) - w, axis=1) < 1e-6 * self.length_scale
        return self.matrices[fixed].mean(axis=0)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """The modes as they are: a small group has no canonical choice to offer."""
        return modes

    def text(self) -> str:
        """What identifies it, for a fingerprint."""
        digest = hashlib.sha256(np.ascontiguousarray(self.matrices, np.float64).tobytes())
        return f"{self.order} elements, {digest.hexdigest()[:16]}"

    def _same(self, a: np.ndarray, b: np.ndarray) -> Any:
        """(...,) whether points (..., n) are one, or translations."""
        return periodicity.apart(a, b, self.period) < 1e-6 * self.length_scale
