"""Committing: attempts go into the atlas in batches, in order, and are counted."""

from collections import Counter

from lossatlas.atlas import Atlas, Attempt, Committed
from lossatlas.errors import Status
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.landscape.base import Landscape
from lossatlas.search.outcome import placed


class Committer:
    """Commits attempts, and knows what the atlas holds and what the last attempts brought.

    Every batch has a key, so that one which was interrupted is committed once and not twice.

    Args:
        atlas: the atlas.
        landscape: its landscape.
        options: when to stop.
        points: minima and transition states in the atlas.

    Attributes:
        run_id: of this run in the atlas; to be set before anything is committed.
        pending: attempts to be committed.
        attempts: committed in this run.
        quiet: attempts since the last that found something new.
        new_in_round: points found since `begin_round`.
        counts: attempts of each strategy.
        statuses: how many attempts ended with each status.
    """

    def __init__(
        self,
        atlas: Atlas,
        landscape: Landscape,
        options: ExploreOptions,
        points: tuple[int, int],
    ) -> None:
        """Nothing committed yet."""
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
        """Whether the atlas holds as many points as asked for."""
        return self.options.enough(self.minima, self.transition_states)

    def begin_round(self) -> None:
        """Count new points from here on."""
        self.new_in_round = 0

    def commit(self) -> None:
        """Commit one batch of what is pending: all, or so few that the limit is not passed.

        It is no longer pending from the moment it is to be committed, whatever interrupts the rest.
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
        """Whether there is anything to commit."""
        return bool(self._batch or self.pending)

    def _size(self) -> int:
        """How many of the pending cannot bring more than is asked for, all their points being new.

        At least one: after it there may be enough.
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
