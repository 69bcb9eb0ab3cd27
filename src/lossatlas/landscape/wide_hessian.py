"""The Hessian of a wide network with one hidden layer, as a few large matrix products.

`network_hessian` sums over items what each item contributes to pairs of nodes. Where a layer has
hundreds of nodes these intermediate tensors take more time than the arithmetic, because they do not
fit into any cache. With one hidden layer they can be avoided. Let U[r,j] = s_j M[r,j] for units j
and outputs r, with the slope s_j of the activation and the outgoing weights M, and let C[r,c] be
the second derivatives by the outputs, all for one item. Then

  d2L / dW1[j,k] dW1[p,q] = sum x[k] x[q] (U^T C U)[j,p],   and a term for j = p
  d2L / dW1[j,k] dW2[c,p] = sum x[k] a[p] (C U)[c,j],       and a term for j = p
  d2L / dW2[c,j] dW2[d,p] = sum C[c,d] a[j] a[p],

where sums run over the items, and the inputs x and activations a have a one appended for the bias.
Each sum is a product of matrices whose inner dimension is the number of items (times the number of
outputs). The first line is computed for one pair of inputs or one pair of units after the other,
whichever pairs are fewer.
"""

from collections.abc import Callable
from itertools import combinations_with_replacement

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import optimization_barrier as barrier
from jaxtyping import Float

from lossatlas.landscape.architecture import Architecture, propagate, unpack
from lossatlas.landscape.network_hessian import with_one
from lossatlas.landscape.softmax_shift import contrasts
from lossatlas.parts.derivatives import output_derivatives

WIDEST = 64
"""Number of inputs or of hidden units from which on these matrix products are faster."""

ITEMS = 2000
"""Largest number of items in one product, so that the arrays for each item, which have a few times
units times outputs elements, stay small. Sums of such a chunk are added to the Hessian."""


def is_wide(architecture: Architecture) -> bool:
    """Whether a network has one fully connected hidden layer, and a layer with many nodes."""
    widths = architecture.widths
    return len(widths) == 3 and architecture.masks is None and max(widths[:2]) >= WIDEST


