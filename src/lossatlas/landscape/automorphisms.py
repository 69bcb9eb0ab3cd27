"""The symmetry group of a network, and the stabilizer of a point in it: order and generators.

A symmetry assigns to every hidden unit a unit of the same layer that takes its place, and a sign.
Units of one layer that are equal, up to sign, in all their weights can be permuted freely, and a
unit whose weights are all zero can change its sign. All other symmetries move units of several
layers at once; they permute the groups of equal units, so it is enough to consider one unit of each
group. Whether a permutation of these is a symmetry can be decided by pairs of connected units, so
the order follows from the orbit-stabilizer theorem,

    |G| = product over units i of |orbit of unit i under the elements that fix units 1 .. i-1|,

and an orbit needs only the answer to "is there an element that fixes the units before i and maps i
to j", which a depth-first search gives. This is exact for any depth and any mask.
"""

from collections.abc import Sequence
from math import factorial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from lossatlas.landscape.symmetry import (
    EQUAL,
    EqualUnits,
    UnitLayer,
    equal_units,
    groups_of,
    lengths_differ,
)
from lossatlas.landscape.unit_links import links_between, own_columns


class SignedPermutation(NamedTuple):
    """A symmetry, by which unit `unit[u]` times `sign[u]` takes the place of unit u.

    Attributes:
        unit: (units,) numbers of units, where the units of all hidden layers are numbered in one
            sequence.
        sign: (units,) 1 or -1.
    """

    unit: np.ndarray
    sign: np.ndarray


class Stabilizer(NamedTuple):
    """The group of symmetries that leave a point unchanged.

    Attributes:
        order: number of its elements.
        generators: elements of which all others are products.
    """

    order: int
    generators: list[SignedPermutation]


def group_order(layers: Sequence[UnitLayer]) -> int:
    """Number of permutations and sign changes of hidden units that the mask allows.

    Examples:
        >>> from lossatlas.landscape.architecture import Architecture
        >>> from lossatlas.landscape.symmetry import hidden_layers
        >>> group_order(hidden_layers(Architecture((2, 10, 4))))
        3715891200
    """
    groups = [
        groups_of(layer.interchangeable, np.zeros_like(layer.interchangeable)) for layer in layers
    ]
    turned = sum(len(layer.positions) for layer in layers if layer.turns)
    graphs = [_graph(layers, _kept(layers))]
    return _stabilizer(groups, graphs, signs=(1.0,)).order * 2**turned


def stabilizer(
    layers: Sequence[UnitLayer], w: Float[np.ndarray, " n"], own: Sequence[np.ndarray]
) -> Stabilizer:
    """The group of symmetries that leave the free weight vector w (n,) unchanged.

    Args:
        layers: the layers of units.
        w: (n,) the weights.
        own: the `own_columns` of each layer.
    """
    if _has_no_symmetry(layers, w, own):
        return Stabilizer(1, [])  # saves time, since this is so at most points
    groups = [equal_units(layer, w) for layer in layers]
    if len(layers) == 1:
        return _stabilizer(groups, [], signs=())
    weights = [layer.vectors(w) for layer in layers]
    graphs = [_graph(layers, weights), _graph(layers, _kept(layers))]
    return _stabilizer(groups, graphs, signs=(1.0, -1.0))


def _has_no_symmetry(
    layers: Sequence[UnitLayer], w: Float[np.ndarray, " n"], own: Sequence[np.ndarray]
) -> bool:
    """Whether lengths show that no symmetry but the identity leaves w unchanged.

    If all lengths of units differ, no unit can take the place of another one. Then only changes of
    sign are left, and a unit that has weights of its own which would change cannot be turned.
    """
    for layer, columns in zip(layers, own, strict=True):
        vectors = layer.vectors(w)
        if not lengths_differ(vectors):
            return False
        turning = vectors[:, columns & layer.turning]
        least = EQUAL * vectors.shape[1] ** 0.5
        if layer.turns and np.linalg.norm(turning, axis=1).min() <= least:
            return False
    return True


