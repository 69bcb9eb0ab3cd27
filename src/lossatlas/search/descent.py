"""One path of steepest descent: from beside a saddle to the stationary point that it leads to.

A path follows gradient flow (see `kernels.dense.flow`) to the Newton ball of a minimum. Where
errors grew on the way, near a watershed, it is followed again with a tighter tolerance, until it
cannot have strayed far or the tightest was used. How much tighter follows from how far it may have
strayed: that falls as a known power of the tolerance, so that one more path is enough, whether a
slightly tighter tolerance will do or only the tightest.

A short Newton step does not prove that a minimum is near: on a shoulder of a valley the Hessian is
positive definite too, and Newton's method goes astray, maybe to a saddle. So what it reaches must
be no saddle within reach of the path, and must lie within 1.5 lengths of the first step: along one
direction with a constant third derivative its curvature is then at least a third of that at the end
of the path. Otherwise the path is continued, to a smaller ball.
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
"""Newton balls that a path is followed to, one after the other, as parts of the first."""
CLOSE, THERE = 0.01, 1e-6
"""How close a point is taken for the end of a path, as parts of the first ball: whatever the length
of the first Newton step, and whatever the point is."""

AIM, POWER = 0.7, 1.6
"""The next tolerance is aimed at this part of the largest spread; the spread falls as the 0.63rd
power of the tolerance, measured over two decades (`benchmarks.paths`), and this is the inverse."""
NOTCHES = 4
"""Tolerances of paths that are followed again are so many a decade: a rounding error of the spread
must not change what is stored. The next one is at least a notch tighter."""


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
    paths = [_Path(tools, start, invariant_subspace(tools.landscape, start)) for start in starts]
    flows: list[Flowed] = yield [path.request(tools.flow_tolerance[0]) for path in paths]
    descents = []
    for path, flow in zip(paths, flows, strict=True):
        descents.append((yield from _end(path, flow)))
    return descents


class _Path(NamedTuple):
    """A path to be followed: where it begins, and the projector onto what it cannot leave."""

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

    `flow` is what the first tolerance gave.
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
    """The tolerance at which a path will hardly stray too far, no tighter than the tightest.

    Args:
        tolerance: at which it may have.
        excess: its spread over the largest one that is believed, more than 1.
        tightest: of all tolerances.

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
