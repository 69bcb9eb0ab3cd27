"""Pathways: from a transition state down to the two minima that gradient flow joins through it.

The path begins a small distance away on either side along the eigenvector of the negative
eigenvalue and follows gradient flow (see `optimize.flow`) to the Newton ball of a minimum. If it
came close to another saddle on the way it is followed again with a tighter tolerance.

A short Newton step does not prove that a minimum is near: on a shoulder of a valley the Hessian is
positive definite too, and Newton's method may end at a saddle beyond it. So the point must lie
where that step pointed: not further than 1.5 times its length. (Along one direction with a constant
third derivative the curvature at the minimum is then at least a third of that at the end of the
path. Of 493 paths of a [2, 10, 4] network 9 in 10 have a ratio of 0.93 to 1.05; four exceed 1.5.)
Otherwise the path goes on to a smaller ball.

Equal hidden units make subspaces that the flow cannot leave. A path inside one may end at a point
that is a minimum there and a saddle outside. That point is stored as what it is; if it is itself a
transition state its own pathway is followed, and the minimum reported is one of the two below it.
"""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.optimize.flow import Flowed
from lossatlas.optimize.lanes import Request
from lossatlas.search.certify import DEGENERATE, Certificate, certified
from lossatlas.search.outcome import Cost, Pathway, PathwayEnd, StationaryPoint
from lossatlas.search.tools import Tools

MAX_DEPTH = 3
"""Saddles that a path may run into, one after the other, before it is given up."""

Requests = Request | list[Request]


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


def follow(
    tools: Tools, saddle: StationaryPoint, mode: np.ndarray, depth: int = 0
) -> Generator[Requests, Any, Followed]:
    """Follow both paths from a certified transition state with its unstable mode (n,)."""
    starts = [saddle.weights + sign * tools.pushoff * mode for sign in (1.0, -1.0)]
    arrivals, cost = yield from _descend(tools, starts)
    ends: list[PathwayEnd] = []
    below: list[Pathway] = []
    for arrival in arrivals:
        end, more, spent = yield from _settle(tools, arrival, depth)
        cost += spent
        below.extend(more)
        if end is None:
            return Followed((), Status.LOST_LINK, cost)
        ends.append(end)
    own = Pathway(saddle, (ends[0], ends[1]))
    return Followed((*below, own), Status.CONVERGED, cost)


def _descend(
    tools: Tools, starts: list[np.ndarray]
) -> Generator[Requests, Any, tuple[list[Certificate], Cost]]:
    """Follow the flow from each start and certify where it ends."""
    coarse, tight = (np.asarray(tolerance) for tolerance in tools.flow_tolerance)
    jobs = [
        (start, coarse, np.asarray(tools.newton_ball), tools.landscape.symmetrizer(start))
        for start in starts
    ]
    flows: list[Flowed] = yield [Request(tools.flow, job) for job in jobs]
    cost, arrivals = Cost(), []
    for job, flow in zip(jobs, flows, strict=True):
        ended = yield from _end(tools, job, flow)
        cost += ended.cost
        if ended.approach < tools.near_saddle:
            start, _, *rest = job
            job = (start, tight, *rest)
            flow = yield Request(tools.flow, job)
            ended = yield from _end(tools, job, flow)
            cost += ended.cost
        arrivals.append(ended.arrival)
    return arrivals, cost


class _End(NamedTuple):
    """Where a path ends, how closely it passed a saddle on its way, and what it cost."""

    arrival: Certificate
    approach: float
    cost: Cost


def _end(tools: Tools, job: tuple[Any, ...], flow: Flowed) -> Generator[Requests, Any, _End]:
    """Certify where a path leads; it goes on to a smaller ball where Newton's method went astray.

    `job` is that which gave `flow`.
    """
    _, tolerance, ball, symmetrizer = job
    cost, approach = _flow_cost(flow), float(flow.approach)
    for shrinking in (1e-1, 1e-2, 1e-3, None):
        arrival = yield from certified(tools, np.asarray(flow.w))
        cost += arrival.cost
        if flow.status != Status.CONVERGED:
            arrival = arrival._replace(point=None, status=Status(int(flow.status)))
        if flow.status != Status.CONVERGED or _is_where_newton_pointed(tools, flow, arrival):
            return _End(arrival, approach, cost)
        if shrinking is not None:
            flow = yield Request(tools.flow, (flow.w, tolerance, shrinking * ball, symmetrizer))
            cost += _flow_cost(flow)
            approach = min(approach, float(flow.approach))
    return _End(arrival._replace(point=None, status=Status.NOT_STATIONARY), approach, cost)


def _is_where_newton_pointed(tools: Tools, flow: Flowed, arrival: Certificate) -> bool:
    if arrival.point is None:
        return arrival.status is not Status.NOT_STATIONARY
    apart = float(np.linalg.norm(arrival.point.weights - flow.w))
    return apart <= max(1.5 * float(flow.newton), 1e-4 * tools.newton_ball)


def _settle(
    tools: Tools, arrival: Certificate, depth: int
) -> Generator[Requests, Any, tuple[PathwayEnd | None, tuple[Pathway, ...], Cost]]:
    """Turn the end of a path into a minimum, by way of a saddle if that is where it ended."""
    point = arrival.point
    if point is None or (point.index > 0 and depth >= MAX_DEPTH):
        return None, (), Cost()
    if point.index == 0:
        return PathwayEnd(point, None), (), Cost()
    if point.index == 1:
        followed = yield from follow(tools, point, arrival.modes[0], depth + 1)
        if followed.status is not Status.CONVERGED:
            return None, (), followed.cost
        minimum = min((end.minimum for end in followed.pathways[-1].ends), key=lambda m: m.energy)
        return PathwayEnd(minimum, point), followed.pathways, followed.cost
    return (yield from _fall_off(tools, arrival, depth))


def _fall_off(
    tools: Tools, arrival: Certificate, depth: int
) -> Generator[Requests, Any, tuple[PathwayEnd | None, tuple[Pathway, ...], Cost]]:
    """From a point of index two or more, a minimum below it that stands for the superbasin.

    The path itself goes no further. What the slightest disturbance would do decides: it leaves in a
    generic direction of the most negative curvature, to either side; the lower minimum is taken.
    (Special directions would lead into further symmetric subspaces.)
    """
    point, values = arrival.point, arrival.eigenvalues
    assert point is not None
    lowest = values[: len(arrival.modes)] - values[0] < DEGENERATE * abs(values[0])
    multiplet = arrival.modes[lowest]
    direction = np.random.default_rng(0).normal(size=len(multiplet)) @ multiplet
    direction /= np.linalg.norm(direction)
    starts = [point.weights + sign * tools.pushoff * direction for sign in (1.0, -1.0)]
    arrivals, cost = yield from _descend(tools, starts)
    best: tuple[PathwayEnd | None, tuple[Pathway, ...]] = (None, ())
    for below in arrivals:
        end, pathways, spent = yield from _settle(tools, below, depth + 1)
        cost += spent
        if end is not None and (best[0] is None or end.minimum.energy < best[0].minimum.energy):
            best = (PathwayEnd(end.minimum, point), pathways)
    return best[0], best[1], cost


def _flow_cost(flow: Flowed) -> Cost:
    return Cost(int(flow.gradients), int(flow.hessians))
