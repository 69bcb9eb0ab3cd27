"""The exact Hessian of a network's loss as a handful of matrix products.

With delta_l = dL/dz_l the derivative with respect to the pre-activations z_l of one
item, and a~ the activations of the layer below with a 1 appended for the bias, the gradient is
delta_l a~_{l-1}. Differentiating once more,

    d2L / dW_l[j,k] dW_m[p,q] = G_lm[j,p] a~_{l-1}[k] a~_{m-1}[q]
                              + R_lm[j,q] delta_m[p] a~_{l-1}[k]

for l <= m (second term for l < m only), where G_lm = ddelta_m/dz_l obeys a backward recursion over
layers and R_lm = da_{m-1}/dz_l a forward one. Per item they have as many rows and columns as the
network has nodes; the sum over items is a matrix product for each pair of layers and each term. It
costs ten to twenty gradients where generic automatic differentiation costs some three hundred.

What these products give is laid out in one vector, and where each element of the Hessian stands in
it is known beforehand: nothing is transposed or put together block by block.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.landscape.architecture import (
    Architecture,
    propagate,
    transposed,
    unpack,
)

CHUNK = 250
"""Items whose intermediate tensors fit into a core's cache together."""


def data_hessian(architecture: Architecture, inputs: Array, targets: Array, w: Array) -> Array:
    """Hessian (n, n) of the mean cross-entropy, without the L2 term; summed chunk by chunk."""
    items = inputs.shape[1]
    chunks = -(-items // CHUNK)
    size = -(-items // chunks)
    weights = jnp.full(items, 1.0 / items, inputs.dtype)
    first, second = _places(architecture)
    if chunks == 1:
        sums = _sums(architecture, inputs, targets, weights, w)
        return sums[first] + sums[second]
    padding = ((0, 0), (0, chunks * size - items))

    def split(table: Array) -> Array:
        return jnp.pad(table, padding).reshape(-1, chunks, size).swapaxes(0, 1)

    def add(total, chunk):
        x, y, weight = chunk
        return total + _sums(architecture, x, y, weight[0], w), None

    pieces = (split(inputs), split(targets), split(weights[None]))
    shape = jax.eval_shape(
        lambda x, y, c: _sums(architecture, x, y, c[0], w), *(piece[0] for piece in pieces)
    )
    sums = jax.lax.scan(add, jnp.zeros(shape.shape, shape.dtype), pieces)[0]
    return sums[first] + sums[second]


def _sums(
    architecture: Architecture, inputs: Array, targets: Array, weights: Array, w: Array
) -> Array:
    """The sums over items of both terms for all pairs of layers, in the order of `_places`."""
    matrices, _ = unpack(architecture, w)
    activations, outputs = propagate(unpack(architecture, w), inputs)
    slopes = [1.0 - a * a for a in activations[1:]]
    lower = [_with_one(a) for a in activations]
    probabilities = jax.nn.softmax(outputs, axis=0)
    depth = len(matrices)

    # curvature[m] = G_{l,m}: (width_l, width_m, items) for the current layer l and all m >= l.
    deltas = {depth - 1: (probabilities - targets) * weights}
    curvature = {depth - 1: _diagonal(probabilities) - probabilities[:, None] * probabilities}
    curvature[depth - 1] = curvature[depth - 1] * weights
    found = []
    for layer in range(depth - 1, -1, -1):
        if layer < depth - 1:
            matrix, slope = transposed(matrices[layer + 1]), slopes[layer]
            pulled = matrix @ deltas[layer + 1]
            deltas[layer] = pulled * slope
            curvature = {m: _pull(matrix, g) * slope[:, None] for m, g in curvature.items()}
            own = _pull(matrix, curvature[layer + 1].transpose(1, 0, 2)) * slope[:, None]
            curvature[layer] = own + _diagonal(-2.0 * activations[layer + 1] * slope * pulled)
        found.append(_within(lower[layer], curvature[layer]))
        reach = None
        for m in range(layer + 1, depth):
            found.append(_flat(curvature[m]) @ _flat(lower[layer][:, None] * lower[m]).T)
            reach = (
                slopes[layer] if reach is None else _carry(matrices[m - 1], reach, slopes[m - 1])
            )
            found.append(_flat(reach) @ _flat(deltas[m][:, None] * lower[layer]).T)
    zero = jnp.zeros(1, w.dtype)
    return jnp.concatenate([*(block.ravel() for block in found), zero])


def _with_one(activations: Array) -> Array:
    """The activations of a layer (nodes, items) and a one for the bias."""
    ones = jnp.ones((1, activations.shape[1]), activations.dtype)
    return jnp.concatenate([activations, ones])


def _flat(tensor: Array) -> Array:
    """(rows, items)."""
    return tensor.reshape(-1, tensor.shape[-1])


def _diagonal(rows: Array) -> Array:
    """(j, j, items) with the rows (j, items) on the diagonal."""
    return jnp.eye(len(rows), dtype=rows.dtype)[:, :, None] * rows[:, None]


def _pull(matrix: Array, tensor: Array) -> Array:
    """sum_p M[j,p] T[p,q,a]: (j, q, items), one matrix product."""
    return jnp.tensordot(matrix, tensor, axes=1)


def _carry(matrix: Array, reach: Array, slope: Array) -> Array:
    """R_lm (j, q, items) one layer further up; the first is diagonal and given as (j, items)."""
    if reach.ndim == 2:
        carried = reach[:, None] * matrix.T[:, :, None]
    else:
        carried = _pull(matrix, reach.transpose(1, 0, 2)).transpose(1, 0, 2)
    return carried * slope


def _within(lower: Array, curvature: Array) -> Array:
    """The first term of a layer with itself: G and the products of activations are symmetric."""
    j, p = np.triu_indices(len(curvature))
    k, q = np.triu_indices(len(lower))
    return curvature[j, p] @ (lower[k] * lower[q]).T


@lru_cache
def _places(architecture: Architecture) -> tuple[np.ndarray, np.ndarray]:
    """(n, n) where in the vector of `_sums` the two terms of each element of the Hessian stand."""
    layers, node, source = _ends(architecture)
    lower, upper = np.minimum(layers[:, None], layers), np.maximum(layers[:, None], layers)
    swapped = layers[:, None] > layers
    j, p = (np.where(swapped, b, a) for a, b in ((node[:, None], node), (node, node[:, None])))
    k, q = (
        np.where(swapped, b, a) for a, b in ((source[:, None], source), (source, source[:, None]))
    )
    first = np.zeros(lower.shape, np.int32)
    second = np.full(lower.shape, -1, np.int32)
    start, shapes = 0, architecture.matrix_shapes
    for low in range(len(shapes) - 1, -1, -1):
        width, inputs = shapes[low][0], shapes[low][1] + 1
        here = (lower == low) & (upper == low)
        pairs = inputs * (inputs + 1) // 2
        place = _triangle(width, j, p) * pairs + _triangle(inputs, k, q)
        first[here] = (start + place)[here]
        start += width * (width + 1) // 2 * pairs
        for high in range(low + 1, len(shapes)):
            outputs, between = shapes[high]
            here = (lower == low) & (upper == high)
            place = ((j * outputs + p) * inputs + k) * (between + 1) + q
            first[here] = (start + place)[here]
            start += width * outputs * inputs * (between + 1)
            here &= q < between  # the bias does not depend on anything
            if high == low + 1:
                here &= q == j
                rows = j
            else:
                rows = j * between + q
            second[here] = (start + (rows * outputs + p) * inputs + k)[here]
            start += (width if high == low + 1 else width * between) * outputs * inputs
    second[second < 0] = start
    return first, second


def _triangle(size: int, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Where an upper triangle, row after row, has the elements (i, j) of a symmetric matrix."""
    i, j = np.minimum(i, j), np.maximum(i, j)
    return i * size - i * (i + 1) // 2 + j


def _ends(architecture: Architecture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each free weight the layer, the node it leads to, and the node it comes from.

    A bias comes from the node after the last.
    """
    weights = [
        (np.full(rows * columns, layer), *np.divmod(np.arange(rows * columns), columns))
        for layer, (rows, columns) in enumerate(architecture.matrix_shapes)
    ]
    biases = [
        (np.full(rows, layer), np.arange(rows), np.full(rows, columns))
        for layer, (rows, columns) in enumerate(architecture.matrix_shapes)
    ]
    layer, node, source = (np.concatenate(parts) for parts in zip(*weights, *biases, strict=True))
    return layer[architecture.free], node[architecture.free], source[architecture.free]
