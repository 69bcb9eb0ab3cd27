"""The shape of a tanh network, its weight order, and its outputs (paper, eq. 1).

**Weight order**, that of the Fortran programs, so that files interchange: the weight matrices
layer by layer, each with one row per receiving node, then the biases layer by layer. For one
hidden layer: w2[j,k], w1[i,j], hidden biases, output biases. Weights that a mask removes are
exactly zero and are not coordinates of the landscape at all.
"""

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

Layers = tuple[list[Array], list[Array]]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Architecture:
    """The shape of a network; static, part of what a compiled kernel is keyed by.

    Args:
        widths: nodes per layer, inputs and outputs included, e.g. ``(2, 10, 4)``.
        masks: one boolean table per weight matrix, rows are receiving nodes, as nested tuples;
            None for full connectivity.
        regularize_biases: whether lambda |w|^2 includes the biases (the paper: yes).

    Examples:
        >>> Architecture((2, 10, 4)).n_weights
        74
    """

    widths: tuple[int, ...]
    masks: tuple[tuple[tuple[bool, ...], ...], ...] | None = None
    regularize_biases: bool = True

    @cached_property
    def matrix_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (receiving, sending) of each weight matrix."""
        return tuple(zip(self.widths[1:], self.widths[:-1], strict=True))

    @cached_property
    def free(self) -> np.ndarray:
        """Positions of the free weights in the full vector, ascending."""
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
        """(n,) 1.0 where the L2 term applies, else 0.0."""
        n_biases = sum(self.widths[1:])
        every = np.ones(self.n_full)
        if not self.regularize_biases:
            every[self.n_full - n_biases :] = 0.0
        return every[self.free]

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each free weight the layer, the node it leads to, and the node it comes from.

        A bias comes from the node after the last.
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
        """(k, outputs) positions of weights that the softmax does not see changing together.

        One row for each unit of the last hidden layer that is connected to every output: its
        outgoing weights; the last row: the output biases.
        """
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
    """Outputs y of eq. (1) for inputs (features, items): (classes, items)."""
    return propagate(unpack(architecture, w), inputs)[1]


def propagate(
    layers: Layers, inputs: Float[Array, "features items"]
) -> tuple[list[Array], Float[Array, "classes items"]]:
    """Activations of the inputs and each hidden layer, and the outputs, all (nodes, items)."""
    matrices, biases = layers
    activations = [inputs]
    for matrix, bias in zip(matrices[:-1], biases[:-1], strict=True):
        activations.append(jnp.tanh(matrix @ activations[-1] + bias[:, None]))
    return activations, matrices[-1] @ activations[-1] + biases[-1][:, None]


def transposed(matrix: Array) -> Array:
    """The transpose, really made: XLA is slow at products with one that only stands for it."""
    return jax.lax.optimization_barrier(matrix.T)
