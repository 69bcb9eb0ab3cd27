"""Pathways: from a transition state down to the two minima that gradient flow joins through it.

The path begins a small distance away on either side along the eigenvector of the negative
eigenvalue and follows gradient flow (see `kernels.dense.flow`) to the Newton ball of a minimum.
Where errors grew on the way, near a watershed, it is followed again with tighter tolerances, until
it cannot have strayed far or the tightest was used.

A short Newton step does not prove that a minimum is near: on a shoulder of a valley the Hessian is
positive definite too, and Newton's method goes astray, maybe to a saddle. So what it reaches must
be no saddle within reach of the path, and must lie within 1.5 lengths of the first step: along one
direction with a constant third derivative its curvature is then at least a third of that at the end
of the path. Otherwise the path is continued, to a smaller ball.

Equal hidden units make subspaces that the flow cannot leave. A path inside one may end at a point
that is a minimum there and a saddle outside. That point is stored as what it is; if it is itself a
transition state its own pathway is followed, and the minimum reported is one of the two below it.
"""

from collections.abc import Generator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.dense.flow import Flowed
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import DEGENERATE, Certificate, certified
from lossatlas.search.outcome import Cost, Pathway, PathwayEnd, StationaryPoint
from lossatlas.search.tools import Tools

MAX_DEPTH = 3
"""Saddles that a path may run into, one after the other, before it is given up."""

BALLS = (1.0, 0.1, 0.01, 0.001)
"""Newton balls that a path is followed to, one after the other, as parts of the first."""
CLOSE, THERE = 0.01, 1e-6
"""How close a point is taken for the end of a path, as parts of the first ball: whatever the length
of the first Newton step, and whatever the point is."""


class Followed(NamedTuple):
    """What came of following the paths from a transition state.

    Attributes:
        pathways: the pathways of saddles that the paths ran into, then that of the transition
            state itself; empty if a path failed.
        status: CONVERGED or LOST_LINK.
        cost: evaluations spent.
    """

    pathways: tuple[Pathway, ...]
    status: Status
    cost: Cost


class _Descent(NamedTuple):
    """Where one path leads: what is there, the tolerance that was believed, and the cost."""

    arrival: Certificate
    tolerance: float
    cost: Cost


class _Settled(NamedTuple):
    """The minimum that the end of a path stands for.

    Attributes:
        via: the saddle that the path ends at, if it does.
        pathways: those of transition states on the way from there.
    """

    minimum: StationaryPoint
    via: StationaryPoint | None
    pathways: tuple[Pathway, ...]


def follow(
    tools: Tools, saddle: StationaryPoint, mode: np.ndarray, depth: int = 0
) -> Generator[Requests, Any, Followed]:
    """Follow both paths from a certified transition state with its unstable mode (n,)."""
    starts = [saddle.weights + sign * tools.pushoff * mode for sign in (1.0, -1.0)]
    descents = yield from _descend(tools, starts)
    cost = sum((descent.cost for descent in descents), Cost())
    ends: list[PathwayEnd] = []
    below: list[Pathway] = []
    for side, descent in enumerate(descents):
        settled, spent = yield from _settle(tools, descent.arrival, depth)
        cost += spent
        if settled is None:
            return Followed((), Status.LOST_LINK, cost)
        below.extend(settled.pathways)
        method = tools.flow.method
        ends.append(PathwayEnd(side, settled.minimum, settled.via, descent.tolerance, method))
    return Followed((*below, Pathway(saddle, tuple(ends))), Status.CONVERGED, cost)


def _descend(tools: Tools, starts: list[np.ndarray]) -> Generator[Requests, Any, list[_Descent]]:
    """Follow the flow from each start and certify where it ends."""
    paths = [_Path(tools, start, tools.landscape.symmetrizer(start)) for start in starts]
    flows: list[Flowed] = yield [path.request(tools.flow_tolerance[0]) for path in paths]
    descents = []
    for path, flow in zip(paths, flows, strict=True):
        descents.append((yield from _end(path, flow)))
    return descents


class _Path(NamedTuple):
    """A path to be followed: where it begins, and the symmetry that it cannot lose."""

    tools: Tools
    start: np.ndarray
    symmetrizer: Any

    def request(self, tolerance: float) -> Request:
        """Follow it with this tolerance to the Newton ball."""
        return self._to_ball(self.start, tolerance, BALLS[0], 0.0)

    def further(self, flow: Flowed, tolerance: float, ball: float) -> Request:
        """Continue it to a smaller Newton ball, given as a part of the first."""
        return self._to_ball(np.asarray(flow.w), tolerance, ball, float(flow.deviation))

    def _to_ball(self, w: np.ndarray, tolerance: float, ball: float, deviation: float) -> Request:
        lengths = (np.asarray(x) for x in (tolerance, ball * self.tools.newton_ball))
        return Request(self.tools.flow, (w, *lengths, self.symmetrizer, np.asarray(deviation)))


