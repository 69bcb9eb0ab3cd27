"""Verification: recompute what an atlas claims, point by point and link by link.

Every stored point is polished again from its stored weights: it must not move, its gradient must be
below tolerance, its Hessian must have the index that its table promises, and its energy must be the
stored one. Every path is followed again by gradient flow, with tolerances tighter than those of the
search, or, on request, by an ODE solver that shares no code with it. The two sides of a transition
state must reach the stored minima, no other ones, and by way of the stored saddles.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lossatlas.atlas import Atlas, schema
from lossatlas.errors import BadInputError, LossatlasError, Status
from lossatlas.exploration.claims import (
    End,
    Sides,
    StoredLinks,
    StoredPoints,
    agree,
    in_words,
    read_claims,
)
from lossatlas.exploration.conflicts import identity_conflicts
from lossatlas.exploration.ode_flow import Integrated, OdeFlow
from lossatlas.exploration.stop_rules import SETTINGS, Setting
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request, Requests, Search
from lossatlas.old_names import renamed_arguments
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import PathwayEnd
from lossatlas.search.pathway import ends_of, follow
from lossatlas.search.tools import Tools, default_tools

CONFIRMING = 1 / 3
"""Tolerances of confirming paths, as parts of those of the search. How far a path may have strayed
before the next tolerance is used is the same. `python -m benchmarks.verification` compares their
ends with those at a tenth of these tolerances."""
SMALLER_BALL = 0.1
"""Newton ball of confirming paths, as a part of that of the search."""
SAMPLE = Setting(int, "a whole number, 1 or more", "check so many points of each kind", 20, least=1)


class Verification(NamedTuple):
    """How much was checked, and what was wrong, in words.

    Attributes:
        checked_minima, checked_transition_states: how many were computed again.
        checked_links: how many links were followed again.
        failures: what was wrong.
        interrupted: whether an interrupt ended it before all that was asked for was checked.
        trusted_links: how many links were not followed again, because `trust_confirmed` was given
            and the search had followed them as tightly.
        conflicts: pairs of points that compute the same with other weights, see `conflicts`; these
            are no failures.
    """

    checked_minima: int
    checked_transition_states: int
    checked_links: int
    failures: tuple[str, ...]
    interrupted: bool = False
    trusted_links: int = 0
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """What of an atlas is to be checked, and how; see `verify`."""

    sample: int | None
    flow: bool
    seed: int
    transition_states: Sequence[int] | None
    trust_confirmed: bool

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.sample is not None:
            SAMPLE.check("verify: sample", self.sample)
        SETTINGS["seed"].check("verify: seed", self.seed)
        if self.flow and self.trust_confirmed:
            problem = "the links that it trusts were not followed by the ODE solver of flow"
            raise BadInputError("verify: trust_confirmed", problem, "use one of the two")


@renamed_arguments(ode="flow")
def verify(
    landscape: Landscape,
    atlas: Atlas,
    sample: int | None = None,
    flow: bool = False,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda done, total: None,
    transition_states: Sequence[int] | None = None,
    trust_confirmed: bool = False,
) -> Verification:
    """Recompute gradient, Hessian index and links of stored points.

    First the rows themselves are checked (`Atlas.check`), all of them, whatever the sample. All
    cores are used. An interrupt (Ctrl-C) ends it with what has been checked until then.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas.
        sample: check at most so many minima and so many transition states, drawn at random.
        flow: follow the links with SciPy's LSODA instead (seconds a link).
        seed: of the draw.
        report: called with the number of points checked and their total.
        transition_states: ids of the transition states to check, in place of a draw.
        trust_confirmed: do not follow the links of a transition state again if the search has
            followed all of them with the tolerance that would be used here, or a tighter one, and
            none ran into a saddle: a link does not say how paths were followed from there. Its
            point is checked all the same.

    Raises:
        BadInputError: for a sample or seed that is no such number, for an id of no transition
            state, and for `flow` together with `trust_confirmed`.

    Examples:
        >>> verify(landscape, atlas, sample=20).failures             # doctest: +SKIP
        ()
    """
    asked = _Asked(sample, flow, seed, transition_states, trust_confirmed)
    damaged = atlas.check()
    try:
        found = _recomputed(landscape, atlas, asked, report)
    except BadInputError:
        raise
    except (LossatlasError, TypeError, ValueError) as error:
        if not damaged:
            raise
        return nothing_checked(damaged, error)
    conflicts = () if damaged else identity_conflicts(landscape, atlas)
    return found._replace(failures=(*damaged, *found.failures), conflicts=conflicts)


def nothing_checked(damaged: Sequence[str], error: Exception) -> Verification:
    """What is said of rows that are damaged so much that no point can be computed again.

    Args:
        damaged: from `Atlas.check`.
        error: why not.
    """
    text = f"the stored points cannot be computed again: {error}"
    return Verification(0, 0, 0, (*damaged, text))


class _Checked(NamedTuple):
    """What came of checking one point: what was wrong, and its links followed and trusted."""

    wrong: list[str]
    followed: int = 0
    trusted: int = 0


def _recomputed(
    landscape: Landscape, atlas: Atlas, asked: _Asked, report: Callable[[int, int], None]
) -> Verification:
    with atlas.reading() as connection:  # weights are read by id, and no row is ever changed
        minima = StoredPoints(connection, schema.minimum)
        states = StoredPoints(connection, schema.transition_state)
        claims = read_claims(connection, asked.transition_states)
    there = set(states.ids.tolist())
    links = [claim for claim in claims if claim.id in there]  # `Atlas.check` reports the others
    random = np.random.default_rng(asked.seed)
    minimum_ids = _draw(minima.ids.tolist(), asked.sample, random)
    if asked.transition_states is None:
        links = _draw(links, asked.sample, random)
    else:
        _refuse_missing(asked.transition_states, {link.id for link in links})
    checks = _Checks(landscape, minima, states, asked)
    searches = [checks.minimum(i, w) for i, w in _weights(atlas.minimum_weights, minimum_ids)]
    weights = _weights(atlas.transition_state_weights, [link.id for link in links])
    searches += [
        checks.transition_state(link, w) for link, (_, w) in zip(links, weights, strict=True)
    ]
    checked: dict[int, _Checked] = {}
    interrupted = False
    try:
        for position, found in _run(landscape, searches):
            checked[position] = found
            report(len(checked), len(searches))
    except KeyboardInterrupt:
        interrupted = True
    return _summary(checked, len(minimum_ids), interrupted)


def _run(landscape: Landscape, searches: Sequence[Search]) -> Iterator[tuple[int, _Checked]]:
    return Engine(landscape.surface).run(searches)


def _summary(checked: dict[int, _Checked], minima: int, interrupted: bool) -> Verification:
    """What was found at each position that was checked; so many of all positions are minima."""
    found = [checked[position] for position in sorted(checked)]
    checked_minima = sum(position < minima for position in checked)
    return Verification(
        checked_minima,
        len(checked) - checked_minima,
        sum(one.followed for one in found),
        tuple(text for one in found for text in one.wrong),
        interrupted,
        sum(one.trusted for one in found),
    )


def _draw(items: list, sample: int | None, random: np.random.Generator) -> list:
    if sample is None or sample >= len(items):
        return items
    drawn = random.choice(len(items), size=sample, replace=False)
    return [items[k] for k in sorted(drawn.tolist())]


def _refuse_missing(asked: Sequence[int], there: set[int]) -> None:
    missing = sorted({int(identity) for identity in asked} - there)
    if missing:
        problem = f"the atlas has no transition state {missing[0]} with links on both sides"
        raise BadInputError("verify: transition_states", problem, "use ids that it lists")


def _weights(read: Callable, ids: list[int]) -> list[tuple[int, np.ndarray]]:
    return list(zip(ids, read(ids), strict=True)) if ids else []


def stricter(tools: Tools) -> Tools:
    """Tools that follow paths more tightly than a search does, and to a smaller Newton ball."""
    first, tightest = tools.flow_tolerance
    return tools._replace(
        flow_tolerance=(CONFIRMING * first, CONFIRMING * tightest),
        newton_ball=SMALLER_BALL * tools.newton_ball,
    )


Ends = Generator[Requests, Any, Sides | None]


class _Checks:
    """The checks of one atlas, as searches for the engine; each returns what it found wrong."""

    def __init__(
        self, landscape: Landscape, minima: StoredPoints, states: StoredPoints, asked: _Asked
    ) -> None:
        self.tools = stricter(default_tools(landscape))
        self.landscape, self.minima, self.states, self.asked = landscape, minima, states, asked

    def minimum(self, identity: int, w: np.ndarray) -> Generator[Requests, Any, _Checked]:
        """A minimum is where it says, and is one."""
        certificate = yield from certified(self.tools, w)
        return _Checked(self._point(self.minima, identity, certificate, w))

    def transition_state(
        self, links: StoredLinks, w: np.ndarray
    ) -> Generator[Requests, Any, _Checked]:
        """A transition state is where it says, is one, and joins the minima it says."""
        certificate = yield from certified(self.tools, w)
        wrong = self._point(self.states, links.id, certificate, w)
        if wrong or certificate.point is None:
            return _Checked(wrong)
        if self.asked.trust_confirmed and self._confirmed(links):
            return _Checked([], 0, links.rows)
        way = self._ends_by_ode if self.asked.flow else self._ends
        reached = yield from way(certificate)
        return _Checked(_wrong_ends(links, reached), links.rows)

    def _confirmed(self, links: StoredLinks) -> bool:
        """Whether the search has followed all paths as tightly as they would be followed now.

        A link says this of the path from the transition state only, not of those that go on from a
        saddle which that path runs into.
        """
        straight = all(end.via_index == 0 for side in links.sides for end in side)
        same_method = links.methods == {self.tools.flow.method}
        return straight and same_method and links.tolerance <= self.tools.flow_tolerance[0]

    def _point(
        self, table: StoredPoints, identity: int, certificate: Certificate, w: np.ndarray
    ) -> list[str]:
        name, point = f"{table.kind} {identity}", certificate.point
        if point is None:
            return [f"{name}: {certificate.status.name.lower().replace('_', ' ')}"]
        wrong = []
        index = 0 if table is self.minima else 1
        if point.index != index:
            wrong.append(f"Hessian index {point.index} instead of {index}")
        moved = float(np.linalg.norm(point.weights - w))
        if moved > 1e-6 * self.landscape.length_scale + 10.0 * point.uncertainty:
            wrong.append(f"not stationary where it is stored, polishing moves it {moved:.1e}")
        wrong += table.differences(identity, point)
        return [f"{name}: {text}" for text in wrong]

    def _ends(self, certificate: Certificate) -> Ends:
        """Where the two paths lead; None if one leads nowhere."""
        assert certificate.point is not None
        followed = yield from follow(self.tools, certificate.point, certificate.modes[0])
        if followed.status is not Status.CONVERGED:
            return None
        ends = followed.pathways[-1].ends
        sides = [frozenset(self._end(end) for end in ends if end.side == side) for side in (0, 1)]
        return sides[0], sides[1]

    def _end(self, end: PathwayEnd) -> End:
        """An end that was found, by the ids of the stored points that its points are copies of."""
        minimum, via = self.minima.recognized(end.minimum), end.via
        if via is None:
            return End(minimum)
        return End(minimum, via.index, self.states.recognized(via) if via.index == 1 else 0)

    def _ends_by_ode(self, certificate: Certificate) -> Ends:
        """As `_ends`; a path that ends at a saddle is continued by the search's own method."""
        assert certificate.point is not None
        pushoff = self.tools.pushoff * certificate.modes[0]
        starts = [certificate.point.weights + sign * pushoff for sign in (1.0, -1.0)]
        paths: list[Integrated] = yield [self._path(start) for start in starts]
        sides = []
        for side, path in enumerate(paths):
            if path.status is not Status.CONVERGED:
                return None
            arrival = yield from certified(self.tools, path.w)
            ends = yield from ends_of(self.tools, arrival, side)
            if not ends:
                return None
            sides.append(frozenset(map(self._end, ends)))
        return sides[0], sides[1]

    def _path(self, start: np.ndarray) -> Request:
        symmetrizer = self.landscape.symmetrizer(start)
        return Request(OdeFlow(), (start, symmetrizer, self.landscape.length_scale))


def _wrong_ends(links: StoredLinks, reached: Sides | None) -> list[str]:
    name = f"transition state {links.id}"
    if reached is None:
        return [f"{name}: a path from it does not reach a certified minimum"]
    if agree(links.sides, reached):
        return []
    stored, found = in_words(links.sides), in_words(reached)
    return [f"{name}: stored ends: {stored}; its paths reach: {found}"]
