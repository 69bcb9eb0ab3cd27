"""Search for the nearest rows in a graph that grows with them.

A row that is added becomes a node, linked to the nearest rows of its time (a navigable small world:
Malkov, Ponomarenko, Logvinov and Krylov 2014). Rows that came early are linked over long distances,
and those that came late over short ones, so that a walk that always goes on from the nearest node
met so far gets near any point in few steps, and to its nearest nodes mostly. The walk is begun at
the nearest of a regular sample of all rows.

What is found is a function of the rows and links alone, whatever is searched for at the same time:
distances are sums over each pair of rows by itself, and candidates are ordered by one whole number,
made of distance and number, so there are no ties.
"""

import numpy as np
from jaxtyping import Float, Float32, Int, Int64

from lossatlas.search.known import Rows

COMPARED = 4096
"""Up to so many rows all are compared with the point that is searched for."""
BEAM = 80
"""Nearest nodes met so far that a walk keeps; it ends when it has gone on from all of them."""
AT_ONCE = 12
"""Nodes that a walk goes on from in one step: fewer steps, a few more distances."""
SAMPLE, STARTS = 512, 4
"""A walk begins at the nearest `STARTS` of a sample of at most `SAMPLE` rows."""
FORWARD, BACKWARD, NEAREST = 12, 12, 10
"""Links of a node: the nearest rows of its time, the first rows that it was among the nearest of,
and its nearest rows now."""
NOBODY = np.iinfo(np.int64).max
"""The key of an empty place. It sorts behind all others and counts as one that was gone on from."""


class ProximityGraph:
    """Rows, and links between them.

    Args:
        compared: while there are at most so many rows, all are compared with what is searched for.

    Examples:
        >>> graph = ProximityGraph()
        >>> graph.extend(np.array([[0.0], [1.0], [3.0]]))
        >>> numbers_of(graph.nearest(graph.rows[2:], 2))[0, :2].tolist()
        [1, 0]
    """

    def __init__(self, compared: int = COMPARED) -> None:
        """No row yet."""
        self._compared = compared
        self._rows, self._origin = Rows(), np.zeros(0)
        self._links = np.zeros((0, FORWARD + BACKWARD + NEAREST), np.int32)
        self._followers = np.zeros(0, np.int64)
        self._met = np.zeros((0, 0), bool)

    @property
    def rows(self) -> Float32[np.ndarray, "m d"]:
        """All rows, as differences from the first one in single precision."""
        return self._rows.array

    def extend(self, new: Float[np.ndarray, "b d"]) -> None:
        """Add rows, not linked yet."""
        if len(self._rows) == 0:
            self._origin = np.array(new[0], float)
        self._rows.extend((new - self._origin).astype(np.float32))

    def link(self, first: int, candidates: Int[np.ndarray, "b c"]) -> None:
        """Link rows from number `first` on with the nearest of their time (-1: none), both ways."""
        last = first + len(candidates)
        self._links = grown(self._links, last, -1)
        self._followers = grown(self._followers, last, 0)
        self._links[first:last, : min(FORWARD, candidates.shape[1])] = candidates[:, :FORWARD]
        numbers, places = np.nonzero(candidates[:, :FORWARD] >= 0)
        targets = candidates[numbers, places]
        order = np.argsort(targets, kind="stable")
        targets, numbers = targets[order], first + numbers[order]
        places = self._followers[targets] + rank_in_group(targets)
        early = places < BACKWARD
        self._links[targets[early], FORWARD + places[early]] = numbers[early]
        np.add.at(self._followers, targets, 1)

    def set_nearest(self, which: Int[np.ndarray, " k"], found: Int[np.ndarray, "k c"]) -> None:
        """Link rows `which` to their nearest rows, and no longer to those that were before."""
        self._links[which, FORWARD + BACKWARD :] = found[:, :NEAREST]

    def nearest_of(self, which: Int[np.ndarray, " k"]) -> Int[np.ndarray, "k c"]:
        """What `set_nearest` was given for rows `which`."""
        return self._links[which, FORWARD + BACKWARD :]

    def nearest(self, queries: Float32[np.ndarray, "q d"], among: int) -> Int64[np.ndarray, "q w"]:
        """Keys of rows near to each query, nearest first, among the first `among` rows.

        These are all of them while they are at most `compared`, and those that walks met after
        that, at most `BEAM`. Empty places at the end are `NOBODY`.
        """
        if among <= self._compared:
            return np.sort(self.compare(queries, 0, among), axis=1)
        return self._walk(queries, among)

    def compare(
        self, queries: Float32[np.ndarray, "q d"], first: int, last: int, step: int = 1
    ) -> Int64[np.ndarray, "q w"]:
        """Keys of every `step`-th row from `first` up to `last`, seen from each query."""
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
        """Whether each walk has met each row; nothing is met between searches."""
        if queries <= self._met.shape[0] and among <= self._met.shape[1]:
            return self._met
        return np.zeros((max(queries, len(self._met)), 2 * among), bool)

    def _go_on(self, beam: np.ndarray) -> np.ndarray | None:
        """Where the links of the nearest nodes lead that no walk went on from; None at the end.

        The nodes are marked. Places are numbers in the flat table of rows met.
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
        """The nearest of the beam and of the rows just met, given by their places."""
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
    """Whole numbers that order rows by squared distance, and by number where these are equal.

    The lowest bit marks those that a walk went on from.
    """
    return (squares.view(np.int32).astype(np.int64) << 32) | (numbers << 1)


def numbers_of(keys: Int64[np.ndarray, "*w"]) -> Int64[np.ndarray, "*w"]:
    """The numbers of the rows, -1 for `NOBODY`."""
    return np.where(keys == NOBODY, -1, (keys & 0xFFFFFFFF) >> 1)


def squares_of(keys: Int64[np.ndarray, "*w"]) -> Float32[np.ndarray, "*w"]:
    """The squared distances, infinite for `NOBODY`."""
    squares = (keys >> 32).astype(np.int32).view(np.float32)
    return np.where(keys == NOBODY, np.float32(np.inf), squares)


def squared_lengths(differences: Float32[np.ndarray, "k d"]) -> Float32[np.ndarray, " k"]:
    """Squared lengths of rows, each summed by itself, which products of matrices are not."""
    return np.einsum("ij,ij->i", differences, differences)


def rank_in_group(groups: Int[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """The place from 0 of each item among those of its group, for ascending numbers of groups."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)


def grown(array: np.ndarray, length: int, fill: float) -> np.ndarray:
    """The array, or a copy with room for twice the length, if it is shorter; the rest is `fill`."""
    if length <= len(array):
        return array
    room = np.full((2 * length, *array.shape[1:]), fill, array.dtype)
    room[: len(array)] = array
    return room


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """In ascending order; for some thousand of them faster than by a table of hashes."""
    numbers = np.sort(numbers)
    first = np.ones(len(numbers), bool)
    np.not_equal(numbers[1:], numbers[:-1], out=first[1:])
    return numbers[first]


def _stride(among: int) -> int:
    """The power of two that leaves at most `SAMPLE` rows."""
    return 1 << max(0, (among - 1) // SAMPLE).bit_length()
