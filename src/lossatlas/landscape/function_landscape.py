"""The landscape of a user's own function: its box, its symmetry group, its periods.

Symmetry copies of a point are its images under the group, and their translations by whole periods
(see `periodicity`). Copies are counted modulo translations.
"""

import hashlib
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.box import checked_box
from lossatlas.errors import BadInputError
from lossatlas.landscape import periodicity
from lossatlas.landscape.function_checks import SAME, check_function, sample, values_at
from lossatlas.landscape.function_surface import FunctionSurface, StaticFunction
from lossatlas.shown import html_table

TIES = (1e-6, 1e-8, 0.0)
"""Coordinates of two copies that differ by less than this, in length scales, count as equal when
the copy that stands for all is chosen, but for a later, finer distinction."""
MANY_PERIODS = 1001
"""A translation by so many periods must leave E as it is."""
MOST_NEIGHBORS = 32
"""Neighboring copies offered to searches."""


class FunctionLandscape:
    """The landscape of a smooth JAX function of a vector.

    Args:
        function: E(w), a pure JAX function of w (n,) with two derivatives.
        low: (n,) lower corner of the box that random starts are drawn from. Points outside the box
            are kept, but left out of tables and trees unless they are asked for.
        high: (n,) upper corner.
        name: what to call it; part of the fingerprint.
        period: (n,) period of each coordinate, None for one that is not periodic; points whose
            coordinates differ by whole periods are one. None if no coordinate is periodic.
        symmetry: (g, n, n) orthogonal matrices, a finite group under which E is invariant,
            the identity included; None for no symmetry.
        length_scale: a typical distance between minima.
        hessian_cost: of one Hessian with its spectrum, in gradients; None for 4 n, what automatic
            differentiation costs. Quenches use Hessians no more often than they can afford.

    Raises:
        BadInputError: if the corners do not describe a box, if the function cannot be used (see
            `function_checks`), or `period` or `symmetry` are not what E has.

    Examples:
        >>> import jax.numpy as jnp
        >>> double_well = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> double_well.n_weights
        2
    """

    zero_tolerance: float | None = None

    def __init__(
        self,
        function: Callable[[Array], Array],
        low: Any,
        high: Any,
        name: str = "function",
        *,
        period: Any = None,
        symmetry: np.ndarray | None = None,
        length_scale: float = 1.0,
        hessian_cost: float | None = None,
    ) -> None:
        self.box = checked_box(low, high, period, name)
        self.low, self.high, self.period = self.box
        if not length_scale > 0:
            raise BadInputError(name, f"length_scale {length_scale} is not positive", "use e.g. 1")
        self.n_weights = len(self.low)
        self.hessian_cost = 4.0 * self.n_weights if hessian_cost is None else hessian_cost
        if not 0 < self.hessian_cost < np.inf:
            raise BadInputError(name, f"hessian_cost {hessian_cost} is no cost", "use e.g. 10")
        self.name, self.length_scale = name, length_scale
        self.surface = FunctionSurface(StaticFunction(function))
        self.symmetry = np.eye(self.n_weights)[None] if symmetry is None else np.asarray(symmetry)
        self.excluded_modes, self.excluded_curvatures = np.zeros((0, self.n_weights)), np.zeros(0)
        points = sample(self.box)
        check_function(self.surface, points, name)
        values = values_at(self.surface, points)
        self._check_periods(points, values)
        if symmetry is not None:
            self._check_group(points, values)

    def _repr_html_(self) -> str:
        """What there is to know about it, in a notebook."""
        corners = zip(self.low.tolist(), self.high.tolist(), strict=True)
        rows = {
            "coordinates": self.n_weights,
            "box": ", ".join(f"{low:g} to {high:g}" for low, high in corners),
            "order of the symmetry group": len(self.symmetry),
        }
        if self.box.periodic.any():
            periods = [f"{p:g}" if np.isfinite(p) else "none" for p in self.period.tolist()]
            rows["periods"] = ", ".join(periods)
        return html_table("FunctionLandscape", rows, self.name)

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Uniform in the box."""
        return random.uniform(self.low, self.high)

    def copies(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "g n"]:
        """(g, n) the images of w under the group, not translated."""
        return self.symmetry @ w

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

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """The invariants of each."""
        length = self.n_weights + int(self.box.periodic.sum())
        return np.array([self.invariants(x) for x in w]).reshape(len(w), length)

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
        return copies[:MOST_NEIGHBORS] if self.box.periodic.any() else copies

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """Group order over the number of group elements that take w to itself or a translation."""
        return len(self.symmetry) // int(self._same(self.copies(w), w).sum())

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """w itself if it lies inside the box, else an image that does, if there is one.

        Periodic coordinates are those nearest to the center of the box.
        """
        center = 0.5 * (self.low + self.high)
        copies = periodicity.translated(np.stack([w, *self.copies(w)]), center, self.period)
        return copies[np.argmax(self.box.contains(copies))]

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) whether weights (b, n) have a copy inside the box."""
        return np.array([self.box.contains(self.copies(x)).any() for x in w], bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
        """The average of the group elements that leave w where it is.

        Those that bring it back by a translation only are left out, though gradient flow keeps that
        symmetry too: they are no linear operators on weights.
        """
        images = self.copies(w)
        fixed = np.linalg.norm(images - w, axis=1) < 1e-6 * self.length_scale
        return self.symmetry[fixed].mean(axis=0)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """The modes as they are: a small group has no canonical choice to offer."""
        return modes

    def fingerprint(self) -> dict[str, str]:
        """The name, the box with its periods, and the group."""
        group = hashlib.sha256(np.ascontiguousarray(self.symmetry, np.float64).tobytes())
        return {
            "function": self.name,
            **self.box.fingerprint(),
            "symmetry": f"{len(self.symmetry)} elements, {group.hexdigest()[:16]}",
        }

    def _check_periods(self, points: np.ndarray, values: np.ndarray) -> None:
        """A translation by the period of each coordinate must leave E as it is.

        One by many periods too: the small error of a number such as 6.28319 adds up.
        """
        for k, times in product(np.flatnonzero(self.box.periodic), (1, MANY_PERIODS)):
            moved = points + times * self.period[k] * np.eye(self.n_weights)[k]
            if not _alike(values_at(self.surface, moved), values, SAME / 10):
                raise BadInputError(
                    f"{self.name}: period",
                    f"E changes when coordinate {k} changes by {self.period[k]}",
                    "give the exact period, e.g. 2 * np.pi, or None if there is none",
                )

    def _check_group(self, points: np.ndarray, values: np.ndarray) -> None:
        """The matrices must be orthogonal, closed under products, and leave E and periods alone."""
        n, group = self.n_weights, self.symmetry
        problem = None
        if group.ndim != 3 or group.shape[1:] != (n, n):
            problem = f"has shape {group.shape}, not (elements, {n}, {n})"
        elif not np.allclose(group @ group.transpose(0, 2, 1), np.eye(n)):
            problem = "has a matrix that is not orthogonal"
        elif not all(np.isclose(group, a @ b).all(axis=(1, 2)).any() for a in group for b in group):
            problem = "is not closed under products, or lacks the identity"
        elif not periodicity.keeps_periods(group, self.period):
            problem = "has a matrix that takes a period to what is no sum of whole periods"
        elif not all(_alike(values_at(self.surface, points @ g.T), values, SAME) for g in group):
            problem = "has a matrix that changes E"
        if problem:
            raise BadInputError(f"{self.name}: symmetry", problem, "give a group that E has")

    def _same(self, a: np.ndarray, b: np.ndarray) -> Any:
        """(...,) whether points (..., n) are one, or translations."""
        return periodicity.apart(a, b, self.period) < 1e-6 * self.length_scale


def _alike(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Whether E at copies of points is what it is at these, relative to its size at most of them.

    It need not be finite everywhere, but where it is not at a point it must not be at its copy.
    """
    scale = np.nanmedian(np.abs(np.where(np.isfinite(expected), expected, np.nan)))
    alike = np.isclose(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    return bool(alike.all())