def wide_hessian(
    architecture: Architecture,
    inputs: Float[Array, "features items"],
    targets: Float[Array, "classes items"],
    w: Float[Array, " n"],
    seen: Array | None = None,
) -> Float[Array, "m m"]:
    """The Hessian (m, m) of the mean loss, without the L2 term, in inner coordinates.

    Args:
        architecture: the shape and the parts of the network.
        inputs: (features, items) inputs.
        targets: (outputs, items) targets.
        w: (n,) weights.
        seen: numbers of the features that the rows of `inputs` hold, if all other features are zero
            in every item; by default None: `inputs` holds all features.
    """
    items = inputs.shape[1]
    chunks = -(-items // ITEMS)
    size = -(-items // chunks)
    weights = jnp.full((1, items), 1.0 / items, inputs.dtype)

    def split(rows: Array) -> Array:
        padded = jnp.pad(rows, ((0, 0), (0, chunks * size - items)))
        return padded.reshape(-1, chunks, size).swapaxes(0, 1)

    def one(chunk: tuple[Array, Array, Array]) -> Array:
        return _chunk(architecture, w, chunk, seen)

    pieces = (split(inputs), split(targets), split(weights))
    first = one(jax.tree.map(lambda piece: piece[0], pieces))
    if chunks == 1:
        return first
    rest = jax.tree.map(lambda piece: piece[1:], pieces)
    return jax.lax.scan(lambda total, chunk: (total + one(chunk), None), first, rest)[0]


def _chunk(
    architecture: Architecture,
    w: Array,
    chunk: tuple[Array, Array, Array],
    seen: Array | None,
) -> Array:
    """The sum over the items of one chunk: inputs, targets and weights of the items (1, items)."""
    inputs, targets, weights = chunk
    matrices, biases = unpack(architecture, w)
    below = matrices[0] if seen is None else matrices[0][:, seen]
    activation, loss = architecture.activation, architecture.loss
    passed = propagate(activation, ([below, matrices[1]], biases), inputs)
    outputs = architecture.widths[-1]
    table = (contrasts(outputs) if loss.shifts else np.eye(outputs)).astype(w.dtype)
    first, second = output_derivatives(loss, table, passed.outputs, targets, weights[0])

    hidden, slope = passed.activations[1], passed.slopes(activation)[0]
    outgoing = table.T @ matrices[1]
    pulled = jnp.multiply(outgoing[:, :, None], slope)
    curved = jnp.einsum("rca,cja->rja", second, pulled)
    bend = passed.curvatures(activation)[0] * (outgoing.T @ first)
    sources, units = with_one(inputs), with_one(hidden)

    within = _within_hidden(sources, pulled, curved, bend)
    between = _between(sources, units, curved, slope, first)
    last = _within_last(units, second)
    if seen is not None:
        within, between = _everywhere(architecture, seen, within, between)
    laid_out = _laid_out(within, between, last)
    if loss.shifts:
        return laid_out
    order = _order(architecture)
    return laid_out[order][:, order]


def _order(architecture: Architecture) -> np.ndarray:
    """The position of each weight in the order of `_laid_out`, for a loss without contrasts."""
    features, units, outputs = architecture.widths
    below = features * units
    outgoing = below + units + np.arange((units + 1) * outputs).reshape(units + 1, outputs)
    weights = (np.arange(below), outgoing[:-1].T.ravel())
    return np.concatenate([*weights, below + np.arange(units), outgoing[-1]])


def _within_hidden(sources: Array, pulled: Array, curved: Array, bend: Array) -> Array:
    """The block (j, k, p, q) of units j, p and sources k, q."""
    units, items = bend.shape
    nodes = len(sources)
    products = barrier((sources[:, None] * sources).reshape(-1, items).T)
    on_diagonal = (bend @ products).reshape(units, nodes, nodes)
    if nodes <= units:
        # The barriers make XLA compute each factor as an array in the order of a fast product.
        left = barrier(pulled.swapaxes(0, 1))
        right = barrier(curved.transpose(0, 2, 1).reshape(-1, units))

        def of_sources(k: int, q: int) -> Array:
            return barrier(left * (sources[k] * sources[q])).reshape(units, -1) @ right

        block = _symmetric(nodes, of_sources).transpose(2, 0, 3, 1)
    else:
        columns = sources.T

        def of_units(j: int, p: int) -> Array:
            return (sources * (pulled[:, j] * curved[:, p]).sum(axis=0)) @ columns

        block = _symmetric(units, of_units).transpose(0, 2, 1, 3)
    each = np.arange(units)
    return block.at[each, :, each].add(on_diagonal)


def _symmetric(count: int, pair: Callable[[int, int], Array]) -> Array:
    """(count, count, ...) of `pair` (a, b), computed for a <= b only."""
    pairs = list(combinations_with_replacement(range(count), 2))
    found = jnp.stack([pair(a, b) for a, b in pairs])
    place = np.zeros((count, count), int)
    for number, (a, b) in enumerate(pairs):
        place[a, b] = place[b, a] = number
    return found[place]


def _between(sources: Array, units: Array, curved: Array, slope: Array, first: Array) -> Array:
    """The block (j, k, p, c) of weights below unit j, and those from unit p to output c."""
    nodes, items = sources.shape
    outputs, width, _ = curved.shape
    left = (curved.swapaxes(0, 1)[:, None] * sources[None, :, None]).reshape(-1, items)
    block = (left @ units.T).reshape(width, nodes, outputs, -1).swapaxes(2, 3)
    pairs = (sources[:, None] * first).reshape(-1, items)
    own = (slope @ pairs.T).reshape(width, nodes, outputs)
    each = np.arange(width)
    return block.at[each, :, each].add(own)


def _within_last(units: Array, second: Array) -> Array:
    """The block (p, c, q, d) of weights from units p, q to outputs c, d."""
    return _symmetric(len(second), lambda c, d: (units * second[c, d]) @ units.T).transpose(
        2, 0, 3, 1
    )


def _everywhere(
    architecture: Architecture, seen: Array, within: Array, between: Array
) -> tuple[Array, Array]:
    """The blocks for all features, with zeros for those that are zero in every item.

    The bias comes last.
    """
    nodes, kept = architecture.widths[0] + 1, len(seen) + 1
    places = jnp.append(seen, nodes - 1)
    # Row number `kept` is appended below and holds zeros.
    place = jnp.full(nodes, kept).at[places].set(jnp.arange(kept))
    padded = jnp.pad(within, ((0, 0), (0, 1), (0, 0), (0, 1)))
    between = jnp.pad(between, ((0, 0), (0, 1), (0, 0), (0, 0)))
    return padded[:, place][..., place], between[:, place]


def _laid_out(within: Array, between: Array, last: Array) -> Array:
    """The Hessian from its blocks, in the order of inner coordinates.

    This order is: the weights below the hidden layer unit by unit, the biases of the hidden layer,
    the contrasts of the outgoing weights of each unit, and last the contrasts of the output biases.
    """
    units, nodes = within.shape[:2]
    features, outgoing = nodes - 1, last.shape[0] * last.shape[1]

    def first_two(block: Array) -> Array:
        weights = block[:, :features].reshape(units * features, *block.shape[2:])
        return jnp.concatenate([weights, block[:, features]])

    hidden = first_two(within)
    weights = hidden[..., :features].reshape(len(hidden), -1)
    hidden = jnp.concatenate([weights, hidden[..., features]], axis=1)
    across = first_two(between).reshape(len(hidden), outgoing)
    below = jnp.concatenate([across.T, last.reshape(outgoing, outgoing)], axis=1)
    return jnp.concatenate([jnp.concatenate([hidden, across], axis=1), below])
