"""Pathways: from a transition state down to the minima that gradient flow joins through it.

The path begins a small distance away on either side along the eigenvector of the negative
eigenvalue and follows gradient flow to where it ends (see `search.descent`). Where a symmetry of
the transition state carries one side over into the other, so it does with the paths, and one of
them is followed.

Equal hidden units make subspaces that the flow cannot leave. A path inside one may end at a point
that is a minimum there and a saddle outside. That point is stored as what it is; if it is itself a
transition state its own pathway is followed, and the minimum reported is one of the two below it.

Below a saddle of index two or more there is no preferred direction: what the slightest disturbance
does decides where the flow goes on. So the flow is followed from generic directions on the unstable
sphere of the saddle, and every minimum that they reach is an end of the path. All of them are
connected below the transition state, whichever the disturbance is (Pechukas, J. Chem. Phys. 64
(1976) 1516, on what paths of steepest descent may do at such points).
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.dense.spectrum import UnstableModes
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import Certificate
from lossatlas.search.descent import Descent, descend
from lossatlas.search.identity import same_point
from lossatlas.search.outcome import Cost, Pathway, PathwayEnd, StationaryPoint
from lossatlas.search.tools import Tools

MAX_DEPTH = 3
"""Saddles that a path may run into, one after the other, before it is given up."""

MAX_PATHS = 100
"""Paths that may be followed from saddles below one transition state. From a saddle of index two
there are nine or more. Where many hidden units are equal or zero, chains of saddles could take more
than everything else."""

NOTHING_NEW = 8
"""Directions on an unstable sphere are followed until so many in a row bring no new minimum. A
minimum that is reached from a tenth of the sphere is missed with probability 0.9^8, or 0.43; one
from half of it with 0.4 %."""


class Followed(NamedTuple):
    """What came of following the paths from a transition state.

    Attributes:
        pathways: the pathways of saddles that the paths ran into, then that of the transition
            state itself; empty if a path failed.
        status: CONVERGED, LOST_LINK or LONG_CHAIN.
        cost: evaluations spent.
    """

    pathways: tuple[Pathway, ...]
    status: Status
    cost: Cost


class _Settled(NamedTuple):
    """The minima that the end of a path stands for.

    Attributes:
        minima: one, or all that generic directions reach from a saddle of index two or more; no two
            are copies of each other.
        via: the saddle that the path ends at, if it does.
        directions: how many were followed from there if its index is two or more.
        pathways: those of transition states on the way from there.
    """

    minima: tuple[StationaryPoint, ...]
    via: StationaryPoint | None = None
    directions: int | None = None
    pathways: tuple[Pathway, ...] = ()

    def ends(self, side: int, tolerance: float, method: str) -> tuple[PathwayEnd, ...]:
        """As ends of the path, of which the last two say how it was followed."""
        how = (self.via, tolerance, method, self.directions)
        return tuple(PathwayEnd(side, minimum, *how) for minimum in self.minima)


class _Paths(NamedTuple):
    """What the paths down from one transition state share.

    Attributes:
        tools: those of the search.
        met: saddles that paths have run into, each with what it stands for. Several paths run into
            copies of one saddle; it is left once.
        followed: the starts of all paths.
    """

    tools: Tools
    met: list[tuple[StationaryPoint, _Settled]]
    followed: list[np.ndarray]

    def down(self, starts: list[np.ndarray]) -> Generator[Requests, Any, list[Descent]]:
        """Where the paths from these points lead."""
        self.followed.extend(starts)
        return (yield from descend(self.tools, starts))

    def again(self, point: StationaryPoint) -> _Settled | None:
        """What a saddle stands for if a copy of it was met before; its pathways are listed then."""
        for saddle, settled in self.met:
            if same_point(point, saddle):
                return settled._replace(via=point, pathways=())
        return None


Settling = Generator[Requests, Any, tuple[_Settled | Status, Cost]]
"""What a path stands for, or why it has no end."""


def follow(
    tools: Tools, saddle: StationaryPoint, mode: np.ndarray
) -> Generator[Requests, Any, Followed]:
    """Follow both paths from a certified transition state with its unstable mode (n,)."""
    return (yield from _follow(_Paths(tools, [], []), saddle, mode, 0))


def ends_of(
    tools: Tools, arrival: Certificate, side: int
) -> Generator[Requests, Any, tuple[PathwayEnd, ...]]:
    """The ends of a path that was followed to a stationary point by another method.

    A path that has arrived at a saddle is followed from there as `follow` does.

    Args:
        tools: with the tolerances to be used from there.
        arrival: certificate of the point that the path leads to.
        side: of the path.

    Returns:
        One or more ends, without a tolerance (NaN) and a method (empty) of the path itself; none if
        it leads nowhere.
    """
    settled, _ = yield from _settle(_Paths(tools, [], []), arrival, 0)
    return () if isinstance(settled, Status) else settled.ends(side, np.nan, "")


def _follow(
    paths: _Paths, saddle: StationaryPoint, mode: np.ndarray, depth: int
) -> Generator[Requests, Any, Followed]:
    """As `follow`, at a saddle that lies below `depth` others."""
    descents = yield from _both_ways(paths, saddle, mode)
    cost = sum((descent.cost for descent in descents), Cost())
    ends: list[PathwayEnd] = []
    below: list[Pathway] = []
    for side, descent in enumerate(descents):
        settled, spent = yield from _settle(paths, descent.arrival, depth)
        cost += spent
        if isinstance(settled, Status):
            return Followed((), settled, cost)
        below.extend(settled.pathways)
        ends.extend(settled.ends(side, descent.tolerance, paths.tools.flow.method))
    return Followed((*below, Pathway(saddle, tuple(ends))), Status.CONVERGED, cost)


def _both_ways(
    paths: _Paths, saddle: StationaryPoint, mode: np.ndarray
) -> Generator[Requests, Any, tuple[Descent, ...]]:
    """Where the two paths lead; if one is the mirror image of the other, twice where that leads."""
    pushoff = paths.tools.pushoff * mode
    starts = [saddle.weights + pushoff, saddle.weights - pushoff]
    if not _turned_round(paths.tools, saddle, mode):
        return tuple((yield from paths.down(starts)))
    (descent,) = yield from paths.down(starts[:1])
    return descent, descent._replace(cost=Cost())


def _turned_round(tools: Tools, saddle: StationaryPoint, mode: np.ndarray) -> bool:
    """Whether a symmetry of the saddle turns its one unstable mode round.

    Each of them keeps the mode or turns it round, since there is no other mode of this curvature.
    So their average, which the symmetrizer is, keeps it or makes it vanish.
    """
    average = tools.landscape.symmetrizer(saddle.weights) @ mode
    return float(np.linalg.norm(average)) < 0.5


def _settle(paths: _Paths, arrival: Certificate, depth: int) -> Settling:
    """Turn the end of a path into minima, by way of a saddle if that is where it ended."""
    point = arrival.point
    if point is None:
        return Status.LOST_LINK, Cost()
    if point.index == 0:
        return _Settled((point,)), Cost()
    before = paths.again(point)
    if before is not None:
        return before, Cost()
    if depth >= MAX_DEPTH or len(paths.followed) > MAX_PATHS:
        return Status.LONG_CHAIN, Cost()
    leave = _past_a_transition_state if point.index == 1 else _below_a_higher_saddle
    settled, cost = yield from leave(paths, point, arrival, depth)
    if not isinstance(settled, Status):
        paths.met.append((point, settled))
    return settled, cost


def _past_a_transition_state(
    paths: _Paths, point: StationaryPoint, arrival: Certificate, depth: int
) -> Settling:
    """The lower of the minima that the transition state itself joins, with its own pathway."""
    followed = yield from _follow(paths, point, arrival.modes[0], depth + 1)
    if followed.status is not Status.CONVERGED:
        return followed.status, followed.cost
    minimum = min((end.minimum for end in followed.pathways[-1].ends), key=lambda m: m.energy)
    return _Settled((minimum,), point, None, followed.pathways), followed.cost


def _below_a_higher_saddle(
    paths: _Paths, point: StationaryPoint, arrival: Certificate, depth: int
) -> Settling:
    """All minima that generic directions reach from a point of index two or more.

    Each direction that brings a new minimum is a reason to try `NOTHING_NEW` more. They are
    followed side by side, and none in vain.
    """
    directions = _generic((yield from _unstable_modes(arrival, point)))
    minima: list[StationaryPoint] = []
    pathways: list[Pathway] = []
    tried, planned, cost = 0, 1 + NOTHING_NEW, Cost()
    while tried < planned:
        pushoffs = islice(directions, planned - tried)
        starts = [point.weights + paths.tools.pushoff * direction for direction in pushoffs]
        descents = yield from paths.down(starts)
        cost += sum((descent.cost for descent in descents), Cost())
        for descent in descents:
            settled, spent = yield from _settle(paths, descent.arrival, depth + 1)
            cost += spent
            if isinstance(settled, Status):
                return settled, cost
            tried += 1
            pathways += settled.pathways
            new = [minimum for minimum in settled.minima if not _among(minimum, minima)]
            minima += new
            planned = tried + NOTHING_NEW if new else planned
    return _Settled(tuple(minima), point, tried, tuple(pathways)), cost


def _unstable_modes(
    arrival: Certificate, point: StationaryPoint
) -> Generator[Requests, Any, np.ndarray]:
    """All unstable modes (k, n); there may be more than a certificate carries."""
    negative = int((arrival.eigenvalues < 0).sum())
    if negative <= len(arrival.modes):
        return arrival.modes[:negative]
    return (yield Request(UnstableModes(), (point.weights,))).modes


def _generic(unstable: np.ndarray) -> Iterator[np.ndarray]:
    """Random unit vectors (n,) on the unstable sphere of modes (k, n).

    Special directions would lead into further symmetric subspaces. A random vector is projected, so
    that the direction does not depend on which vectors span a multiplet of modes. Its opposite is
    no direction of its own: where a symmetry takes the one into the other it brings nothing new.
    """
    random = np.random.default_rng(0)
    while True:
        direction = unstable.T @ (unstable @ random.normal(size=unstable.shape[1]))
        yield direction / np.linalg.norm(direction)


def _among(point: StationaryPoint, others: Iterable[StationaryPoint]) -> bool:
    return any(same_point(point, other) for other in others)
