"""The state of the planner: what follows from the log of attempts up to one of them.

The log only grows, and so do points and links, in the same order. Therefore the state as of any
attempt can be restored at any time by reading the log up to that attempt, and an exploration that
was killed is continued as if it had not been. The time that a step takes depends on what is new in
it, not on the size of the atlas.
"""

from collections import defaultdict, deque
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from lossatlas.atlas import Atlas
from lossatlas.atlas.log import LogColumns, read_log_columns
from lossatlas.exploration.checkpoint import NO_CHECKPOINT, Checkpoint, Picture, last_due
from lossatlas.exploration.components import Components
from lossatlas.exploration.neighbor_lists import keep_candidates, stored_candidates
from lossatlas.exploration.neighbors import Candidates, Neighbors
from lossatlas.exploration.points import (
    Counts,
    Minima,
    NewMinima,
    TransitionStates,
    read_links,
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
            with self.atlas.reading() as connection:
                self._counts = unmet_points(connection)
        self._log = read_log_columns(self.atlas, self.as_of)
        return self._log

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
        with self.atlas.reading() as connection:
            self._read_minima(connection, log, last)
            due = max(last_due(last), self._lowest_found(log, last))
            if due > self.checkpoint.as_of:
                self._fold(connection, log, due)
                self.checkpoint = Checkpoint.of(self.picture(), due)
            self._fold(connection, log, last)

    def _rows(self, log: LogColumns, last: int) -> slice:
        """Return the rows of the log that are not part of the state yet, up to an attempt."""
        return slice(*np.searchsorted(log.id, [self.as_of, last], side="right").tolist())

    def _read_minima(self, connection: Connection, log: LogColumns, last: int) -> None:
        """Read the minima found after the present state and up to an attempt."""
        count = self._counts.minima + int(log.new_minima[self._rows(log, last)].sum())
        self._ahead = self.minima.read(connection, count)

    def _lowest_found(self, log: LogColumns, last: int) -> int:
        """Return the attempt that found the minimum which is the lowest as of attempt `last`.

        It is 0 if the present state contains that minimum.
        """
        number, energy = self._ahead.lowest()
        known = self.minima.energies.array[self.lowest] if self.lowest >= 0 else np.inf
        rows, position = self._rows(log, last), len(self.minima.ids) + number
        if energy >= known or position < self._counts.minima:
            return 0
        there = self._counts.minima + np.cumsum(log.new_minima[rows])
        return int(log.id[rows][np.searchsorted(there, position, side="right")])

    def _fold(self, connection: Connection, log: LogColumns, last: int) -> None:
        """Add the attempts up to one, and the points that they found, to the state."""
        rows = self._rows(log, last)
        self._fold_attempts(log, rows)
        new = (int(counts[rows].sum()) for counts in _new(log))
        self._counts = Counts(*(n + k for n, k in zip(self._counts, new, strict=True)))
        self._fold_minima(connection)
        self._fold_states(connection)
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

    def _fold_minima(self, connection: Connection) -> None:
        """Add the minima up to the present count."""
        old = len(self.minima.ids)
        new, self._ahead = self._ahead.split(self._counts.minima - old)
        self.minima.add(new)
        self._fold_neighbors(connection, new)
        self.components.add(new.inside.tolist())
        number, energy = new.lowest()
        if number >= 0 and (self.lowest < 0 or energy < self.minima.energies.array[self.lowest]):
            self.lowest = old + number

    def _fold_neighbors(self, connection: Connection, new: NewMinima) -> None:
        """Add the neighbors of new minima, searching for those that the atlas does not list."""
        if not len(new.ids):
            return
        ids = self.minima.ids.array
        old = len(ids) - len(new.ids)
        listed = stored_candidates(connection, ids, old)
        if self._kept == old:
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
            with self.atlas.writing() as connection:
                keep_candidates(connection, ids, self.near, self._kept)
            self._kept = len(ids)

    def _fold_states(self, connection: Connection) -> None:
        """Add the transition states up to the present count, and the minima that they join."""
        old = len(self.states.ids)
        new = self.states.read(connection, self._counts.transition_states)
        if not len(new.keys):
            return
        self.known.append(new)
        links = read_links(connection, new.keys, old, self.minima.ids.array, self.atlas.name)
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
