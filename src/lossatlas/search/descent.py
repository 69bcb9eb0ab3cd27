"""One path of steepest descent: from beside a saddle to the stationary point that it leads to.

A path follows gradient flow (see `kernels.dense.flow`) to the Newton ball of a minimum. Where
errors grew on the way, near a watershed, it is followed again with tighter tolerances, until it
cannot have strayed far or the tightest was used.

A short Newton step does not prove that a minimum is near: on a shoulder of a valley the Hessian is
positive definite too, and Newton's method goes astray, maybe to a saddle. So what it reaches must
be no saddle within reach of the path, and must lie within 1.5 lengths of the first step: along one
direction with a constant third derivative its curvature is then at least a third of that at the end
of the path. Otherwise the path is continued, to a smaller ball.
"""

from collections.abc import Generator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.parts import Flowed
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import Cost
from lossatlas.search.tools import Tools

BALLS = (1.0, 0.1, 0.01, 0.001)
"""Newton balls that a path is followed to, one after the other, as parts of the first."""
CLOSE, THERE = 0.01, 1e-6
"""How close a point is taken for the end of a path, as parts of the first ball: whatever the length
of the first Newton step, and whatever the point is."""


class Descent(NamedTuple):
    """Where one path leads.

    Attributes:
        arrival: what is there.
        tolerance: error of one step of the path that was believed.
        spread: how far that path may have strayed, in weight units.
        cost: evaluations spent on it and on those that were not believed.
    """

    arrival: Certificate
    tolerance: float
    spread: float
    cost: Cost


def descend(tools: Tools, starts: list[np.ndarray]) -> Generator[Requests, Any, list[Descent]]:
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


def _end(path: _Path, flow: Flowed) -> Generator[Requests, Any, Descent]:
    """Certify where a path leads, with tighter tolerances while it may have strayed too far.

    `flow` is what the coarsest tolerance gave.
    """
    tolerances, largest, cost = path.tools.flow_tolerance, path.tools.largest_spread, Cost()
    for tolerance, tighter in pairwise(tolerances):
        arrival, flow, spent = yield from _arrive(path, tolerance, flow, largest)
        cost += spent
        if flow.status != Status.CONVERGED or flow.spread <= largest:
            return Descent(arrival, tolerance, float(flow.spread), cost)
        flow = yield path.request(tighter)
    arrival, flow, spent = yield from _arrive(path, tolerances[-1], flow, np.inf)
    return Descent(arrival, tolerances[-1], float(flow.spread), cost + spent)


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


def _flow_cost(flow: Flowed) -> Cost:
    return Cost(int(flow.gradients), int(flow.hessians))
