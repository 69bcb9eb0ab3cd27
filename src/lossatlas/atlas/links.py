"""The links of an atlas: which minima the two sides of each transition state reach."""

from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_lists
from lossatlas.network.links import Links


def read_links(connection: Connection, after: int = 0) -> Links:
    """The links of all transition states with ids above `after`.

    Args:
        connection: of an atlas, see `Atlas.reading`.
        after: 0 for all.
    """
    table = schema.link.c
    query = (
        select(table.transition_state, table.side, table.minimum, table.via_index)
        .where(table.transition_state > after)
        .order_by(table.transition_state, table.side, table.minimum)
    )
    states, sides, minima, via_indices = read_lists(connection, query)
    # Most paths run into nothing on their way: NULL becomes NaN.
    indices = np.nan_to_num(np.array(via_indices, np.float64)).astype(np.int64)
    states, sides, minima = (np.array(column, np.int64) for column in (states, sides, minima))
    return Links(states, sides, minima, indices)


class Ends(NamedTuple):
    """The usual two ends of transition states with ids ``id``: of each side the first minimum.

    Attributes:
        id: (t,) int64, ascending.
        minimum_1, minimum_2: (t,) ids of minima, ascending.
        row_1, row_2: (t,) positions of their links.
        number: (t,) how many links there are, two or more.
        degenerate: (t,) whether all of them lead to one minimum.
    """

    id: np.ndarray
    minimum_1: np.ndarray
    minimum_2: np.ndarray
    row_1: np.ndarray
    row_2: np.ndarray
    number: np.ndarray
    degenerate: np.ndarray


def usual_ends(links: Links) -> Ends:
    """Two ends of each transition state; one with links on one side only is left out.

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
