"""The symmetry of a network, described by the weights that belong to each of its units.

The units of a layer can be exchanged. They can be turned, that is, change their sign, if some of
their weights change sign. From this alone follow the order of the group, orbits, nearest copies,
stabilizers and invariants. The group may be very large, since its elements are never listed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from lossatlas.errors import BadInputError
from lossatlas.landscape import symmetry
from lossatlas.landscape.automorphisms import group_order, stabilizer
from lossatlas.landscape.symmetric_subspace import SignedAverage, symmetrizer
from lossatlas.landscape.symmetry import UnitLayer
from lossatlas.landscape.unit_invariants import UnitInvariants
from lossatlas.landscape.unit_links import links_between, own_columns

SAME = 1e-10
"""Largest relative difference of E at symmetry copies that rounding can explain."""


class UnitSymmetry:
    """A symmetry by exchanging the units of each layer, and by changing their signs.

    Args:
        layers: for each layer a table ``positions`` (units, k), a pair ``(positions, turning)``, or
            a `UnitLayer`. A row of the table holds the positions, in the vector w, of all k weights
            of a unit, including those to and from units of other layers, in the same order for
            every unit. ``turning`` says which of the k weights can change sign together without
            changing E: True for all of them, False (the default) for none, or (k,) booleans.

    Raises:
        BadInputError: if there are no layers, a table does not hold positions, a position occurs
            twice in a layer or in more than two layers, pairs of units do not have the same number
            of weights in common, or units can change sign but not the weights that they have in
            common with another layer.

    Examples:
        >>> ten_tanh_units = np.arange(40).reshape(4, 10).T  # two inputs, a bias, one output
        >>> UnitSymmetry([(ten_tanh_units, True)]).order
        3715891200
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = [_checked(layer, number) for number, layer in enumerate(layers)]
        if not self.layers:
            raise BadInputError("symmetry", "it has no layers", "give one table for each, or None")
        _check_common(self.layers)

    @classmethod
    def of_layers(cls, layers: list[UnitLayer]) -> "UnitSymmetry":
        """Make the symmetry of layers that are known to be consistent, without a check."""
        made = cls.__new__(cls)
        made.layers = layers
        return made

    @cached_property
    def order(self) -> int:
        """The number of elements of the group."""
        return group_order(self.layers)

    @cached_property
    def invariants(self) -> UnitInvariants:
        """A function of w (n,) whose values (k,) are equal for symmetry copies.

        See `unit_invariants`.
        """
        return UnitInvariants(self.layers)

    @cached_property
    def _own(self) -> list[np.ndarray]:
        """For each layer which columns hold weights that belong to no unit of another layer."""
        return [own_columns(self.layers, number) for number in range(len(self.layers))]

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w (n,): the group order over the stabilizer order."""
        return self.order // stabilizer(self.layers, w, self._own).order

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,); see `symmetry.nearest_copy`."""
        return symmetry.nearest_copy(self.layers, w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Symmetry copies of w (n,) other than w, nearest first; see `symmetry.neighbor_copies`."""
        return symmetry.neighbor_copies(self.layers, w)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> SignedAverage:
        """The projector onto the weights that have all symmetries of w (n,).

        See `symmetric_subspace.symmetrizer`.
        """
        return symmetrizer(self.layers, w, self._own)

    def random_copy(
        self, w: Float[np.ndarray, " n"], random: np.random.Generator
    ) -> Float[np.ndarray, " n"]:
        """A random symmetry copy of w (n,).

        Args:
            w: (n,) the weights.
            random: generator of the permutations and signs.
        """
        for layer in self.layers:
            permutation = np.arange(len(layer.positions))
            for group in symmetry.groups_of(
                layer.interchangeable, np.zeros_like(layer.interchangeable)
            ):
                permutation[group.units] = random.permutation(group.units)
            signs = random.choice([-1.0, 1.0], len(permutation)) if layer.turns else None
            ones = np.ones(len(permutation))
            w = symmetry.act(layer, w, permutation, ones if signs is None else signs)
        return w

    def check(
        self, energy: Callable[[np.ndarray], float], points: Float[np.ndarray, "b n"], where: str
    ) -> None:
        """Check that a function has this symmetry.

        Args:
            energy: the function E(w) of a vector w (n,).
            points: (b, n) points at which E is compared with its values at copies.
            where: name of the function, for messages.

        Raises:
            BadInputError: if E is not the same; the message names the layer, and says whether
                exchanging or turning its units changes E.
        """
        n = points.shape[1]
        largest = max(int(layer.positions.max()) for layer in self.layers)
        if largest >= n:
            problem = f"position {largest} is beyond the {n} weights"
            raise BadInputError(f"{where}: symmetry", problem, "number the weights from 0")
        for number, layer in enumerate(self.layers):
            for w in points:
                expected = energy(w)
                for what, permutation, signs in _moves(layer):
                    found = energy(symmetry.act(layer, w, permutation, signs))
                    if not abs(found - expected) <= SAME * max(1.0, abs(expected)):
                        apart = found - expected
                        problem = f"{what} units of layer {number} changes E by {apart:g}"
                        remedy = "give the positions of all weights of each unit, in the same order"
                        raise BadInputError(f"{where}: symmetry", problem, remedy)

    def keeps_box(self, low: Float[np.ndarray, " n"], high: Float[np.ndarray, " n"]) -> bool:
        """Whether all symmetry copies of any point of a box lie inside of the box.

        Args:
            low: (n,) lower corner of the box.
            high: (n,) upper corner of the box.
        """
        for layer in self.layers:
            lows, highs = layer.vectors(low), layer.vectors(high)
            alike = np.ptp(lows, axis=0).max() == 0.0 and np.ptp(highs, axis=0).max() == 0.0
            if not alike or np.any(lows[:, layer.turning] != -highs[:, layer.turning]):
                return False
        return True

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """Canonical directions in the span of degenerate modes, which separate equal units.

        The curvatures of directions that break the symmetry of equal units are degenerate, so the
        single eigenvectors are arbitrary. Two directions are chosen for the group of equal units
        that the modes move most: the one with the largest component in the weights of its first
        unit, which moves one unit away from the others, and the difference of this and the same for
        its second unit, which moves two units apart. For another order of the units the directions
        are the same up to symmetry.

        Args:
            w: (n,) the point.
            modes: (d, n) degenerate eigenvectors of the Hessian.

        Returns:
            (k, n) unit vectors.
        """
        groups = [
            layer.positions[group.units]
            for layer in self.layers
            for group in symmetry.equal_units(layer, w)
            if len(group.units) > 1 and not group.zero
        ]
        if not groups:
            return modes
        moved = max(groups, key=lambda units: _share(modes, np.concatenate(units)))
        one, other = (_largest_share(modes, unit) for unit in moved[:2])
        pair = one + (1.0 if one @ other >= 0 else -1.0) * other
        pair /= np.linalg.norm(pair)
        return one[None] if abs(pair @ one) > 1.0 - 1e-6 else np.stack([one, pair])

    def text(self) -> str:
        """A text that identifies the symmetry, for a fingerprint."""
        layers = [
            (layer.positions.tolist(), layer.turning.astype(int).tolist()) for layer in self.layers
        ]
        digest = hashlib.sha256(repr(layers).encode()).hexdigest()
        return f"units, {self.order} elements, {digest[:16]}"


def _moves(layer: UnitLayer) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Elements that generate the group of a layer, and a random one: name, permutation, signs.

    The exchange of two units and the cyclic shift of all units that can be exchanged generate every
    permutation; with a change of sign of one unit they generate the whole group. The cyclic shift
    alone is not enough, since weights on a ring have it without having the others.
    """
    random = np.random.default_rng(20200409)
    units, ones = np.arange(len(layer.positions)), np.ones(len(layer.positions))
    mixed = units.copy()
    for group in symmetry.groups_of(layer.interchangeable, np.zeros_like(layer.interchangeable)):
        members = group.units
        for moved in (members[:2], members):
            if len(moved) > 1:
                permutation = units.copy()
                permutation[moved] = np.roll(moved, 1)
                yield "exchanging", permutation, ones
        if layer.turns:
            yield "turning", units, np.where(units == members[0], -1.0, 1.0)
        mixed[members] = random.permutation(members)
    if layer.turns:
        yield "exchanging and turning", mixed, random.choice([-1.0, 1.0], len(units))
    else:
        yield "exchanging", mixed, ones


def _share(modes: np.ndarray, positions: np.ndarray) -> float:
    """The norm of the components of modes (d, n) at the positions."""
    return float(np.linalg.norm(modes[:, positions[positions >= 0]]))


def _largest_share(modes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The unit vector in the span of modes (d, n) with the largest part at the positions."""
    left, _, _ = np.linalg.svd(modes[:, positions[positions >= 0]], full_matrices=False)
    direction = left[:, 0] @ modes
    return direction / np.linalg.norm(direction)


def _checked(layer: Any, number: int) -> UnitLayer:
    """A layer, in any of the forms in which it can be given, as a checked `UnitLayer`."""
    if isinstance(layer, UnitLayer):
        return layer
    positions, turning = layer if isinstance(layer, tuple) else (layer, False)
    where, table = f"symmetry: layer {number}", np.asarray(positions)
    if table.ndim != 2 or table.dtype.kind not in "iu" or not table.size:
        problem = f"positions of shape {table.shape} and type {table.dtype}"
        raise BadInputError(where, problem, "give a table (units, weights of a unit) of integers")
    if table.min() < 0 or len(np.unique(table)) < table.size:
        problem = "a position is negative, or stands twice"
        raise BadInputError(where, problem, "give each weight of each unit once")
    width = table.shape[1]
    changes = np.asarray(turning)
    if changes.dtype != bool or changes.shape not in ((), (width,)):
        problem = f"turning has shape {changes.shape} and type {changes.dtype}"
        raise BadInputError(where, problem, f"give True, False, or {width} of these")
    every = np.ones((len(table), len(table)), bool)
    return UnitLayer(table.astype(int), np.broadcast_to(changes, (width,)).copy(), every)


def _check_common(layers: list[UnitLayer]) -> None:
    """Check that the weights which two layers have in common are of the same kind in both."""
    counts = np.bincount(np.concatenate([layer.positions.ravel() for layer in layers]))
    if counts.max() > 2:
        problem = f"position {int(counts.argmax())} belongs to units of {counts.max()} layers"
        raise BadInputError("symmetry", problem, "a weight leads from one unit to another")
    for first, second, columns in links_between(layers):
        where = f"symmetry: layers {first} and {second}"
        pairs = (columns >= 0).sum(axis=2)
        if pairs.min() != pairs.max():
            problem = "some pairs of units have more weights in common than others"
            raise BadInputError(where, problem, "give every pair of units the same weights")
        common = np.unique(columns)
        turned = layers[first].turning[common]
        if layers[first].turns and not turned.all():
            problem = f"units of layer {first} can be turned, but not what leads to layer {second}"
            raise BadInputError(where, problem, "let these weights change sign too")
        above = np.isin(layers[second].positions, layers[first].positions).any(axis=0)
        if layers[second].turns and not layers[second].turning[above].all():
            problem = f"units of layer {second} can be turned, but not what leads to layer {first}"
            raise BadInputError(where, problem, "let these weights change sign too")
