"""Pairs of stored points about which two tests of identity disagree.

One test compares what two networks compute, the other their weights up to symmetry. For tanh it is
a theorem that networks which compute the same function have the same weights up to symmetry. For
other activations two stored points of equal loss may compute the same function and yet have weights
that no known symmetry maps onto each other: either there is an unknown symmetry, or they agree by
chance. Both points are kept, and this module reports the pair. Conversely, two stored points whose
weights are the same up to symmetry should have been stored as one point.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from sqlalchemy import Table, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.columns import read_columns
from lossatlas.landscape import NetworkLandscape
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import network_of
from lossatlas.search.identity import ROUNDOFF, SLOPE, WEIGHT_ROUNDOFF, energy_window


class _Row(NamedTuple):
    """The columns of a stored point that are compared, the uncertainty in units of the weights."""

    id: int
    energy: float
    uncertainty: float


def identity_conflicts(landscape: Landscape, atlas: Atlas) -> tuple[str, ...]:
    """Find the stored points of equal loss that one test calls the same and the other does not.

    Args:
        landscape: the landscape of the atlas. Landscapes that are not networks have only one test,
            and therefore no conflicts.
        atlas: an open atlas.

    Returns:
        One text for each such pair, with the ids of its points.
    """
    network = network_of(landscape)
    if network is None:
        return ()
    tables = (
        (schema.minimum, atlas.minimum_weights),
        (schema.transition_state, atlas.transition_state_weights),
    )
    return tuple(text for table, read in tables for text in _of_table(network, atlas, table, read))


def _of_table(
    landscape: NetworkLandscape,
    atlas: Atlas,
    table: Table,
    read: Callable[[Iterable[int]], np.ndarray],
) -> Iterator[str]:
    c = table.c
    with atlas.reading() as connection:
        query = select(c.id, c.energy, c.uncertainty).order_by(c.energy)
        columns = read_columns(connection, query)
    values = (columns[name].tolist() for name in ("id", "energy", "uncertainty"))
    rows = [_Row(int(i), float(e), float(u)) for i, e, u in zip(*values, strict=True)]
    kind = table.name.replace("_", " ")
    for a, row in enumerate(rows):
        for other in rows[a + 1 :]:
            if other.energy - row.energy > energy_window(row.energy):
                break
            ours, theirs = read([row.id, other.id])
            if text := _conflict(landscape, (row, ours), (other, theirs)):
                yield f"{kind} {row.id} and {other.id}: {text}"


def _conflict(
    landscape: NetworkLandscape, one: tuple[_Row, np.ndarray], two: tuple[_Row, np.ndarray]
) -> str:
    """Say how the two tests disagree about two points; an empty text if they agree."""
    (a, w), (b, v) = one, two
    known_to = a.uncertainty + b.uncertainty + WEIGHT_ROUNDOFF
    functions = [landscape.function_values(x) for x in (w, v)]
    tolerance = SLOPE * max(1.0, float(np.linalg.norm(w))) * known_to
    bound = tolerance + ROUNDOFF * np.maximum(1.0, np.abs(functions[0]))
    alike = bool((np.abs(functions[0] - functions[1]) <= bound).all())
    apart = float(np.linalg.norm(landscape.nearest_copy(w, v) - v))
    near = apart <= SLOPE * known_to
    if alike and not near:
        return f"they compute the same, but their weights are {apart:.3g} apart"
    if near and not alike:
        return f"their weights are the same to {apart:.1e}, but they do not compute the same"
    return ""
