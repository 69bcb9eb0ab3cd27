"""The shape of a network, its parts, the order of its weights, and its outputs (paper, eq. 1).

**Weight order.** It is that of the Fortran programs, so that files can be exchanged: the weight
matrices layer by layer, each with one row for each receiving node, and then the biases layer by
layer. For one hidden layer: w2[j,k], w1[i,j], hidden biases, output biases. Weights that a mask
removes are exactly zero and are not coordinates of the landscape.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.products import product
from lossatlas.parts.activation import Activation
from lossatlas.parts.output_loss import OutputLoss
from lossatlas.parts.softmax_cross_entropy import SOFTMAX_CROSS_ENTROPY
from lossatlas.parts.tanh import TANH

Layers = tuple[list[Array], list[Array]]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Architecture:
    """The shape of a network and its parts: the static data for which a kernel is compiled.

    Args:
        widths: number of nodes of each layer, including inputs and outputs, e.g. ``(2, 10, 4)``.
        masks: one boolean table for each weight matrix, with rows for receiving nodes, as nested
            tuples; True is a weight that is kept. By default None: full connectivity.
        regularize_biases: whether lambda |w|^2 includes the biases, as in the paper; default True.
        activation: the activation of all hidden layers; default tanh.
        loss: the loss of the outputs; default softmax cross-entropy.

    Examples:
        >>> Architecture((2, 10, 4)).n_weights
        74
    """

    widths: tuple[int, ...]
    masks: tuple[tuple[tuple[bool, ...], ...], ...] | None = None
    regularize_biases: bool = True
    activation: Activation = TANH
    loss: OutputLoss = SOFTMAX_CROSS_ENTROPY

    @cached_property
    def matrix_shapes(self) -> tuple[tuple[int, int], ...]:
        """The shape (receiving, sending) of each weight matrix."""
        return tuple(zip(self.widths[1:], self.widths[:-1], strict=True))

    @cached_property
    def free(self) -> np.ndarray:
        """(n,) positions, ascending, of the free weights in the vector without a mask."""
        n_full = sum(a * b for a, b in self.matrix_shapes) + sum(self.widths[1:])
        if self.masks is None:
            return np.arange(n_full)
        kept = [np.asarray(mask, bool).ravel() for mask in self.masks]
        kept.append(np.ones(sum(self.widths[1:]), bool))
        return np.flatnonzero(np.concatenate(kept))

    @property
    def n_full(self) -> int:
        """Number of weights without the mask."""
        return sum(a * b for a, b in self.matrix_shapes) + sum(self.widths[1:])

    @property
    def n_weights(self) -> int:
        """Number of free weights, the dimension n of the landscape."""
        return len(self.free)

    @cached_property
    def regularized(self) -> np.ndarray:
        """(n,) 1.0 for weights that the L2 term includes, else 0.0."""
        n_biases = sum(self.widths[1:])
        every = np.ones(self.n_full)
        if not self.regularize_biases:
            every[self.n_full - n_biases :] = 0.0
        return every[self.free]

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each free weight, (n,) its layer, its receiving node and its sending node.

        The sending node of a bias has the number after the last node of its layer.
        """
        weights = [
            (np.full(rows * columns, layer), *np.divmod(np.arange(rows * columns), columns))
            for layer, (rows, columns) in enumerate(self.matrix_shapes)
        ]
        biases = [
            (np.full(rows, layer), np.arange(rows), np.full(rows, columns))
            for layer, (rows, columns) in enumerate(self.matrix_shapes)
        ]
        layer, node, source = (
            np.concatenate(parts) for parts in zip(*weights, *biases, strict=True)
        )
        return layer[self.free], node[self.free], source[self.free]

    @cached_property
    def shifted_together(self) -> np.ndarray:
        """(k, outputs) positions of weights to which one number can be added without effect.

        Adding the same number to the weights of a row does not change a softmax of the outputs.
        There is one row, with the outgoing weights, for each unit of the last hidden layer that is
        connected to every output, and a last row with the output biases. There are no rows if the
        loss is not that of a softmax.
        """
        if not self.loss.shifts:
            return np.zeros((0, self.widths[-1]), int)
        position = np.full(self.n_full, -1)
        position[self.free] = np.arange(self.n_weights)
        outputs, width = self.matrix_shapes[-1]
        first = sum(a * b for a, b in self.matrix_shapes[:-1])
        last = position[first : first + outputs * width].reshape(outputs, width)
        columns = np.concatenate([last.T, position[None, -outputs:]])
        return columns[(columns >= 0).all(axis=1)]


def unpack(architecture: Architecture, w: Float[Array, " n"]) -> Layers:
    """Weight matrices (receiving, sending) and bias vectors of a free weight vector (n,)."""
    if architecture.masks is not None:
        w = jnp.zeros(architecture.n_full, w.dtype).at[architecture.free].set(w)
    matrices, biases, start = [], [], 0
    for rows, columns in architecture.matrix_shapes:
        matrices.append(w[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    for width in architecture.widths[1:]:
        biases.append(w[start : start + width])
        start += width
    return matrices, biases


def logits(
    architecture: Architecture, w: Float[Array, " n"], inputs: Float[Array, "features items"]
) -> Float[Array, "classes items"]:
    """The outputs y of eq. (1), before any softmax, for inputs (features, items)."""
    return propagate(architecture.activation, unpack(architecture, w), inputs).outputs


class Passed(NamedTuple):
    """The results of a forward pass, layer by layer.

    Attributes:
        activations: (nodes, items) the inputs, and then the activations of each hidden layer.
        sums: (units, items) the weighted sums z of each hidden layer.
        outputs: (outputs, items) the outputs of the network.
    """

    activations: list[Array]
    sums: list[Array]
    outputs: Float[Array, "classes items"]

    def slopes(self, activation: Activation) -> list[Array]:
        """The derivatives of the activation at each hidden layer."""
        pairs = zip(self.sums, self.activations[1:], strict=True)
        return [activation.slope(z, a) for z, a in pairs]

    def curvatures(self, activation: Activation) -> list[Array]:
        """The second derivatives of the activation at each hidden layer."""
        pairs = zip(self.sums, self.activations[1:], strict=True)
        return [activation.curvature(z, a) for z, a in pairs]


def propagate(
    activation: Activation, layers: Layers, inputs: Float[Array, "features items"]
) -> Passed:
    """The forward pass of a network, with weights as `unpack` gives them, of (features, items)."""
    matrices, biases = layers
    activations, sums = [inputs], []
    for matrix, bias in zip(matrices[:-1], biases[:-1], strict=True):
        sums.append(product(matrix, activations[-1]) + bias[:, None])
        activations.append(activation.value(sums[-1]))
    return Passed(activations, sums, product(matrices[-1], activations[-1]) + biases[-1][:, None])


def transposed(matrix: Array) -> Array:
    """The transpose as an array of its own: XLA is slow at products with a mere view of it."""
    return jax.lax.optimization_barrier(matrix.T)
