"""Permutations and signs of hidden units: the symmetry of a network.

Permuting the units of a hidden layer does not change the function of the network. If the activation
is odd, neither does changing the sign of a unit, that is, of its incoming weights, its bias and its
outgoing weights; this is called *turning* the unit. For tanh there are no other symmetries
(Sussmann 1992; Fefferman 1994). With a mask, units can be permuted only if the mask allows it. A
unit is described by the vector of all its weights; a symmetry maps these vectors to each other.

Stationary points often have equal units. So the group elements that leave a point unchanged, its
stabilizer, matter: they divide the orbit size, and they define the symmetric subspace that gradient
flow cannot leave.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from lossatlas.landscape.architecture import Architecture

EQUAL = 1e-6
"""Largest difference of weights between units that count as equal. Polished weights are accurate to
1e-8, and a search that breaks a symmetry breaks it by 1e-3 or more."""

ALONE = np.ones(1)
"""Signs in a group that consists of a single unit."""


class UnitLayer(NamedTuple):
    """The units of one layer as rows of weight positions.

    Attributes:
        positions: (units, k) position of each weight of a unit in the free weight vector, in the
            same order for every unit; -1 where the mask has removed the weight.
        turning: (k,) which of the weights change sign when a unit is turned; none if units cannot
            be turned.
        interchangeable: (units, units) True where the mask is the same for both units.
    """

    positions: np.ndarray
    turning: np.ndarray
    interchangeable: np.ndarray

    @property
    def turns(self) -> bool:
        """Whether changing the sign of a unit is a symmetry."""
        return bool(self.turning.any())

    def turned(self, vectors: np.ndarray) -> np.ndarray:
        """The weights (units, k) of units after their signs have been changed."""
        return np.where(self.turning, -vectors, vectors)

    def vectors(self, w: Float[np.ndarray, " n"]) -> np.ndarray:
        """(units, k) the weights of each unit, zero where the mask has removed them."""
        return np.where(self.positions >= 0, w[self.positions], 0.0)


def hidden_layers(architecture: Architecture) -> list[UnitLayer]:
    """The hidden layers of a network, from the inputs up.

    Units can be turned if the activation is odd and its center is zero.
    """
    turns = architecture.activation.odd and architecture.activation.center == 0.0
    position = np.full(architecture.n_full, -1)
    position[architecture.free] = np.arange(architecture.n_weights)
    matrices, start = [], 0
    for rows, columns in architecture.matrix_shapes:
        matrices.append(position[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    layers = []
    for layer, width in enumerate(architecture.widths[1:-1]):
        bias = position[start : start + width, None]
        start += width
        rows = np.concatenate([matrices[layer], bias, matrices[layer + 1].T], axis=1)
        kept = rows >= 0
        turning = np.full(rows.shape[1], turns)
        layers.append(UnitLayer(rows, turning, (kept[:, None] == kept[None]).all(axis=2)))
    return layers


def act(
    layer: UnitLayer, w: Float[np.ndarray, " n"], permutation: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """The copy of w whose unit j is unit `permutation[j]` of w, turned if `signs[j]` is -1."""
    kept = layer.positions >= 0
    new = w.copy()
    factors = np.where(layer.turning, signs[:, None], 1.0)
    new[layer.positions[kept]] = (factors * layer.vectors(w)[permutation])[kept]
    return new


def weights_in_place(layers: list[UnitLayer], number: int, placed: set[int]) -> np.ndarray:
    """(k,) which weights of a unit lead to nodes whose order is fixed already.

    These are its bias, weights from the inputs and to the outputs, and weights that it has in
    common with units of a layer in `placed`.

    Args:
        layers: the layers of units.
        number: number of the layer of the unit.
        placed: numbers of the layers whose units have been assigned already.
    """
    positions = layers[number].positions
    settled = np.ones(positions.shape[1], bool)
    for other, layer in enumerate(layers):
        if other != number and other not in placed:
            shared = np.isin(positions, layer.positions) & (positions >= 0)
            settled &= ~shared.any(axis=0)
    return settled


def nearest_copy(
    layers: list[UnitLayer], w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
) -> np.ndarray:
    """The symmetry copy of w (n,) nearest to target (n,).

    For one hidden layer it is exact, by a signed assignment of units (Hungarian method). For
    several layers the result need not be the nearest copy: assignments alternate over the layers
    until nothing changes, from the inputs up and from the outputs down. Both begin once at w, and
    once at the copy in which each layer was assigned by the weights that lead to layers which were
    assigned before. The nearest of the four results is returned.
    """
    if len(layers) == 1:
        return _assign(layers[0], w, target)
    upwards = range(len(layers))
    copies = [
        _alternate([layers[k] for k in order], start, target)
        for order in (upwards, upwards[::-1])
        for start in (w, _placed(layers, order, w, target))
    ]
    return min(copies, key=lambda copy: float(np.linalg.norm(copy - target)))


def _placed(
    layers: list[UnitLayer],
    order: Iterable[int],
    w: Float[np.ndarray, " n"],
    target: Float[np.ndarray, " n"],
) -> np.ndarray:
    """Assign each layer once, by its weights that lead to nodes whose order is fixed already."""
    placed: set[int] = set()
    for number in order:
        w = _assign(layers[number], w, target, weights_in_place(layers, number, placed))
        placed.add(number)
    return w


def _alternate(
    layers: list[UnitLayer], w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
) -> np.ndarray:
    """Assign one layer after the other until nothing changes."""
    distance = np.inf
    while True:
        for layer in layers:
            w = _assign(layer, w, target)
        now = float(np.linalg.norm(w - target))
        if now >= distance - 1e-12:
            return w
        distance = now


def _assign(
    layer: UnitLayer,
    w: Float[np.ndarray, " n"],
    target: Float[np.ndarray, " n"],
    compared: slice | np.ndarray = slice(None),
) -> np.ndarray:
    """The copy of w whose units of one layer are nearest to those of target, by `compared`."""
    mine, theirs = layer.vectors(w)[:, compared], layer.vectors(target)[:, compared]
    turning = layer.turning[compared]
    turned = theirs[:, turning] @ mine[:, turning].T
    overlap = np.abs(turned) + theirs[:, ~turning] @ mine[:, ~turning].T
    cost = np.where(layer.interchangeable, -overlap, 1e12)
    rows, permutation = linear_sum_assignment(cost)
    signs = np.where(turned[rows, permutation] < 0, -1.0, 1.0)
    return act(layer, w, permutation, signs)


class EqualUnits(NamedTuple):
    """Units of one layer that are equal up to sign in all their weights.

    Attributes:
        units: (m,) numbers of the units in their layer.
        signs: (m,) sign of each unit relative to the first one.
        zero: whether all of their weights are zero.
    """

    units: np.ndarray
    signs: np.ndarray
    zero: bool

    def members(self) -> list[tuple[int, float]]:
        """The number and the sign of each unit."""
        return list(zip(self.units.tolist(), self.signs.tolist(), strict=True))


def equal_units(layer: UnitLayer, w: Float[np.ndarray, " n"]) -> list[EqualUnits]:
    """The units of a layer in groups of equal ones; at most points each group has one unit."""
    vectors = layer.vectors(w)
    if lengths_differ(vectors[:, layer.turning] if layer.turns else vectors):
        return list(_alone(len(vectors)))
    turned = layer.turned(vectors) if layer.turns else vectors[:0]
    apart = cdist(vectors, np.concatenate([vectors, turned]), "chebyshev")
    alike, opposite = np.zeros((2, len(vectors), len(vectors)), bool)
    alike[:] = (apart[:, : len(vectors)] < EQUAL) & layer.interchangeable
    if layer.turns:
        opposite[:] = (apart[:, len(vectors) :] < EQUAL) & layer.interchangeable
    if np.count_nonzero(alike) == len(vectors) and not opposite.any():
        return list(_alone(len(vectors)))
    return groups_of(alike, opposite)


def lengths_differ(vectors: Float[np.ndarray, "units k"]) -> bool:
    """Say whether all vectors differ in length, and none is zero, beyond what counts as equal.

    A symmetry leaves the length of the weights of a unit, so units of different lengths never take
    each other's place. At most points all lengths differ, which is faster to see than all distances
    between units.
    """
    lengths = np.sort(np.linalg.norm(vectors, axis=1))
    least = EQUAL * vectors.shape[1] ** 0.5  # length of the largest difference of equal units
    return bool(lengths[0] > least and (lengths[1:] - lengths[:-1] > least).all())


@cache
def _alone(units: int) -> tuple[EqualUnits, ...]:
    """Groups that consist of one unit each."""
    return tuple(EqualUnits(np.array([unit]), ALONE, False) for unit in range(units))


def groups_of(alike: np.ndarray, opposite: np.ndarray) -> list[EqualUnits]:
    """Groups from the matrices (units, units) that say which units are equal, or opposite."""
    groups, free = [], np.ones(len(alike), bool)
    either = alike | opposite
    for first, (single, zero) in enumerate(
        zip((either.sum(axis=1) == 1).tolist(), opposite.diagonal().tolist(), strict=True)
    ):
        if single:
            groups.append(EqualUnits(np.array([first]), ALONE, zero))
        elif free[first]:
            units = np.flatnonzero(free & either[first])
            free[units] = False
            groups.append(EqualUnits(units, np.where(alike[first, units], 1.0, -1.0), zero))
    return groups


def neighbor_copies(
    layers: list[UnitLayer], w: Float[np.ndarray, " n"], most: int = 32
) -> list[np.ndarray]:
    """Copies of w (n,) by exchanging two units or turning one, nearest first.

    Degenerate rearrangements lead to such copies. Equal units give several copies at the same
    distance that a symmetry of w maps to each other, so one copy for each distance is returned.

    Args:
        layers: the layers of units.
        w: (n,) the weights.
        most: largest number of copies; default 32.
    """
    moves, lengths = [], []
    for number, layer in enumerate(layers):
        vectors = layer.vectors(w)
        a, b = np.nonzero(np.tril(layer.interchangeable))
        for sign in (1, -1) if layer.turns else (1,):
            # Turning (a and b are the same unit) moves one unit, an exchange moves two.
            other = vectors if sign > 0 else layer.turned(vectors)
            apart = np.linalg.norm(vectors[a] - other[b], axis=1)
            lengths.append(np.where(a == b, 1.0, 2.0**0.5) * apart)
            moves.append(np.stack([np.full_like(a, number), a, b, np.full_like(a, sign)]))
    distances, first = np.unique(np.round(np.concatenate(lengths), 6), return_index=True)
    nearest = np.concatenate(moves, axis=1)[:, first[distances > 10 * EQUAL][:most]]
    return [_moved(w, layers[number], a, b, sign) for number, a, b, sign in nearest.T.tolist()]


def _moved(w: Float[np.ndarray, " n"], layer: UnitLayer, a: int, b: int, sign: int) -> np.ndarray:
    """The copy of w in which units a and b are exchanged, both multiplied by the sign."""
    permutation, signs = np.arange(len(layer.positions)), np.ones(len(layer.positions))
    permutation[[a, b]] = b, a
    signs[[a, b]] = sign
    return act(layer, w, permutation, signs)
