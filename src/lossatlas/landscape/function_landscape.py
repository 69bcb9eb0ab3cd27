"""The landscape of a user's own function: its box, its symmetry, its periods.

A symmetry is a finite group of matrices, or units that can be exchanged (`UnitSymmetry`). Both
answer the same questions.
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
"""A translation by so many periods must leave E as it is."""


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
            the identity included; or a `UnitSymmetry`; None for no symmetry.
        length_scale: a typical distance between minima.
        hessian_cost: of one Hessian with its spectrum, in gradients; None for 4 n, what automatic
            differentiation costs. Quenches use Hessians no more often than they can afford.
        everywhere: whether points outside of the box count like all others, and the box only says
            where random starts are drawn.

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
        """What there is to know about it, in a notebook."""
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
        """Uniform in the box."""
        return random.uniform(self.low, self.high)

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """Numbers that are equal for copies: see `MatrixGroup` and `UnitInvariants`."""
        return self.symmetry.invariants(w)

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """The invariants of each."""
        length = len(self.invariants(0.5 * (self.low + self.high)))
        return np.array([self.invariants(x) for x in w]).reshape(len(w), length)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The copy of w nearest to target."""
        return self.symmetry.nearest_copy(w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Copies of w other than w, nearest first."""
        return self.symmetry.neighbor_copies(w)

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """Group order over the number of group elements that take w to itself or a translation."""
        return self.symmetry.orbit_size(w)

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """w itself if it lies inside the box, else an image that does, if there is one.

        Periodic coordinates are those nearest to the center of the box.
        """
        if self.everywhere or isinstance(self.symmetry, UnitSymmetry):
            return w  # the box is as symmetric as the function
        copies = self.symmetry.near(w, 0.5 * (self.low + self.high))
        return copies[np.argmax(self.box.contains(copies))]

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) whether weights (b, n) have a copy inside the box."""
        if self.everywhere:
            return np.ones(len(w), bool)
        if isinstance(self.symmetry, UnitSymmetry):
            return np.array([self.box.contains(x) for x in w], bool).reshape(len(w))
        return np.array([self.box.contains(self.symmetry.copies(x)).any() for x in w], bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """The projector onto the weights that share the symmetry of w."""
        return self.symmetry.symmetrizer(w)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """Canonical directions in the span of degenerate modes, if the symmetry has any."""
        return self.symmetry.breaking_directions(w, modes)

    def fingerprint(self) -> dict[str, str]:
        """The name, the box with its periods, and the group."""
        return {
            "function": self.name,
            **self.box.fingerprint(),
            "symmetry": self.symmetry.text(),
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

    def _checked_symmetry(
        self, symmetry: Any, points: np.ndarray, values: np.ndarray
    ) -> MatrixGroup | UnitSymmetry:
        """The symmetry, tried out at points (b, n) where E has these values."""
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
    """Whether E at copies of points is what it is at these, relative to its size at most of them.

    It need not be finite everywhere, but where it is not at a point it must not be at its copy.
    """
    scale = np.nanmedian(np.abs(np.where(np.isfinite(expected), expected, np.nan)))
    alike = np.isclose(found, expected, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    return bool(alike.all())
