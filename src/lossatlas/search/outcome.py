"""What a search hands over: certified points, the pathways between them, and what it cost.

Nothing here has an identity in a database or a name in an exploration: ids are given by the atlas,
which recognizes symmetry copies, and a search is named by the strategy that proposed it. Everything
is NumPy, so an outcome can cross a process boundary.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.shown import html_table

if TYPE_CHECKING:  # an atlas is read without JAX
    from lossatlas.landscape.base import Landscape


class StationaryPoint(NamedTuple):
    """A certified stationary point: small gradient, computed Hessian index.

    Attributes:
        weights: (n,) float64.
        energy: the loss there.
        rms_gradient: root-mean-square gradient after polishing.
        index: number of negative Hessian eigenvalues.
        lowest_eigenvalues: (4,) ascending; the first is a transition state's curvature.
        log_determinant: sum of ln of the positive eigenvalues; NaN if only an iterative
            certificate was affordable.
        uncertainty: ``|H^-1 g|``, the distance at which the exact point may lie.
        invariants: (k,) equal for symmetry copies (see `Landscape.invariants`).
        orbit_size: number of symmetry copies.
        outside: whether it lies outside of the box that the landscape is explored in.
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
        """What it is, in a notebook."""
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
        side: 0 or 1: the path begins in the direction of the unstable mode, or against it.
        minimum: the minimum reached, or a symmetry copy of it.
        via: the stationary point of higher index that the gradient flow runs into first, where a
            symmetric subspace keeps it from falling off (equal hidden units); None otherwise.
        tolerance: error of one step, in weight units, of the path that was believed: the one that
            begins at the transition state.
        method: how that path was followed: ``"exponential"`` (with exact Hessians) or
            ``"chebyshev"`` (with Hessian-vector products).
        directions: how many directions on the unstable sphere of `via` were followed if its index
            is two or more: every minimum that they reached is an end; None otherwise.
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
        transition_state: a point of index one.
        ends: one or more for each side. All may be copies of one minimum: a degenerate
            rearrangement.
    """

    transition_state: StationaryPoint
    ends: tuple[PathwayEnd, ...]


class Cost(NamedTuple):
    """What a search cost, in evaluations (never in seconds: results stay deterministic)."""

    gradients: int = 0
    hessians: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(self.gradients + other.gradients, self.hessians + other.hessians)


class Outcome(NamedTuple):
    """What came of a search, or of a part of it, and what it cost.

    Attributes:
        status: CONVERGED, or why nothing came of it.
        cost: evaluations spent.
        minima: minima met on the way that belong to no pathway.
        pathways: the transition states found, with their minima.
        failures: how many candidates failed, by reason.
        hits: keys of transition states known before (`search.known`) that were found once more.
    """

    status: Status
    cost: Cost
    minima: tuple[StationaryPoint, ...] = ()
    pathways: tuple[Pathway, ...] = ()
    failures: dict[Status, int] = {}  # noqa: RUF012 (never changed in place)
    hits: tuple[int, ...] = ()


def placed(outcome: Outcome, landscape: "Landscape") -> Outcome:
    """The outcome as an atlas stores it: every point by its copy inside the box, if there is one.

    See `Landscape.representative` and `Landscape.inside`.
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
