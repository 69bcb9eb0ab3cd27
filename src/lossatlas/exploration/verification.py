"""Verification: recompute what an atlas claims, point by point and link by link.

Every stored point is polished again from its stored weights: it must not move, its gradient must be
below tolerance, its Hessian must have the index that its table promises, and its energy must be the
stored one. Every path is followed again by gradient flow, with tolerances tighter than those of the
search, or, on request, by an ODE solver that shares no code with it. The two sides of a transition
state must reach the stored minima, no other ones, and by way of the stored saddles.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from lossatlas.analysis.auc_check import wrong_auc
from lossatlas.atlas import Atlas, schema
from lossatlas.distribution.runner import Limits, Runner
from lossatlas.errors import BadInputError, ClusterError, LossatlasError
from lossatlas.exploration.claims import End, Sides, StoredLinks, agree, in_words, read_claims
from lossatlas.exploration.conflicts import identity_conflicts
from lossatlas.exploration.places import chosen_place
from lossatlas.exploration.recomputing import Recomputed, recompute_pathway, recompute_point
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions, Setting
from lossatlas.exploration.stored_points import StoredPoints, StoredRow, duplicates
from lossatlas.exploration.verified import Verified
from lossatlas.landscape.base import Landscape
from lossatlas.old_names import renamed_arguments
from lossatlas.search.known import KnownPoints
from lossatlas.search.outcome import PathwayEnd, StationaryPoint
from lossatlas.search.tools import Tools, default_tools

T = TypeVar("T")

CONFIRMING = 1 / 3
"""Tolerances of confirming paths, as parts of those of the search. How far a path may have strayed
before the next tolerance is used is the same. `python -m benchmarks.verification` compares their
ends with those at a tenth of these tolerances."""
SMALLER_BALL = 0.1
"""Newton ball of confirming paths, as a part of that of the search."""
AT_ONCE = 4096
"""Searches in flight."""
ROWS_AT_ONCE = 500
"""Points whose weights are read together."""
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
        resumed: how many points were not computed again, because `resume` says that they were
            verified before.
        conflicts: pairs of points that compute the same with other weights, see `conflicts`; these
            are no failures.
    """

    checked_minima: int
    checked_transition_states: int
    checked_links: int
    failures: tuple[str, ...]
    interrupted: bool = False
    trusted_links: int = 0
    resumed: int = 0
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """What of an atlas is to be checked, and how; see `verify`."""

    sample: int | None
    flow: bool
    seed: int
    transition_states: Sequence[int] | None
    trust_confirmed: bool
    executor: Executor | None = None
    resume: Path | None = None

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
    *,
    executor: Executor | None = None,
    resume: str | Path | None = None,
) -> Verification:
    """Recompute what an atlas claims of its points from their weights alone.

    First the rows themselves are checked (`Atlas.check`), and whether a point is stored twice: all
    of them, whatever the sample. Then gradient, index and spectrum, log-determinant, invariants,
    orbit size and columns of AUC are computed again, and both paths from transition states are
    followed. All cores are used. An interrupt (Ctrl-C) ends it with what has been checked until
    then.

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
        executor: whose workers compute, any `concurrent.futures.Executor`; default None, this
            process.
        resume: path of a file that keeps what was as stored, and what was in it before is not
            computed again; it is begun if it is not there.

    Raises:
        BadInputError: for a sample or seed that is no such number, for an id of no transition
            state, and for `flow` together with `trust_confirmed`.

    Examples:
        >>> verify(landscape, atlas, sample=20).failures             # doctest: +SKIP
        ()
    """
    asked = _Asked(
        sample,
        flow,
        seed,
        transition_states,
        trust_confirmed,
        executor,
        None if resume is None else Path(resume).expanduser(),
    )
    damaged = atlas.check()
    try:
        found = _recomputed(landscape, atlas, asked, report)
    except (BadInputError, ClusterError):
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

    kind: str
    id: int
    wrong: list[str]
    followed: int = 0
    trusted: int = 0


def _recomputed(
    landscape: Landscape, atlas: Atlas, asked: _Asked, report: Callable[[int, int], None]
) -> Verification:
    with atlas.reading() as connection:  # rows are read by id, and none is ever changed
        minima = StoredPoints(connection, schema.minimum)
        states = StoredPoints(connection, schema.transition_state)
        claims = read_claims(connection, asked.transition_states)
        manner = {"flow": asked.flow, "trust_confirmed": asked.trust_confirmed}
        verified = Verified(asked.resume, connection, manner)
    there = set(states.ids.tolist())
    links = [claim for claim in claims if claim.id in there]  # `Atlas.check` reports the others
    random = np.random.default_rng(asked.seed)
    minimum_ids = _draw(minima.ids.tolist(), asked.sample, random)
    if asked.transition_states is None:
        links = _draw(links, asked.sample, random)
    else:
        _refuse_missing(asked.transition_states, {link.id for link in links})
    doubles = [text for points in (minima, states) for text in duplicates(atlas, points)]
    wrong = list(wrong_auc(atlas, landscape, minimum_ids))
    before = [("minimum", i) in verified for i in minimum_ids]
    minimum_ids = [i for i, done in zip(minimum_ids, before, strict=True) if not done]
    again = [link for link in links if ("transition_state", link.id) not in verified]
    resumed = sum(before) + len(links) - len(again)
    checks = _Checks(landscape, atlas, minima, states, asked)
    made, interrupted = [], False
    total = len(minimum_ids) + len(again)
    try:
        for checked in checks.made(minimum_ids, again):
            made.append(checked)
            if not checked.wrong:
                verified.add(checked.kind, checked.id)
            report(len(made), total)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        verified.close()
    found = _summary(made, interrupted, resumed)
    return found._replace(failures=(*doubles, *wrong, *found.failures))


