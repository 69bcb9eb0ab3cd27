"""The exact Hessian of a network's loss as a handful of matrix products.

With delta_l = dL/dz_l the derivative with respect to the pre-activations z_l of one
item, and a~ the activations of the layer below with a 1 appended for the bias, the gradient is
delta_l a~_{l-1}. Differentiating once more,

    d2L / dW_l[j,k] dW_m[p,q] = G_lm[j,p] a~_{l-1}[k] a~_{m-1}[q]
                              + delta_m[p] da_{m-1}[q]/dz_l[j] a~_{l-1}[k]

for l <= m (second term for l < m only), where G_lm = ddelta_m/dz_l obeys a backward recursion over
layers. Per item G has as many rows as the network has nodes; the sum over items is a handful of
matrix products. It costs ten to fifteen gradients where generic automatic differentiation costs two
hundred.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.landscape.architecture import Architecture, propagate, unpack


def _with_one(activation: Array) -> Array:
    return jnp.concatenate([activation, jnp.ones((1, activation.shape[1]), activation.dtype)])


CHUNK = 250
"""Items whose intermediate tensors fit into a core's cache together."""


def data_hessian(architecture: Architecture, inputs: Array, targets: Array, w: Array) -> Array:
    """Hessian (n, n) of the mean cross-entropy, without the L2 term; summed chunk by chunk."""
    items = inputs.shape[1]
    chunks = -(-items // CHUNK)
    size = -(-items // chunks)
    weights = jnp.full(items, 1.0 / items, inputs.dtype)
    if chunks == 1:
        return _assemble(architecture, _chunk_blocks(architecture, inputs, targets, weights, w))
    padding = ((0, 0), (0, chunks * size - items))

    def split(table: Array) -> Array:
        return jnp.pad(table, padding).reshape(-1, chunks, size).swapaxes(0, 1)

    def add(total, chunk):
        x, y, weight = chunk
        blocks = _chunk_blocks(architecture, x, y, weight[0], w)
        return jax.tree.map(jnp.add, total, blocks), None

    pieces = (split(inputs), split(targets), split(weights[None]))
    shapes = jax.eval_shape(
        lambda x, y, c: _chunk_blocks(architecture, x, y, c[0], w), *(p[0] for p in pieces)
    )
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return _assemble(architecture, jax.lax.scan(add, zero, pieces)[0])


def _chunk_blocks(
    architecture: Architecture, inputs: Array, targets: Array, weights: Array, w: Array
) -> dict[tuple[int, int], Array]:
    """The layer blocks of the Hessian of sum_a weight_a L_a."""
    matrices, _ = unpack(architecture, w)
    activations, outputs = propagate(unpack(architecture, w), inputs)
    slopes = [None] + [1.0 - a * a for a in activations[1:]]
    depth = len(matrices)
    probabilities = jax.nn.softmax(outputs, axis=0)

    # curvature[m] = G_{l,m}: (width_l, width_m, items) for the current layer l and all m >= l.
    delta = (probabilities - targets) * weights
    identity = jnp.eye(outputs.shape[0], dtype=outputs.dtype)[:, :, None]
    top = (identity * probabilities[:, None] - probabilities[:, None] * probabilities) * weights
    curvature: dict[int, Array] = {depth - 1: top}
    deltas = {depth - 1: delta}
    # reach[m] = d a_{m-1} / d z_l: (width_l, width_{m-1}, items) for m > l.
    blocks: dict[tuple[int, int], Array] = {}
    for layer in range(depth - 1, -1, -1):
        if layer < depth - 1:
            matrix, slope, a = matrices[layer + 1], slopes[layer + 1], activations[layer + 1]
            assert slope is not None
            pulled = matrix.T @ deltas[layer + 1]
            deltas[layer] = pulled * slope
            curvature = {m: _pull(matrix, g) * slope[:, None] for m, g in curvature.items()}
            own = _pull(matrix, curvature[layer + 1].transpose(1, 0, 2)) * slope[:, None]
            bend = -2.0 * a * slope * pulled
            curvature[layer] = own + jnp.eye(a.shape[0], dtype=a.dtype)[:, :, None] * bend[:, None]
        blocks[layer, layer] = _symmetric_block(activations[layer], curvature[layer])
        for m in range(layer + 1, depth):
            blocks[layer, m] = _block(activations[layer], curvature[m], activations[m])
        for m, term in _bilinear(matrices, slopes, activations, deltas, layer).items():
            blocks[layer, m] = blocks[layer, m] + term
    return blocks


def _pull(matrix: Array, tensor: Array) -> Array:
    """sum_p W[p,j] T[p,q,a]: (j, q, items), one matrix product."""
    return jnp.tensordot(matrix.T, tensor, axes=1)


def _symmetric_block(lower: Array, curvature: Array) -> Array:
    """`_block` of a layer with itself: G and the products of activations are symmetric."""
    left = _with_one(lower)
    rows, pairs = np.triu_indices(curvature.shape[0]), np.triu_indices(left.shape[0])
    packed = curvature[rows] @ (left[pairs[0]] * left[pairs[1]]).T
    j, k = _unpacking(curvature.shape[0]), _unpacking(left.shape[0])
    return packed[j[:, None, :, None], k[None, :, None, :]]


def _unpacking(size: int) -> np.ndarray:
    """Where an upper triangle, row after row, has the elements of the symmetric matrix."""
    place = np.zeros((size, size), int)
    place[np.triu_indices(size)] = np.arange(size * (size + 1) // 2)
    return np.maximum(place, place.T)


def _block(lower: Array, curvature: Array, upper: Array) -> Array:
    """sum_a G[j,p] a~[k] a~[q]: (width_l, k+1, width_m, q+1)."""
    left, right = _with_one(lower), _with_one(upper)
    pairs = left[:, None] * right[None]
    j, p, k, q = *curvature.shape[:2], *pairs.shape[:2]
    flat = curvature.reshape(j * p, -1) @ pairs.reshape(k * q, -1).T
    return flat.reshape(j, p, k, q).transpose(0, 2, 1, 3)


def _bilinear(matrices, slopes, activations, deltas, layer) -> dict[int, Array]:
    """sum_a delta_m[p] da_{m-1}[q]/dz_l[j] a~_{l-1}[k] for m > l; its bias column is zero."""
    terms, reach = {}, None
    left = _with_one(activations[layer])
    for m in range(layer + 1, len(matrices)):
        slope = slopes[m]
        if reach is None:
            # da_l/dz_l is diagonal: only q = j contributes.
            rows = (slope[:, None, :] * left[None, :, :]).reshape(-1, left.shape[1])
            diagonal = (rows @ deltas[m].T).reshape(slope.shape[0], left.shape[0], -1)
            eye = jnp.eye(slope.shape[0], dtype=slope.dtype)
            full = eye[:, None, None, :] * diagonal[:, :, :, None]
            reach = eye[:, :, None] * slope[None]
        else:
            reach = jnp.einsum("qp,jpa->jqa", matrices[m - 1], reach) * slope[None]
            rows = (reach[:, None, :, :] * left[None, :, None, :]).reshape(-1, left.shape[1])
            full = (
                (rows @ deltas[m].T)
                .reshape(reach.shape[0], left.shape[0], reach.shape[1], -1)
                .transpose(0, 1, 3, 2)
            )
        terms[m] = jnp.pad(full, ((0, 0), (0, 0), (0, 0), (0, 1)))
    return terms


def _assemble(architecture: Architecture, blocks: dict[tuple[int, int], Array]) -> Array:
    """Put the layer blocks (receiving, sending+1 each) into the weight order of `unpack`."""
    sizes = [rows * (columns + 1) for rows, columns in architecture.matrix_shapes]
    rows = []
    for i in range(len(sizes)):
        row = []
        for j in range(len(sizes)):
            low, high = min(i, j), max(i, j)
            block = blocks[low, high].reshape(sizes[low], sizes[high])
            row.append(block if i <= j else block.T)
        rows.append(jnp.concatenate(row, axis=1))
    full = jnp.concatenate(rows)
    order = _layer_order(architecture)[architecture.free]
    return full[jnp.ix_(order, order)]


def _layer_order(architecture: Architecture) -> np.ndarray:
    """Position, in layer blocks of rows [weights of a node, its bias], of each full weight."""
    weights, biases, start = [], [], 0
    for rows, columns in architecture.matrix_shapes:
        index = start + np.arange(rows * (columns + 1)).reshape(rows, columns + 1)
        weights.append(index[:, :-1].ravel())
        biases.append(index[:, -1])
        start += index.size
    return np.concatenate(weights + biases)
