"""Committing the attempts of an exploration: they are stored in batches, in order, and counted."""

from collections import Counter
from typing import NamedTuple

from lossatlas.atlas import Atlas, Attempt, Committed
from lossatlas.errors import BadInputError, Status
from lossatlas.exploration.planner import Planned
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.requests import Found
from lossatlas.search.outcome import Outcome, placed


class InFlight(NamedTuple):
    """A search that was planned and is not completely committed.

    Attributes:
        planned: the task, and the stream of independent draws that it belongs to.
        round: number of the round that it was planned in.
        as_of: id of the last attempt that this round was planned from.
        width: width of the exploration.
        parts: number of its outcomes that were in the log when it was planned.
    """

    planned: Planned
    round: int
    as_of: int
    width: int
    parts: int = 0

    @property
    def complete(self) -> bool:
        """Whether all its outcomes were in the log when it was planned."""
        wanted = self.planned.task.parts
        return wanted is not None and self.parts >= wanted

    def check(self, result: Outcome | Found) -> None:
        """Refuse a result that cannot be stored in an atlas.

        Raises:
            BadInputError: if the search of a strategy hands over anything but an `Outcome`.
        """
        outcome = result.result if isinstance(result, Found) else result
        if not isinstance(outcome, Outcome):
            where = f"strategy {self.planned.task.key.strategy}"
            problem = f"a search hands over {type(outcome).__name__} instead of an Outcome"
            raise BadInputError(where, problem, "return an Outcome, or yield it as Found")

    def attempt(self, outcome: Outcome, part: int) -> Attempt:
        """Join an outcome of the search with its key and its place in the exploration."""
        key = self.planned.task.key
        place = {"round": self.round, "as_of": self.as_of, "width": self.width}
        return Attempt(*key, outcome, part, self.planned.stream, **place)


class Committer:
    """Commits attempts, and counts the points of the atlas and what the last attempts found.

    Every batch has a key, so that a batch whose commit was interrupted is stored once, not twice.

    Args:
        atlas: the atlas that attempts are stored in.
        landscape: the landscape of the atlas.
        options: the stop rules, which limit how many points are stored.
        points: numbers of minima and of transition states in the atlas.

    Attributes:
        run_id: id of this run in the atlas; it must be set before anything is committed.
        minima: number of minima in the atlas.
        transition_states: number of transition states in the atlas.
        pending: attempts that wait to be committed.
        attempts: number of attempts committed in this run.
        quiet: number of attempts since the last one that found a new point.
        new_in_round: number of new points since `begin_round` was called.
        counts: number of attempts of each strategy.
        statuses: number of attempts that ended with each status.
    """

    def __init__(
        self,
        atlas: Atlas,
        landscape: Landscape,
        options: ExploreOptions,
        points: tuple[int, int],
    ) -> None:
        """Begin a run in which nothing was committed yet."""
        self.atlas, self.landscape = atlas, landscape
        self.options = options
        self.run_id: int | None = None
        self.minima, self.transition_states = points
        self.pending: list[Attempt] = []
        self.attempts = self.quiet = self.new_in_round = 0
        self.counts = Counter[str]()
        self.statuses = Counter[Status]()
        self._batch: list[Attempt] = []
        self._number = 0

    @property
    def enough(self) -> bool:
        """Whether the atlas holds as many points as the stop rules ask for."""
        return self.options.enough(self.minima, self.transition_states)

    def begin_round(self) -> None:
        """Start to count the new points of another round."""
        self.new_in_round = 0

    def commit(self) -> None:
        """Commit one batch of the pending attempts.

        The batch consists of all of them, or of so few that the stop rules are not overshot. If an
        interrupt or an error keeps it from being stored, the next call commits the same batch again
        with the same key.

        Raises:
            AtlasError: if the atlas cannot be written.
        """
        if not self._batch:
            size = self._size()
            self._batch, self.pending = self.pending[:size], self.pending[size:]
        assert self.run_id is not None  # searches are made after the run began
        stored = [
            attempt._replace(outcome=placed(attempt.outcome, self.landscape))
            for attempt in self._batch
        ]
        receipt = self.atlas.commit(self.run_id, stored, f"{self.run_id}:{self._number}")
        batch, self._batch = self._batch, []
        self._number += 1
        self._count(batch, receipt)

    @property
    def uncommitted(self) -> bool:
        """Whether any attempt waits to be committed."""
        return bool(self._batch or self.pending)

    def _size(self) -> int:
        """Count the pending attempts that cannot pass the limit even if all their points are new.

        The answer is at least one, since one attempt has to be committed for a limit to be reached.
        """
        minima, states = self.minima, self.transition_states
        for size, attempt in enumerate(self.pending):
            ways = attempt.outcome.pathways
            minima += len(attempt.outcome.minima) + sum(len(way.ends) for way in ways)
            states += len(ways)
            if self.options.enough(minima, states):
                return max(1, size)
        return len(self.pending)

    def _count(self, batch: list[Attempt], receipt: Committed) -> None:
        for record, attempt in zip(receipt.attempts, batch, strict=True):
            new = len(record.new_minima) + len(record.new_transition_states)
            self.minima += len(record.new_minima)
            self.transition_states += len(record.new_transition_states)
            self.new_in_round += new
            self.quiet = 0 if new else self.quiet + 1
            self.counts[attempt.strategy] += 1
            self.statuses[attempt.outcome.status] += 1
        self.attempts += len(batch)