def _end(path: _Path, flow: Flowed) -> Generator[Requests, Any, _Descent]:
    """Certify where a path leads, with tighter tolerances while it may have strayed too far.

    `flow` is what the coarsest tolerance gave.
    """
    tolerances, largest, cost = path.tools.flow_tolerance, path.tools.largest_spread, Cost()
    for tolerance, tighter in pairwise(tolerances):
        arrival, flow, spent = yield from _arrive(path, tolerance, flow, largest)
        cost += spent
        if flow.status != Status.CONVERGED or flow.spread <= largest:
            return _Descent(arrival, tolerance, cost)
        flow = yield path.request(tighter)
    arrival, flow, spent = yield from _arrive(path, tolerances[-1], flow, np.inf)
    return _Descent(arrival, tolerances[-1], cost + spent)


def _arrive(
    path: _Path, tolerance: float, flow: Flowed, largest: float
) -> Generator[Requests, Any, tuple[Certificate, Flowed, Cost]]:
    """Certify where the flow of this tolerance ends, continued if it may not be there yet.

    Given up at once where it may have strayed further than `largest`. The flow that comes back with
    the certificate is the last one, with the largest spread.
    """
    cost, smaller = _flow_cost(flow), list(BALLS[1:])
    while flow.status == Status.CONVERGED and flow.spread <= largest:
        arrival = yield from certified(path.tools, np.asarray(flow.w))
        cost += arrival.cost
        if _belongs(flow, arrival, path.symmetrizer, path.tools.newton_ball):
            return arrival, flow, cost
        if not smaller:
            status = Status.NOT_STATIONARY if arrival.point is not None else arrival.status
            return arrival._replace(point=None, status=status), flow, cost
        further = yield path.further(flow, tolerance, smaller.pop(0))
        cost += _flow_cost(further)
        flow = further._replace(spread=max(flow.spread, further.spread))
    nothing, status = np.empty((0, len(path.start))), Status(int(flow.status))
    return Certificate(None, nothing, np.empty(0), status, Cost()), flow, cost


def _belongs(flow: Flowed, arrival: Certificate, symmetrizer: Any, ball: float) -> bool:
    """Whether the path ends at the point that Newton's method reached from its last point."""
    if arrival.point is None:
        return False
    apart = float(np.linalg.norm(arrival.point.weights - flow.w))
    if apart <= THERE * ball:
        return True
    negative = arrival.modes[arrival.eigenvalues[: len(arrival.modes)] < 0]
    if len(negative) == len(arrival.modes):
        return apart <= CLOSE * ball  # there may be more of them than are known
    leaving = np.linalg.norm(symmetrizer @ negative.T, axis=0)
    return apart <= max(1.5 * float(flow.newton), CLOSE * ball) and bool((leaving < 1e-3).all())


def _settle(
    tools: Tools, arrival: Certificate, depth: int
) -> Generator[Requests, Any, tuple[_Settled | None, Cost]]:
    """Turn the end of a path into a minimum, by way of a saddle if that is where it ended."""
    point = arrival.point
    if point is None or (point.index > 0 and depth >= MAX_DEPTH):
        return None, Cost()
    if point.index == 0:
        return _Settled(point, None, ()), Cost()
    if point.index == 1:
        followed = yield from follow(tools, point, arrival.modes[0], depth + 1)
        if followed.status is not Status.CONVERGED:
            return None, followed.cost
        minimum = min((end.minimum for end in followed.pathways[-1].ends), key=lambda m: m.energy)
        return _Settled(minimum, point, followed.pathways), followed.cost
    return (yield from _fall_off(tools, arrival, depth))


def _fall_off(
    tools: Tools, arrival: Certificate, depth: int
) -> Generator[Requests, Any, tuple[_Settled | None, Cost]]:
    """From a point of index two or more, a minimum below it that stands for the superbasin.

    The path itself goes no further. What the slightest disturbance would do decides: it leaves in a
    generic direction of the most negative curvature, to either side; the lower minimum is taken.
    (Special directions would lead into further symmetric subspaces.)
    """
    point, values = arrival.point, arrival.eigenvalues
    assert point is not None
    lowest = values[: len(arrival.modes)] - values[0] < DEGENERATE * abs(values[0])
    multiplet = arrival.modes[lowest]
    # Projected: the direction does not depend on which vectors span what is known of the multiplet.
    direction = multiplet.T @ (multiplet @ np.random.default_rng(0).normal(size=len(point.weights)))
    direction /= np.linalg.norm(direction)
    starts = [point.weights + sign * tools.pushoff * direction for sign in (1.0, -1.0)]
    descents = yield from _descend(tools, starts)
    cost = sum((descent.cost for descent in descents), Cost())
    best: _Settled | None = None
    for descent in descents:
        below, spent = yield from _settle(tools, descent.arrival, depth + 1)
        cost += spent
        if below is not None and (best is None or below.minimum.energy < best.minimum.energy):
            best = below._replace(via=point)
    return best, cost


def _flow_cost(flow: Flowed) -> Cost:
    return Cost(int(flow.gradients), int(flow.hessians))
