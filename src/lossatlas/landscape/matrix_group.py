"""A symmetry in the form of matrices: a finite group, with translations by whole periods.

Symmetry copies of a point are its images under the group, and their translations by whole periods
(see `periodicity`). Copies are counted modulo translations.
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas.landscape import periodicity

TIES = (1e-6, 1e-8, 0.0)
"""Differences of coordinates, in length scales, below which they count as equal when the copy that
represents all is chosen. Smaller values follow to decide between copies that are still left."""
MOST_NEIGHBORS = 32
"""Largest number of neighboring copies that searches are offered."""


class MatrixGroup(NamedTuple):
    """A finite group of orthogonal matrices.

    Attributes:
        matrices: (g, n, n) the elements of the group.
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
        """(g, n) the images of w (n,) under the group, without translations."""
        return self.matrices @ w

    def near(
        self, w: Float[np.ndarray, " n"], center: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "g n"]:
        """(1 + g, n) w and its images, translated as near as possible to the center."""
        return periodicity.translated(np.stack([w, *self.copies(w)]), center, self.period)

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) the coordinates of the copy of w (n,) that is last in lexicographic order.

        Cosine and sine replace a periodic coordinate, see `periodicity.on_circles`.
        """
        described = periodicity.on_circles(self.copies(w), self.period)
        left = np.arange(len(described))
        # Rounding must not decide between copies that differ by it alone. So those copies drop out
        # first that are clearly behind in one coordinate, whatever the others are.
        for tie in TIES:
            for column in described.T:
                values = column[left]
                left = left[values >= values.max() - tie * self.length_scale]
        return described[left[0]]

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The copy of w (n,) nearest to target (n,)."""
        copies = periodicity.translated(self.copies(w), target, self.period)
        return copies[np.argmin(np.linalg.norm(copies - target, axis=1))]

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """The other images of w (n,), translated to be near w, and neighboring translations of w.

        The nearest `MOST_NEIGHBORS` are returned, nearest first.
        """
        images = periodicity.translated(self.copies(w), w, self.period)
        copies = [copy for copy in images if not self._same(copy, w)]
        copies += list(w + periodicity.translations(self.period))
        copies.sort(key=lambda copy: float(np.linalg.norm(copy - w)))
        return copies[:MOST_NEIGHBORS] if np.isfinite(self.period).any() else copies

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The order of the group over the number of elements that map w to itself or a translation.

        Translations of w count as w.
        """
        return self.order // int(self._same(self.copies(w), w).sum())

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
        """(n, n) the average of the group elements that leave w (n,) unchanged.

        Elements that map w to a translation of it are left out, although gradient flow keeps that
        symmetry too, because together with the translation they are not linear.
        """
        fixed = np.linalg.norm(self.copies(w) - w, axis=1) < 1e-6 * self.length_scale
        return self.matrices[fixed].mean(axis=0)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """The modes (d, n) as they are, since there is no canonical choice for a general group."""
        return modes

    def text(self) -> str:
        """A text that identifies the group, for a fingerprint."""
        digest = hashlib.sha256(np.ascontiguousarray(self.matrices, np.float64).tobytes())
        return f"{self.order} elements, {digest.hexdigest()[:16]}"

    def _same(self, a: np.ndarray, b: np.ndarray) -> Any:
        """(...,) whether points (..., n) are equal, or translations of each other."""
        return periodicity.apart(a, b, self.period) < 1e-6 * self.length_scale
