"""Searches that compute points and paths again from stored weights.

Any worker can make them. They return what they find, and the process that has the atlas compares it
with what is stored (`verification`).
"""

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.exploration.ode_flow import Integrated, OdeFlow
from lossatlas.landscape.invariant_subspace import invariant_subspace
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import PathwayEnd, StationaryPoint
from lossatlas.search.pathway import ends_of, follow
from lossatlas.search.tools import Tools

CONFIRMING = 1 / 3
"""Tolerances with which paths are followed again, as a part of those of the search. The distance by
which a path may have strayed before a tighter tolerance is used is that of the search. `python -m
benchmarks.verification` compares the ends of these paths with those at a tenth of the tolerances.
"""
SMALLER_BALL = 0.1
"""Radius of the Newton ball of paths that are followed again, as a part of that of the search."""


class Recomputed(NamedTuple):
    """The result of computing a stored point again.

    Attributes:
        status: CONVERGED, or the reason why no stationary point was certified.
        point: the polished and certified stationary point; None if there is none.
        ends: the minima that the paths down both sides of a transition state reach; None if a path
            did not reach one, or if no path was followed.
    """

    status: Status
    point: StationaryPoint | None
    ends: tuple[PathwayEnd, ...] | None = None


Search = Generator[Requests, Any, Recomputed]


def recompute_point(w: np.ndarray, tools: Tools) -> Search:
    """Polish weights (n,) and certify what is reached."""
    certificate = yield from certified(tools, w)
    return Recomputed(certificate.status, certificate.point)


def recompute_pathway(w: np.ndarray, flow: bool, tools: Tools) -> Search:
    """Polish and certify the weights of a transition state, and follow the paths down from it.

    Args:
        w: (n,) weights.
        flow: whether the paths are followed by a general ODE solver (`ode_flow`) instead of the
            method of the search.
        tools: tolerances and lengths of the search.
    """
    certificate = yield from certified(tools, w)
    found = Recomputed(certificate.status, certificate.point)
    if certificate.point is None or certificate.point.index != 1:
        return found
    ends = yield from (_ends_by_ode if flow else _ends)(tools, certificate)
    return found._replace(ends=ends)


Ends = Generator[Requests, Any, tuple[PathwayEnd, ...] | None]


def _ends(tools: Tools, certificate: Certificate) -> Ends:
    """Return the minima that the two paths reach; None if a path does not reach one."""
    assert certificate.point is not None
    followed = yield from follow(tools, certificate.point, certificate.modes[0])
    if followed.status is not Status.CONVERGED:
        return None
    return tuple(followed.pathways[-1].ends)


def _ends_by_ode(tools: Tools, certificate: Certificate) -> Ends:
    """Do as `_ends` with the ODE solver; beyond a saddle, paths are followed as in a search."""
    assert certificate.point is not None
    pushoff = tools.pushoff * certificate.modes[0]
    starts = [certificate.point.weights + sign * pushoff for sign in (1.0, -1.0)]
    paths: list[Integrated] = yield [_path(tools, start) for start in starts]
    found: list[PathwayEnd] = []
    for side, path in enumerate(paths):
        if path.status is not Status.CONVERGED:
            return None
        arrival = yield from certified(tools, path.w)
        ends = yield from ends_of(tools, arrival, side)
        if not ends:
            return None
        found += ends
    return tuple(found)


def _path(tools: Tools, start: np.ndarray) -> Request:
    landscape = tools.landscape
    return Request(OdeFlow(), (start, invariant_subspace(landscape, start), landscape.length_scale))


def stricter(tools: Tools) -> Tools:
    """Return tools that follow paths more tightly than a search does, to a smaller Newton ball.

    Args:
        tools: the tools of the search.
    """
    first, tightest = tools.flow_tolerance
    return tools._replace(
        flow_tolerance=(CONFIRMING * first, CONFIRMING * tightest),
        newton_ball=SMALLER_BALL * tools.newton_ball,
    )
