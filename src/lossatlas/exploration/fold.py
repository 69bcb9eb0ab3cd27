"""The state of the planner: what follows from the log of attempts up to one of them.

The log only grows, and so do points and links, in the same order. Therefore the state as of any
attempt can be restored at any time by reading the log up to that attempt, and an exploration that
was killed is continued as if it had not been. The time that a step takes depends on what is new in
it, not on the size of the atlas.
"""

from collections import defaultdict, deque
from typing import NamedTuple

import numpy as np

from lossatlas.atlas import Atlas
from lossatlas.atlas.log import LogColumns, read_log_columns
from lossatlas.atlas.lost_connections import tried_again
from lossatlas.exploration.ahead import Ahead
from lossatlas.exploration.checkpoint import NO_CHECKPOINT, Checkpoint, Picture, last_due
from lossatlas.exploration.components import Components
from lossatlas.exploration.neighbor_lists import keep_candidates
from lossatlas.exploration.neighbors import Candidates, Neighbors
from lossatlas.exploration.points import (
    Counts,
    Minima,
    NewMinima,
    NewTransitionStates,
    TransitionStates,
    unmet_points,
)
from lossatlas.exploration.tried import Tried
from lossatlas.landscape.base import Landscape
from lossatlas.network import links as linking
from lossatlas.network.links import Links
from lossatlas.search.known import KnownPoints, Rows

AT_ONCE = 4096
"""Number of minima whose descriptors are computed together, which limits the memory needed."""
MEMORY = 200
"""Number of the last attempts of a strategy by which the planner judges it."""


class Recent(NamedTuple):
    """What the last attempts of a strategy found and cost, summed over these attempts.

    Attributes:
        new_minima: number of new minima.
        new_transition_states: number of new transition states.
        gradients: number of evaluations of the gradient.
        hessians: number of Hessians computed.
    """

    new_minima: int = 0
    new_transition_states: int = 0
    gradients: int = 0
    hessians: int = 0


