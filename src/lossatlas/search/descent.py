"""One path of steepest descent, from a point beside a saddle to the stationary point below it.

A path follows gradient flow (see `kernels.dense.flow`) to the Newton ball of a minimum, where the
Newton step is short. Near a watershed errors of the path grow. Such a path is followed again with a
tighter tolerance, until it cannot have strayed far or the tightest tolerance was used. The next
tolerance is computed from the spread, which is how far the path may have strayed: the spread falls
as a known power of the tolerance, so one more path is mostly enough.

A short Newton step does not prove that a minimum is near: on a shoulder of a valley the Hessian is
positive definite too, and Newton's method may go far away, even to a saddle. So the point that it
reaches must not be a saddle that the path would have left, and must lie within 1.5 lengths of the
first step. Along one direction with a constant third derivative, its curvature is then at least a
third of that at the end of the path. Otherwise the path is continued to a smaller ball.
"""

import math
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.parts import Flowed
from lossatlas.landscape.invariant_subspace import invariant_subspace
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import Cost
from lossatlas.search.tools import Tools

BALLS = (1.0, 0.1, 0.01, 0.001)
"""Radii of the Newton balls that a path is followed to one after the other, as fractions of the
first."""
CLOSE, THERE = 0.01, 1e-6
"""Distances, as fractions of the first Newton ball, up to which a point is taken for the end of a
path: `CLOSE` whatever the length of the first Newton step, `THERE` whatever its Hessian index."""

AIM, POWER = 0.7, 1.6
"""The next tolerance is chosen for a spread of `AIM` times the largest one that is accepted. The
spread falls as the 0.63rd power of the tolerance, as `benchmarks.paths` measured over two decades;
`POWER` is the inverse of that exponent."""
NOTCHES = 4
"""Number of tolerances a decade for paths that are followed again, so that a rounding error of the
spread does not change what is stored. The next tolerance is tighter by at least one of them."""


class Descent(NamedTuple):
    """Where one path leads.

    Attributes:
        arrival: certificate of the stationary point at the end of the path.
        tolerance: error of one step, in weight units, of the path that was accepted.
        spread: how far the accepted path may have strayed from the true one, in weight units.
        cost: evaluations spent on the accepted path and on those before it.
    """

    arrival: Certificate
    tolerance: float
    spread: float
    cost: Cost


def descend(tools: Tools, starts: list[np.ndarray]) -> Generator[Requests, Any, list[Descent]]:
    """Follow gradient flow from each start (n,) and certify the point where it ends."""
    paths = [_Path(tools, start, invariant_subspace(tools.landscape, start)) for start in starts]
    flows: list[Flowed] = yield [path.request(tools.flow_tolerance[0]) for path in paths]
    descents = []
    for path, flow in zip(paths, flows, strict=True):
        descents.append((yield from _end(path, flow)))
    return descents


class _Path(NamedTuple):
    """A path to be followed.

    Attributes:
        tools: the kernels and lengths of the landscape.
        start: (n,) weights at which it begins.
        symmetrizer: the projector (n, n) onto the subspace that gradient flow cannot leave.
    """

    tools: Tools
    start: np.ndarray
    symmetrizer: Any

    def request(self, tolerance: float) -> Request:
        """The request to follow it with this tolerance to the first Newton ball."""
        return self._to_ball(self.start, tolerance, BALLS[0], 0.0)

    def further(self, flow: Flowed, tolerance: float, ball: float) -> Request:
        """The request to continue it to a smaller Newton ball, given as a fraction of the first."""
        return self._to_ball(np.asarray(flow.w), tolerance, ball, float(flow.deviation))

    def _to_ball(self, w: np.ndarray, tolerance: float, ball: float, deviation: float) -> Request:
        lengths = (np.asarray(x) for x in (tolerance, ball * self.tools.newton_ball))
        return Request(self.tools.flow, (w, *lengths, self.symmetrizer, np.asarray(deviation)))


def _end(path: _Path, flow: Flowed) -> Generator[Requests, Any, Descent]:
    """Certify where a path leads, with tighter tolerances while it may have strayed too far.

    `flow` is the result with the first tolerance.
    """
    (tolerance, tightest), cost = path.tools.flow_tolerance, Cost()
    while True:
        believed = tolerance <= tightest
        largest = np.inf if believed else path.tools.largest_spread
        arrival, flow, spent = yield from _arrive(path, tolerance, flow, largest)
        cost += spent
        if believed or flow.status != Status.CONVERGED or flow.spread <= largest:
            return Descent(arrival, tolerance, float(flow.spread), cost)
        tolerance = tighter(tolerance, float(flow.spread) / largest, tightest)
        flow = yield path.request(tolerance)


def tighter(tolerance: float, excess: float, tightest: float) -> float:
    """The tolerance with which a path that may have strayed too far is followed again.

    Args:
        tolerance: tolerance of the path that may have strayed, in weight units.
        excess: the spread of that path over the largest one that is accepted, more than 1.
        tightest: lower bound of all tolerances.

    Examples:
        >>> tighter(1e-3, 1.01, 1e-5), tighter(1e-3, 1e9, 1e-5)
        (0.0005623413251903491, 1e-05)
    """
    if not math.isfinite(excess):
        return tightest
    notches = max(1, round(NOTCHES * POWER * math.log10(excess / AIM)))
    return max(tightest, tolerance * 10.0 ** (-notches / NOTCHES))


def _arrive(
    path: _Path, tolerance: float, flow: Flowed, largest: float
) -> Generator[Requests, Any, tuple[Certificate, Flowed, Cost]]:
    """Certify where the flow of this tolerance ends; continue it if it may not have arrived yet.

    The path is given up at once if its spread exceeds `largest`. The flow that is returned with the
    certificate is the last one, with the largest spread of all.
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
    """Whether the path leads to the point that Newton's method reached from its last point."""
    if arrival.point is None:
        return False
    apart = float(np.linalg.norm(arrival.point.weights - flow.w))
    if apart <= THERE * ball:
        return True
    negative = arrival.modes[arrival.eigenvalues[: len(arrival.modes)] < 0]
    if len(negative) == len(arrival.modes):
        return apart <= CLOSE * ball  # further unstable modes may exist that are not computed
    leaving = np.linalg.norm(symmetrizer @ negative.T, axis=0)
    return apart <= max(1.5 * float(flow.newton), CLOSE * ball) and bool((leaving < 1e-3).all())


def _flow_cost(flow: Flowed) -> Cost:
    return Cost(int(flow.gradients), int(flow.hessians))
