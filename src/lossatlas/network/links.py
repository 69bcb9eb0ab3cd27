"""Which minima a transition state joins: links, and the pairs of minima that follow from them.

From a transition state the steepest-descent path is followed down on its two sides. A side mostly
reaches one minimum. It reaches several where the path runs into a stationary point of a higher
index, because there the symmetry that the flow conserves may be broken in several ways (Pechukas,
J. Chem. Phys. 64, 1516 (1976)). A transition state joins all minima that its two sides reach, each
with each, at its own energy, because every point on the paths between them lies below it.
"""

from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.errors import BadInputError


class Links(NamedTuple):
    """A table with one row for every minimum that a side of a transition state reaches.

    Rows ascend by transition state, side and minimum. A `Network` names points by their positions;
    links that are read from a database name them by their ids (see `at_positions`).

    Attributes:
        transition_state: (links,) position or id of the transition state.
        side: (links,) side of the transition state, 0 or 1. Which of the two sides is 0 has no
            meaning.
        minimum: (links,) position or id of the minimum that the flow down this side reaches.
        via_index: (links,) Hessian index of the saddle that the flow runs into first, 0 if there is
            none.

    Examples:
        >>> links = Links.of_pairs(np.array([0, 1]), np.array([2, 1]))
        >>> links.transition_state.tolist(), links.side.tolist(), links.minimum.tolist()
        ([0, 0, 1, 1], [0, 1, 0, 1], [0, 2, 1, 1])
    """

    transition_state: Int[np.ndarray, " links"]
    side: Int[np.ndarray, " links"]
    minimum: Int[np.ndarray, " links"]
    via_index: Int[np.ndarray, " links"]

    @classmethod
    def of_pairs(cls, minimum_1: Int[np.ndarray, " t"], minimum_2: Int[np.ndarray, " t"]) -> Self:
        """Make the links of transition states that have one minimum on each side.

        Args:
            minimum_1: (t,) position of the minimum on side 0 of each transition state.
            minimum_2: (t,) position of the minimum on side 1.

        Examples:
            >>> Links.of_pairs(np.array([0, 1]), np.array([2, 1])).minimum
            array([0, 2, 1, 1])
        """
        ends = np.stack([minimum_1, minimum_2], axis=1)
        number, side = np.indices(ends.shape).reshape(2, -1)
        return cls(number, side, ends.ravel(), np.zeros(ends.size, np.int64))

    def at_positions(
        self, transition_state_ids: Int[np.ndarray, " t"], minimum_ids: Int[np.ndarray, " m"]
    ) -> Self:
        """Replace ids by positions.

        Args:
            transition_state_ids: (t,) ids of the transition states, ascending.
            minimum_ids: (m,) ids of the minima, ascending.

        Raises:
            BadInputError: if a link has the id of a point that does not exist.

        Examples:
            >>> by_ids = Links.of_pairs(np.array([4]), np.array([7]))._replace(
            ...     transition_state=np.array([9, 9])
            ... )
            >>> by_ids.at_positions(np.array([9]), np.array([4, 5, 7])).minimum.tolist()
            [0, 2]
        """
        return self._replace(
            transition_state=_positions(
                "transition state", self.transition_state, transition_state_ids
            ),
            minimum=_positions("minimum", self.minimum, minimum_ids),
        )

    def restricted(
        self, minima: Bool[np.ndarray, " m"], transition_states: Bool[np.ndarray, " t"]
    ) -> Self:
        """The links of some of the transition states, by positions among the points that are kept.

        Args:
            minima: (m,) which minima are kept.
            transition_states: (t,) which transition states are kept; all minima that they join
                must be kept too.

        Examples:
            >>> links = Links.of_pairs(np.array([0, 1]), np.array([2, 1]))
            >>> kept = links.restricted(np.array([False, True, True]), np.array([False, True]))
            >>> kept.transition_state.tolist(), kept.minimum.tolist()
            ([0, 0], [0, 0])
        """
        rows = transition_states[self.transition_state]
        return self._replace(
            transition_state=(np.cumsum(transition_states) - 1)[self.transition_state[rows]],
            side=self.side[rows],
            minimum=(np.cumsum(minima) - 1)[self.minimum[rows]],
            via_index=self.via_index[rows],
        )

    def in_order(self) -> Self:
        """Sort the rows by transition state, side and minimum.

        Examples:
            >>> none = np.zeros(2, int)
            >>> Links(np.array([1, 0]), none, np.array([5, 6]), none).in_order().minimum.tolist()
            [6, 5]
        """
        order = np.lexsort((self.minimum, self.side, self.transition_state))
        return type(self)(*(column[order] for column in self))


