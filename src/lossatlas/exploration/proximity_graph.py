"""Search for the nearest rows in a graph that grows with them.

A row that is added becomes a node that is linked to the rows which are nearest to it at that time
(a navigable small world: Malkov, Ponomarenko, Logvinov and Krylov, Information Systems 45, 61
(2014)). Early rows are linked over long distances, later ones over short distances. Therefore a
walk that always continues from the nearest node met so far comes near any point in a few steps, and
finds most of the nearest nodes. It begins at the nearest rows of a regular sample.

What is found is a function of the rows and links alone, whatever is searched for at the same time:
each distance is computed by itself, and rows are ordered by a *key*, a whole number made of the
distance and of the number of the row, so that there are no ties.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64

from lossatlas.search.known import Rows

COMPARED = 4096
"""Number of rows up to which a query is compared with all rows."""
BEAM = 72
"""Number of nearest nodes that a walk keeps; it ends when it has continued from all of them."""
AT_ONCE = 16
"""Number of nodes that a walk continues from in one step. A larger number takes fewer steps and
computes a few more distances."""
SAMPLE, STARTS = 512, 4
"""A walk begins at the nearest `STARTS` of a sample of at most `SAMPLE` rows."""
FORWARD, BACKWARD, NEAREST = 12, 12, 10
"""Numbers of links of a node: to the nearest rows when it was added, to the first rows that had it
among their nearest, and to its nearest rows now."""
RECENT = 4
"""A row is followed by those that had it among their `FORWARD` nearest rows when they were added.
The last `RECENT` of them are remembered, and so many are enough."""
NOBODY = np.iinfo(np.int64).max
"""Key of an empty place. It sorts behind all others and is marked as one that a walk continued
from."""


class ProximityGraph:
    """Rows and the links between them, in which the nearest rows of a query are searched for.

    Args:
        compared: number of rows up to which a query is compared with all rows; default `COMPARED`.

    Examples:
        >>> graph = ProximityGraph()
        >>> graph.extend(np.array([[0.0], [1.0], [3.0]]))
        >>> numbers_of(graph.nearest(graph.rows[2:], 2))[0, :2].tolist()
        [1, 0]
    """

    def __init__(self, compared: int = COMPARED) -> None:
        """Begin without any row."""
        self._compared = compared
        self._rows, self._origin = Rows(), np.zeros(0)
        self._links = np.zeros((0, FORWARD + BACKWARD + NEAREST), np.int32)
        self._followers = np.zeros(0, np.int64)
        self._latest = np.zeros((0, RECENT), np.int32)
        self._met = np.zeros((0, 0), bool)

    @property
    def rows(self) -> Float32[np.ndarray, "m d"]:
        """(m, d) all rows, as differences from the first one, in single precision."""
        return self._rows.array

    def extend(self, new: Float[np.ndarray, "b d"]) -> None:
        """Add rows (b, d) without links."""
        if len(self._rows) == 0:
            self._origin = np.array(new[0], float)
        self._rows.extend((new - self._origin).astype(np.float32))

    def link(self, first: int, candidates: Int[np.ndarray, "b c"]) -> None:
        """Link rows with the rows that were nearest when they were added, in both directions.

        Args:
            first: number of the first of the rows.
            candidates: (b, c) numbers of the nearest rows of each, nearest first; -1 in empty
                places.
        """
        last = first + len(candidates)
        self._links = grown(self._links, last, -1)
        self._followers = grown(self._followers, last, 0)
        self._latest = grown(self._latest, last, -1)
        self._links[first:last, : min(FORWARD, candidates.shape[1])] = candidates[:, :FORWARD]
        numbers, places = np.nonzero(candidates[:, :FORWARD] >= 0)
        targets = candidates[numbers, places]
        order = np.argsort(targets, kind="stable")
        targets, numbers = targets[order], first + numbers[order]
        places = self._followers[targets] + rank_in_group(targets)
        early = places < BACKWARD
        self._links[targets[early], FORWARD + places[early]] = numbers[early]
        self._latest[targets, places % RECENT] = numbers
        np.add.at(self._followers, targets, 1)

    def set_nearest(self, which: Int[np.ndarray, " k"], found: Int[np.ndarray, "k c"]) -> None:
        """Link rows to their present nearest rows, in place of those that were nearest before.

        Args:
            which: (k,) numbers of the rows.
            found: (k, c) numbers of the nearest rows of each, nearest first; -1 in empty places.
        """
        self._links[which, FORWARD + BACKWARD :] = found[:, :NEAREST]

    def nearest_of(self, which: Int[np.ndarray, " k"]) -> Int[np.ndarray, "k c"]:
        """Return what `set_nearest` was given last for the rows `which`."""
        return self._links[which, FORWARD + BACKWARD :]

    def are_followed(
        self, which: Int[np.ndarray, " k"], since: Int[np.ndarray, " k"]
    ) -> Bool[np.ndarray, " k"]:
        """Say whether each of some rows is followed by `RECENT` or more rows.

        Only rows that have been linked count.

        Args:
            which: (k,) numbers of the rows.
            since: (k,) number of the first row that counts as following each.
        """
        return self._latest[which].min(axis=1) >= since

    def nearest(self, queries: Float32[np.ndarray, "q d"], among: int) -> Int64[np.ndarray, "q w"]:
        """Return the keys of rows near to each query, nearest first.

        Args:
            queries: (q, d) points, as differences from the first row as `rows` are.
            among: number of rows from the first on that are searched.

        Returns:
            (q, w) keys. They are those of all rows if these are at most `compared`; otherwise those
            of at most `BEAM` rows that a walk met, with `NOBODY` in empty places at the end.
        """
        if among <= self._compared:
            return np.sort(self.compare(queries, 0, among), axis=1)
        return self._walk(queries, among)

    def compare(
        self, queries: Float32[np.ndarray, "q d"], first: int, last: int, step: int = 1
    ) -> Int64[np.ndarray, "q w"]:
        """Return keys (q, w) of every `step`-th row from `first` up to `last`, for each query."""
        numbers = np.arange(first, last, step)
        rows = np.ascontiguousarray(self.rows[first:last:step])
        squares = [squared_lengths(rows - query) for query in queries]
        return keys_of(np.reshape(squares, (len(queries), len(rows))), numbers)

    def _walk(self, queries: np.ndarray, among: int) -> np.ndarray:
        starts = np.sort(self.compare(queries, 0, among, _stride(among)), axis=1)[:, :STARTS]
        beam = np.full((len(queries), BEAM), NOBODY)
        beam[:, :STARTS] = starts
        self._met = self._room_for(len(queries), among)
        met = [np.repeat(np.arange(len(queries)), STARTS) * self._met.shape[1]]
        met[0] += numbers_of(starts).ravel()
        visited = self._met.reshape(-1)
        visited[met[0]] = True
        while True:
            reached = self._go_on(beam)
            if reached is None:
                break
            new = _distinct(reached[~visited[reached]])
            visited[new] = True
            met.append(new)
            beam = self._merged(beam, queries, new)
        for places in met:
            visited[places] = False
        return beam | 1

    def _room_for(self, queries: int, among: int) -> np.ndarray:
        """Return a table of which row each walk has met, all False between searches."""
        if queries <= self._met.shape[0] and among <= self._met.shape[1]:
            return self._met
        return np.zeros((max(queries, len(self._met)), 2 * among), bool)

    def _go_on(self, beam: np.ndarray) -> np.ndarray | None:
        """Follow the links of the nearest nodes that a walk has not continued from yet.

        Returns:
            The places of the nodes reached, numbers in the flattened table of rows met; None if the
            walks have continued from all their nodes. The nodes left are marked in `beam`.
        """
        open_ = beam & 1 == 0
        chosen = open_ & (np.cumsum(open_, axis=1) <= AT_ONCE)
        walks, _ = np.nonzero(chosen)
        if len(walks) == 0:
            return None
        links = self._links[numbers_of(beam[chosen])]
        beam[chosen] |= 1
        return (links + (walks * self._met.shape[1])[:, None])[links >= 0]

    def _merged(self, beam: np.ndarray, queries: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Return the nearest nodes among the beam and the rows just met, given by their places."""
        walks, numbers = np.divmod(new, self._met.shape[1])
        differences = self.rows.take(numbers, axis=0)
        differences -= queries.take(walks, axis=0)
        keys = keys_of(squared_lengths(differences), numbers)
        nearer = keys < beam[walks, -1]
        walks, keys = walks[nearer], keys[nearer]
        if len(keys) == 0:
            return beam
        places = rank_in_group(walks)
        more = np.full((len(beam), places.max() + 1), NOBODY)
        more[walks, places] = keys
        return np.sort(np.concatenate([beam, more], axis=1), axis=1)[:, :BEAM]


