"""The subspace of all weights that share the symmetry of a point, which gradient flow cannot leave.

The projector onto it is the average over the symmetries that leave the point where it is. They only
permute weights and turn their signs, so every weight becomes the signed average over the weights
that they carry over into it; a weight that they also carry over into its own negative vanishes.
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


def symmetrizer(layers: Sequence[UnitLayer], w: Float[np.ndarray, " n"]) -> SignedAverage:
    """The projector onto the weight vectors that have all symmetries of w (n,)."""
    generators = stabilizer(layers, w).generators
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
    """What a generator makes of (2 n) nodes: node i is weight i, node n + i its negative."""
    n = len(image)
    place, turned = np.abs(image).astype(int) - 1, image < 0
    return np.concatenate([place + n * turned, place + n * ~turned])


def _components(permutations: Sequence[np.ndarray]) -> np.ndarray:
    """The orbits of nodes under permutations: of each node the first that belongs to its orbit.

    Labels are handed on along the permutations until nothing changes, in a few rounds: orbits are
    no longer than there are equal units. (A library's graph takes ten times as long to be made.)
    """
    label = np.arange(len(permutations[0]))
    while True:
        before = label
        for permutation in permutations:
            label = np.minimum(label, label[permutation])
        if np.array_equal(label, before):
            return label


def _with_removed_weights(layers: Sequence[UnitLayer], n: int) -> tuple[list[UnitLayer], int]:
    """The layers with places from n on for the weights that the mask has removed, and how many
    places there are.

    A symmetry of several layers may keep the mask as a whole though the part of one layer does not:
    between the parts a weight can stand where there is none.
    """
    whole: list[UnitLayer] = []
    for layer in layers:
        positions = layer.positions.copy()
        if whole:  # what has a place already, as a weight of the layer below
            below = whole[-1].positions[:, -len(positions) :]
            positions[:, : len(below)] = below.T
        removed = positions < 0
        positions[removed] = n + np.arange(removed.sum())
        n += int(removed.sum())
        whole.append(layer._replace(positions=positions))
    return whole, n


def _carried(layers: Sequence[UnitLayer], element: SignedPermutation, n: int) -> np.ndarray:
    """For every weight the number, from one on, of the weight carried over into it, with sign."""
    numbers, start = np.arange(1.0, n + 1), 0
    for layer in layers:
        units = slice(start, start + len(layer.positions))
        numbers = act(layer, numbers, element.unit[units] - start, element.sign[units])
        start = units.stop
    return numbers