class Fold:
    """The state of the planner as of an attempt, brought forward by `advance`.

    Args:
        atlas: an open atlas.
        landscape: the landscape of the atlas.

    Attributes:
        as_of: id of the last attempt that is part of the state; 0 before the first.
        tried: the searches made up to that attempt, and those that were planned since.
        recent: what the last attempts of each strategy found and cost, by its name in the log.
        minima: the minima found up to that attempt.
        states: the transition states found up to that attempt.
        links: the columns of the links, which say which minima each transition state joins.
        components: the connected components of the minima.
        lowest: position of the lowest minimum inside the box; -1 if there is none.
        near: the nearest minima of each minimum.
        known: the transition states in the form in which searches recognize them.
        checkpoint: the pairs of minima chosen at the last checkpoint.
    """

    def __init__(self, atlas: Atlas, landscape: Landscape) -> None:
        """Begin before the first attempt."""
        self.atlas, self.landscape, self.as_of = atlas, landscape, 0
        self.tried = Tried()
        self.minima = Minima.none(landscape.n_weights)
        self.states = TransitionStates.none(landscape.n_weights)
        self.links = [Rows(np.zeros(0, np.int64)) for _ in Links._fields]
        self.components, self.lowest = Components(), -1
        self.near, self.known = Neighbors(), KnownPoints()
        self.checkpoint = NO_CHECKPOINT
        self.recent: dict[str, Recent] = {}
        self._lasts: dict[str, deque[Recent]] = {}
        self._pairs = Rows(np.zeros((0, 2), np.int64))
        self._log: LogColumns | None = None
        self._counts = Counts(0, 0)
        self._kept = 0

    def read(self) -> LogColumns:
        """Read the attempts that are not part of the state yet, up to the present end of the log.

        Raises:
            AtlasError: if the atlas cannot be read or is damaged.
        """
        if self._log is None:
            # Points that no attempt found are taken as older than all attempts.
            self._counts = tried_again(self._unmet_points)
        self._log = tried_again(lambda: read_log_columns(self.atlas, self.as_of))
        return self._log

    def _unmet_points(self) -> Counts:
        with self.atlas.reading() as connection:
            return unmet_points(connection)

    def advance(self, to: int | None = None) -> None:
        """Bring the state forward to an attempt.

        Args:
            to: id of the attempt; by default the last one in the log. Nothing happens if the state
                is that of a later attempt already.

        Raises:
            AtlasError: if the atlas cannot be read or is damaged.
        """
        log = self._log if to is not None and self._log is not None else self.read()
        rows = len(log.id) if to is None else int(np.searchsorted(log.id, to, side="right"))
        last = max(self.as_of, int(log.id[rows - 1])) if rows else self.as_of
        ahead = tried_again(lambda: self._read_ahead(log, last))
        due = max(last_due(last), self._lowest_found(ahead.minima, log, last))
        if due > self.checkpoint.as_of:
            self._fold(ahead, log, due)
            self.checkpoint = Checkpoint.of(self.picture(), due)
        self._fold(ahead, log, last)

    def _rows(self, log: LogColumns, last: int) -> slice:
        """Return the rows of the log that are not part of the state yet, up to an attempt."""
        return slice(*np.searchsorted(log.id, [self.as_of, last], side="right").tolist())

    def _counts_at(self, log: LogColumns, last: int) -> Counts:
        """Return how many points there are as of an attempt."""
        new = (int(counts[self._rows(log, last)].sum()) for counts in _new(log))
        return Counts(*(n + k for n, k in zip(self._counts, new, strict=True)))

    def _read_ahead(self, log: LogColumns, last: int) -> Ahead:
        """Read the points found after the present state and up to an attempt."""
        counts, name = self._counts_at(log, last), self.atlas.name
        with self.atlas.reading() as connection:
            return Ahead.read(connection, self.minima, self.states, counts, name)

    def _lowest_found(self, new: NewMinima, log: LogColumns, last: int) -> int:
        """Return the attempt that found the minimum which is the lowest as of attempt `last`.

        It is 0 if the present state contains that minimum.
        """
        number, energy = new.lowest()
        known = self.minima.energies.array[self.lowest] if self.lowest >= 0 else np.inf
        rows, position = self._rows(log, last), len(self.minima.ids) + number
        if energy >= known or position < self._counts.minima:
            return 0
        there = self._counts.minima + np.cumsum(log.new_minima[rows])
        return int(log.id[rows][np.searchsorted(there, position, side="right")])

    def _fold(self, ahead: Ahead, log: LogColumns, last: int) -> None:
        """Add the attempts up to one, and the points that they found, to the state."""
        self._fold_attempts(log, self._rows(log, last))
        self._counts = self._counts_at(log, last)
        present = Counts(len(self.minima.ids), len(self.states.ids))
        new = ahead.between(present, self._counts)
        self._fold_minima(new.minima, new.candidates)
        self._fold_states(new.states, new.links)
        self.as_of = last

    def _fold_attempts(self, log: LogColumns, rows: slice) -> None:
        """Add to what was tried, and to what the last attempts of each strategy found and cost."""
        made: dict[str, list[int]] = defaultdict(list)
        for row in range(rows.start, rows.stop):
            strategy, origins = log.strategy[row], log.origins(row)
            made[strategy].append(row)
            self.tried.add((strategy, origins, log.what[row]))
        empty = np.array([not what for what in log.what[rows]], bool)
        pairs = empty & (log.second[rows] > 0) & ~np.isin(log.id[rows], list(log.more))
        self._pairs.extend(np.stack([log.first[rows], log.second[rows]], axis=1)[pairs])
        columns = (*_new(log), log.gradients, log.hessians)
        for strategy, some in made.items():
            lasts = self._lasts.setdefault(strategy, deque(maxlen=MEMORY))
            values = (column[some[-MEMORY:]].tolist() for column in columns)
            lasts.extend(map(Recent, *values))
            self.recent[strategy] = Recent(*map(sum, zip(*lasts, strict=True)))

    def _fold_minima(self, new: NewMinima, listed: Candidates) -> None:
        """Add new minima, with the candidates for neighbors that the atlas lists."""
        old = len(self.minima.ids)
        self.minima.add(new)
        self._fold_neighbors(new, listed)
        self.components.add(new.inside.tolist())
        number, energy = new.lowest()
        if number >= 0 and (self.lowest < 0 or energy < self.minima.energies.array[self.lowest]):
            self.lowest = old + number

    def _fold_neighbors(self, new: NewMinima, listed: Candidates) -> None:
        """Add the neighbors of new minima, searching for those that the atlas does not list."""
        if self._kept == len(self.minima.ids) - len(new.ids):
            self._kept += len(listed.numbers)
        for first in range(0, len(new.ids), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            described = self.landscape.descriptors(new.weights[rows])
            known = Candidates(*(part[rows] for part in listed))
            self.near.add(described[: len(known.numbers)], known)
            self.near.add(described[len(known.numbers) :])

    def keep_neighbors(self, least: int = 1) -> None:
        """Write the neighbors of minima that the atlas does not list yet into the atlas.

        Args:
            least: smallest number of such minima for which anything is written; default 1.

        Raises:
            AtlasError: if the atlas cannot be written.
        """
        ids = self.minima.ids.array
        if len(ids) - self._kept >= least:
            tried_again(self._write_neighbors)
            self._kept = len(ids)

    def _write_neighbors(self) -> None:
        with self.atlas.writing() as connection:
            keep_candidates(connection, self.minima.ids.array, self.near, self._kept)

    def _fold_states(self, new: NewTransitionStates, links: Links) -> None:
        """Add new transition states, and the minima that they join."""
        if not len(new.ids):
            return
        self.states.add(new)
        self.known.append(new.known)
        for column, values in zip(self.links, links, strict=True):
            column.extend(values)
        same = np.flatnonzero(links.transition_state[1:] == links.transition_state[:-1])
        ends = links.minimum[same].tolist(), links.minimum[same + 1].tolist()
        for one, other in zip(*ends, strict=True):
            self.components.join(one, other)

    def picture(self) -> Picture:
        """Return the present state in the form that a checkpoint is computed from."""
        energies, links = self.minima.energies.array, Links(*(rows.array for rows in self.links))
        floor = linking.highest_minimum(links, energies)
        return Picture(
            energies=energies,
            inside=self.minima.inside.array,
            neighbors=self.near.found,
            distances=self.near.distances,
            edges=linking.pairs(links, len(energies)),
            heights=np.maximum(self.states.energies.array, floor),
            tried=np.searchsorted(self.minima.ids.array, self._pairs.array),
        )


def _new(log: LogColumns) -> tuple[np.ndarray, np.ndarray]:
    """Return how many minima and how many transition states each attempt added."""
    return log.new_minima, log.new_transition_states
