"""The nearest minima of every minimum, by descriptors, kept up to date as minima are added.

A minimum is a row of descriptors here. When a row is added, the nearest of the earlier rows are
searched for (`proximity_graph`). The result of this search, which never changes, are the
**candidates** of the row: the nearest rows, with which its own list begins and whose lists it may
enter, and further rows whose lists it enters. A row that lies far from all others is a candidate of
no other row, and its list would miss the rows that are added later. Therefore an earlier row comes
up whenever a row is added, each earlier row whenever the number of rows has doubled. If few of the
rows that were added since it came up before (since it was added itself, the first time) had it
among their nearest, it is searched for again, and what was missing in its list is stored with the
new row. The lists follow from all candidates in the order of the rows, so that they can be restored
from descriptors and candidates, as of any moment, without a search.

The first `COMPARED` rows are compared each with each, and their lists are exact. After that the
search is approximate, and its cost grows with the logarithm of the number of rows. Rows are
searched for in blocks of fixed numbers, among the rows of earlier blocks, and compared with the
others of their block. Therefore what is found does not depend on the batches in which rows are
added.
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
"""Number of nearest minima in the list of each minimum, from which pairs are chosen."""
CANDIDATES, ENTERED, MISSED = 16, 8, 8
"""Numbers of candidates of a row: the nearest rows when it was added, more rows whose lists it
enters, and rows that were missing in the list of the earlier row that came up, if it was searched
for again."""
OWN, KEPT = CANDIDATES + ENTERED, CANDIDATES + ENTERED + MISSED
"""Number of candidates that are neighbors of the row itself, and of all candidates."""
BLOCK = 64
"""Number of rows in a block; they are searched for among the rows of earlier blocks."""
FOLDED = 16_384
"""Number of rows whose candidates enter the lists in one step, which limits the memory needed."""
SLACK = 1e-5
"""Relative error that squared distances in single precision may have."""

Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, the rows whose lists they may enter, and the distances between the two: (k,) each."""


class Candidates(NamedTuple):
    """The candidates of rows, which `Neighbors.candidates` returns and an atlas stores.

    Attributes:
        numbers: (m, `KEPT`) numbers of other rows; -1 in empty places. The last `MISSED` columns
            are neighbors of the earlier row that came up (`coming_up`), and empty if it was not
            searched for again.
        distances: (m, `KEPT`) distances to these rows; infinite in empty places.
    """

    numbers: Int[np.ndarray, "m c"]
    distances: Float[np.ndarray, "m c"]