class Edges(NamedTuple):
    """Pairs of different minima that a transition state joins, for algorithms on graphs.

    A transition state that joins k different minima makes k (k - 1) / 2 pairs; a degenerate
    rearrangement makes none. Rows ascend by transition state.

    Attributes:
        transition_state: (edges,) position of the transition state of each pair.
        minimum_1: (edges,) the smaller of the positions of the two minima.
        minimum_2: (edges,) the larger one.

    Examples:
        >>> edges = pairs(Links.of_pairs(np.array([0, 1]), np.array([2, 1])), n_minima=3)
        >>> edges.transition_state.tolist(), edges.minimum_1.tolist(), edges.minimum_2.tolist()
        ([0], [0], [2])
    """

    transition_state: Int[np.ndarray, " edges"]
    minimum_1: Int[np.ndarray, " edges"]
    minimum_2: Int[np.ndarray, " edges"]


def check_links(links: Links, n_minima: int, n_transition_states: int) -> None:
    """Check that links by positions are consistent.

    Args:
        links: the links.
        n_minima: number of minima.
        n_transition_states: number of transition states.

    Raises:
        BadInputError: if the columns differ in length or are not integers, a position does not
            exist, a transition state has no minimum on one of its sides, or rows are out of order.
    """
    if len({np.shape(column) for column in links}) != 1 or links.minimum.ndim != 1:
        raise BadInputError("links", "columns of different lengths", "give one entry a link")
    if any(column.dtype.kind not in "iu" for column in links):
        raise BadInputError("links", "not integers", "give positions of points")
    _check_positions("minimum", links.minimum, n_minima)
    _check_positions("transition_state", links.transition_state, n_transition_states)
    _check_positions("side", links.side, 2)
    place = 2 * links.transition_state + links.side
    step, rise = np.diff(place), np.diff(links.minimum)
    if ((step < 0) | ((step == 0) & (rise < 0))).any():
        raise BadInputError("links", "rows out of order", "sort them by Links.in_order")
    if np.count_nonzero(np.diff(place, prepend=-1)) < 2 * n_transition_states:
        missing = np.setdiff1d(np.arange(2 * n_transition_states), place)
        state, side = divmod(int(missing[0]), 2)
        raise BadInputError(
            f"links of transition state {state}", f"none on side {side}", "give each side a minimum"
        )


def lowest_end(links: Links, side: int) -> Int[np.ndarray, " t"]:
    """(t,) the first of the minima on one side (0 or 1) of every transition state, by position."""
    rows = links.side == side
    states, minima = links.transition_state[rows], links.minimum[rows]
    return minima[np.flatnonzero(np.diff(states, prepend=-1))]


def joins_one(links: Links) -> Bool[np.ndarray, " t"]:
    """(t,) which transition states are degenerate: all of their ends are the same minimum."""
    starts = _starts(links)
    if not starts.size:
        return np.zeros(0, bool)
    lowest = np.minimum.reduceat(links.minimum, starts)
    return lowest == np.maximum.reduceat(links.minimum, starts)


