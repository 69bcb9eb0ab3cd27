"""The exploration: plan a round, run it in lanes, commit it in order; again, until a stop rule.

Two rounds are in flight at any time, so that lanes stay full while the last searches of a round
finish: round r + 2 is planned from the atlas as it is when round r is committed, whatever of round
r + 1 has finished by then. Attempts are committed in the order they were planned. So what is found
depends on the seed and the atlas it started from, not on timing, and an exploration that stops at a
number of points is a prefix of a longer one. Where time cuts it off, searches that have finished
behind one that has not are kept too.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from lossatlas.analysis.completeness import completeness, is_complete
from lossatlas.atlas import Atlas, Attempt, Committed
from lossatlas.atlas.failures import Failure, dominant_failure
from lossatlas.atlas.version_1 import STREAM_OF, what_and_part
from lossatlas.errors import BadInputError, Status
from lossatlas.exploration.planner import ROUND, arms, plan_round
from lossatlas.exploration.strategies import Task
from lossatlas.exploration.view import KnownTransitionStates, Observer
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.device import device
from lossatlas.lanes.engine import Engine, Found, Session
from lossatlas.search import outcome
from lossatlas.search.tools import default_tools

QUIET, PER_MINIMUM, PER_TRANSITION_STATE = 750, 10, 20
"""An exploration ends when so many attempts, and so many for every point, found nothing new."""
DRAWS = 0.5
"""Part of the searches that are independent draws where the exploration goes on until it is
complete."""
COMMIT_SECONDS = 1.0
"""Finished attempts wait at most about this long to be committed."""


@dataclass(frozen=True)
class ExploreOptions:
    """When to stop, and how to run.

    Args:
        minutes: stop after so many minutes of this call.
        cpu_minutes: stop after so many minutes of CPU time, all threads together: the same effort
            on a busy machine.
        transition_states: stop at so many transition states in the atlas, degenerate ones included.
        minima: stop at so many minima in the atlas.
        until: stop when minima and transition states are this complete, e.g. 0.99: when the lower
            confidence bounds say that an independent draw hits a point that independent draws have
            hit before, with this probability, in both streams (`analysis.completeness`).
        independent_share: part of the searches that are independent draws, from which completeness
            is estimated; default 0.5 with `until`, else none.
        seed: of all random numbers.
        strategies: names of those to use, see `lossatlas.exploration.planner.arms`; default all.
        lanes: lanes of each kernel and worker; default chosen for the device.
        workers: worker threads; default one a core.

    Without `until` the exploration also ends when a long run of attempts finds nothing new.
    """

    minutes: float | None = None
    cpu_minutes: float | None = None
    transition_states: int | None = None
    minima: int | None = None
    until: float | None = None
    independent_share: float | None = None
    seed: int = 0
    strategies: tuple[str, ...] | None = None
    lanes: int | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        limits = ("minutes", "cpu_minutes", "transition_states", "minima", "lanes", "workers")
        for name in limits:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadInputError(f"explore: {name}", f"{value} is not positive", "use e.g. 2")
        _check_strategies(self.strategies)
        if self.until is not None and not 0 < self.until < 1:
            problem = f"{self.until} is not between 0 and 1"
            raise BadInputError("explore: until", problem, "use e.g. 0.99")
        if not 0 <= self.share_of_draws <= 1:
            problem = f"{self.independent_share} is not from 0 to 1"
            raise BadInputError("explore: independent_share", problem, "use e.g. 0.5")
        if self.until is not None and self.share_of_draws == 0:
            problem = "without independent draws nothing can be said about completeness"
            raise BadInputError("explore: independent_share", problem, "use e.g. 0.5, or no until")

    @property
    def share_of_draws(self) -> float:
        """The part of the searches that are independent draws."""
        if self.independent_share is not None:
            return self.independent_share
        return 0.0 if self.until is None else DRAWS


def _check_strategies(names: tuple[str, ...] | None) -> None:
    known = arms(seed=0)
    unknown = [name for name in names or () if name not in known]
    if unknown or names == ():
        problem = f"{', '.join(unknown)} is unknown" if unknown else "none is given"
        raise BadInputError("explore: strategies", problem, f"use some of {', '.join(known)}")


class Progress(NamedTuple):
    """The state of an exploration after a commit."""

    seconds: float
    minima: int
    transition_states: int
    attempts: int
    new_in_round: int
    round: int
    strategy_counts: dict[str, int]


class Exploration(NamedTuple):
    """How an exploration ended.

    Attributes:
        reason: ``"time"``, ``"number"``, ``"complete"``, ``"nothing new"`` or ``"interrupted"``.
        minima, transition_states: in the atlas at the end, those outside of the box included.
        attempts: made in this call.
        seconds, cpu_seconds: spent in this call.
        uncompiled: names of the methods that were not used, because there was no time left to
            compile them.
        compile_seconds: how long to compile these would take, roughly.
        dominant_failure: why most attempts of this call failed, where nothing or little was found.
    """

    reason: str
    minima: int
    transition_states: int
    attempts: int
    seconds: float
    cpu_seconds: float
    uncompiled: tuple[str, ...] = ()
    compile_seconds: float = 0.0
    dominant_failure: Failure | None = None


def explore(
    landscape: Landscape,
    atlas: Atlas,
    options: ExploreOptions,
    report: Callable[[Progress], None] = lambda progress: None,
    started: float | None = None,
) -> Exploration:
    """Grow an atlas by searches until a stop rule holds.

    Args:
        landscape: the landscape of the atlas.
        atlas: an open atlas; what it holds is continued.
        options: stop rules, seed, lanes.
        report: called after every commit.
        started: `time.monotonic()` at which the minutes began to count; default now.

    Raises:
        AtlasError: if the atlas cannot be written; what was committed before is safe.

    Example:
        >>> explore(landscape, atlas, ExploreOptions(minutes=2))     # doctest: +SKIP
    """
    begun = time.monotonic() if started is None else started
    cpu = time.process_time()
    rounds = _Rounds(landscape, atlas, options, report, begun)
    reason = "interrupted"
    try:
        rounds.run_id = atlas.start_run(asdict(options), options.seed, _versions(), _device())
        reason = rounds.run()
    except KeyboardInterrupt:
        pass
    finally:
        _finish(atlas, rounds.run_id, reason)
    status = rounds.observer.view().points
    return Exploration(
        reason,
        len(status.minimum_ids),
        len(status.transition_state_ids),
        rounds.attempts,
        time.monotonic() - begun,
        time.process_time() - cpu,
        tuple(sorted({type(kernel).__name__ for kernel in rounds.uncompiled})),
        sum(rounds.uncompiled.values()),
        dominant_failure(rounds.statuses, len(status.minimum_ids)),
    )


def _finish(atlas: Atlas, run_id: int | None, reason: str) -> None:
    """Record the end of a run, also if an interrupt comes at this very moment."""
    if run_id is None:
        return
    try:
        atlas.finish_run(run_id, reason)
    except KeyboardInterrupt:
        atlas.finish_run(run_id, reason)
        raise


class _Rounds:
    """One exploration in progress."""

    def __init__(self, landscape, atlas, options, report, begun) -> None:
        self.landscape, self.atlas, self.options = landscape, atlas, options
        self.report, self.begun = report, begun
        self.run_id: int | None = None
        self.deadline = np.inf if options.minutes is None else begun + 60.0 * options.minutes
        self.cpu_begun = time.process_time()
        self.tools = default_tools(landscape)
        self.observer = Observer(atlas, landscape)
        self.known = KnownTransitionStates(atlas)
        self.round_of: list[int] = []
        self.as_of: list[int] = []  # last attempt in the log that each round was planned from
        self.batches = 0
        self.pending: list[Attempt] = []
        self.planned_rounds = self.attempts = self.quiet = self.new_in_round = 0
        self.next = 0  # position of the search whose results are committed next
        self.counts: dict[str, int] = {}
        self.statuses: Counter[Status] = Counter()
        self.minima = self.transition_states = 0
        self.limit_reached = self.exhausted = self.complete = False
        self.uncompiled: dict[Any, float] = {}

    def stopped(self) -> bool:
        return self.limit_reached or self.time_is_up()

    def time_is_up(self) -> bool:
        return self.seconds_left() <= 0.0

    def seconds_left(self) -> float:
        """Until the time is up; a second of CPU time counts as one, which it is to a compiler."""
        left = self.deadline - time.monotonic()
        if self.options.cpu_minutes is not None:
            used = time.process_time() - self.cpu_begun
            left = min(left, 60.0 * self.options.cpu_minutes - used)
        return left

    def run(self) -> str:
        engine = Engine(self.landscape.surface, self.options.lanes, self.options.workers)
        view = self.observer.view()
        self.minima = len(view.points.minimum_ids)
        self.transition_states = len(view.points.transition_state_ids)
        if self._enough():
            return "number"
        if self._complete():
            return "complete"
        limited = self.options.minutes is not None or self.options.cpu_minutes is not None
        with engine.session(self.stopped, self.seconds_left if limited else None) as session:
            self.uncompiled = session.uncompiled
            self._plan(session)
            self._plan(session)
            self._end_if_idle(session)
            self._collect(session)
        if self._enough():
            return "number"
        if self.complete:
            return "complete"
        return "time" if self.time_is_up() or self.uncompiled else "nothing new"

    def _enough(self, more: int = 0) -> bool:
        """Whether as much as asked for is in the atlas, if so many points more were."""
        states, minima = self.options.transition_states, self.options.minima
        return (states is not None and self.transition_states + more >= states) or (
            minima is not None and self.minima + more >= minima
        )

    def _complete(self) -> bool:
        wanted = self.options.until
        return wanted is not None and is_complete(completeness(self.atlas), wanted)

    def _plan(self, session: Session) -> None:
        """Plan one round from the atlas as it is, and hand it to the engine."""
        view = self.observer.view()
        tasks: list[Task] = plan_round(
            view,
            self.observer.entries,
            self.options.seed,
            self.options.share_of_draws,
            self.options.strategies,
        )
        tools = self.tools._replace(known=self.known.as_of_now())
        self.as_of.append(self.observer.entries[-1].id if self.observer.entries else 0)
        for task in tasks:
            self.round_of.append(self.planned_rounds)
            session.submit(task.search(tools))
        self.planned_rounds += 1

    def _collect(self, session: Session) -> None:
        """Commit results in order; plan another round whenever one is complete."""
        waiting: dict[int, list[tuple[Attempt, bool]]] = {}
        last = time.monotonic()
        try:
            for position, result in session.results():
                arrived = self._attempt(position, result), isinstance(result, Found)
                waiting.setdefault(position, []).append(arrived)
                while results := waiting.pop(self.next, []):
                    self.pending += [attempt for attempt, _ in results]
                    if results[-1][1]:
                        break  # this search goes on
                    self.next += 1
                    if self._ends_round(self.next - 1):
                        self._commit()
                        last = time.monotonic()
                        self._next_round(session)
                if time.monotonic() - last > COMMIT_SECONDS:
                    self._commit()
                    last = time.monotonic()
        finally:
            self.pending += _out_of_order(waiting)
            self._commit()

    def _attempt(self, position: int, result: outcome.Attempt | Found) -> Attempt:
        """What a search handed over, with its place in the exploration."""
        found = result.result if isinstance(result, Found) else result
        what, part = what_and_part(found.strategy, found.detail)
        number = self.round_of[position]
        return Attempt(
            found.strategy,
            found.origin,
            what,
            outcome.Outcome(
                found.status, found.cost, found.minima, found.pathways, found.failures, found.hits
            ),
            part,
            STREAM_OF.get(found.strategy),
            number,
            self.as_of[number],
            ROUND,
        )

    def _ends_round(self, position: int) -> bool:
        last = position + 1 == len(self.round_of)
        return last or self.round_of[position + 1] != self.round_of[position]

    def _next_round(self, session: Session) -> None:
        self.new_in_round = 0
        if self.options.until is None:
            self.exhausted = self.exhausted or self.quiet >= self._patience()
        elif not self.limit_reached and self._complete():
            self.complete = self.limit_reached = True
        if not self.exhausted and not self.limit_reached:
            self._plan(session)
        self._end_if_idle(session)

    def _patience(self) -> int:
        """How many attempts without a new point are enough to end."""
        found = (PER_MINIMUM * self.minima, PER_TRANSITION_STATE * self.transition_states)
        return max(QUIET, *found)

    def _end_if_idle(self, session: Session) -> None:
        if self.next == len(self.round_of):
            session.no_more()

    def _commit(self) -> None:
        """Commit what is pending; one by one where the wanted number of points is near.

        What is committed is no longer pending from then on, whatever interrupts the rest.
        """
        while self.pending and not self.limit_reached:
            found = sum(len(a.outcome.minima) + 2 * len(a.outcome.pathways) for a in self.pending)
            now = self.pending[:1] if self._enough(found) else self.pending[:]
            assert self.run_id is not None  # searches are made after the run began
            self.batches += 1
            key = f"run {self.run_id} batch {self.batches}"
            receipt = self.atlas.commit(self.run_id, now, key)
            del self.pending[: len(now)]
            self._count(now, receipt)
            self.limit_reached = self._enough()
            self.report(self._progress())

    def _count(self, batch: list[Attempt], receipt: Committed) -> None:
        for record, attempt in zip(receipt.attempts, batch, strict=True):
            new = len(record.new_minima) + len(record.new_transition_states)
            self.minima += len(record.new_minima)
            self.transition_states += len(record.new_transition_states)
            self.new_in_round += new
            self.quiet = 0 if new else self.quiet + 1
            self.statuses[attempt.status] += 1
            self.counts[attempt.strategy] = self.counts.get(attempt.strategy, 0) + 1
        self.attempts += len(batch)

    def _progress(self) -> Progress:
        return Progress(
            seconds=time.monotonic() - self.begun,
            minima=self.minima,
            transition_states=self.transition_states,
            attempts=self.attempts,
            new_in_round=self.new_in_round,
            round=self.round_of[max(0, self.next - 1)],
            strategy_counts=dict(self.counts),
        )


def _out_of_order(waiting: dict[int, list[tuple[Attempt, bool]]]) -> list[Attempt]:
    """What searches have found behind one that time cut off, as far as it may be kept.

    Not the independent draws: the quick ones would be counted more often than the slow.
    """
    attempts = [attempt for k in sorted(waiting) for attempt, _ in waiting[k]]
    return [attempt for attempt in attempts if attempt.stream is None]


def _versions() -> dict[str, str]:
    names = ("lossatlas", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _device() -> str:
    used = device()
    return f"{used.platform}: {used.device_kind}"
