"""The weights that units of different layers have in common, for any order of the weights."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.landscape.symmetry import UnitLayer


class Link(NamedTuple):
    """The weights that units of two layers have in common.

    Attributes:
        first: number of the first of the two layers.
        second: number of the second layer, which is larger.
        columns: (units of the first, units of the second, m) the column of a unit of the first
            layer that holds each of the m common weights; -1 where the mask has removed the weight.
    """

    first: int
    second: int
    columns: np.ndarray


def links_between(layers: Sequence[UnitLayer]) -> list[Link]:
    """The links of all pairs of layers that have weights in common."""
    links = []
    for second, upper in enumerate(layers):
        for first, lower in enumerate(layers[:second]):
            columns = _columns(lower.positions, upper.positions)
            if columns.size:
                links.append(Link(first, second, columns))
    return links


def own_columns(layers: Sequence[UnitLayer], number: int) -> np.ndarray:
    """(k,) which columns of a layer hold weights that belong to no unit of another layer.

    A column whose weights the mask has removed from all units counts as well; it holds zeros.
    """
    positions = layers[number].positions
    shared = np.zeros(positions.shape, bool)
    for other, layer in enumerate(layers):
        if other != number:
            shared |= np.isin(positions, layer.positions[layer.positions >= 0])
    return np.asarray(~shared.any(axis=0))


def _columns(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The columns of `Link` for the tables of positions of a lower and an upper layer."""
    n = int(max(lower.max(initial=-1), upper.max(initial=-1))) + 1
    owner = np.full(n + 1, -1)
    rows, _ = np.nonzero(upper >= 0)
    owner[upper[upper >= 0]] = rows
    owned = np.where(lower >= 0, owner[lower], -1)
    units, columns = np.nonzero(owned >= 0)
    owners = owned[units, columns]
    pairs = units * len(upper) + owners
    order = np.argsort(pairs, kind="stable")
    pairs, columns = pairs[order], columns[order]
    first = np.searchsorted(pairs, pairs)
    slot = np.arange(len(pairs)) - first
    table = np.full((len(lower) * len(upper), int(slot.max(initial=-1)) + 1), -1)
    table[pairs, slot] = columns
    return table.reshape(len(lower), len(upper), -1)
