"""The links of an atlas, which tell the minima that the sides of each transition state reach."""

from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_lists
from lossatlas.network.links import Links


def read_links(connection: Connection, after: int = 0) -> Links:
    """Read the links of transition states, by their ids.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.
        after: only transition states with larger ids are read; default 0, for all.
    """
    table = schema.link.c
    query = (
        select(table.transition_state, table.side, table.minimum, table.via_index)
        .where(table.transition_state > after)
        .order_by(table.transition_state, table.side, table.minimum)
    )
    states, sides, minima, via_indices = read_lists(connection, query)
    # Most paths run into no other stationary point; their index is NULL, which becomes NaN.
    indices = np.nan_to_num(np.array(via_indices, np.float64)).astype(np.int64)
    states, sides, minima = (np.array(column, np.int64) for column in (states, sides, minima))
    return Links(states, sides, minima, indices)


class Ends(NamedTuple):
    """Two ends of each transition state: the minimum of the lowest id on each of its sides.

    Attributes:
        id: (t,) int64 ids of the transition states, ascending.
        minimum_1: (t,) the smaller id of the two minima.
        minimum_2: (t,) the larger id of the two minima.
        row_1: (t,) position of the link to ``minimum_1`` among all links.
        row_2: (t,) position of the link to ``minimum_2`` among all links.
        number: (t,) number of links of each transition state, two or more.
        degenerate: (t,) whether all links lead to the same minimum.
    """

    id: np.ndarray
    minimum_1: np.ndarray
    minimum_2: np.ndarray
    row_1: np.ndarray
    row_2: np.ndarray
    number: np.ndarray
    degenerate: np.ndarray


def usual_ends(links: Links) -> Ends:
    """Choose two ends of each transition state.

    Args:
        links: links by id, in ascending order. Transition states with links on one side only are
            left out.

    Examples:
        >>> links = Links(*np.array([[7, 7, 7], [0, 1, 1], [5, 2, 9], [0, 0, 2]]))
        >>> ends = usual_ends(links)
        >>> ends.minimum_1, ends.minimum_2, ends.number, ends.degenerate
        (array([2]), array([5]), array([3]), array([False]))
    """
    places = 2 * links.transition_state + links.side
    first = np.flatnonzero(np.diff(places, prepend=-1))
    pairs = first[:-1][np.diff(links.transition_state[first]) == 0]
    others = first[1:][np.diff(links.transition_state[first]) == 0]
    ids = links.transition_state[pairs]
    swapped = links.minimum[pairs] > links.minimum[others]
    rows = np.where(swapped, others, pairs), np.where(swapped, pairs, others)
    starts = np.searchsorted(links.transition_state, ids)
    stops = np.searchsorted(links.transition_state, ids, side="right")
    one = np.concatenate([[0], np.cumsum(links.minimum[1:] != links.minimum[:-1])])
    return Ends(
        id=ids,
        minimum_1=links.minimum[rows[0]],
        minimum_2=links.minimum[rows[1]],
        row_1=rows[0],
        row_2=rows[1],
        number=stops - starts,
        degenerate=one[stops - 1] == one[starts] if len(ids) else np.zeros(0, bool),
    )
