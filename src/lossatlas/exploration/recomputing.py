"""Points and paths computed again from stored weights: searches that any worker can make.

What is found is handed back as it is; whoever has the atlas compares it with what is stored
(`verification`).
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


class Recomputed(NamedTuple):
    """What stored weights turned out to be.

    Attributes:
        status: CONVERGED, or why there is no point.
        point: polished and certified; None if there is none.
        ends: where the paths down both sides of a transition state lead; None if one leads
            nowhere, or if they were not followed.
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
    """The same of a transition state, and follow the paths from it.

    Args:
        w: (n,) weights.
        flow: follow paths by a general ODE solver.
        tools: of the search.
    """
    certificate = yield from certified(tools, w)
    found = Recomputed(certificate.status, certificate.point)
    if certificate.point is None or certificate.point.index != 1:
        return found
    ends = yield from (_ends_by_ode if flow else _ends)(tools, certificate)
    return found._replace(ends=ends)


Ends = Generator[Requests, Any, tuple[PathwayEnd, ...] | None]


def _ends(tools: Tools, certificate: Certificate) -> Ends:
    """Where the two paths lead; None if one leads nowhere."""
    assert certificate.point is not None
    followed = yield from follow(tools, certificate.point, certificate.modes[0])
    if followed.status is not Status.CONVERGED:
        return None
    return tuple(followed.pathways[-1].ends)


def _ends_by_ode(tools: Tools, certificate: Certificate) -> Ends:
    """As `_ends`; a path that ends at a saddle is continued by the search's own method."""
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
