"""Permutations and signs of hidden units: the symmetry of a tanh network.

Permuting the units of a hidden layer, or turning the sign of one (its incoming weights, its bias
and its outgoing weights), does not change what the network computes; for tanh nothing else is a
symmetry (Sussmann 1992; Fefferman 1994). With a mask, units of a layer permute only where the mask
allows it. A unit is described by the vector of all its weights; a symmetry carries these vectors
over into each other.

Equal units are the rule at stationary points, so the group elements that leave a point where it is
(its stabilizer) matter: they divide the orbit size and span the symmetric subspace that gradient
flow cannot leave.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.optimize import linear_sum_assignment

from lossatlas.landscape.architecture import Architecture

EQUAL = 1e-6
"""Largest difference of weights between units that count as equal. Polished weights are good to
1e-8, and a symmetry broken by a search is broken by 1e-3 and more."""


class HiddenLayer(NamedTuple):
    """The units of one hidden layer as rows of weight positions.

    Attributes:
        positions: (units, k) position of each weight of a unit in the free weight vector, in the
            same order for every unit; -1 where the mask has removed the weight.
        interchangeable: (units, units) True where the mask is the same for both units.
    """

    positions: np.ndarray
    interchangeable: np.ndarray

    def vectors(self, w: np.ndarray) -> np.ndarray:
        """(units, k) the weights of each unit, zero where the mask has removed them."""
        return np.where(self.positions >= 0, w[self.positions], 0.0)


def hidden_layers(architecture: Architecture) -> list[HiddenLayer]:
    """The hidden layers of a network, from the inputs up."""
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
        layers.append(HiddenLayer(rows, (kept[:, None] == kept[None]).all(axis=2)))
    return layers


def act(
    layer: HiddenLayer, w: np.ndarray, permutation: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """The copy of w whose unit j is `signs[j]` times unit `permutation[j]` of w."""
    kept = layer.positions >= 0
    new = w.copy()
    new[layer.positions[kept]] = (signs[:, None] * layer.vectors(w)[permutation])[kept]
    return new


def nearest_copy(layers: list[HiddenLayer], w: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The copy of w nearest to target: exact for one hidden layer.

    For each layer a signed assignment of units (Hungarian method). Deeper networks alternate over
    the layers until nothing changes, from each layer order; no optimality is claimed.
    """
    orders = (
        [range(len(layers))]
        if len(layers) == 1
        else [range(len(layers))] * 1 + [range(len(layers) - 1, -1, -1)]
    )
    best = None
    for order in orders:
        copy = _alternate([layers[k] for k in order], w, target)
        distance = np.linalg.norm(copy - target)
        if best is None or distance < best[0]:
            best = (distance, copy)
    assert best is not None
    return best[1]


def _alternate(layers: list[HiddenLayer], w: np.ndarray, target: np.ndarray) -> np.ndarray:
    distance = np.inf
    while True:
        for layer in layers:
            w = _assign(layer, w, target)
        now = np.linalg.norm(w - target)
        if len(layers) == 1 or now >= distance - 1e-12:
            return w
        distance = now


def _assign(layer: HiddenLayer, w: np.ndarray, target: np.ndarray) -> np.ndarray:
    mine, theirs = layer.vectors(w), layer.vectors(target)
    overlap = theirs @ mine.T
    cost = np.where(layer.interchangeable, -np.abs(overlap), 1e12)
    rows, permutation = linear_sum_assignment(cost)
    signs = np.where(overlap[rows, permutation] < 0, -1.0, 1.0)
    return act(layer, w, permutation, signs)


def equal_units(layer: HiddenLayer, w: np.ndarray) -> list[list[tuple[int, float]]]:
    """Groups of equal units, each as (unit, sign relative to the first); zero units left out."""
    vectors = layer.vectors(w)
    zero = np.abs(vectors).max(axis=1) < EQUAL
    groups: list[list[tuple[int, float]]] = []
    for unit in np.flatnonzero(~zero):
        for group in groups:
            first = group[0][0]
            if layer.interchangeable[first, unit]:
                signs = [
                    s
                    for s in (1.0, -1.0)
                    if np.abs(vectors[first] - s * vectors[unit]).max() < EQUAL
                ]
                if signs:
                    group.append((int(unit), signs[0]))
                    break
        else:
            groups.append([(int(unit), 1.0)])
    return groups