def keys_of(
    squares: Float32[np.ndarray, "*w"], numbers: Int[np.ndarray, " w"]
) -> Int64[np.ndarray, "*w"]:
    """Return whole numbers that order rows by squared distance, and equal distances by number.

    The lowest bit is zero; a walk sets it when it continues from the row.

    Args:
        squares: (..., w) squared distances in single precision, at least zero.
        numbers: (w,) numbers of the rows.
    """
    return (squares.view(np.int32).astype(np.int64) << 32) | (numbers << 1)


def numbers_of(keys: Int64[np.ndarray, "*w"]) -> Int64[np.ndarray, "*w"]:
    """Return the numbers of the rows that keys stand for; -1 for `NOBODY`."""
    return np.where(keys == NOBODY, -1, (keys & 0xFFFFFFFF) >> 1)


def squares_of(keys: Int64[np.ndarray, "*w"]) -> Float32[np.ndarray, "*w"]:
    """Return the squared distances that keys contain; infinity for `NOBODY`."""
    squares = (keys >> 32).astype(np.int32).view(np.float32)
    return np.where(keys == NOBODY, np.float32(np.inf), squares)


def squared_lengths(differences: Float32[np.ndarray, "k d"]) -> Float32[np.ndarray, " k"]:
    """Return the squared lengths of rows.

    Each is summed by itself, so that it does not depend on the other rows as it would in a product
    of matrices.
    """
    return np.einsum("ij,ij->i", differences, differences)


def rank_in_group(groups: Int[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """Return the place of each item among those of its group, from 0; `groups` must ascend."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)


def grown(array: np.ndarray, length: int, fill: float) -> np.ndarray:
    """Return an array with at least `length` rows.

    It is the array itself if that is long enough, else a copy with twice the length, whose new rows
    are filled with `fill`.
    """
    if length <= len(array):
        return array
    room = np.full((2 * length, *array.shape[1:]), fill, array.dtype)
    room[: len(array)] = array
    return room


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Return the distinct numbers, ascending.

    For some thousand numbers sorting them here is faster than `np.unique`.
    """
    numbers = np.sort(numbers)
    first = np.ones(len(numbers), bool)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def _stride(among: int) -> int:
    """Return the smallest power of two as a stride that leaves at most `SAMPLE` rows."""
    return 1 << max(0, (among - 1) // SAMPLE).bit_length()
