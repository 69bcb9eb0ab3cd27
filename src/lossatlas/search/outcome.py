"""The outcome of a search: certified points, the pathways between them, and their cost.

Points have no ids here: the atlas gives ids and recognizes symmetry copies. Searches have no names
here: a search is named by the strategy that proposed it. All arrays are NumPy arrays, so an outcome
can be sent to another process.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.shown import html_table

if TYPE_CHECKING:  # the import would load JAX, which reading an atlas does not need
    from lossatlas.landscape.base import Landscape


class StationaryPoint(NamedTuple):
    """A certified stationary point, with a gradient at rounding error and a known Hessian index.

    Attributes:
        weights: (n,) float64 weights of the point.
        energy: the loss, penalty included.
        rms_gradient: root-mean-square of the components of the gradient after polishing.
        index: Hessian index, the number of negative Hessian eigenvalues.
        lowest_eigenvalues: the four lowest Hessian eigenvalues, ascending (fewer if n < 4). The
            first one of a transition state is the negative one.
        log_determinant: sum of the logarithms of the positive Hessian eigenvalues; NaN if the
            landscape is too large for all eigenvalues to be computed.
        uncertainty: ``|H^-1 g|``, the distance at which the exact point may lie, in weight units.
        invariants: (k,) numbers that are equal for symmetry copies (see `Landscape.invariants`).
        orbit_size: number of symmetry copies of the point, itself included.
        outside: whether the point lies outside of the box that the landscape is explored in;
            default False.

    Examples:
        >>> minimum = StationaryPoint(
        ...     weights=np.zeros(2), energy=0.0, rms_gradient=0.0, index=0,
        ...     lowest_eigenvalues=np.ones(2), log_determinant=0.0, uncertainty=1e-15,
        ...     invariants=np.zeros(2), orbit_size=1,
        ... )
        >>> minimum.outside
        False
    """

    weights: np.ndarray
    energy: float
    rms_gradient: float
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    lowest_eigenvalues: np.ndarray
    log_determinant: float
    uncertainty: float
    invariants: np.ndarray
    orbit_size: int
    outside: bool = False

    def _repr_html_(self) -> str:
        """The point as a table in a notebook."""
        kind = {0: "Minimum", 1: "Transition state"}.get(self.index, "Saddle")
        rows = {
            "loss": self.energy,
            "index": self.index,
            "lowest eigenvalues": ", ".join(f"{x:.4e}" for x in self.lowest_eigenvalues),
            "rms gradient": f"{self.rms_gradient:.1e}",
            "orbit size": self.orbit_size,
        }
        return html_table(kind, rows)


class PathwayEnd(NamedTuple):
    """One minimum that the path down one side of a transition state reaches.

    Attributes:
        side: 0 if the path begins in the direction of the unstable mode, 1 if against it.
        minimum: the minimum that is reached, or a symmetry copy of it.
        via: the saddle that the path runs into first, where a symmetric subspace (as of equal
            hidden units) keeps gradient flow from leaving it; None if there is none.
        tolerance: error of one step, in weight units, of the path from the transition state.
        method: how the path was followed: ``"exponential"`` with exact Hessians, ``"chebyshev"``
            with Hessian-vector products.
        directions: number of directions on the unstable sphere of `via` that were followed if its
            index is two or more, where every minimum that they reach is an end; None otherwise.

    Examples:
        >>> minimum = StationaryPoint(
        ...     weights=np.zeros(2), energy=0.0, rms_gradient=0.0, index=0,
        ...     lowest_eigenvalues=np.ones(2), log_determinant=0.0, uncertainty=1e-15,
        ...     invariants=np.zeros(2), orbit_size=1,
        ... )
        >>> end = PathwayEnd(0, minimum, via=None, tolerance=1e-3, method="exponential")
        >>> end.directions is None
        True
    """

    side: int
    minimum: StationaryPoint
    via: StationaryPoint | None
    tolerance: float
    method: str
    directions: int | None = None


class Pathway(NamedTuple):
    """A transition state and the minima that gradient flow joins through it.

    Attributes:
        transition_state: a stationary point of Hessian index one.
        ends: one or more ends for each of the two sides. In a degenerate rearrangement all of them
            are copies of one minimum.

    Examples:
        >>> saddle = StationaryPoint(
        ...     weights=np.zeros(2), energy=1.0, rms_gradient=0.0, index=1,
        ...     lowest_eigenvalues=np.array([-4.0, 2.0]), log_determinant=0.7, uncertainty=1e-15,
        ...     invariants=np.zeros(2), orbit_size=1,
        ... )
        >>> well = saddle._replace(energy=0.0, index=0, lowest_eigenvalues=np.array([2.0, 8.0]))
        >>> ends = tuple(PathwayEnd(side, well, None, 1e-3, "exponential") for side in (0, 1))
        >>> pathway = Pathway(saddle, ends)
        >>> pathway.transition_state.energy - max(end.minimum.energy for end in pathway.ends)
        1.0
    """

    transition_state: StationaryPoint
    ends: tuple[PathwayEnd, ...]


class Cost(NamedTuple):
    """The cost of a search in evaluations, which do not depend on the machine as seconds would.

    Attributes:
        gradients: number of evaluations of the energy with its gradient.
        hessians: number of evaluations of the Hessian.

    Examples:
        >>> Cost(gradients=12) + Cost(gradients=30, hessians=4)
        Cost(gradients=42, hessians=4)
    """

    gradients: int = 0
    hessians: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(self.gradients + other.gradients, self.hessians + other.hessians)


class Outcome(NamedTuple):
    """What a search, or a part of it, has found, and what it cost.

    Attributes:
        status: CONVERGED if something was found, otherwise the reason why not.
        cost: evaluations spent.
        minima: minima that were found and belong to no pathway; default none.
        pathways: the transition states found, each with the minima that it joins; default none.
        failures: number of candidates that failed, by reason; default none.
        hits: ids of transition states that were known before (`search.known`) and were found
            again; default none.

    Examples:
        >>> from lossatlas.errors import Status
        >>> Outcome(Status.NO_CANDIDATE, Cost(gradients=30)).pathways
        ()
    """

    status: Status
    cost: Cost
    minima: tuple[StationaryPoint, ...] = ()
    pathways: tuple[Pathway, ...] = ()
    failures: dict[Status, int] = {}  # noqa: RUF012 (never changed in place)
    hits: tuple[int, ...] = ()


def placed(outcome: Outcome, landscape: "Landscape") -> Outcome:
    """The outcome as an atlas stores it, with points replaced by their copies inside of the box.

    A point without a copy inside of the box is kept and marked by `outside`; see
    `Landscape.representative` and `Landscape.inside`.
    """

    def point(found: StationaryPoint) -> StationaryPoint:
        weights = landscape.representative(found.weights)
        outside = not landscape.inside(weights[None])[0]
        return found._replace(weights=weights, outside=bool(outside))

    def end(found: PathwayEnd) -> PathwayEnd:
        via = None if found.via is None else point(found.via)
        return found._replace(minimum=point(found.minimum), via=via)

    def pathway(found: Pathway) -> Pathway:
        return Pathway(point(found.transition_state), tuple(map(end, found.ends)))

    return outcome._replace(
        minima=tuple(map(point, outcome.minima)), pathways=tuple(map(pathway, outcome.pathways))
    )
