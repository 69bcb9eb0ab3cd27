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
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import NamedTuple

import jax
import numpy as np

from lossatlas.analysis.completeness import completeness, is_complete
from lossatlas.atlas import Atlas, Committed
from lossatlas.atlas.log import INDEPENDENT_MINIMA, INDEPENDENT_SADDLES
from lossatlas.errors import BadInputError
from lossatlas.exploration.planner import arms, plan_round
from lossatlas.exploration.strategies import Task
from lossatlas.exploration.view import KnownTransitionStates, Observer
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine, Session
from lossatlas.lanes.requests import Found
from lossatlas.search.outcome import Attempt
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
        minima, transition_states: in the atlas at the end.
        attempts: made in this call.
        seconds, cpu_seconds: spent in this call.
    """

    reason: str
    minima: int
    transition_states: int
    attempts: int
    seconds: float
    cpu_seconds: float


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
    run = atlas.start_run(asdict(options), options.seed, _versions(), _device())
    rounds = _Rounds(landscape, atlas, options, report, run, begun)
    reason = "interrupted"
    try:
        reason = rounds.run()
    except KeyboardInterrupt:
        pass
    finally:
        atlas.finish_run(run, reason)
    status = rounds.observer.view().points
    return Exploration(
        reason,
        len(status.minimum_ids),
        len(status.transition_state_ids),
        rounds.attempts,
        time.monotonic() - begun,
        time.process_time() - cpu,
    )


class _Rounds:
    """One exploration in progress."""

    def __init__(self, landscape, atlas, options, report, run, begun) -> None:
        self.landscape, self.atlas, self.options = landscape, atlas, options
        self.report, self.run_id, self.begun = report, run, begun
        self.deadline = np.inf if options.minutes is None else begun + 60.0 * options.minutes
        self.cpu_begun = time.process_time()
        self.tools = default_tools(landscape)
        self.observer = Observer(atlas, landscape)
        self.known = KnownTransitionStates(atlas)
        self.round_of: list[int] = []
        self.pending: list[Attempt] = []
        self.planned_rounds = self.attempts = self.quiet = self.new_in_round = 0
        self.next = 0  # position of the search whose results are committed next
        self.counts: dict[str, int] = {}
        self.minima = self.transition_states = 0
        self.limit_reached = self.exhausted = self.complete = False

    def stopped(self) -> bool:
        return self.limit_reached or self.time_is_up()

    def time_is_up(self) -> bool:
        if time.monotonic() >= self.deadline:
            return True
        allowed = self.options.cpu_minutes
        return allowed is not None and time.process_time() - self.cpu_begun >= 60.0 * allowed

    def run(self) -> str:
        engine = Engine(self.landscape.surface, self.options.lanes, self.options.workers)
        view = self.observer.view()
        self.minima = len(view.points.minimum_ids)
        self.transition_states = len(view.points.transition_state_ids)
        if self._enough():
            return "number"
        if self._complete():
            return "complete"
        with engine.session(self.stopped) as session:
            self._plan(session)
            self._plan(session)
            self._end_if_idle(session)
            self._collect(session)
        if self._enough():
            return "number"
        if self.complete:
            return "complete"
        return "time" if self.time_is_up() else "nothing new"

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
        for task in tasks:
            self.round_of.append(self.planned_rounds)
            session.submit(task.search(tools))
        self.planned_rounds += 1

    def _collect(self, session: Session) -> None:
        """Commit results in order; plan another round whenever one is complete."""
        waiting: dict[int, list[Attempt | Found]] = {}
        last = time.monotonic()
        try:
            for position, result in session.results():
                waiting.setdefault(position, []).append(result)
                while results := waiting.pop(self.next, []):
                    self.pending += map(_attempt, results)
                    if isinstance(results[-1], Found):
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
            found = sum(len(a.minima) + 2 * len(a.pathways) for a in self.pending)
            now = self.pending[:1] if self._enough(found) else self.pending[:]
            receipt = self.atlas.commit(self.run_id, now)
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


def _attempt(result: Attempt | Found) -> Attempt:
    return result.result if isinstance(result, Found) else result


def _out_of_order(waiting: dict[int, list[Attempt | Found]]) -> list[Attempt]:
    """What searches have found behind one that time cut off, as far as it may be kept.

    Not the independent draws: the quick ones would be counted more often than the slow.
    """
    draws = (INDEPENDENT_MINIMA, INDEPENDENT_SADDLES)
    attempts = [_attempt(result) for k in sorted(waiting) for result in waiting[k]]
    return [attempt for attempt in attempts if attempt.strategy not in draws]


def _versions() -> dict[str, str]:
    names = ("lossatlas", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _device() -> str:
    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"
