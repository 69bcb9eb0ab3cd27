"""What the atlas holds beyond the state of the planner, read before any of it is added.

The state does not change while this is read. So reading can be repeated if the connection to a
database server is lost on the way.
"""

from typing import NamedTuple, Self

import numpy as np
from sqlalchemy import Connection

from lossatlas.exploration.neighbor_lists import stored_candidates
from lossatlas.exploration.neighbors import KEPT, Candidates
from lossatlas.exploration.points import (
    Counts,
    Minima,
    NewMinima,
    NewTransitionStates,
    TransitionStates,
    read_links,
)
from lossatlas.network.links import Links

NOTHING_LISTED = Candidates(np.zeros((0, KEPT), np.int64), np.zeros((0, KEPT)))
"""What is listed where there are no new minima."""
NO_LINKS = Links(*(np.zeros(0, np.int64) for _ in Links._fields))
"""The links where there are no new transition states."""


class Ahead(NamedTuple):
    """Points that were read and not added yet.

    Attributes:
        known: numbers of the points that the state had when these were read.
        minima: the minima that follow.
        candidates: the candidates for neighbors of the first of these minima, as many as the atlas
            lists.
        states: the transition states that follow.
        links: the links of these transition states, by position among all.
    """

    known: Counts
    minima: NewMinima
    candidates: Candidates
    states: NewTransitionStates
    links: Links

    @classmethod
    def read(
        cls,
        connection: Connection,
        minima: Minima,
        states: TransitionStates,
        counts: Counts,
        name: str,
    ) -> Self:
        """Read the points that follow those of the state.

        Args:
            connection: a connection to the atlas.
            minima: the minima of the state.
            states: the transition states of the state.
            counts: numbers of points up to which they are read.
            name: name of the atlas, for messages.

        Raises:
            AtlasError: if the atlas is damaged.
        """
        known = Counts(len(minima.ids), len(states.ids))
        new, later = minima.read(connection, counts.minima), states.read(connection, counts)
        ids = np.concatenate([minima.ids.array, new.ids])
        listed, links = NOTHING_LISTED, NO_LINKS
        if len(new.ids):
            listed = stored_candidates(connection, ids, known.minima)
        if len(later.ids):
            links = read_links(connection, later.ids, known.transition_states, ids, name)
        return cls(known, new, listed, later, links)

    def between(self, first: Counts, last: Counts) -> "Ahead":
        """Return the points from some numbers of points up to others."""
        minima = slice(first.minima - self.known.minima, last.minima - self.known.minima)
        begin = self.known.transition_states
        states = slice(first.transition_states - begin, last.transition_states - begin)
        ends = first.transition_states, last.transition_states
        rows = slice(*np.searchsorted(self.links.transition_state, ends).tolist())
        return Ahead(
            first,
            NewMinima(*(column[minima] for column in self.minima)),
            Candidates(*(column[minima] for column in self.candidates)),
            NewTransitionStates(*(column[states] for column in self.states)),
            Links(*(column[rows] for column in self.links)),
        )
