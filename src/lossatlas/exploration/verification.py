"""Verification: recompute what an atlas claims, point by point and link by link.

Every stored point is polished again from its stored weights: it must not move, its gradient must be
below tolerance, its Hessian must have the index that its table promises, and its energy must be the
stored one. Every link is followed again by gradient flow at tolerances far tighter than those of
the search, or, on request, by an ODE solver that shares no code with it.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import numpy as np

from lossatlas.atlas import Atlas
from lossatlas.errors import LossatlasError, Status
from lossatlas.exploration.ode_flow import Integrated, OdeFlow
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request, Requests
from lossatlas.old_names import renamed_arguments
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.identity import energy_window
from lossatlas.search.known import Known, KnownPoints
from lossatlas.search.outcome import StationaryPoint
from lossatlas.search.pathway import follow
from lossatlas.search.tools import Tools, default_tools

TIGHTER = 3e-3
"""Tolerance of the paths, relative to that of the search; a tenth of its tightest where they may
have strayed a tenth as far as the search allows."""


class Verification(NamedTuple):
    """How much was checked, and what was wrong, in words.

    Attributes:
        checked_minima, checked_transition_states, checked_links: how many.
        failures: what was wrong.
        interrupted: whether an interrupt ended it before all that was asked for was checked.
    """

    checked_minima: int
    checked_transition_states: int
    checked_links: int
    failures: tuple[str, ...]
    interrupted: bool = False


HIGHER = 0
"""Stands for an end where a path runs into a saddle of index two or more. Which minimum is stored
there is a convention (see `search.pathway`); that the path does end so is checked."""


class _Link(NamedTuple):
    """What the atlas says of one transition state: its id, and where its two paths end."""

    id: int
    ends: tuple[int, int]


@renamed_arguments(ode="flow")
def verify(
    landscape: Landscape,
    atlas: Atlas,
    sample: int | None = None,
    flow: bool = False,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
    transition_states: Sequence[int] | None = None,
) -> Verification:
    """Recompute gradient, Hessian index and links of stored points.

    First the rows themselves are checked (`Atlas.check`), all of them, whatever the sample.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas.
        sample: check at most so many minima and so many transition states, drawn at random.
        flow: follow the links with SciPy's LSODA instead (seconds a link).
        seed: of the draw.
        report: called with the number of points checked and their total.
        transition_states: ids of the transition states to check, in place of a draw.

    An interrupt (Ctrl-C) ends it with what has been checked until then.

    Examples:
        >>> verify(landscape, atlas, sample=20).failures             # doctest: +SKIP
        ()
    """
    damaged = atlas.check()
    try:
        found = _recomputed(landscape, atlas, sample, flow, seed, report, transition_states)
    except (LossatlasError, TypeError, ValueError) as error:
        if not damaged:
            raise
        return nothing_checked(damaged, error)
    return found._replace(failures=(*damaged, *found.failures))


def nothing_checked(damaged: Sequence[str], error: Exception) -> Verification:
    """What is said of rows that are damaged so much that no point can be computed again.

    Args:
        damaged: from `Atlas.check`.
        error: why not.
    """
    text = f"the stored points cannot be computed again: {error}"
    return Verification(0, 0, 0, (*damaged, text))


def _recomputed(
    landscape: Landscape,
    atlas: Atlas,
    sample: int | None,
    flow: bool,
    seed: int,
    report: Callable[[int, int], None],
    transition_states: Sequence[int] | None,
) -> Verification:
    minima = atlas.minima(outside=True)
    states = atlas.transition_states(outside=True)
    states = states.dropna(subset=["minimum_1"])  # others have lost links
    random = np.random.default_rng(seed)
    minimum_ids = _draw(minima["id"].tolist(), sample, random)
    state_ids = _draw(states["id"].tolist(), sample, random)
    if transition_states is not None:
        state_ids = sorted(transition_states)
    rows = states.set_index("id")
    higher = rows[["via_1_index", "via_2_index"]].fillna(0).to_numpy() > 1
    ends = np.where(higher, HIGHER, rows[["minimum_1", "minimum_2"]].to_numpy())
    stored = dict(zip(rows.index.tolist(), ends.tolist(), strict=True))
    links = [_Link(i, tuple(stored[i])) for i in state_ids]
    checks = _Checks(landscape, atlas, flow)
    searches = [checks.minimum(i, w) for i, w in _weights(atlas.minimum_weights, minimum_ids)]
    searches += [
        checks.transition_state(link, w)
        for link, (_, w) in zip(
            links, _weights(atlas.transition_state_weights, state_ids), strict=True
        )
    ]
    checked: dict[int, list[str]] = {}
    interrupted = False
    try:
        for position, found in Engine(landscape.surface).run(searches):
            checked[position] = found
            report(len(checked), len(searches))
    except KeyboardInterrupt:
        interrupted = True
    return _summary(checked, len(minimum_ids), interrupted)


def _summary(checked: dict[int, list[str]], minima: int, interrupted: bool) -> Verification:
    """What was found at each position that was checked; so many of all positions are minima."""
    failures = tuple(text for position in sorted(checked) for text in checked[position])
    checked_minima = sum(position < minima for position in checked)
    states = len(checked) - checked_minima
    return Verification(checked_minima, states, 2 * states, failures, interrupted)


def _draw(ids: Sequence[int], sample: int | None, random: np.random.Generator) -> list[int]:
    if sample is None or sample >= len(ids):
        return list(ids)
    return sorted(int(i) for i in random.choice(ids, size=sample, replace=False))


def _weights(read: Callable, ids: list[int]) -> list[tuple[int, np.ndarray]]:
    return list(zip(ids, read(ids), strict=True)) if ids else []


def _words(ends: Sequence[int]) -> str:
    names = {HIGHER: "a saddle of higher index", -1: "an unknown minimum"}
    return ", ".join(names.get(end, f"minimum {end}") for end in sorted(ends))


def stricter(tools: Tools) -> Tools:
    """Tools that follow paths more tightly than a search does, and to a smaller Newton ball."""
    return tools._replace(
        flow_tolerance=(TIGHTER * tools.flow_tolerance[0], 0.1 * tools.flow_tolerance[-1]),
        largest_spread=0.1 * tools.largest_spread,
        newton_ball=0.1 * tools.newton_ball,
    )


class _Checks:
    """The checks of one atlas, as searches for the engine; each returns what it found wrong."""

    def __init__(self, landscape: Landscape, atlas: Atlas, flow: bool) -> None:
        self.tools = stricter(default_tools(landscape))
        self.landscape, self.flow = landscape, flow
        columns = ["id", "loss"]
        self.energies = {
            "minimum": dict(atlas.minima(outside=True)[columns].itertuples(index=False, name=None)),
            "transition state": dict(
                atlas.transition_states(outside=True)[columns].itertuples(index=False, name=None)
            ),
        }
        self.minima = _table(landscape, atlas, self.energies["minimum"]).as_of()

    def minimum(self, identity: int, w: np.ndarray) -> Generator[Requests, Any, list[str]]:
        """A minimum is where it says, and is one."""
        certificate = yield from certified(self.tools, w)
        return self._point(f"minimum {identity}", certificate, w, 0)

    def transition_state(self, link: _Link, w: np.ndarray) -> Generator[Requests, Any, list[str]]:
        """A transition state is where it says, is one, and joins the minima it says."""
        name = f"transition state {link.id}"
        certificate = yield from certified(self.tools, w)
        wrong = self._point(name, certificate, w, 1)
        if wrong or certificate.point is None:
            return wrong
        if self.flow:
            reached = yield from self._ends_by_ode(certificate)
        else:
            reached = yield from self._ends(certificate)
        if reached is None:
            return [f"{name}: a path from it does not reach a certified minimum"]
        if sorted(reached) == sorted(link.ends):
            return []
        return [f"{name}: stored ends: {_words(link.ends)}; its paths reach: {_words(reached)}"]

    def _point(self, name: str, certificate: Certificate, w: np.ndarray, index: int) -> list[str]:
        kind, number = name.rsplit(" ", 1)
        point = certificate.point
        if point is None:
            return [f"{name}: {certificate.status.name.lower().replace('_', ' ')}"]
        wrong = []
        if point.index != index:
            wrong.append(f"{name}: Hessian index {point.index} instead of {index}")
        moved = float(np.linalg.norm(point.weights - w))
        if moved > 1e-6 * self.landscape.length_scale + 10.0 * point.uncertainty:
            wrong.append(
                f"{name}: not stationary where it is stored, polishing moves it {moved:.1e}"
            )
        stored = self.energies[kind][int(number)]
        if abs(point.energy - stored) > energy_window(stored):
            wrong.append(f"{name}: loss {point.energy:.12g}, stored {stored:.12g}")
        return wrong

    def _ends(self, certificate: Certificate) -> Generator[Requests, Any, list[int] | None]:
        assert certificate.point is not None
        followed = yield from follow(self.tools, certificate.point, certificate.modes[0])
        if followed.status is not Status.CONVERGED:
            return None
        return [
            HIGHER if end.via is not None and end.via.index > 1 else self._identity(end.minimum)
            for end in followed.pathways[-1].ends
        ]

    def _ends_by_ode(self, certificate: Certificate) -> Generator[Requests, Any, list[int] | None]:
        """As `_ends`; a path that ends at a saddle is continued by the search's own method."""
        assert certificate.point is not None
        ends, pushoff = [], self.tools.pushoff * certificate.modes[0]
        starts = [certificate.point.weights + sign * pushoff for sign in (1.0, -1.0)]
        paths: list[Integrated] = yield [self._path(start) for start in starts]
        for path in paths:
            arrival = yield from certified(self.tools, path.w)
            if path.status is not Status.CONVERGED or arrival.point is None:
                return None
            if arrival.point.index == 0:
                ends.append(self._identity(arrival.point))
            elif arrival.point.index > 1:
                ends.append(HIGHER)
            else:
                followed = yield from follow(self.tools, arrival.point, arrival.modes[0])
                if followed.status is not Status.CONVERGED:
                    return None
                below = [end.minimum for end in followed.pathways[-1].ends]
                ends.append(self._identity(min(below, key=lambda m: m.energy)))
        return ends

    def _path(self, start: np.ndarray) -> Request:
        symmetrizer = self.landscape.symmetrizer(start)
        return Request(OdeFlow(), (start, symmetrizer, self.landscape.length_scale))

    def _identity(self, point: StationaryPoint) -> int:
        """Id of the stored minimum that `point` is a copy of; -1 if there is none."""
        found = self.minima.find(point)
        return -1 if found is None else found


def _table(landscape: Landscape, atlas: Atlas, energies: dict[int, float]) -> KnownPoints:
    """The stored minima (energies by id), taken to be exactly where they are stored."""
    table, ids = KnownPoints(), list(energies)
    if ids:
        invariants = [landscape.invariants(w) for w in atlas.minimum_weights(ids)]
        known = np.array(ids), np.array(list(energies.values())), np.zeros(len(ids))
        table.append(Known(*known, np.array(invariants)))
    return table
