"""The nearest minima of every minimum, by descriptors, kept up to date as minima are added.

When a row is added, the rows nearest to it among those before are searched (`proximity_graph`).
What is kept of this, once and for all, are its **candidates**: the nearest rows, whose lists it may
enter and which begin its own, and further ones whose lists it enters. A row that lies far from all
others is a candidate of nobody, and would not hear of what is added later. So with every new row
an earlier one is searched for again, each whenever the number of rows has doubled, and what its
list lacked is kept with the new row. The lists are the fold of all that in the order of the rows.
Whoever has descriptors and candidates has the lists of any moment again without a search.

The first `COMPARED` rows are compared each with each, and their lists are exact. After that the
search is approximate, and its cost grows with the logarithm of the number of rows. Rows are
searched for in blocks of fixed numbers, among the rows of earlier blocks, and compared with the
others of their block: what is found does not depend on how rows come in batches.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from lossatlas.exploration.proximity_graph import (
    COMPARED,
    NOBODY,
    ProximityGraph,
    grown,
    numbers_of,
    rank_in_group,
    squared_lengths,
    squares_of,
)
from lossatlas.search.known import Rows

NEIGHBORS = 10
"""Nearest minima that pairs are chosen from."""
CANDIDATES, ENTERED, MISSED = 16, 8, 8
"""What is kept of the search for a row: the nearest of its time, more rows whose lists it enters,
and what an earlier row lacked that was searched for again."""
OWN, KEPT = CANDIDATES + ENTERED, CANDIDATES + ENTERED + MISSED
BLOCK = 64
"""Rows that are searched for among the same rows."""
FOLDED = 16_384
"""Rows whose candidates enter the lists in one step, for the memory's sake."""
SLACK = 1e-5
"""Relative error that squared distances in single precision may have."""

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, the rows whose lists they may enter, and the distances: (k,) each."""


class Candidates(NamedTuple):
    """What is kept of the search for rows; see `Neighbors.candidates`.

    Attributes:
        numbers: (m, `KEPT`) of other rows, -1 in places that are left empty. Which row a number in
            the last `MISSED` columns is a neighbor of, only `Neighbors` knows.
        distances: (m, `KEPT`) how far they are; infinite in empty places.
    """

    numbers: Int[np.ndarray, "m c"]
    distances: Float[np.ndarray, "m c"]


class Neighbors:
    """The nearest rows of every row, nearest first, the row itself left out.

    Of rows at the same distance those added first are taken.

    Args:
        compared: the first so many rows are compared each with each: whole blocks, at least two.

    Examples:
        >>> near = Neighbors()
        >>> near.add(np.array([[0.0], [1.0], [3.0]]))
        >>> near.found.tolist(), near.distances.tolist()
        ([[1, 2], [0, 2], [1, 0]], [[1.0, 3.0], [1.0, 2.0], [2.0, 3.0]])
        >>> again = Neighbors.restore(np.array([[0.0], [1.0], [3.0]]), *near.candidates(0))
        >>> again.found.tolist()
        [[1, 2], [0, 2], [1, 0]]
    """

    def __init__(self, compared: int = COMPARED) -> None:
        """No row yet."""
        self._count, self._compared = 0, BLOCK * max(2, -(-compared // BLOCK))
        self._graph = ProximityGraph(self._compared)
        self._candidates = np.zeros((0, KEPT), np.int32)
        self._apart = np.zeros((0, KEPT))
        self._found = np.zeros((0, NEIGHBORS), np.int64)
        self._distances = np.zeros((0, NEIGHBORS))
        self._reach = np.zeros(0)
        self._log, self._published, self._linked = Rows(), 0, 0

    @classmethod
    def restore(
        cls,
        descriptors: Float[np.ndarray, "m d"],
        candidates: Int[np.ndarray, "m c"],
        distances: Float[np.ndarray, "m c"],
        compared: int = COMPARED,
    ) -> "Neighbors":
        """The neighbors as they were when these rows had been added, without a search.

        Args:
            descriptors: the rows.
            candidates: what `candidates(0)` gave for them.
            distances: how far they are.
            compared: as of the object that gave them.
        """
        near = cls(compared)
        near.add(descriptors, Candidates(candidates, distances))
        return near

    @property
    def found(self) -> Int64[np.ndarray, "m k"]:
        """(m, k) numbers of the nearest rows, k at most `NEIGHBORS`; later rows change them."""
        return _read_only(self._found[: self._count, : max(0, self._count - 1)])

    @property
    def distances(self) -> Float64[np.ndarray, "m k"]:
        """(m, k) how far they are; later rows change them."""
        return _read_only(self._distances[: self._count, : max(0, self._count - 1)])

    @property
    def mark(self) -> int:
        """What `changed_since` takes to give the rows whose lists change after now."""
        return len(self._log)

    def changed_since(self, mark: int = 0) -> Int64[np.ndarray, " k"]:
        """Numbers of the rows whose lists have changed since `mark`, some of them repeatedly.

        The rows do not depend on the batches that rows came in, but their order here does.
        """
        return self._log.array[mark:]

    def candidates(self, first: int = 0) -> Candidates:
        """What is kept of the search for rows from number `first` on: it never changes."""
        rows = slice(first, self._count)
        return Candidates(_read_only(self._candidates[rows]), _read_only(self._apart[rows]))

    def add(self, new: Float[np.ndarray, "b d"], known: Candidates | None = None) -> None:
        """Add rows; they are numbered on.

        Args:
            new: the rows.
            known: what `candidates` gave for them when they were added before; default: they are
                searched.

        Raises:
            ValueError: if `known` has not one row of `KEPT` numbers for each new row.
        """
        if known is not None and known.numbers.shape != (len(new), KEPT):
            shape = known.numbers.shape
            raise ValueError(f"candidates of shape {shape} for {len(new)} rows with {KEPT} each")
        begin, end = self._count, self._count + len(new)
        while self._count < end:
            exact = self._count < self._compared
            last = _end_of_part(self._count, end, BLOCK if known is None or exact else FOLDED)
            rows = np.arange(self._count, last)
            self._graph.extend(new[rows - begin])
            self._make_room(last)
            keys = self._search(rows) if known is None or exact else None
            if known is not None:
                self._candidates[rows] = known.numbers[rows - begin]
                self._apart[rows] = known.distances[rows - begin]
                self._begin_lists(rows)
            self._fold(rows, keys if exact else None)

    def _fold(self, rows: np.ndarray, compared: np.ndarray | None) -> None:
        """Let new rows enter the lists of others."""
        if compared is None:
            changed = self._enter(*self._of_candidates(rows))
        else:
            changed = self._enter(*self._all_nearer(rows, compared))
        self._log.extend(np.concatenate([rows, changed[changed < rows[0]]]))
        self._count = int(rows[-1]) + 1
        if self._count % BLOCK == 0:
            self._publish()

    def _make_room(self, length: int) -> None:
        self._candidates = grown(self._candidates, length, -1)
        self._apart = grown(self._apart, length, np.inf)
        self._found = grown(self._found, length, -1)
        self._distances = grown(self._distances, length, np.inf)
        self._reach = grown(self._reach, length, np.inf)

    def _search(self, rows: np.ndarray) -> np.ndarray:
        """Find the candidates of rows of one block; give the keys of all rows found."""
        earlier = searched_again(rows) if rows[0] >= self._compared else rows[:0]
        keys = self._graph.nearest(
            self._graph.rows[np.concatenate([rows, earlier])], _begin_of_block(rows)
        )
        found = self._with_own_block(rows, keys[: len(rows)])
        nearest, others = found[:, :CANDIDATES], found[:, CANDIDATES:]
        self._keep(rows, 0, rows, nearest)
        self._begin_lists(rows)
        enters = squares_of(others) < self._reach[numbers_of(others)]
        self._keep(rows, CANDIDATES, rows, _foremost(others, enters, ENTERED))
        if len(earlier):
            missed = self._missed(earlier, keys[len(rows) :])
            self._keep(rows, OWN, earlier, missed)
        return found

    def _keep(self, rows: np.ndarray, column: int, seen_from: np.ndarray, keys: np.ndarray) -> None:
        """Keep the rows of keys from a column on, and how far they are from other rows."""
        numbers = numbers_of(keys)
        origins = np.broadcast_to(seen_from[:, None], numbers.shape)
        apart = np.where(numbers < 0, np.inf, self._lengths(origins, numbers))
        places = (rows[:, None], np.arange(column, column + numbers.shape[1]))
        self._candidates[places], self._apart[places] = numbers, apart

    def _missed(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Keys of what is nearer to rows than the last of their lists, but not in these."""
        numbers, listed = numbers_of(keys), self._graph.nearest_of(rows)
        known = (numbers[:, :, None] == listed[:, None]).any(axis=2) | (numbers == rows[:, None])
        return _foremost(keys, ~known & (squares_of(keys) < self._reach[rows][:, None]), MISSED)

    def _with_own_block(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Keys from earlier blocks, and of all rows of the same block that come before each."""
        same = self._graph.compare(self._graph.rows[rows], _begin_of_block(rows), rows[-1] + 1)
        same[numbers_of(same) >= rows[:, None]] = NOBODY
        return np.sort(np.concatenate([keys, same], axis=1), axis=1)

    def _lengths(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Distances between rows, in double precision."""
        rows = self._graph.rows
        differences = np.subtract(rows[some.ravel()], rows[others.ravel()], dtype=float)
        return np.sqrt(squared_lengths(differences)).reshape(some.shape)

    def _begin_lists(self, rows: np.ndarray) -> None:
        """The lists of new rows: the nearest of those before them."""
        candidates, apart = self._candidates[rows, :CANDIDATES], self._apart[rows, :CANDIDATES]
        order = np.lexsort((candidates, apart))[:, :NEIGHBORS]
        self._found[rows] = np.take_along_axis(candidates, order, axis=1)
        self._distances[rows] = np.take_along_axis(apart, order, axis=1)
        self._reach[rows] = self._distances[rows, -1] ** 2

    def _all_nearer(self, rows: np.ndarray, keys: np.ndarray) -> Entries:
        """New rows for all rows before them that they may be nearer to than their lists are."""
        limits = (1.0 + SLACK) * self._distances[:, -1] ** 2
        near = (keys != NOBODY) & (squares_of(keys) <= limits[numbers_of(keys)])
        places, _ = np.nonzero(near)
        sources, targets = rows[places], numbers_of(keys[near])
        return sources, targets, self._lengths(sources, targets)

    def _of_candidates(self, rows: np.ndarray) -> Entries:
        """New rows for their candidates, and for earlier rows what these missed."""
        own, missed = self._candidates[rows, :OWN], self._candidates[rows, OWN:]
        new, _ = np.nonzero(own >= 0)
        again, _ = np.nonzero(missed >= 0)
        sources = np.concatenate([rows[new], missed[missed >= 0]])
        targets = np.concatenate([own[own >= 0], searched_again(rows)[again]])
        apart = self._apart[rows, :OWN][own >= 0], self._apart[rows, OWN:][missed >= 0]
        return sources, targets, np.concatenate(apart)

    def _enter(self, sources: np.ndarray, targets: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """Let rows enter the lists of others where they are nearer; give the lists that changed."""
        nearer = apart < self._distances[targets, -1]
        sources, targets, apart = sources[nearer], targets[nearer], apart[nearer]
        changed = np.unique(targets)
        rows = np.concatenate([np.repeat(changed, NEIGHBORS), targets])
        numbers = np.concatenate([self._found[changed].ravel(), sources])
        apart = np.concatenate([self._distances[changed].ravel(), apart])
        order = np.lexsort((numbers, apart, rows))
        places = rank_in_group(rows[order])
        order, places = order[places < NEIGHBORS], places[places < NEIGHBORS]
        self._found[rows[order], places] = numbers[order]
        self._distances[rows[order], places] = apart[order]
        return changed

    def _publish(self) -> None:
        """Link rows for the searches to come, at the end of a block."""
        self._graph.link(self._linked, self._candidates[self._linked : self._count])
        changed = np.unique(self.changed_since(self._published))
        self._graph.set_nearest(changed, self._found[changed])
        self._reach[changed] = self._distances[changed, -1] ** 2
        self._linked, self._published = self._count, self.mark


def _end_of_part(first: int, last: int, length: int) -> int:
    """At most `length` rows on from the begin of a block, at an end of one if there is any."""
    end = min(last, first - first % BLOCK + length)
    whole = end - end % BLOCK
    return whole if whole > first else end


def searched_again(rows: Int[np.ndarray, " b"]) -> Int[np.ndarray, " b"]:
    """The earlier row that is searched for again when a row is added, by their numbers.

    Row r comes when there are about 2r, 4r, 8r, ... rows: with row 2^k r + 2^(k-1) - 1.

    Examples:
        >>> searched_again(np.array([10, 21, 43, 87]))
        array([5, 5, 5, 5])
    """
    trailing_ones = np.bitwise_count(rows & ~(rows + 1))
    return rows >> (trailing_ones + 1).astype(rows.dtype)


def _begin_of_block(rows: np.ndarray) -> int:
    return int(rows[0] - rows[0] % BLOCK)


def _foremost(keys: np.ndarray, which: np.ndarray, count: int) -> np.ndarray:
    """The first of those keys of each row that are chosen, `NOBODY` where there are fewer."""
    return np.sort(np.where(which, keys, NOBODY), axis=1)[:, :count]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