def highest_minimum(links: Links, energies: Float[np.ndarray, " m"]) -> Float[np.ndarray, " t"]:
    """(t,) the highest energy among the minima that each transition state joins.

    Args:
        links: the links by positions.
        energies: (m,) energies of the minima.
    """
    starts = _starts(links)
    if not starts.size:
        return np.zeros(0)
    return np.maximum.reduceat(energies[links.minimum], starts)


def ends(links: Links, n_minima: int) -> tuple[Int[np.ndarray, " ends"], Int[np.ndarray, " ends"]]:
    """Every transition state with every different minimum that it joins.

    Args:
        links: the links by positions.
        n_minima: number of minima.

    Returns:
        Positions of the transition states and of the minima, sorted by both.
    """
    width = max(n_minima, 1)
    rows = np.sort(links.transition_state * width + links.minimum)
    # np.unique would hash the rows, which takes ten times as long for a million of them.
    different = np.ones(rows.size, bool)
    different[1:] = rows[1:] != rows[:-1]
    states, minima = np.divmod(rows[different], width)
    return states, minima


def pairs(links: Links, n_minima: int) -> Edges:
    """The pairs of different minima that each transition state joins.

    Args:
        links: the links by positions.
        n_minima: number of minima.
    """
    states, minima = ends(links, n_minima)
    found = []
    # Ends of one transition state are adjacent rows, so its pairs are rows at each distance.
    for distance in range(1, int(np.bincount(states, minlength=1).max())):
        first = np.flatnonzero(states[distance:] == states[:-distance])
        found.append(Edges(states[first], minima[first], minima[first + distance]))
    if not found:
        return Edges(*(np.zeros(0, np.int64) for _ in Edges._fields))
    joined = Edges(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    order = np.argsort(joined.transition_state, kind="stable")
    return Edges(*(column[order] for column in joined))


def side_pairs(links: Links) -> Edges:
    """Pairs of a minimum on side 0 and a minimum on side 1, for formats with room for two minima.

    In the result ``minimum_1`` is on side 0 and ``minimum_2`` on side 1, whichever is larger; they
    are equal in a degenerate rearrangement. The pairs of a transition state join all of its minima.
    """
    first, second = (np.flatnonzero(links.side == side) for side in (0, 1))
    states = links.transition_state
    opposite = np.bincount(states[second], minlength=1)
    begin = np.cumsum(opposite) - opposite
    count = opposite[states[first]]
    row = np.repeat(first, count)
    # The number of each pair, counted from 0 among the pairs of one row.
    number = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    other = second[begin[states[row]] + number] if row.size else row
    return Edges(states[row], links.minimum[row], links.minimum[other])


def components(edges: Edges, n_minima: int) -> Int[np.ndarray, " m"]:
    """(m,) number of the connected component of each minimum, from 0 in order of first minimum.

    Two minima are connected if pathways lead from one to the other, at whatever energy.

    Args:
        edges: the pairs of minima that are joined.
        n_minima: number m of minima.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined = np.ones(edges.minimum_1.size, bool)
    places = (edges.minimum_1, edges.minimum_2)
    graph = coo_array((joined, places), shape=(n_minima, n_minima))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _starts(links: Links) -> Int[np.ndarray, " t"]:
    """The first row of each transition state; every transition state has rows."""
    return np.flatnonzero(np.diff(links.transition_state, prepend=-1))


def _positions(kind: str, ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    places = np.searchsorted(known, ids)
    there = places < known.size
    there[there] = known[places[there]] == ids[there]
    if not there.all():
        problem = f"there is no {kind} {ids[~there].min()}, which a link leads to"
        raise BadInputError("links", problem, "use the ids of the points that are there")
    return places


def _check_positions(name: str, positions: np.ndarray, size: int) -> None:
    if positions.size and not (positions.min() >= 0 and positions.max() < size):
        remedy = f"use 0 to {size - 1}" if size else "give the points"
        raise BadInputError(f"links: {name}", "not a position", remedy)