def _kept(layers: Sequence[UnitLayer]) -> list[np.ndarray]:
    """The mask as weights: one for a weight that is kept, else zero."""
    return [np.where(layer.positions >= 0, 1.0, 0.0) for layer in layers]


def _stabilizer(
    groups: list[list[EqualUnits]], graphs: "list[_Graph]", signs: tuple[float, ...]
) -> Stabilizer:
    """The stabilizer, from symmetries within groups of equal units and between the groups."""
    sizes = [sum(len(group.units) for group in layer) for layer in groups]
    starts = np.cumsum([0, *sizes])
    numbered = [
        group._replace(units=group.units + start)
        for layer, start in zip(groups, starts, strict=False)
        for group in layer
    ]
    order, generators = 1, []
    for group in numbered:
        order *= _order_within(group)
        if len(group.units) > 1 or group.zero:
            generators += _within(group, int(starts[-1]))
    if len(groups) > 1:
        across, images = _across(numbered, graphs, signs)
        order *= across
        generators += [_lifted(image, numbered, starts[-1]) for image in images]
    return Stabilizer(order, generators)


def _order_within(group: EqualUnits) -> int:
    """The number of permutations, with sign changes, of the units of a group of equal units."""
    return factorial(len(group.units)) * (2 ** len(group.units) if group.zero else 1)


def _within(group: EqualUnits, total: int) -> list[SignedPermutation]:
    """Generators within a group of equal units: exchanges, and a change of sign of a zero unit."""
    identity = SignedPermutation(np.arange(total), np.ones(total))
    found = []
    for (a, s), (b, t) in zip(group.members(), group.members()[1:], strict=False):
        unit, sign = identity.unit.copy(), identity.sign.copy()
        unit[[a, b]] = b, a
        sign[[a, b]] = s * t
        found.append(SignedPermutation(unit, sign))
    if group.zero:
        sign = identity.sign.copy()
        sign[group.units[0]] = -1.0
        found.append(SignedPermutation(identity.unit, sign))
    return found


def _lifted(
    image: list[tuple[int, float]], groups: list[EqualUnits], total: int
) -> SignedPermutation:
    """The symmetry that maps whole groups to each other, member by member."""
    unit, sign = np.arange(total), np.ones(total)
    for group, (other, turn) in zip(groups, image, strict=True):
        unit[group.units] = groups[other].units
        sign[group.units] = turn * group.signs * groups[other].signs
    return SignedPermutation(unit, sign)


class _Graph(NamedTuple):
    """The units of all layers, numbered in one sequence.

    Attributes:
        layer: (units,) the layer of each unit.
        own: (units, k) the weights that belong to the unit alone, padded with zeros.
        turned: (units, k) the same weights after the unit has changed its sign.
        mutual: (units, units, m) the weights that two units have in common.
        turns: (units,) whether the unit can change its sign.
    """

    layer: np.ndarray
    own: np.ndarray
    turned: np.ndarray
    mutual: np.ndarray
    turns: np.ndarray

    def of(self, units: np.ndarray) -> "_Graph":
        """The graph of some of the units."""
        mutual = self.mutual[np.ix_(units, units)]
        return _Graph(
            self.layer[units], self.own[units], self.turned[units], mutual, self.turns[units]
        )


def _graph(layers: Sequence[UnitLayer], vectors: list[np.ndarray]) -> _Graph:
    """Make the graph from the weights (units, k) of the units of each layer."""
    sizes = [len(rows) for rows in vectors]
    links = links_between(layers)
    total, most = sum(sizes), max((link.columns.shape[2] for link in links), default=1)
    mutual = np.zeros((total, total, most))
    start = np.cumsum([0, *sizes])
    for k, m, columns in links:
        rows = np.arange(sizes[k])[:, None, None]
        weights = np.where(columns >= 0, vectors[k][rows, columns], 0.0)
        here, there = slice(start[k], start[k + 1]), slice(start[m], start[m + 1])
        mutual[here, there, : columns.shape[2]] = weights
        mutual[there, here, : columns.shape[2]] = weights.swapaxes(0, 1)
    own, turned = [], []
    for number, (layer, rows) in enumerate(zip(layers, vectors, strict=True)):
        columns = own_columns(layers, number)
        own.append(rows[:, columns])
        turned.append(layer.turned(rows)[:, columns])
    return _Graph(
        np.repeat(np.arange(len(sizes)), sizes),
        _padded(own),
        _padded(turned),
        mutual,
        np.repeat([layer.turns for layer in layers], sizes),
    )


