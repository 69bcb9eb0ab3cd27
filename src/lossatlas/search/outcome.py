"""What a search hands over: certified points, pathways, and the attempt that found them.

Nothing here has an identity in a database: ids are given by the atlas, which recognises
symmetry copies. Everything is NumPy, so an outcome can cross a process boundary.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lossatlas.errors import Status


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


class PathwayEnd(NamedTuple):
    """Where the path down one side of a transition state leads.

    Attributes:
        minimum: the minimum reached.
        via: the stationary point of higher index that the gradient flow runs into first, where a
            symmetric subspace keeps it from falling off (equal hidden units); None otherwise.
    """

    minimum: StationaryPoint
    via: StationaryPoint | None


class Pathway(NamedTuple):
    """A transition state and the minima that gradient flow joins through it.

    Both may be copies of one minimum: a degenerate rearrangement.
    """

    transition_state: StationaryPoint
    ends: tuple[PathwayEnd, PathwayEnd]


class Cost(NamedTuple):
    """What an attempt cost, in evaluations (never in seconds: results stay deterministic)."""

    gradients: int = 0
    hessians: int = 0

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(self.gradients + other.gradients, self.hessians + other.hessians)


class Attempt(NamedTuple):
    """One search: what was tried from where, what came of it, what it cost.

    Attributes:
        strategy: e.g. ``"basin-hopping"``, ``"single-ended"``, ``"connect"``.
        origin: ids of the minima it started from, as in the snapshot; empty for random starts.
        detail: what distinguishes it from other attempts of the same strategy and origin,
            e.g. ``"mode 2 -"``; also the reason of a failure.
        status: CONVERGED, or why nothing came of it.
        cost: evaluations spent.
        minima: minima met on the way that belong to no pathway.
        pathways: the transition states found, with their minima.
        failures: how many candidates failed, by reason.
        hits: ids of transition states already in the atlas that were found once more.
    """

    strategy: str
    origin: tuple[int, ...]
    detail: str
    status: Status
    cost: Cost
    minima: tuple[StationaryPoint, ...] = ()
    pathways: tuple[Pathway, ...] = ()
    failures: dict[Status, int] = {}  # noqa: RUF012 (never changed in place)
    hits: tuple[int, ...] = ()


def moved(attempt: Attempt, move: Callable[[np.ndarray], np.ndarray]) -> Attempt:
    """The attempt with the weights (n,) of every point moved, to symmetry copies of these."""

    def point(found: StationaryPoint) -> StationaryPoint:
        return found._replace(weights=move(found.weights))

    def end(found: PathwayEnd) -> PathwayEnd:
        return PathwayEnd(point(found.minimum), None if found.via is None else point(found.via))

    def pathway(found: Pathway) -> Pathway:
        return Pathway(point(found.transition_state), (end(found.ends[0]), end(found.ends[1])))

    return attempt._replace(
        minima=tuple(map(point, attempt.minima)), pathways=tuple(map(pathway, attempt.pathways))
    )


class Outcome(NamedTuple):
    """What a search returns or hands over; it has no ids but those of known transition states.

    Attributes:
        status: CONVERGED, or why nothing came of it.
        cost: evaluations spent.
        minima: minima met on the way that belong to no pathway.
        pathways: the transition states found, with their minima.
        failures: how many candidates failed, by reason.
        hits: ids of transition states already in the atlas that were found once more.
    """

    status: Status
    cost: Cost
    minima: tuple[StationaryPoint, ...] = ()
    pathways: tuple[Pathway, ...] = ()
    failures: dict[Status, int] = {}  # noqa: RUF012 (never changed in place)
    hits: tuple[int, ...] = ()
