"""Pathways: from a transition state down to the minima that gradient flow joins through it.

A path begins a small distance away on either side, along the eigenvector of the negative
eigenvalue, and follows gradient flow to its end (see `search.descent`). If a symmetry of the
transition state maps one side to the other, it maps the paths as well, and only one is followed.

Equal hidden units make subspaces that the flow cannot leave. A path inside such a subspace may end
at a point that is a minimum within the subspace and a saddle in the full space. The saddle is
stored with the end of the path. If it is itself a transition state, its own pathway is followed,
and the end of the path is the lower of the two minima that it joins.

Below a saddle of index two or more there is no preferred direction: the slightest disturbance
decides where the flow continues. So the flow is followed from generic directions on the unstable
sphere of the saddle, and every minimum that they reach is an end of the path. All of them are
connected below the transition state, whatever the disturbance is (Pechukas, J. Chem. Phys. 64
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
"""Number of saddles that a path may run into, one after the other, before it is given up."""

MAX_PATHS = 100
"""Number of paths after which no further saddle below a transition state is left. Nine or more
paths are followed from a saddle of index two. Where many hidden units are equal or zero, chains of
saddles could take more time than everything else."""

NOTHING_NEW = 8
"""Directions on an unstable sphere are followed until so many in a row lead to no new minimum. A
minimum that is reached from a tenth of the sphere is missed with probability 0.9^8 = 0.43, one that
is reached from half of the sphere with probability 0.5^8 = 0.4 %."""


class Followed(NamedTuple):
    """The pathways found by following the paths from a transition state.

    Attributes:
        pathways: the pathways of transition states that the paths ran into, then that of the
            transition state itself; empty if a path failed.
        status: CONVERGED, LOST_LINK or LONG_CHAIN.
        cost: evaluations spent.
    """

    pathways: tuple[Pathway, ...]
    status: Status
    cost: Cost


class _Settled(NamedTuple):
    """The minima that a path leads to, directly or by way of a saddle.

    Attributes:
        minima: one minimum, or all minima that generic directions reach from a saddle of index two
            or more; no two are copies of each other.
        via: the saddle that the path ends at; None if it ends at a minimum.
        directions: number of directions that were followed from `via` if its index is two or more;
            None otherwise.
        pathways: the pathways of transition states that lie on the way from `via` to the minima.
    """

    minima: tuple[StationaryPoint, ...]
    via: StationaryPoint | None = None
    directions: int | None = None
    pathways: tuple[Pathway, ...] = ()

    def ends(self, side: int, tolerance: float, method: str) -> tuple[PathwayEnd, ...]:
        """The minima as ends of a path on this side, with the tolerance and method of the path."""
        how = (self.via, tolerance, method, self.directions)
        return tuple(PathwayEnd(side, minimum, *how) for minimum in self.minima)


class _Paths(NamedTuple):
    """What the paths down from one transition state share.

    Attributes:
        tools: the tools of the search.
        met: saddles that paths have run into, each with the minima below it. Several paths may run
            into copies of one saddle, from which only the first is continued.
        followed: the starts (n,) of all paths.
    """

    tools: Tools
    met: list[tuple[StationaryPoint, _Settled]]
    followed: list[np.ndarray]

    def down(self, starts: list[np.ndarray]) -> Generator[Requests, Any, list[Descent]]:
        """Follow the paths from these points (n,)."""
        self.followed.extend(starts)
        return (yield from descend(self.tools, starts))

    def again(self, point: StationaryPoint) -> _Settled | None:
        """The minima below a saddle if a copy of it was met before, otherwise None.

        The pathways from the saddle are not returned again.
        """
        for saddle, settled in self.met:
            if same_point(point, saddle):
                return settled._replace(via=point, pathways=())
        return None


Settling = Generator[Requests, Any, tuple[_Settled | Status, Cost]]
"""A search that returns the minima that a path leads to, or the reason why there are none."""


def follow(
    tools: Tools, saddle: StationaryPoint, mode: np.ndarray
) -> Generator[Requests, Any, Followed]:
    """Follow both paths from a certified transition state to the minima that they join.

    Args:
        tools: the kernels and lengths of the landscape.
        saddle: a certified transition state.
        mode: (n,) unit eigenvector of its negative Hessian eigenvalue.
    """
    return (yield from _follow(_Paths(tools, [], []), saddle, mode, 0))


def ends_of(
    tools: Tools, arrival: Certificate, side: int
) -> Generator[Requests, Any, tuple[PathwayEnd, ...]]:
    """The ends of a path that was followed to a stationary point by another method.

    If that point is a saddle, the paths from it are followed as `follow` does.

    Args:
        tools: the kernels, lengths and tolerances for the paths from the saddle.
        arrival: certificate of the point that the path leads to.
        side: side of the transition state on which the path begins, 0 or 1.

    Returns:
        One or more ends; none if the path leads to no minimum. The tolerance of the ends is NaN and
        their method is empty, since the path itself was followed by another method.
    """
    settled, _ = yield from _settle(_Paths(tools, [], []), arrival, 0)
    return () if isinstance(settled, Status) else settled.ends(side, np.nan, "")


def _follow(
    paths: _Paths, saddle: StationaryPoint, mode: np.ndarray, depth: int
) -> Generator[Requests, Any, Followed]:
    """Follow the paths of a transition state as `follow` does, `depth` saddles down a chain."""
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
    """Follow both paths; if they are images of each other, follow one and return it twice."""
    pushoff = paths.tools.pushoff * mode
    starts = [saddle.weights + pushoff, saddle.weights - pushoff]
    if not _turned_round(paths.tools, saddle, mode):
        return tuple((yield from paths.down(starts)))
    (descent,) = yield from paths.down(starts[:1])
    return descent, descent._replace(cost=Cost())


def _turned_round(tools: Tools, saddle: StationaryPoint, mode: np.ndarray) -> bool:
    """Whether a symmetry of the saddle reverses its one unstable mode.

    Each symmetry of the saddle keeps the mode or reverses it, since no other mode has its
    curvature. The symmetrizer is the average over all of them: it keeps a mode that none reverses,
    and maps any other to zero.
    """
    average = tools.landscape.symmetrizer(saddle.weights) @ mode
    return float(np.linalg.norm(average)) < 0.5


def _settle(paths: _Paths, arrival: Certificate, depth: int) -> Settling:
    """Find the minima that a path leads to, by way of a saddle if the path ended there."""
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
    """Follow the pathway of a transition state in which a path ended; take the lowest minimum."""
    followed = yield from _follow(paths, point, arrival.modes[0], depth + 1)
    if followed.status is not Status.CONVERGED:
        return followed.status, followed.cost
    minimum = min((end.minimum for end in followed.pathways[-1].ends), key=lambda m: m.energy)
    return _Settled((minimum,), point, None, followed.pathways), followed.cost


def _below_a_higher_saddle(
    paths: _Paths, point: StationaryPoint, arrival: Certificate, depth: int
) -> Settling:
    """Find all minima that generic directions reach from a saddle of index two or more.

    After each direction that leads to a new minimum, `NOTHING_NEW` more are followed. Directions
    are followed at the same time only if all of them are needed.
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
    """All unstable modes (k, n), computed anew if the certificate does not hold all of them."""
    negative = int((arrival.eigenvalues < 0).sum())
    if negative <= len(arrival.modes):
        return arrival.modes[:negative]
    return (yield Request(UnstableModes(), (point.weights,))).modes


def _generic(unstable: np.ndarray) -> Iterator[np.ndarray]:
    """Random unit vectors (n,) on the unstable sphere, which unstable modes (k, n) span.

    Directions are random because special ones would lead into further symmetric subspaces. They are
    projections of random vectors in the full space, so that they do not depend on which vectors
    span a multiplet of modes. The opposite of a direction is not followed as well, because it leads
    to no new minimum where a symmetry maps the one to the other.
    """
    random = np.random.default_rng(0)
    while True:
        direction = unstable.T @ (unstable @ random.normal(size=unstable.shape[1]))
        yield direction / np.linalg.norm(direction)


def _among(point: StationaryPoint, others: Iterable[StationaryPoint]) -> bool:
    return any(same_point(point, other) for other in others)