class Neighbors:
    """The nearest rows of every row, nearest first, without the row itself.

    Among rows at the same distance those added first are taken.

    Args:
        compared: number of rows from the first on that are compared each with each. It is rounded
            up to whole blocks, at least two; default `COMPARED`.

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
        """Begin without any row."""
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
        """Restore the neighbors of rows from their candidates, without a search.

        Args:
            descriptors: (m, d) the rows.
            candidates: (m, `KEPT`) the numbers that `candidates(0)` returned for these rows.
            distances: (m, `KEPT`) the distances that it returned.
            compared: the value that the object had which returned them.

        Raises:
            ValueError: if the candidates do not have one row of `KEPT` numbers for each row.
        """
        near = cls(compared)
        near.add(descriptors, Candidates(candidates, distances))
        return near

    @property
    def found(self) -> Int64[np.ndarray, "m k"]:
        """(m, k) numbers of the nearest rows, k at most `NEIGHBORS`; adding rows changes them."""
        return _read_only(self._found[: self._count, : max(0, self._count - 1)])

    @property
    def distances(self) -> Float64[np.ndarray, "m k"]:
        """(m, k) distances to the rows in `found`; adding rows changes them."""
        return _read_only(self._distances[: self._count, : max(0, self._count - 1)])

    @property
    def mark(self) -> int:
        """The mark with which `changed_since` returns the rows whose lists change from now on."""
        return len(self._log)

    def changed_since(self, mark: int = 0) -> Int64[np.ndarray, " k"]:
        """Return the numbers of the rows whose lists have changed since a mark.

        A row whose list changed several times may occur several times. Which rows are returned does
        not depend on the batches in which rows were added, but their order does.

        Args:
            mark: an earlier value of `mark`; default 0, all changes.
        """
        return self._log.array[mark:]

    def candidates(self, first: int = 0) -> Candidates:
        """Return the candidates of the rows from number `first` on, which never change."""
        rows = slice(first, self._count)
        return Candidates(_read_only(self._candidates[rows]), _read_only(self._apart[rows]))

    def add(self, new: Float[np.ndarray, "b d"], known: Candidates | None = None) -> None:
        """Add rows, whose numbers follow those of the rows before.

        Args:
            new: (b, d) the rows.
            known: what `candidates` returned for the same rows when they were added to another
                object; by default the candidates are searched for.

        Raises:
            ValueError: if `known` does not have one row of `KEPT` numbers for each new row.
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
        """Let new rows enter the lists of other rows."""
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
        """Find the candidates of rows of one block, and return the keys of all rows found."""
        earlier, adding = self._lonely(rows)
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
            self._keep(adding, OWN, earlier, missed)
        return found

    def _lonely(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the earlier rows that are searched for again, and the new row with each.

        They are those that few rows follow among the rows of finished blocks since each came up
        before, which was at half the present number of rows. A row that more rows follow was found
        by them, and they have entered its list.
        """
        if rows[0] < self._compared:
            return rows[:0], rows[:0]
        earlier = coming_up(rows)
        lonely = ~self._graph.are_followed(earlier, rows // 2)
        return earlier[lonely], rows[lonely]

    def _keep(self, rows: np.ndarray, column: int, seen_from: np.ndarray, keys: np.ndarray) -> None:
        """Store the rows that keys stand for as candidates, from a column on, with distances."""
        numbers = numbers_of(keys)
        origins = np.broadcast_to(seen_from[:, None], numbers.shape)
        apart = np.where(numbers < 0, np.inf, self._lengths(origins, numbers))
        places = (rows[:, None], np.arange(column, column + numbers.shape[1]))
        self._candidates[places], self._apart[places] = numbers, apart

    def _missed(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Return the keys of rows that are missing in the lists of `rows`, though near enough."""
        numbers, listed = numbers_of(keys), self._graph.nearest_of(rows)
        known = (numbers[:, :, None] == listed[:, None]).any(axis=2) | (numbers == rows[:, None])
        return _foremost(keys, ~known & (squares_of(keys) < self._reach[rows][:, None]), MISSED)

    def _with_own_block(self, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Join keys from earlier blocks with those of the earlier rows of the same block."""
        same = self._graph.compare(self._graph.rows[rows], _begin_of_block(rows), rows[-1] + 1)
        same[numbers_of(same) >= rows[:, None]] = NOBODY
        return np.sort(np.concatenate([keys, same], axis=1), axis=1)

    def _lengths(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the distances between rows, computed in double precision."""
        rows = self._graph.rows
        differences = np.subtract(rows[some.ravel()], rows[others.ravel()], dtype=float)
        return np.sqrt(squared_lengths(differences)).reshape(some.shape)

    def _begin_lists(self, rows: np.ndarray) -> None:
        """Begin the lists of new rows with the nearest of the rows before them."""
        candidates, apart = self._candidates[rows, :CANDIDATES], self._apart[rows, :CANDIDATES]
        order = np.lexsort((candidates, apart))[:, :NEIGHBORS]
        self._found[rows] = np.take_along_axis(candidates, order, axis=1)
        self._distances[rows] = np.take_along_axis(apart, order, axis=1)
        self._reach[rows] = self._distances[rows, -1] ** 2

    def _all_nearer(self, rows: np.ndarray, keys: np.ndarray) -> Entries:
        """Return new rows as entries for all earlier rows that they may be near enough to."""
        limits = (1.0 + SLACK) * self._distances[:, -1] ** 2
        near = (keys != NOBODY) & (squares_of(keys) <= limits[numbers_of(keys)])
        places, _ = np.nonzero(near)
        sources, targets = rows[places], numbers_of(keys[near])
        return sources, targets, self._lengths(sources, targets)

    def _of_candidates(self, rows: np.ndarray) -> Entries:
        """Return new rows as entries for their candidates, and what earlier rows had missed."""
        own, missed = self._candidates[rows, :OWN], self._candidates[rows, OWN:]
        new, _ = np.nonzero(own >= 0)
        again, _ = np.nonzero(missed >= 0)
        sources = np.concatenate([rows[new], missed[missed >= 0]])
        targets = np.concatenate([own[own >= 0], coming_up(rows)[again]])
        apart = self._apart[rows, :OWN][own >= 0], self._apart[rows, OWN:][missed >= 0]
        return sources, targets, np.concatenate(apart)

    def _enter(self, sources: np.ndarray, targets: np.ndarray, apart: np.ndarray) -> np.ndarray:
        """Let rows enter the lists of others that they are near enough to; return these others."""
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
        """At the end of a block, link its rows so that later searches find them."""
        self._graph.link(self._linked, self._candidates[self._linked : self._count])
        changed = np.unique(self.changed_since(self._published))
        self._graph.set_nearest(changed, self._found[changed])
        self._reach[changed] = self._distances[changed, -1] ** 2
        self._linked, self._published = self._count, self.mark


def _end_of_part(first: int, last: int, length: int) -> int:
    """Return where a part of the rows ends: after at most `length` rows, at the end of a block.

    It ends within a block if there is no end of a block before `last`.
    """
    end = min(last, first - first % BLOCK + length)
    whole = end - end % BLOCK
    return whole if whole > first else end


def coming_up(rows: Int[np.ndarray, " b"]) -> Int[np.ndarray, " b"]:
    """Return for each new row the earlier row that comes up when it is added.

    Row r comes up when there are about 2r, 4r, 8r, ... rows, namely with the rows
    2^k r + 2^(k-1) - 1 for k = 1, 2, 3, ...

    Args:
        rows: (b,) numbers of the new rows.

    Examples:
        >>> coming_up(np.array([10, 21, 43, 87]))
        array([5, 5, 5, 5])
    """
    trailing_ones = np.bitwise_count(rows & ~(rows + 1))
    return rows >> (trailing_ones + 1).astype(rows.dtype)


def _begin_of_block(rows: np.ndarray) -> int:
    return int(rows[0] - rows[0] % BLOCK)


def _foremost(keys: np.ndarray, which: np.ndarray, count: int) -> np.ndarray:
    """Return the first `count` chosen keys of each row, filled up with `NOBODY`."""
    return np.sort(np.where(which, keys, NOBODY), axis=1)[:, :count]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
