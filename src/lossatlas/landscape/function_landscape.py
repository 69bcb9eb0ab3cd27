"""The landscape of a user's own function, with its box, its symmetry and its periods.

The symmetry is a finite group of matrices (`MatrixGroup`) or consists of units that can be
exchanged (`UnitSymmetry`). Both have the same methods.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.box import checked_box
from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Symmetrizer
from lossatlas.landscape.function_checks import SAME, check_function, sample, values_at
from lossatlas.landscape.function_surface import FunctionSurface, StaticFunction
from lossatlas.landscape.matrix_group import MatrixGroup
from lossatlas.landscape.unit_symmetry import UnitSymmetry
from lossatlas.shown import html_table

MANY_PERIODS = 1001
"""Number of periods of a translation that must not change E: many, so that a small error of the
period adds up."""


class FunctionLandscape:
    """The landscape of a smooth JAX function of a vector.

    Args:
        function: E(w), a pure JAX function of w (n,) with two continuous derivatives.
        low: (n,) lower corner of the box from which random starts are drawn. Points outside of the
            box are stored, but tables and trees leave them out unless they are asked for.
        high: (n,) upper corner of the box.
        name: name of the landscape, which is part of its fingerprint; default ``"function"``.
        period: (n,) period of each coordinate, None for a coordinate that is not periodic. Points
            whose coordinates differ by whole periods are the same point. By default None: no
            coordinate is periodic.
        symmetry: (g, n, n) orthogonal matrices, including the identity, of a finite group under
            which E is invariant; or a `UnitSymmetry`. By default None: no symmetry.
        length_scale: a typical distance between minima, in units of w; default 1.
        hessian_cost: cost of one Hessian with its spectrum, in units of one gradient. Quenches use
            Hessians only as often as they pay off. By default None: 4 n, the cost of automatic
            differentiation.
        everywhere: whether points outside of the box count like all others, so that the box only
            says where random starts are drawn; default False.

    Raises:
        BadInputError: if the corners do not describe a box, the function cannot be used (see
            `function_checks`), E does not have the `period` or the `symmetry`, the two cannot be
            combined, or a number is not positive.

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
        symmetry: np.ndarray | UnitSymmetry | None = None,
        length_scale: float = 1.0,
        hessian_cost: float | None = None,
        everywhere: bool = False,
    ) -> None:
        self.box = checked_box(low, high, period, name)
        self.low, self.high, self.period = self.box
        if not length_scale > 0:
            raise BadInputError(name, f"length_scale {length_scale} is not positive", "use e.g. 1")
        self.n_weights = len(self.low)
        self.hessian_cost = 4.0 * self.n_weights if hessian_cost is None else hessian_cost
        if not 0 < self.hessian_cost < np.inf:
            raise BadInputError(name, f"hessian_cost {hessian_cost} is no cost", "use e.g. 10")
        self.name, self.length_scale, self.everywhere = name, length_scale, everywhere
        self.surface = FunctionSurface(StaticFunction(function))
        self.excluded_modes, self.excluded_curvatures = np.zeros((0, self.n_weights)), np.zeros(0)
        points = sample(self.box)
        check_function(self.surface, points, name)
        values = values_at(self.surface, points)
        self._check_periods(points, values)
        self.symmetry = self._checked_symmetry(symmetry, points, values)

    def _repr_html_(self) -> str:
        """A table of its properties, as HTML for a notebook."""
        corners = zip(self.low.tolist(), self.high.tolist(), strict=True)
        rows = {
            "coordinates": self.n_weights,
            "box": ", ".join(f"{low:g} to {high:g}" for low, high in corners),
            "order of the symmetry group": self.symmetry.order,
        }
        if self.box.periodic.any():
            periods = [f"{p:g}" if np.isfinite(p) else "none" for p in self.period.tolist()]
            rows["periods"] = ", ".join(periods)
        return html_table("FunctionLandscape", rows, self.name)

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Weights (n,) that are uniformly distributed in the box."""
        return random.uniform(self.low, self.high)

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) numbers that are equal for symmetry copies; see `MatrixGroup`, `UnitInvariants`."""
        return self.symmetry.invariants(w)

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """(b, k) the invariants of each of the points (b, n)."""
        length = len(self.invariants(0.5 * (self.low + self.high)))
        return np.array([self.invariants(x) for x in w]).reshape(len(w), length)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,)."""
        return self.symmetry.nearest_copy(w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Symmetry copies of w (n,) other than w, nearest first."""
        return self.symmetry.neighbor_copies(w)

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w (n,), itself included, without translations."""
        return self.symmetry.orbit_size(w)

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) that an atlas stores.

        It is w itself if w lies inside of the box, and otherwise a copy that does, if there is one.
        Periodic coordinates are translated to be nearest to the center of the box.
        """
        if self.everywhere or isinstance(self.symmetry, UnitSymmetry):
            return w  # a box with units has their symmetry, so all copies are inside or none is
        copies = self.symmetry.near(w, 0.5 * (self.low + self.high))
        return copies[np.argmax(self.box.contains(copies))]

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) whether weights (b, n) have a symmetry copy inside of the box."""
        if self.everywhere:
            return np.ones(len(w), bool)
        if isinstance(self.symmetry, UnitSymmetry):
            return np.array([self.box.contains(x) for x in w], bool).reshape(len(w))
        return np.array([self.box.contains(self.symmetry.copies(x)).any() for x in w], bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """The projector onto the weights that have all symmetries of w (n,)."""
        return self.symmetry.symmetrizer(w)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """(k, n) canonical directions in the span of degenerate modes (d, n) at w (n,).

        A group of matrices has no such directions: the modes are returned as they are.
        """
        return self.symmetry.breaking_directions(w, modes)

    def fingerprint(self) -> dict[str, str]:
        """The name, the box with its periods, and the symmetry, as texts by their names."""
        return {
            "function": self.name,
            **self.box.fingerprint(),
            "symmetry": self.symmetry.text(),
        }

    def _check_periods(self, points: np.ndarray, values: np.ndarray) -> None:
        """Check that a translation by one period, or by many, of each coordinate does not change E.

        A translation by many periods finds small errors of a number such as 6.28319.
        """
        for k, times in product(np.flatnonzero(self.box.periodic), (1, MANY_PERIODS)):
            moved = points + times * self.period[k] * np.eye(self.n_weights)[k]
            if not _alike(values_at(self.surface, moved), values, SAME / 10):
                raise BadInputError(
                    f"{self.name}: period",
                    f"E changes when coordinate {k} changes by {self.period[k]}",
                    "give the exact period, e.g. 2 * np.pi, or None if there is none",
                )

    def _checked_symmetry(
        self, symmetry: Any, points: np.ndarray, values: np.ndarray
    ) -> MatrixGroup | UnitSymmetry:
        """The symmetry, after a check at points (b, n) where E has the given values (b,)."""
        where = f"{self.name}: symmetry"
        if not isinstance(symmetry, UnitSymmetry):
            matrices = np.eye(self.n_weights)[None] if symmetry is None else np.asarray(symmetry)
            group = MatrixGroup(matrices, self.period, self.length_scale)
            problem = None if symmetry is None else group.problem(self.n_weights)
            if problem is None and not all(
                _alike(values_at(self.surface, points @ g.T), values, SAME) for g in matrices
            ):
                problem = "has a matrix that changes E"
            if problem:
                raise BadInputError(where, problem, "give a group that E has")
            return group
        if self.box.periodic.any():
            problem = "units and periods cannot be combined"
            raise BadInputError(where, problem, "give matrices, or leave the periods out")
        finite = points[np.isfinite(values)][:3]
        symmetry.check(lambda w: float(values_at(self.surface, w[None])[0]), finite, self.name)
        if not symmetry.keeps_box(self.low, self.high):
            problem = "it moves points out of the box"
            raise BadInputError(where, problem, "give all units the same bounds, and -a to a")
        return symmetry


def _alike(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Whether E has the same values at copies of points, relative to its size at most points.

    E need not be finite, but where it is not finite at a point, it must not be so at the copy.
    """
    scale = np.nanmedian(np.abs(np.where(np.isfinite(expected), expected, np.nan)))
    alike = np.isclose(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    return bool(alike.all())