def zero_units(layer: HiddenLayer, w: np.ndarray) -> np.ndarray:
    """Units all of whose weights vanish."""
    return np.flatnonzero(np.abs(layer.vectors(w)).max(axis=1) < EQUAL)


class SignedAverage(NamedTuple):
    """The projector that replaces each weight by the average over the weights it must equal.

    A pytree; `average @ x` works on NumPy and JAX arrays, (n,) or (n, k).

    Attributes:
        group: (n,) int32 number, below n, of the group that each weight belongs to.
        sign: (n,) sign of each weight relative to its group; 0 where it must vanish.
        share: (n,) one over the size of its group.
    """

    group: np.ndarray
    sign: np.ndarray
    share: np.ndarray

    def __matmul__(self, other: Any) -> Any:
        """The operator applied to a vector (n,) or to the columns of a matrix (n, k)."""
        sign, share = self.sign, self.share
        if other.ndim == 2:
            sign, share = sign[:, None], share[:, None]
        signed = sign * share * other
        if isinstance(signed, np.ndarray):
            sums = np.zeros_like(signed)
            np.add.at(sums, self.group, signed)
        else:
            sums = jnp.zeros_like(signed).at[self.group].add(signed)
        return sign * sums[self.group]


def symmetrizer(layers: list[HiddenLayer], w: np.ndarray) -> SignedAverage:
    """The projector onto the weight vectors that share the equal and zero units of w.

    A weight between equal units of two layers belongs to one group with all weights between units
    equal to them.
    """
    group, sign = np.arange(len(w)), np.ones(len(w))
    for layer in layers:
        leader, factor = np.arange(len(w)), np.ones(len(w))
        for (first, _), *others in equal_units(layer, w):
            for unit, unit_sign in others:
                kept = layer.positions[unit] >= 0
                leader[layer.positions[unit][kept]] = layer.positions[first][kept]
                factor[layer.positions[unit][kept]] = unit_sign
        for unit in zero_units(layer, w):
            factor[layer.positions[unit][layer.positions[unit] >= 0]] = 0.0
        sign, group = sign * factor[group], leader[group]
    sizes = np.bincount(group, minlength=len(w))
    return SignedAverage(group.astype(np.int32), sign, 1.0 / sizes[group])


def neighbor_copies(layers: list[HiddenLayer], w: np.ndarray, most: int = 32) -> list[np.ndarray]:
    """Copies of w by exchanging two units or turning one, nearest first; equal distances once.

    These are the ends of degenerate rearrangements. Equal units give several copies that are
    themselves related by a symmetry of w, at the same distance: one of them is enough.
    """
    moves: dict[float, tuple[HiddenLayer, np.ndarray, np.ndarray]] = {}
    for layer in layers:
        vectors = layer.vectors(w)
        same = np.arange(len(vectors))
        for a in same:
            turned = np.where(same == a, -1.0, 1.0)
            moves.setdefault(_distance(2.0 * vectors[a]), (layer, same, turned))
            for b in np.flatnonzero(layer.interchangeable[a, :a]):
                exchanged = same.copy()
                exchanged[[a, b]] = [b, a]
                for sign in (1.0, -1.0):
                    signs = np.where(exchanged == same, 1.0, sign)
                    apart = _distance(2.0**0.5 * (vectors[a] - sign * vectors[b]))
                    moves.setdefault(apart, (layer, exchanged, signs))
    nearest = sorted(distance for distance in moves if distance > 10 * EQUAL)[:most]
    return [act(moves[d][0], w, moves[d][1], moves[d][2]) for d in nearest]


def _distance(difference: np.ndarray) -> float:
    """Length, rounded so that equal lengths compare equal."""
    return round(float(np.linalg.norm(difference)), 6)