def _padded(tables: list[np.ndarray]) -> np.ndarray:
    """The tables stacked vertically, with zeros on the right of narrower ones."""
    width = max(rows.shape[1] for rows in tables)
    return np.concatenate([np.pad(t, ((0, 0), (0, width - t.shape[1]))) for t in tables])


def _across(
    groups: list[EqualUnits], graphs: list[_Graph], signs: tuple[float, ...]
) -> tuple[int, list[list[tuple[int, float]]]]:
    """The symmetries that permute groups: their number, and for generators the image of each group.

    A group is represented by its first unit. A change of sign of a unit whose weights are all zero
    does not count here.
    """
    first = np.array([group.units[0] for group in groups])
    graphs = [graph.of(first) for graph in graphs]
    candidates = _candidates(groups, graphs, signs)
    order, found = 1, []
    for u, choices in enumerate(candidates):
        if len(choices) > 1:
            fixed = [(v, 1.0) for v in range(u)]
            images = [_extended(graphs, candidates, [*fixed, choice]) for choice in choices]
            order *= sum(image is not None for image in images)
            found += [image for image in images if image and image[u] != (u, 1.0)]
    return order, found


def _candidates(
    groups: list[EqualUnits], graphs: list[_Graph], signs: tuple[float, ...]
) -> list[list[tuple[int, float]]]:
    """For every group, the groups and signs that can take its place as far as their own weights
    show; for most points the group itself alone."""
    sizes = np.array([len(group.units) for group in groups])
    zero = np.array([group.zero for group in groups])
    choices: list[list[tuple[int, float]]] = [[] for _ in groups]
    for sign in signs:
        matches = (sizes[:, None] == sizes) & _matches(graphs[0], sign)
        for graph in graphs[1:]:
            matches &= _matches(graph, 1.0)
        if sign < 0:
            matches[zero] = False
        for u, v in np.argwhere(matches).tolist():
            choices[u].append((v, sign))
    return choices


def _matches(graph: _Graph, sign: float) -> np.ndarray:
    """Whether unit v times the sign can take the place of unit u, for all pairs (u, v)."""
    mutual = np.sort(np.abs(graph.mutual), axis=1).reshape(len(graph.own), -1)
    alike = cdist(mutual, mutual, "chebyshev") <= EQUAL
    stand_in = graph.own if sign > 0 else graph.turned
    own = cdist(graph.own, stand_in, "chebyshev") <= EQUAL
    if sign < 0:
        own &= graph.turns
    return alike & own & (graph.layer[:, None] == graph.layer)


def _extended(
    graphs: list[_Graph], candidates: list, image: list[tuple[int, float]]
) -> list[tuple[int, float]] | None:
    """The images of all units, if the given images of the first ones extend to a symmetry."""
    u = len(image) - 1
    v, s = image[-1]
    if any(v == other for other, _ in image[:-1]):
        return None
    for a, (b, t) in enumerate(image[:-1]):
        for graph, sign in zip(graphs, (s * t, 1.0), strict=False):
            if np.abs(graph.mutual[u, a] - sign * graph.mutual[v, b]).max() > EQUAL:
                return None
    if u + 1 == len(candidates):
        return image
    further = (_extended(graphs, candidates, [*image, choice]) for choice in candidates[u + 1])
    return next((whole for whole in further if whole is not None), None)
