"""Searches for transition states: single-ended from one minimum, or double-ended between two.

All of them refine candidates by eigenvector-following, certify the transition states, and follow
the paths down both of their sides. Candidates that fail are counted by the reason.
"""

from collections.abc import Generator
from typing import Any

import numpy as np

from lossatlas.errors import Status
from lossatlas.kernels.band import candidates
from lossatlas.kernels.dense.climb import Climbed
from lossatlas.lanes.requests import Request, Requests
from lossatlas.search.certify import canonical_directions, certified
from lossatlas.search.outcome import Cost, Outcome, Pathway
from lossatlas.search.pathway import follow
from lossatlas.search.tools import Tools


class _Findings:
    """Transition states and failures collected during one search."""

    def __init__(self) -> None:
        self.pathways: list[Pathway] = []
        self.hits: list[int] = []
        self.failures: dict[Status, int] = {}
        self.cost = Cost()

    def fail(self, status: Status) -> None:
        self.failures[status] = self.failures.get(status, 0) + 1

    def outcome(self) -> Outcome:
        found = bool(self.pathways or self.hits)
        worst = max(self.failures, key=lambda s: self.failures[s], default=Status.NO_CANDIDATE)
        return Outcome(
            Status.CONVERGED if found else worst,
            self.cost,
            pathways=tuple(self.pathways),
            failures=self.failures,
            hits=tuple(self.hits),
        )


def soft_directions(
    tools: Tools, w: np.ndarray
) -> Generator[Requests, Any, tuple[np.ndarray, Cost]]:
    """Compute the directions (k, n) along which searches leave a minimum, softest first.

    The arbitrary eigenvectors of a degenerate multiplet (as of equal units) are replaced by the
    canonical symmetry-breaking directions of the landscape.

    Returns:
        The directions, and the cost.
    """
    certificate = yield from certified(tools, w)
    values = certificate.eigenvalues[: len(certificate.modes)]
    directions = canonical_directions(tools.landscape, w, certificate.modes, values)
    return directions, certificate.cost


def single_ended(
    tools: Tools, w: np.ndarray, mode: int, sign: int, displacement: float = 1.0
) -> Generator[Requests, Any, Outcome]:
    """Climb from a minimum along one of its soft directions to a transition state.

    Args:
        tools: the kernels and lengths of the landscape.
        w: (n,) weights of the minimum.
        mode: number of the direction, 0 for the softest.
        sign: 1 to climb along the direction, -1 to climb against it.
        displacement: factor of the distance `Tools.displacement` at which the climb begins;
            default 1.

    Returns:
        A search that returns an `Outcome` with the transition states found. Its status is
        NO_CANDIDATE if the minimum has no direction of this number.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.lanes.engine import Engine
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> minimum = np.array([0.08984201, -0.7126564])
        >>> search = single_ended(la.default_tools(camel), minimum, mode=0, sign=-1)
        >>> [(_, outcome)] = Engine(camel.surface).run([search])
        >>> round(outcome.pathways[0].transition_state.energy, 6)
        0.543719
    """
    findings = _Findings()
    directions, cost = yield from soft_directions(tools, w)
    findings.cost += cost
    if mode < len(directions):
        direction = sign * directions[mode]
        start = w + displacement * tools.displacement * direction
        yield from _refine(tools, findings, [(start, direction)])
    return findings.outcome()


def climb_from(
    tools: Tools, start: np.ndarray, direction: np.ndarray
) -> Generator[Requests, Any, Outcome]:
    """Climb from any point to a transition state, along the mode of its lowest curvature.

    Args:
        tools: the kernels and lengths of the landscape.
        start: (n,) weights at which the climb begins.
        direction: (n,) unit vector. Where no curvature is negative, the climb follows the soft
            mode that is closest to it.

    Returns:
        A search that returns an `Outcome` with the transition states found.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.lanes.engine import Engine
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> tools = la.default_tools(camel)
        >>> search = climb_from(tools, np.array([0.1, 0.1]), np.array([0.0, 1.0]))
        >>> [(_, outcome)] = Engine(camel.surface).run([search])
        >>> round(abs(outcome.pathways[0].transition_state.energy), 9)
        0.0
    """
    findings = _Findings()
    yield from _refine(tools, findings, [(start, direction)])
    return findings.outcome()


