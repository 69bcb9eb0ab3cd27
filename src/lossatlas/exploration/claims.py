"""The links of transition states as an atlas stores them, in a form that can be compared."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from sqlalchemy import Connection, select

from lossatlas.atlas import schema
from lossatlas.atlas.columns import read_columns

UNKNOWN = -1
"""Stands for the id of a point that the atlas does not have."""
BY_CONVENTION = 0
"""Stands for a minimum below a saddle of Hessian index two or more that was chosen by convention.

An earlier version stored one of the minima that can be reached from such a saddle. Which one it is
has no meaning, so only that the path ends at such a saddle is compared.
"""


class End(NamedTuple):
    """One minimum that one side of a transition state reaches.

    Attributes:
        minimum: id of the minimum, `UNKNOWN` or `BY_CONVENTION`.
        via_index: Hessian index of the saddle that the path runs into on the way; 0, the default,
            if it runs into none.
        via: id of that saddle if it is a transition state (`UNKNOWN` if the atlas does not have
            it); 0, the default, otherwise.
    """

    minimum: int
    via_index: int = 0
    via: int = 0

    def text(self) -> str:
        """Describe the end for a message.

        Examples:
            >>> End(3).text(), End(4, 1, 9).text()
            ('minimum 3', 'minimum 4 past transition state 9')
        """
        names = {UNKNOWN: "an unknown minimum", BY_CONVENTION: "some minimum"}
        minimum = names.get(self.minimum, f"minimum {self.minimum}")
        if self.via_index == 0:
            return minimum
        if self.via_index > 1:
            return f"{minimum} below a saddle of index {self.via_index}"
        known = self.via != UNKNOWN
        return f"{minimum} past {f'transition state {self.via}' if known else 'an unknown one'}"


Side: TypeAlias = frozenset[End]
"""The minima that one side of a transition state reaches."""
Sides: TypeAlias = tuple[Side, Side]
"""The two sides of a transition state; which of them comes first has no meaning."""


def agree(stored: Sides, found: Sides) -> bool:
    """Say whether the sides of a transition state are the stored ones, in either order.

    Args:
        stored: the sides according to the atlas. An end that was stored `BY_CONVENTION` agrees with
            any minimum that is found below the same saddle.
        found: the sides according to another computation.

    Examples:
        >>> one, two = frozenset({End(1)}), frozenset({End(2), End(3)})
        >>> agree((one, two), (two, one)), agree((one, two), (one, one))
        (True, False)
    """
    return any(all(map(_same_side, stored, order)) for order in (found, found[::-1]))


def _same_side(stored: Side, found: Side) -> bool:
    if any(end.minimum == BY_CONVENTION for end in stored):
        found = frozenset(end._replace(minimum=BY_CONVENTION) for end in found)
    return stored == found


def in_words(sides: Sides) -> str:
    """Describe the ends of both sides for a message.

    Examples:
        >>> in_words((frozenset({End(5), End(3)}), frozenset({End(-1)})))
        'minimum 3 and minimum 5, an unknown minimum'
    """
    return ", ".join(" and ".join(end.text() for end in sorted(side)) for side in sides)


class StoredLinks(NamedTuple):
    """The links of one transition state as an atlas stores them.

    Attributes:
        id: id of the transition state.
        sides: the ends of each side.
        rows: number of links of the transition state.
        tolerance: the coarsest tolerance with which one of its paths was followed, in units of the
            weights; infinite if a row does not say it.
        methods: the methods with which the paths were followed.
    """

    id: int
    sides: Sides
    rows: int
    tolerance: float
    methods: frozenset[str]


def read_claims(connection: Connection, ids: Iterable[int] | None = None) -> list[StoredLinks]:
    """Read the links of transition states from an atlas, by ascending id.

    A transition state without any link on one of its sides is left out; `Atlas.check` reports it.

    Args:
        connection: a connection to the atlas.
        ids: ids of the transition states to be read; by default all of them.
    """
    c = schema.link.c
    names = ("side", "minimum", "via_index", "via", "directions", "tolerance", "method")
    query = select(c.transition_state, *(c[name] for name in names))
    read = read_columns(connection, query.order_by(c.transition_state, c.side, c.minimum))
    wanted = None if ids is None else np.array(sorted(ids), np.int64)
    states = read["transition_state"].astype(np.int64)
    first = np.flatnonzero(np.diff(states, prepend=-1))
    kept = np.ones(first.size, bool) if wanted is None else np.isin(states[first], wanted)
    bounds = zip(first[kept], np.append(first[1:], states.size)[kept], strict=True)
    claims = [_claim({k: values[a:b].tolist() for k, values in read.items()}) for a, b in bounds]
    return [claim for claim in claims if all(claim.sides)]


def _claim(rows: dict[str, list]) -> StoredLinks:
    sides: tuple[set[End], set[End]] = (set(), set())
    columns = (rows[name] for name in ("side", "minimum", "via_index", "via", "directions"))
    for side, minimum, index, via, directions in zip(*columns, strict=True):
        chosen = index is not None and index > 1 and directions is None
        sides[side].add(End(BY_CONVENTION if chosen else minimum, index or 0, via or 0))
    tolerances = (np.inf if value is None else value for value in rows["tolerance"])
    return StoredLinks(
        rows["transition_state"][0],
        (frozenset(sides[0]), frozenset(sides[1])),
        len(rows["side"]),
        max(tolerances),
        frozenset(rows["method"]),
    )


def wrong_ends(links: StoredLinks, reached: Sides | None) -> list[str]:
    """Say how the ends that paths have reached differ from the stored ones.

    Args:
        links: the stored links of a transition state.
        reached: the ends that were found; None if a path did not reach a certified minimum.

    Returns:
        One text if they differ, otherwise nothing.
    """
    name = f"transition state {links.id}"
    if reached is None:
        return [f"{name}: a path from it does not reach a certified minimum"]
    if agree(links.sides, reached):
        return []
    stored, found = in_words(links.sides), in_words(reached)
    return [f"{name}: stored ends: {stored}; its paths reach: {found}"]
