"""The subspace of all weights with the symmetry of a point, which gradient flow cannot leave.

The projector onto it is the average over the symmetries that leave the point unchanged. These only
permute weights and change their signs, so every weight is replaced by the signed average over the
weights that they map to it. A weight that they also map to its own negative becomes zero.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from lossatlas.landscape.automorphisms import SignedPermutation, stabilizer
from lossatlas.landscape.symmetry import UnitLayer, act


class SignedAverage(NamedTuple):
    """The projector that replaces each weight by the average over the weights it must equal.

    It is a pytree. `average @ x` works for NumPy and JAX arrays of shape (n,) or (n, k).

    Attributes:
        group: (n,) int32 number, below n, of the group of equal weights to which each belongs.
        sign: (n,) sign of each weight relative to its group; 0 if the weight must be zero.
        share: (n,) one over the number of weights in the group.
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


def symmetrizer(
    layers: Sequence[UnitLayer], w: Float[np.ndarray, " n"], own: Sequence[np.ndarray]
) -> SignedAverage:
    """The projector onto the weight vectors that have all symmetries of w (n,).

    The `unit_links.own_columns` of each layer are given, since they are the same for all w.
    """
    generators = stabilizer(layers, w, own).generators
    n = len(w)
    if not generators:
        return SignedAverage(np.arange(n, dtype=np.int32), np.ones(n), np.ones(n))
    whole, places = _with_removed_weights(layers, n)
    images = [_carried(whole, g, places)[:n] for g in generators]
    label = _components([_on_both_signs(image) for image in images])
    plus, minus = label[:n], label[n:]
    _, group, sizes = np.unique(np.minimum(plus, minus), return_inverse=True, return_counts=True)
    return SignedAverage(group.astype(np.int32), np.sign(minus - plus) * 1.0, 1.0 / sizes[group])


def _on_both_signs(image: np.ndarray) -> np.ndarray:
    """A generator as a permutation of 2 n nodes, weight i and its negative, node n + i."""
    n = len(image)
    place, turned = np.abs(image).astype(int) - 1, image < 0
    return np.concatenate([place + n * turned, place + n * ~turned])


def _components(permutations: Sequence[np.ndarray]) -> np.ndarray:
    """The orbits of nodes under permutations: for each node the first node of its orbit.

    Labels are passed along the permutations until nothing changes. This takes a few rounds, since
    an orbit is not longer than the number of equal units. (To build the graph of a library would
    take ten times as long.)
    """
    label = np.arange(len(permutations[0]))
    while True:
        before = label
        for permutation in permutations:
            label = np.minimum(label, label[permutation])
        if np.array_equal(label, before):
            return label


def _with_removed_weights(layers: Sequence[UnitLayer], n: int) -> tuple[list[UnitLayer], int]:
    """The layers with positions from n on for weights that the mask has removed, and their number.

    A symmetry of several layers may keep the mask although its part in one layer does not. So that
    the parts can be applied one after the other, a removed weight needs a position too.
    """
    whole: list[UnitLayer] = []
    for layer in layers:
        positions = layer.positions.copy()
        if whole:  # some removed weights have a position already, from the layer below
            below = whole[-1].positions[:, -len(positions) :]
            positions[:, : len(below)] = below.T
        removed = positions < 0
        positions[removed] = n + np.arange(removed.sum())
        n += int(removed.sum())
        whole.append(layer._replace(positions=positions))
    return whole, n


def _carried(layers: Sequence[UnitLayer], element: SignedPermutation, n: int) -> np.ndarray:
    """For every weight the number, counted from one, of the weight mapped to it, with its sign."""
    numbers, start = np.arange(1.0, n + 1), 0
    for layer in layers:
        units = slice(start, start + len(layer.positions))
        numbers = act(layer, numbers, element.unit[units] - start, element.sign[units])
        start = units.stop
    return numbers