def double_ended(
    tools: Tools, first: np.ndarray, second: np.ndarray
) -> Generator[Requests, Any, Outcome]:
    """Relax a band of images between two minima, and refine its maxima to transition states.

    Args:
        tools: the kernels and lengths of the landscape.
        first: (n,) weights of one minimum.
        second: (n,) weights of the other minimum. Of its symmetry copies the one that is given is
            used; `Landscape.nearest_copy` finds the nearest.

    Returns:
        A search that returns an `Outcome` with the transition states found. Its status is
        NO_CANDIDATE if the band has no interior maximum.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.lanes.engine import Engine
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> tools = la.default_tools(camel)
        >>> minimum = np.array([0.08984201, -0.7126564])
        >>> search = double_ended(tools, minimum, -minimum)
        >>> [(_, outcome)] = Engine(camel.surface).run([search])
        >>> round(abs(outcome.pathways[0].transition_state.energy), 9)
        0.0
    """
    findings = _Findings()
    relaxed = yield Request(tools.band, (first, second))
    findings.cost += Cost(int(relaxed.iterations) * (tools.band.images - 2), 0)
    if relaxed.status == Status.CONVERGED:
        yield from _refine(tools, findings, candidates(relaxed))
    else:
        findings.fail(Status(int(relaxed.status)))
    return findings.outcome()


def from_the_middle(
    tools: Tools, first: np.ndarray, second: np.ndarray
) -> Generator[Requests, Any, Outcome]:
    """Climb from the middle between two points to a transition state.

    Args:
        tools: the kernels and lengths of the landscape.
        first: (n,) one point.
        second: (n,) the other point. Where no curvature is negative, the climb follows the soft
            mode that is closest to the line through both points.

    Returns:
        A search that returns an `Outcome` with the transition states found. Its status is
        NO_CANDIDATE if the two points are equal.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.lanes.engine import Engine
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> tools = la.default_tools(camel)
        >>> minimum = np.array([0.08984201, -0.7126564])
        >>> search = from_the_middle(tools, minimum, -minimum)
        >>> [(_, outcome)] = Engine(camel.surface).run([search])
        >>> round(abs(outcome.pathways[0].transition_state.energy), 9)
        0.0
    """
    findings = _Findings()
    apart = second - first
    length = np.linalg.norm(apart)
    starts = [(first + 0.5 * apart, apart / length)] if length > 0 else []
    yield from _refine(tools, findings, starts)
    return findings.outcome()


def _refine(
    tools: Tools, findings: _Findings, starts: list[tuple[np.ndarray, np.ndarray]]
) -> Generator[Requests, Any, None]:
    """Refine candidates, each a point and a direction, to transition states with their paths."""
    if not starts:
        findings.fail(Status.NO_CANDIDATE)
        return
    climbs: list[Climbed] = yield [Request(tools.climb, start) for start in starts]
    for climb in climbs:
        findings.cost += Cost(int(climb.gradients), int(climb.hessians))
        if climb.status != Status.CONVERGED:
            findings.fail(Status(int(climb.status)))
            continue
        certificate = yield from certified(tools, np.asarray(climb.w))
        findings.cost += certificate.cost
        point = certificate.point
        if point is None or point.index != 1:
            findings.fail(certificate.status if point is None else Status.WRONG_INDEX)
            continue
        known = tools.known.find(point)
        if known is not None:
            findings.hits.append(known)
            continue
        followed = yield from follow(tools, point, certificate.modes[0])
        findings.cost += followed.cost
        findings.pathways.extend(followed.pathways)
        if followed.status is not Status.CONVERGED:
            findings.fail(followed.status)
