"""Verification: the contents of an atlas are computed again, point by point and link by link.

Every stored point is polished again from its stored weights. It must not move, its gradient must be
below the tolerance, its Hessian must have index zero for a minimum and one for a transition state,
and its energy must be the stored one. Every path is followed again by gradient flow with tighter
tolerances than in the search, or, on request, by an ODE solver that shares no code with it. The two
sides of a transition state must reach the stored minima, no others, and by way of the stored
saddles.
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
from lossatlas.exploration.claims import End, Sides, StoredLinks, read_claims, wrong_ends
from lossatlas.exploration.conflicts import identity_conflicts
from lossatlas.exploration.places import chosen_place
from lossatlas.exploration.recomputing import (
    Recomputed,
    recompute_pathway,
    recompute_point,
    stricter,
)
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions, Setting
from lossatlas.exploration.stored_points import StoredPoints, StoredRow, duplicates
from lossatlas.exploration.verified import Verified
from lossatlas.landscape.base import Landscape
from lossatlas.old_names import renamed_arguments
from lossatlas.search.known import KnownPoints
from lossatlas.search.outcome import PathwayEnd, StationaryPoint
from lossatlas.search.tools import default_tools

T = TypeVar("T")

AT_ONCE = 4096
"""Number of searches in flight."""
ROWS_AT_ONCE = 500
"""Number of points whose weights are read together."""
SAMPLE = Setting(int, "a whole number, 1 or more", "check so many points of each kind", 20, least=1)


class Verification(NamedTuple):
    """The result of a verification: how much was checked, and what was wrong.

    Attributes:
        checked_minima: number of minima that were computed again.
        checked_transition_states: number of transition states that were computed again.
        checked_links: number of links whose paths were followed again.
        failures: one text for each thing that was wrong; empty if the atlas is as it should be.
        interrupted: whether an interrupt ended the verification before everything that was asked
            for was checked.
        trusted_links: number of links that were not followed again, because `trust_confirmed` was
            given and the search had followed them as tightly.
        resumed: number of points that were not computed again, because the file given as `resume`
            lists them as verified.
        conflicts: one text for each pair of points about which two tests of identity disagree, for
            example two networks that compute the same function with different weights. They are not
            failures.

    Examples:
        >>> Verification(20, 20, 40, failures=()).checked_links
        40
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
    """What is to be checked, and how; the attributes are the arguments of `verify`."""

    sample: int | None
    flow: bool
    seed: int
    transition_states: Sequence[int] | None
    trust_confirmed: bool
    executor: Executor | None = None
    resume: Path | None = None

    def __post_init__(self) -> None:
        """Refuse values that are not allowed, and arguments that contradict each other."""
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
    """Compute the contents of an atlas again from the weights of its points alone.

    First all rows are checked (`Atlas.check`), and whether any point is stored twice, whatever the
    sample. Then gradient, Hessian index and spectrum, log-determinant, invariants, orbit size and
    columns of AUC of the points are computed again, and the paths down both sides of the transition
    states are followed again. All cores are used. An interrupt (Ctrl-C) ends the verification; the
    result then tells what has been checked.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas.
        sample: largest number of minima, and of transition states, that are checked, drawn at
            random; default None, all of them.
        flow: whether the paths are followed with SciPy's LSODA and Radau, some seconds for each
            link, instead of the method of the search; default False.
        seed: seed of the random draw; default 0.
        report: called with the number of points checked and their total after each point; by
            default nothing is reported.
        transition_states: ids of the transition states to be checked, in place of a random draw.
        trust_confirmed: whether the paths from a transition state are not followed again if the
            search has followed all of them with at most the tolerance that would be used here, and
            none ran into a saddle, from where on a link does not tell how its path was followed.
            The point is checked all the same. Default False.
        executor: any `concurrent.futures.Executor`, whose workers then do the computation; default
            None, this process does it.
        resume: path of a file that lists the points which were found as stored. Points that it
            lists are not computed again, and those found now are added. It is created if it does
            not exist. Default None, no file.

    Returns:
        How much was checked, and what was wrong.

    Raises:
        AtlasError: if the atlas cannot be read.
        BadInputError: if `sample` or `seed` is not allowed, if an id is not that of a transition
            state with links on both sides, if `flow` and `trust_confirmed` are given together, if
            the executor cannot be used, or if the file `resume` cannot be written or belongs to
            another verification.
        ClusterError: if the workers of the executor do not answer or are lost.

    Examples:
        >>> import tempfile
        >>> from lossatlas import FunctionLandscape, explore
        >>> wells = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> path = f"{tempfile.mkdtemp()}/wells.atlas"
        >>> with explore(wells, path, transition_states=1, progress=False) as atlas:
        ...     verify(wells, atlas).failures
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
    """Return the result for an atlas whose rows are too damaged to compute any point again.

    Args:
        damaged: the texts that `Atlas.check` returned.
        error: the error that ended the computation.
    """
    text = f"the stored points cannot be computed again: {error}"
    return Verification(0, 0, 0, (*damaged, text))


class _Checked(NamedTuple):
    """The result of checking one point.

    Attributes:
        kind: name of its table.
        id: id of the point.
        wrong: one text for each thing that was wrong.
        followed: number of its links that were followed again.
        trusted: number of its links that were trusted instead.
    """

    kind: str
    id: int
    wrong: list[str]
    followed: int = 0
    trusted: int = 0


def _recomputed(
    landscape: Landscape, atlas: Atlas, asked: _Asked, report: Callable[[int, int], None]
) -> Verification:
    # One transaction is enough: the rows, which are read later by id, never change.
    with atlas.reading() as connection:
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
    """Sum up the results of all points, with failures ordered by kind and id."""
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


class _Checks:
    """The checks of one atlas: searches compute points and paths again, which are then compared.

    The searches are made in this process or by the workers of an executor.
    """

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
        """Check minima by their ids, and transition states by their links, many at once."""
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
        """Submit searches until `AT_ONCE` are in flight or no point is left."""
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
        """Say whether links need not be followed, because the search has followed them as tightly.

        A link tells this only of the path from the transition state, not of paths that continue
        from a saddle which that path runs into.
        """
        straight = all(end.via_index == 0 for side in links.sides for end in side)
        same_method = links.methods == {self.tools.flow.method}
        tight = links.tolerance <= self.tools.flow_tolerance[0]
        return self.asked.trust_confirmed and straight and same_method and tight

    def _compared(self, row: StoredRow, links: StoredLinks | None, found: Any) -> _Checked:
        """Compare what was found with what is stored."""
        place = row.table, row.id
        # A search whose worker died returns another result.
        if not isinstance(found, Recomputed):
            return _Checked(*place, [f"{row.kind} {row.id}: it could not be computed again"])
        if found.point is None:
            text = found.status.name.lower().replace("_", " ")
            problem = f"{row.kind} {row.id}: it cannot be certified again ({text})"
            return _Checked(*place, [problem])
        wrong = [f"{row.kind} {row.id}: {text}" for text in self._differences(row, found.point)]
        if wrong or links is None:
            return _Checked(*place, wrong)
        if self._trusted(links):
            return _Checked(*place, [], 0, links.rows)
        reached = None if found.ends is None else self._sides(found.ends)
        return _Checked(*place, wrong_ends(links, reached), links.rows)

    def _differences(self, row: StoredRow, point: StationaryPoint) -> list[str]:
        index = 0 if row.table == "minimum" else 1
        if point.index != index:
            return [f"Hessian index {point.index} instead of {index}"]
        moved = float(np.linalg.norm(point.weights - row.weights))
        wrong = []
        if moved > 1e-6 * self.landscape.length_scale + 10.0 * point.uncertainty:
            wrong.append(f"it is not stationary where it is stored: polishing moves it {moved:.1e}")
        return wrong + row.differences(self.landscape, point)

    def _sides(self, ends: Sequence[PathwayEnd]) -> Sides:
        sides = [frozenset(self._end(end) for end in ends if end.side == side) for side in (0, 1)]
        return sides[0], sides[1]

    def _end(self, end: PathwayEnd) -> End:
        """Describe an end that was found by the ids of the stored points that are copies of it."""
        minimum, via = self.minima.recognized(end.minimum), end.via
        if via is None:
            return End(minimum)
        return End(minimum, via.index, self.states.recognized(via) if via.index == 1 else 0)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), ROWS_AT_ONCE):
        yield items[start : start + ROWS_AT_ONCE]
