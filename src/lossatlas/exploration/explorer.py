"""The exploration: plan a round of searches, make them, commit them in order, and start again.

Two rounds are in flight at any time, each half as large as the width, so that lanes stay full while
the last searches of a round finish: round r + 2 is planned from the atlas as it is when round r is
committed, whatever part of round r + 1 has finished by then. Attempts are committed in the order in
which they were planned, each with its round and the id of the last attempt that its round was
planned from. Therefore what is found depends on the seed, the width and the atlas at the start, not
on timing, and an exploration that stops at a number of points is a prefix of a longer one. When
time runs out, searches that have finished after an unfinished one in this order are stored too. An
exploration that is continued goes on where it ended (`resuming`).
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from lossatlas.analysis.completeness import completeness, is_complete
from lossatlas.atlas import Atlas, Attempt
from lossatlas.atlas.ending import Exploration
from lossatlas.atlas.failures import dominant_failure
from lossatlas.atlas.lost_connections import tried_again
from lossatlas.distribution.runner import Limits, Runner
from lossatlas.distribution.versions import versions
from lossatlas.errors import BadInputError
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.checkpoint import last_due
from lossatlas.exploration.committing import Committer, InFlight
from lossatlas.exploration.places import Place, chosen_place
from lossatlas.exploration.planner import begin, plan_round
from lossatlas.exploration.points import counted_points
from lossatlas.exploration.resuming import IN_FLIGHT, Restart, find_restart
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.exploration.view import Observer
from lossatlas.exploration.width import chosen_width
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.requests import Found
from lossatlas.search.outcome import Outcome
from lossatlas.search.tools import Tools, default_tools

QUIET, PER_MINIMUM, PER_TRANSITION_STATE = 750, 10, 20
"""An exploration ends when so many attempts, and so many for every point, found nothing new."""
COMMIT_SECONDS = 1.0
"""Finished attempts wait at most about so many seconds before they are committed."""
KEPT_AT_ONCE = 64
"""Number of minima whose neighbors are written into the atlas together."""


class Progress(NamedTuple):
    """The state of an exploration after a commit, as it is given to a function that reports it.

    Attributes:
        seconds: seconds since the exploration began.
        minima: number of minima in the atlas.
        transition_states: number of transition states in the atlas.
        attempts: number of attempts committed in this exploration.
        new_in_round: number of new points in the round that is being committed.
        round: number of the round that is being committed, from 0.
        strategy_counts: number of attempts of each strategy in this exploration, by its name in the
            log.

    Examples:
        >>> progress = Progress(60.0, 9, 15, 40, 6, 1, {"connect": 40})
        >>> f"{progress.minima} minima after {progress.attempts} attempts"
        '9 minima after 40 attempts'
    """

    seconds: float
    minima: int
    transition_states: int
    attempts: int
    new_in_round: int
    round: int
    strategy_counts: dict[str, int]


def grow(
    landscape: Landscape,
    atlas: Atlas,
    options: ExploreOptions,
    report: Callable[[Progress], None] = lambda progress: None,
    started: float | None = None,
    tools: Tools | None = None,
) -> Exploration:
    """Grow an open atlas by searches until a stop rule holds.

    `lossatlas.explore` opens the atlas, calls this function, and shows the progress.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas, to which the exploration adds what it finds.
        options: the stop rules and how the exploration is run.
        report: called with a `Progress` after every commit; by default nothing is reported.
        started: value of `time.monotonic()` from which the minutes of the stop rules count, in
            seconds; by default the moment of the call.
        tools: tolerances and lengths of the searches; default `default_tools(landscape)`.

    Returns:
        How the exploration ended; `Atlas.exploration` keeps it too.

    Raises:
        AtlasError: if the atlas cannot be read or written; what was committed before is safe.
        BadInputError: if the tools belong to another landscape, if the searches in flight do not
            fit into the memory, if the executor cannot be used, or if a strategy breaks its rules.
        ClusterError: if the workers of the executor do not answer or are lost; what was committed
            before is safe.

    Examples:
        >>> import tempfile
        >>> from lossatlas import Atlas, FunctionLandscape, Problem
        >>> wells = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> path = f"{tempfile.mkdtemp()}/wells.atlas"
        >>> with Atlas.create(path, Problem(wells.fingerprint())) as atlas:
        ...     grow(wells, atlas, ExploreOptions(transition_states=1)).reason
        'number'
    """
    begun = time.monotonic() if started is None else started
    cpu = time.process_time()
    usual = default_tools(landscape)
    tools = usual if tools is None else tools
    check_tools(tools, landscape)
    place = chosen_place(landscape, options, tools)
    width = chosen_width(options, atlas, landscape, place.capacity)
    options = replace(options, width=width)
    rounds = _Rounds(landscape, atlas, options, report, begun)
    run, reason = None, "interrupted"
    try:
        recorded = {**options.record(), **_changed(tools, usual)}
        run = atlas.start_run(recorded, options.seed, versions(), place.device)
        reason = rounds.run(run, recorded, place)
    except KeyboardInterrupt:
        pass
    finally:
        _finish(atlas, run, reason)
    points = counted_points(atlas)
    atlas.exploration = Exploration(
        reason,
        *points,
        rounds.committer.attempts,
        time.monotonic() - begun,
        time.process_time() - cpu + rounds.cpu_elsewhere,
        tuple(sorted({type(kernel).__name__ for kernel in rounds.uncompiled})),
        sum(rounds.uncompiled.values()),
        dominant_failure(rounds.committer.statuses, points.minima),
    )
    return atlas.exploration


def check_tools(tools: Any, landscape: Landscape) -> None:
    """Refuse tools that cannot be used for searches on a landscape.

    Raises:
        BadInputError: if they are not `Tools`, or belong to another landscape.
    """
    remedy = "use default_tools(landscape)._replace(...)"
    if not isinstance(tools, Tools):
        raise BadInputError("explore: tools", f"{type(tools).__name__} cannot be used", remedy)
    if tools.landscape.fingerprint() != landscape.fingerprint():
        raise BadInputError("explore: tools", "they are for another landscape", remedy)


def _changed(tools: Tools, usual: Tools) -> dict[str, Any]:
    """Return the tools that differ from the usual ones, as texts, for the record of the run."""
    pairs = zip(tools._fields[1:], tools[1:], usual[1:], strict=True)
    changed = {name: repr(own) for name, own, other in pairs if own != other}
    return {"tools": changed} if changed else {}


def _finish(atlas: Atlas, run: int | None, reason: str) -> None:
    """Record the end of a run, even if an interrupt comes at this very moment."""
    if run is None:
        return
    try:
        tried_again(lambda: atlas.finish_run(run, reason))
    except KeyboardInterrupt:
        atlas.finish_run(run, reason)
        raise


class _Rounds:
    """One exploration in progress.

    Positions number the searches in the order in which they are planned: `next` is the position of
    the search whose results are committed next, `ends` are the positions at which the rounds in
    flight end, and `submitted` are the positions of the searches that the engine was given.
    """

    def __init__(self, landscape, atlas, options, report, begun) -> None:
        self.landscape, self.atlas, self.options = landscape, atlas, options
        self.report, self.begun, self.cpu_begun = report, begun, time.process_time()
        self.agendas = begin(chosen(options.strategies, options.aim))
        self.width = options.width
        self.observer = Observer(atlas, landscape, options.seed)
        self.committer = Committer(atlas, landscape, options, counted_points(atlas))
        self.restart = Restart()
        self.searches: dict[int, InFlight] = {}
        self.submitted: list[int] = []
        self.ends = deque[int]()
        self.parts = Counter[int]()
        self.planned = self.planned_rounds = self.round = self.next = 0
        self.asked = -1
        self.limit_reached = self.exhausted = self.complete = self.idle = False
        self.uncompiled: dict[Any, float] = {}
        self.runner: Runner | None = None

    @property
    def cpu_elsewhere(self) -> float:
        """Seconds of CPU time that other processes have spent on the searches."""
        return 0.0 if self.runner is None else self.runner.cpu_seconds()

    def run(self, run_id: int, recorded: dict[str, Any], place: Place) -> str:
        """Explore until a stop rule holds, and return the reason why the exploration ended.

        Args:
            run_id: id of this run in the atlas.
            recorded: the options of the run as the atlas keeps them.
            place: where the searches are made.
        """
        self.committer.run_id = run_id
        if self.committer.enough:
            return "number"
        if self._complete():
            return "complete"
        by_clock = self.options.minutes is not None
        limited = by_clock or self.options.cpu_minutes is not None
        limits = Limits(
            self.stopped,
            self.seconds_left if limited else None,
            self.clock_seconds_left if by_clock else None,
        )
        with place.open(self.observer.fold.known, limits) as runner:
            self.runner, self.uncompiled = runner, runner.uncompiled
            self._begin(recorded)
            for _ in range(IN_FLIGHT):
                self._plan(runner)
            self._collect(runner)
        if self.committer.enough:
            return "number"
        if self.complete:
            return "complete"
        return "time" if self.time_is_up() or self.uncompiled else "nothing new"

    def stopped(self) -> bool:
        return self.limit_reached or self.time_is_up()

    def time_is_up(self) -> bool:
        return self.seconds_left() <= 0.0

    def seconds_left(self) -> float:
        seconds, cpu = time.monotonic() - self.begun, 0.0
        if self.options.cpu_minutes is not None:  # asked for at every step of every worker
            cpu = time.process_time() - self.cpu_begun + self.cpu_elsewhere
        return self.options.seconds_left(seconds, cpu)

    def clock_seconds_left(self) -> float:
        """Return the seconds left by the clock, with no regard to a limit of CPU time."""
        return self.options.seconds_left(time.monotonic() - self.begun, -math.inf)

    def _complete(self) -> bool:
        wanted = self.options.until
        if wanted is None:
            return False
        return is_complete(tried_again(lambda: completeness(self.atlas)), wanted)

    def _begin(self, recorded: dict[str, Any]) -> None:
        """Find out where an earlier exploration of the same kind ended, to continue it there."""
        fold = self.observer.fold
        self.restart = find_restart(self.atlas, recorded, self.width, fold.read())
        self.planned_rounds = self.restart.round
        for key in self.restart.before:
            fold.tried.add(key)

    def _plan(self, runner: Runner) -> None:
        """Plan one round from the atlas, and submit the searches that are not in the log."""
        number, self.planned_rounds = self.planned_rounds, self.planned_rounds + 1
        view = self.observer.view(None if self.committer.attempts else self.restart.as_of(number))
        self.observer.fold.keep_neighbors(KEPT_AT_ONCE)
        share, size = self.options.share_of_draws, self.width // IN_FLIGHT
        for planned in plan_round(view, self.agendas, share, size):
            parts = self.restart.parts.get(planned.task.key, 0)
            search = InFlight(planned, number, view.as_of, self.width, parts)
            if not search.complete:
                self.submitted.append(self.planned)
                task = planned.task
                runner.submit(task.search, task.key.text(), task.parts)
            self.searches[self.planned] = search
            self.planned += 1
        self.ends.append(self.planned)

    def _collect(self, runner: Runner) -> None:
        """Commit results in order; plan another round whenever one is complete."""
        waiting: dict[int, list[Outcome | Found]] = {}
        last = time.monotonic()
        try:
            self._go_on(runner, waiting)
            for number, result in runner.results():
                position = self.submitted[number]
                # Checked at once: whatever waits is committed at the end, even after an error.
                self.searches[position].check(result)
                waiting.setdefault(position, []).append(result)
                if self._go_on(runner, waiting):
                    last = time.monotonic()
                if time.monotonic() - last > COMMIT_SECONDS:
                    self._commit()
                    last = time.monotonic()
        finally:
            self.committer.pending += self._out_of_order(waiting)
            self._commit()
            self.observer.fold.keep_neighbors()

    def _go_on(self, runner: Runner, waiting: dict[int, list[Outcome | Found]]) -> bool:
        """Take the results of the next searches in order, and say whether a round was committed."""
        committed = False
        while True:
            while self.ends and self.next == self.ends[0] and not self.idle:
                self.ends.popleft()
                self._commit()
                self._next_round(runner)
                committed = True
            if self.next == self.planned:
                return committed
            if not self.searches[self.next].complete:
                results = waiting.pop(self.next, [])
                self.committer.pending += self._attempts(self.next, results)
                if not results or isinstance(results[-1], Found):
                    return committed  # this search goes on
            self.round = self.searches.pop(self.next).round
            self.parts.pop(self.next, None)
            self.next += 1

    def _attempts(self, position: int, results: list[Outcome | Found]) -> list[Attempt]:
        """Make attempts of what a search has handed over, with its parts numbered from 1."""
        search, attempts = self.searches[position], []
        for result in results:
            self.parts[position] += 1
            outcome = result.result if isinstance(result, Found) else result
            if self.parts[position] > search.parts:
                attempts.append(search.attempt(outcome, self.parts[position]))
        return attempts

    def _out_of_order(self, waiting: dict[int, list[Outcome | Found]]) -> list[Attempt]:
        """Return what later searches have found when an earlier one was cut off by time.

        Independent draws are left out, since quick ones would be counted more often than slow ones.
        """
        kept = [k for k in sorted(waiting) if self.searches[k].planned.stream is None]
        return [attempt for k in kept for attempt in self._attempts(k, waiting[k])]

    def _next_round(self, runner: Runner) -> None:
        self.committer.begin_round()
        if self.options.until is None:
            self.exhausted = self.exhausted or self.committer.quiet >= self._patience()
        elif not self.limit_reached and self._is_due() and self._complete():
            self.complete = self.limit_reached = True
        if not self.exhausted and not self.limit_reached:
            self._plan(runner)
        # Rounds may be empty; if all in flight are, the next would be planned from the same atlas.
        self.idle = self.next == self.planned
        if self.idle:
            runner.no_more()

    def _is_due(self) -> bool:
        """Say whether completeness is to be estimated again.

        The larger the atlas, the longer the estimate takes, so it is made at checkpoints only.
        """
        before, self.asked = self.asked, last_due(self.observer.fold.as_of)
        return self.asked > before

    def _patience(self) -> int:
        """Return the number of attempts without a new point after which the exploration ends."""
        minima, states = self.committer.minima, self.committer.transition_states
        return max(QUIET, PER_MINIMUM * minima, PER_TRANSITION_STATE * states)

    def _commit(self) -> None:
        """Commit the pending attempts, unless the atlas holds as many points as asked for."""
        while self.committer.uncommitted and not self.limit_reached:
            self.committer.commit()
            self.limit_reached = self.committer.enough
            self.report(self._progress())

    def _progress(self) -> Progress:
        return Progress(
            seconds=time.monotonic() - self.begun,
            minima=self.committer.minima,
            transition_states=self.committer.transition_states,
            attempts=self.committer.attempts,
            new_in_round=self.committer.new_in_round,
            round=self.round,
            strategy_counts=dict(self.committer.counts),
        )
