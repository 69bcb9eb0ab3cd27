"""Recognition of dense layers in a model: their positions in its vector, and their activation.

What a model computes cannot be read off its code, but it can be tested: its matrices and biases, in
their order, are taken for dense layers, and networks of these layers with each known activation are
compared with the model at random weights.
"""

import re
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import jax
import numpy as np

from lossatlas.landscape.architecture import Architecture, propagate, unpack
from lossatlas.landscape.model_adapters import AdaptedModel, Leaf
from lossatlas.landscape.plain_weights import plain_layers, weights_of_layers
from lossatlas.landscape.symmetry import UnitLayer, hidden_layers
from lossatlas.parts.activation import Activation
from lossatlas.parts.registry import ACTIVATIONS, PARAMETERS, find_activation

AGREE = 1e-10
"""Largest difference of outputs, relative to their size, that rounding can explain."""
MOST_ORDERED = 5
"""Largest number of layers for which all orders are tried; more layers are taken in the order of
their names."""
TRIALS = 3
"""Number of random weight vectors at which the model is compared."""


class DenseLayers(NamedTuple):
    """Dense layers that were recognized in a model.

    Attributes:
        widths: number of nodes of each layer, including inputs and outputs.
        order: (n,) position in the vector of the model of each weight, in the order of
            `Architecture`.
    """

    widths: tuple[int, ...]
    order: np.ndarray

    def split(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """The matrix (receiving, sending) and the biases of each layer in a vector of the model."""
        return plain_layers(Architecture(self.widths), flat[self.order])

    def joined(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """The vector of the model with the given matrix and biases of each layer."""
        flat = np.zeros(len(self.order))
        flat[self.order] = weights_of_layers(Architecture(self.widths), layers)
        return flat

    def units(self, turns: bool) -> list[UnitLayer]:
        """The hidden layers as positions in the vector of the model.

        Args:
            turns: whether the sign of a unit can be changed.
        """
        layers = hidden_layers(Architecture(self.widths))
        return [
            layer._replace(
                positions=self.order[layer.positions], turning=np.full_like(layer.turning, turns)
            )
            for layer in layers
        ]


def dense_layers(model: AdaptedModel, features: int) -> DenseLayers | None:
    """Find the dense layers of a model.

    The matrix and the biases of a layer must be in one place of the model. The order of the layers,
    and whether matrices are stored with the sending nodes first, follow from the shapes of the
    arrays. If these allow several readings, one is taken with which a network computes the same as
    the model.

    Args:
        model: the model as a function of a vector.
        features: number of inputs.

    Returns:
        The layers; None if the arrays are not a chain of matrices with biases.
    """
    pairs = _layers(model.leaves)
    if pairs is None or not len(pairs) >= 2:
        return None
    orders = permutations(pairs) if len(pairs) <= MOST_ORDERED else [tuple(pairs)]
    readings = [
        found
        for order in orders
        for sending_first in (True, False)
        if (found := _chain(order, features, sending_first)) is not None
    ]
    if len(readings) == 1:
        return readings[0]
    return next((found for found in readings if _is_network(model, found)), None)


def _layers(leaves: list[Leaf]) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """The matrix and the biases of each layer; None if a place in the model holds anything else.

    A place that holds those of several layers, such as a dictionary of ``w1``, ``b1``, ``w2`` and
    ``b2``, has as many of both, and both are in the order of their names.
    """
    places: dict[str, list[Leaf]] = {}
    for leaf in _sorted(leaves):
        parent = re.sub(r"(\.value)?$", "", leaf.path)
        places.setdefault(re.sub(r"(\.\w+|\[[^\]]*\])$", "", parent), []).append(leaf)
    pairs = []
    for leaves_here in places.values():
        tables = [leaf.positions for leaf in leaves_here]
        matrices, biases = ([t for t in tables if t.ndim == n] for n in (2, 1))
        if not len(matrices) == len(biases) == len(tables) / 2:
            return None
        pairs += zip(matrices, biases, strict=True)
    return pairs


def _chain(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], features: int, sending_first: bool
) -> DenseLayers | None:
    tables = [matrix.T if sending_first else matrix for matrix, _ in pairs]
    biases = [bias for _, bias in pairs]
    widths = (features, *(len(table) for table in tables))
    shapes = zip(widths[1:], widths[:-1], strict=True)
    if any(table.shape != shape for table, shape in zip(tables, shapes, strict=True)):
        return None
    if any(len(bias) != width for bias, width in zip(biases, widths[1:], strict=True)):
        return None
    return DenseLayers(widths, np.concatenate([*(t.ravel() for t in tables), *biases]))


def recognized_activation(
    model: AdaptedModel, layers: DenseLayers, inputs: np.ndarray
) -> Activation | None:
    """Find the activation with which a network of dense layers computes the same as a model.

    Args:
        model: the model as a function of a vector.
        layers: its dense layers.
        inputs: (items, features) inputs at which both are compared.

    Returns:
        The activation; None if there is no known one.
    """
    names = [name for name in ACTIVATIONS if name not in PARAMETERS]
    activations = [find_activation(name) for name in names]
    return next((a for a in activations if _agrees(model, layers, a, inputs)), None)


def _is_network(model: AdaptedModel, layers: DenseLayers) -> bool:
    inputs = np.random.default_rng(0).normal(size=(5, layers.widths[0]))
    return recognized_activation(model, layers, inputs) is not None


def _agrees(
    model: AdaptedModel, layers: DenseLayers, activation: Activation, inputs: np.ndarray
) -> bool:
    random = np.random.default_rng(20200409)
    architecture = Architecture(layers.widths, activation=activation)
    with jax.enable_x64(True):
        x = jax.numpy.asarray(inputs)
        for _ in range(TRIALS):
            w = random.normal(size=len(layers.order))
            network = unpack(architecture, jax.numpy.asarray(w[layers.order]))
            mine = np.asarray(propagate(activation, network, x.T).outputs)
            theirs = np.asarray(model.apply(jax.numpy.asarray(w), x)).T
            scale = max(1.0, float(np.abs(mine).max()))
            if mine.shape != theirs.shape or not np.abs(mine - theirs).max() <= AGREE * scale:
                return False
    return True


def _sorted(leaves: list[Leaf]) -> list[Leaf]:
    """The leaves sorted by path and by the numbers in it, so that layer 10 comes after layer 9."""

    def key(leaf: Leaf) -> list[tuple[int, str]]:
        parts = re.split(r"(\d+)", leaf.path)
        return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return sorted(leaves, key=key)