def _summary(made: list[_Checked], interrupted: bool, resumed: int) -> Verification:
    """What was found, ordered by kind and id."""
    made = sorted(made, key=lambda one: (one.kind, one.id))
    minima = sum(one.kind == "minimum" for one in made)
    return Verification(
        minima,
        len(made) - minima,
        sum(one.followed for one in made),
        tuple(text for one in made for text in one.wrong),
        interrupted,
        sum(one.trusted for one in made),
        resumed,
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


def stricter(tools: Tools) -> Tools:
    """Tools that follow paths more tightly than a search does, and to a smaller Newton ball."""
    first, tightest = tools.flow_tolerance
    return tools._replace(
        flow_tolerance=(CONFIRMING * first, CONFIRMING * tightest),
        newton_ball=SMALLER_BALL * tools.newton_ball,
    )


class _Checks:
    """The checks of one atlas: searches that are made by whom it may be, and then compared."""

    def __init__(
        self,
        landscape: Landscape,
        atlas: Atlas,
        minima: StoredPoints,
        states: StoredPoints,
        asked: _Asked,
    ) -> None:
        self.tools = stricter(default_tools(landscape))
        self.landscape, self.atlas, self.asked = landscape, atlas, asked
        self.minima, self.states = minima, states

    def made(self, minima: Sequence[int], links: Sequence[StoredLinks]) -> Iterator[_Checked]:
        """Check points of these ids and with these links, as many at once as keep all busy."""
        options = ExploreOptions(executor=self.asked.executor)
        place = chosen_place(self.landscape, options, self.tools)
        waiting: dict[int, tuple[StoredRow, StoredLinks | None]] = {}
        rows = self._rows(minima, links)
        with place.open(KnownPoints(), Limits()) as runner:
            self._feed(runner, rows, waiting)
            for number, found in runner.results():
                row, link = waiting.pop(number)
                yield self._compared(row, link, found)
                self._feed(runner, rows, waiting)

    def _rows(self, minima: Sequence[int], links: Sequence[StoredLinks]) -> Iterator:
        for some in _parts(minima):
            yield from ((row, None) for row in self.minima.rows(self.atlas, some))
        for some in _parts(links):
            rows = self.states.rows(self.atlas, [link.id for link in some])
            yield from zip(rows, some, strict=True)

    def _feed(self, runner: Runner, rows: Iterator, waiting: dict) -> None:
        """Have as many searches in flight as may be."""
        while len(waiting) < AT_ONCE:
            row, link = next(rows, (None, None))
            if row is None:
                runner.no_more()
                return
            follow_links = link is not None and not self._trusted(link)
            search = partial(recompute_point, row.weights)
            if follow_links:
                search = partial(recompute_pathway, row.weights, self.asked.flow)
            waiting[runner.submit(search, f"{row.kind} {row.id}", 1)] = row, link

    def _trusted(self, links: StoredLinks) -> bool:
        """Whether links are not followed: the search has followed them as tightly.

        A link says this of the path from the transition state only, not of those that go on from a
        saddle which that path runs into.
        """
        straight = all(end.via_index == 0 for side in links.sides for end in side)
        same_method = links.methods == {self.tools.flow.method}
        tight = links.tolerance <= self.tools.flow_tolerance[0]
        return self.asked.trust_confirmed and straight and same_method and tight

    def _compared(self, row: StoredRow, links: StoredLinks | None, found: Any) -> _Checked:
        """What was found, compared with what is stored."""
        place = row.table, row.id
        if not isinstance(found, Recomputed):  # the worker died
            return _Checked(*place, [f"{row.kind} {row.id}: it could not be computed again"])
        if found.point is None:
            text = found.status.name.lower().replace("_", " ")
            return _Checked(*place, [f"{row.kind} {row.id}: {text}"])
        wrong = [f"{row.kind} {row.id}: {text}" for text in self._differences(row, found.point)]
        if wrong or links is None:
            return _Checked(*place, wrong)
        if self._trusted(links):
            return _Checked(*place, [], 0, links.rows)
        reached = None if found.ends is None else self._sides(found.ends)
        return _Checked(*place, _wrong_ends(links, reached), links.rows)

    def _differences(self, row: StoredRow, point: StationaryPoint) -> list[str]:
        index = 0 if row.table == "minimum" else 1
        if point.index != index:
            return [f"Hessian index {point.index} instead of {index}"]
        moved = float(np.linalg.norm(point.weights - row.weights))
        wrong = []
        if moved > 1e-6 * self.landscape.length_scale + 10.0 * point.uncertainty:
            wrong.append(f"not stationary where it is stored, polishing moves it {moved:.1e}")
        return wrong + row.differences(self.landscape, point)

    def _sides(self, ends: Sequence[PathwayEnd]) -> Sides:
        sides = [frozenset(self._end(end) for end in ends if end.side == side) for side in (0, 1)]
        return sides[0], sides[1]

    def _end(self, end: PathwayEnd) -> End:
        """An end that was found, by the ids of the stored points that its points are copies of."""
        minimum, via = self.minima.recognized(end.minimum), end.via
        if via is None:
            return End(minimum)
        return End(minimum, via.index, self.states.recognized(via) if via.index == 1 else 0)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), ROWS_AT_ONCE):
        yield items[start : start + ROWS_AT_ONCE]


def _wrong_ends(links: StoredLinks, reached: Sides | None) -> list[str]:
    name = f"transition state {links.id}"
    if reached is None:
        return [f"{name}: a path from it does not reach a certified minimum"]
    if agree(links.sides, reached):
        return []
    stored, found = in_words(links.sides), in_words(reached)
    return [f"{name}: stored ends: {stored}; its paths reach: {found}"]
