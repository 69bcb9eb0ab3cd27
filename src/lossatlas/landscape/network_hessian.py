"""The exact Hessian of the loss of a network, as a few matrix products.

With delta_l = dL/dz_l the derivative with respect to the pre-activations z_l of one
item, and a~ the activations of the layer below with a 1 appended for the bias, the gradient is
delta_l a~_{l-1}. Differentiating once more,

    d2L / dW_l[j,k] dW_m[p,q] = G_lm[j,p] a~_{l-1}[k] a~_{m-1}[q]
                              + R_lm[j,q] delta_m[p] a~_{l-1}[k]

for l <= m (second term for l < m only), where G_lm = ddelta_m/dz_l obeys a backward recursion over
layers and R_lm = da_{m-1}/dz_l a forward one. Per item they have as many rows and columns as the
network has nodes; the sum over items is a matrix product for each pair of layers and each term. It
costs ten to twenty gradients where generic automatic differentiation costs some three hundred.

The results of these products are stored in one vector. The position of each element of the Hessian
in it is known beforehand, so nothing is transposed or assembled block by block.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.architecture import (
    Architecture,
    Layers,
    propagate,
    transposed,
    unpack,
)
from lossatlas.landscape.products import product
from lossatlas.landscape.softmax_shift import (
    contrasts,
    inner_ends,
    shifts_everywhere,
    to_inner,
)
from lossatlas.parts.derivatives import output_derivatives

CACHED, FEWEST = 300_000, 100
"""Bytes of the largest intermediate tensor of a chunk of items, so that all tensors stay in the
cache of a core, and the least number of items in a chunk, since every operation has an overhead."""


def data_hessian(
    architecture: Architecture,
    inputs: Float[Array, "features items"],
    targets: Float[Array, "classes items"],
    w: Float[Array, " n"],
) -> Float[Array, "m m"]:
    """The Hessian (m, m) of the mean loss, without the L2 term, in inner coordinates.

    If the softmax shift moves all outgoing weights, outputs are replaced by their contrasts, of
    which there is one less (`softmax_shift`). Otherwise the Hessian of all weights is transformed.

    Args:
        architecture: the shape and the parts of the network.
        inputs: (features, items) inputs.
        targets: (outputs, items) targets. For a loss that couples items they are the result of
            `parts.derivatives.of_all_items`, and the coupling is left out (see `between_items`).
        w: (n,) weights.
    """
    everywhere = shifts_everywhere(architecture)
    outputs = architecture.widths[-1]
    table = contrasts(outputs) if everywhere else np.eye(outputs)
    places = _places(architecture)
    full = _summed(architecture, table.astype(inputs.dtype), inputs, targets, w)[places]
    return full if everywhere else to_inner(architecture, to_inner(architecture, full).T)


def _summed(
    architecture: Architecture, table: np.ndarray, inputs: Array, targets: Array, w: Array
) -> Array:
    """The result of `_sums` for all items, summed over chunks of items."""
    items, nodes = inputs.shape[1], max(architecture.widths[:-1]) + 1
    chunks = -(-items // max(FEWEST, CACHED // (inputs.dtype.itemsize * nodes**2)))
    size = -(-items // chunks)
    weights = jnp.full(items, 1.0 / items, inputs.dtype)
    matrices, biases = unpack(architecture, w)

    def sums(x: Array, y: Array, weight: Array) -> Array:
        return _sums(architecture, (matrices, biases), table, x, y, weight)

    if chunks == 1:
        return sums(inputs, targets, weights)
    padding = ((0, 0), (0, chunks * size - items))

    def split(rows: Array) -> Array:
        return jnp.pad(rows, padding).reshape(-1, chunks, size).swapaxes(0, 1)

    def add(total, chunk):
        x, y, weight = chunk
        return total + sums(x, y, weight[0]), None

    pieces = (split(inputs), split(targets), split(weights[None]))
    shape = jax.eval_shape(lambda x, y, c: sums(x, y, c[0]), *(piece[0] for piece in pieces))
    return jax.lax.scan(add, jnp.zeros(shape.shape, shape.dtype), pieces)[0]


def _sums(
    architecture: Architecture,
    layers: Layers,
    table: np.ndarray,
    inputs: Array,
    targets: Array,
    weights: Array,
) -> Array:
    """The sums over items for all pairs of layers, in the order of `_places`.

    `table` (outputs, k) holds the combinations of outputs that replace them in the last layer.
    """
    passed = propagate(architecture.activation, layers, inputs)
    activations, outputs = passed.activations, passed.outputs
    matrices = [*layers[0][:-1], table.T @ layers[0][-1]]
    slopes = passed.slopes(architecture.activation)
    bends = passed.curvatures(architecture.activation)
    lower = [with_one(a) for a in activations]
    depth = len(matrices)

    # curvature[m] = G_{l,m}: (width_l, width_m, items) for the current layer l and all m >= l.
    first, last = output_derivatives(architecture.loss, table, outputs, targets, weights)
    deltas, curvature = {depth - 1: first}, {depth - 1: last}
    found = []
    for layer in range(depth - 1, -1, -1):
        if layer < depth - 1:
            matrix, slope = transposed(matrices[layer + 1]), slopes[layer]
            pulled = product(matrix, deltas[layer + 1])
            deltas[layer] = pulled * slope
            curvature = {m: product(matrix, g) * slope[:, None] for m, g in curvature.items()}
            own = product(matrix, curvature[layer + 1].transpose(1, 0, 2)) * slope[:, None]
            curvature[layer] = own + _diagonal(bends[layer] * pulled)
        found.append(_within(lower[layer], curvature[layer]))
        reach = None
        for m in range(layer + 1, depth):
            reach = (
                slopes[layer] if reach is None else _carry(matrices[m - 1], reach, slopes[m - 1])
            )
            found.append(_between(curvature[m], reach, deltas[m], lower[layer], lower[m]))
    return jnp.concatenate([block.ravel() for block in found])


def between_items(
    architecture: Architecture,
    inputs: Float[Array, "features items"],
    coupling: Float[Array, "items items"],
    w: Float[Array, " n"],
) -> Float[Array, "n n"]:
    """The part of the Hessian from second derivatives by outputs of different items, J^T K J / N.

    J (items, n) is the Jacobian of the single output, computed layer by layer as in a gradient.

    Args:
        architecture: the shape and the parts of the network.
        inputs: (features, items) inputs of the N items.
        coupling: (items, items) the second derivatives K.
        w: (n,) weights.
    """
    matrices, biases = unpack(architecture, w)
    passed = propagate(architecture.activation, (matrices, biases), inputs)
    slopes, items = passed.slopes(architecture.activation), inputs.shape[1]
    delta = jnp.ones((1, items), inputs.dtype)
    blocks, sums = [], []
    for layer in range(len(matrices) - 1, -1, -1):
        block = delta[:, None] * passed.activations[layer]
        blocks.append(block.reshape(-1, items))
        sums.append(delta)
        if layer > 0:
            delta = product(transposed(matrices[layer]), delta) * slopes[layer - 1]
    jacobian = jnp.concatenate(blocks[::-1] + sums[::-1])[architecture.free]
    return (jacobian @ (coupling * (1.0 / items))) @ jacobian.T


def _between(curvature: Array, reach: Array, delta: Array, lower: Array, higher: Array) -> Array:
    """Both terms (j, p, k, q) of a pair of layers.

    The last q is the bias, which does not depend on the layers below.
    """
    width, nodes = curvature.shape[:2]
    first = _flat(curvature) @ _flat(lower[:, None] * higher).T
    second = _flat(reach) @ _flat(delta[:, None] * lower).T
    if reach.ndim == 2:
        second = second.reshape(width, nodes, -1, 1) * np.eye(width)[:, None, None]
    else:
        second = second.reshape(width, -1, nodes, len(lower)).transpose(0, 2, 3, 1)
    second = jnp.pad(second, ((0, 0), (0, 0), (0, 0), (0, 1)))
    return first.reshape(second.shape) + second.astype(first.dtype)


def with_one(activations: Float[Array, "nodes items"]) -> Float[Array, "nodes+1 items"]:
    """The activations of a layer (nodes, items), with a row of ones for the bias."""
    ones = jnp.ones((1, activations.shape[1]), activations.dtype)
    return jnp.concatenate([activations, ones])


def _flat(tensor: Array) -> Array:
    """The tensor as a matrix (rows, items)."""
    return tensor.reshape(-1, tensor.shape[-1])


def _diagonal(rows: Float[Array, "j items"]) -> Float[Array, "j j items"]:
    """(j, j, items) with the rows (j, items) on the diagonal."""
    return jnp.eye(len(rows), dtype=rows.dtype)[:, :, None] * rows[:, None]


def _carry(matrix: Array, reach: Array, slope: Array) -> Array:
    """R_lm (j, q, items) for the next layer up; the first is diagonal and given as (j, items)."""
    if reach.ndim == 2:
        carried = reach[:, None] * matrix.T[:, :, None]
    else:
        carried = product(matrix, reach.transpose(1, 0, 2)).transpose(1, 0, 2)
    return carried * slope


def _within(lower: Array, curvature: Array) -> Array:
    """The first term of a layer with itself, where G and products of activations are symmetric."""
    j, p = np.triu_indices(len(curvature))
    k, q = np.triu_indices(len(lower))
    return curvature[j, p] @ (lower[k] * lower[q]).T


@lru_cache
def _places(architecture: Architecture) -> np.ndarray:
    """(m, m) the position of each element of the Hessian in the vector of `_sums`.

    The elements are those in inner coordinates if every unit of the last hidden layer is connected
    to every output, otherwise those of the weights.
    """
    everywhere = shifts_everywhere(architecture)
    layers, node, source = inner_ends(architecture) if everywhere else architecture.ends
    shapes = list(architecture.matrix_shapes)
    shapes[-1] = (shapes[-1][0] - everywhere, shapes[-1][1])
    lower, upper = np.minimum(layers[:, None], layers), np.maximum(layers[:, None], layers)
    swapped = layers[:, None] > layers

    def below_first(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.where(swapped, ends, ends[:, None]), np.where(swapped, ends[:, None], ends)

    (j, p), (k, q) = below_first(node), below_first(source)
    places = np.zeros(lower.shape, np.int32)
    start = 0
    for low in range(len(shapes) - 1, -1, -1):
        width, inputs = shapes[low][0], shapes[low][1] + 1
        here = (lower == low) & (upper == low)
        pairs = inputs * (inputs + 1) // 2
        place = _triangle(width, j, p) * pairs + _triangle(inputs, k, q)
        places[here] = (start + place)[here]
        start += width * (width + 1) // 2 * pairs
        for high in range(low + 1, len(shapes)):
            outputs, between = shapes[high]
            here = (lower == low) & (upper == high)
            place = ((j * outputs + p) * inputs + k) * (between + 1) + q
            places[here] = (start + place)[here]
            start += width * outputs * inputs * (between + 1)
    return places


def _triangle(size: int, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Positions of the elements (i, j) of a symmetric matrix in its upper triangle, row by row."""
    i, j = np.minimum(i, j), np.maximum(i, j)
    return i * size - i * (i + 1) // 2 + j
