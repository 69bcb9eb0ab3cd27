"""Searches for transition states: single-ended from a minimum, or between two.

All end in the same way: candidates are refined by eigenvector-following, certified, and the paths
down both sides followed. Whatever fails is counted by its reason.
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
    """Directions (k, n) to leave a minimum along, softest first; cost.

    In a degenerate multiplet (equal units) the canonical symmetry-breaking directions stand in
    place of the arbitrary eigenvectors.
    """
    certificate = yield from certified(tools, w)
    values = certificate.eigenvalues[: len(certificate.modes)]
    directions = canonical_directions(tools.landscape, w, certificate.modes, values)
    return directions, certificate.cost


def single_ended(
    tools: Tools, w: np.ndarray, mode: int, sign: int, displacement: float = 1.0
) -> Generator[Requests, Any, Outcome]:
    """Climb from a minimum w (n,) along one of its soft directions, or against it (sign -1).

    `displacement` multiplies the distance at which the climb begins.
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
    """Climb from a point (n,): up along its lowest mode, or along the direction if it has none."""
    findings = _Findings()
    yield from _refine(tools, findings, [(start, direction)])
    return findings.outcome()


def double_ended(
    tools: Tools, first: np.ndarray, second: np.ndarray
) -> Generator[Requests, Any, Outcome]:
    """Relax a band between two minima (n,), in the copies given, and refine its maxima."""
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
    """Climb from the middle between two points (n,), up along the line through them.

    Between two points at one place there is no candidate.
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
    """Refine candidates (point, direction) to transition states, and follow their paths."""
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
