"""Softmax cross-entropy, minus the logarithm of the probability p of the class of an item.

The functions take outputs and one-hot targets y of shape (classes, items).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.parts.output_loss import OutputLoss
from lossatlas.typing import Scalar

FACTORS = 8
"""Number of factors of a product whose logarithm is taken in place of those of the factors. Eight
do not overflow in single precision with up to 65,000 classes."""


def value(outputs: Array, targets: Array) -> Array:
    """(items,) the loss of each item, minus ln p of its class."""
    return jax.nn.logsumexp(outputs, axis=0) - (targets * outputs).sum(axis=0)


def slope(outputs: Array, targets: Array) -> Array:
    """(classes, items) first derivatives, p - y."""
    return jax.nn.softmax(outputs, axis=0) - targets


def curvature(outputs: Array, targets: Array) -> Array:
    """(classes, classes, items) second derivatives, diag(p) - p p^T."""
    p = jax.nn.softmax(outputs, axis=0)
    return jnp.eye(len(p), dtype=p.dtype)[:, :, None] * p - p[:, None] * p


def mean_and_slope(
    outputs: Float[Array, "classes items"], targets: Float[Array, "classes items"]
) -> tuple[Scalar, Float[Array, "classes items"]]:
    """The mean loss over N items, and its derivatives (p - y) / N.

    One exponential for each output and one logarithm for `FACTORS` items are computed, since these
    take most of the time.
    """
    items = outputs.shape[1]
    # The largest output cancels, and so do its derivatives. Those of a maximum are zero over zero
    # where a compiler computes the outputs twice with different rounding, and finds none largest.
    top = jax.lax.stop_gradient(outputs).max(axis=0)
    exponentials = jnp.exp(outputs - top)
    total = exponentials.sum(axis=0)
    entropy = (top - (targets * outputs).sum(axis=0)).sum() + _sum_of_logarithms(total)
    return entropy / items, (exponentials * (1.0 / total) - targets) * (1.0 / items)


def contrasted(
    table: np.ndarray, outputs: Array, targets: Array, weights: Array
) -> tuple[Array, Array]:
    """(k, items) first and (k, k, items) second derivatives along k combinations of outputs.

    The arguments are those of `parts.derivatives.output_derivatives`.
    """
    probabilities = jax.nn.softmax(outputs, axis=0) * weights
    pairs = jnp.asarray(table.T[:, None] * table.T[None]).reshape(-1, len(table))
    mean = jnp.asarray(table.T) @ probabilities
    share = mean / jnp.where(weights > 0, weights, 1.0)
    second = (pairs @ probabilities).reshape(len(mean), len(mean), -1) - mean[:, None] * share
    return mean - jnp.asarray(table.T) @ (targets * weights), second


def _sum_of_logarithms(total: Float[Array, " items"]) -> Scalar:
    """The sum of the logarithms of numbers between one and the number of classes.

    It is computed from products of `FACTORS` numbers, because logarithms take long.
    """
    rows = jnp.pad(total, (0, -len(total) % FACTORS), constant_values=1.0).reshape(FACTORS, -1)
    return jnp.log(rows.prod(axis=0)).sum()


SOFTMAX_CROSS_ENTROPY = OutputLoss(
    "softmax-cross-entropy",
    "softmax cross-entropy",
    "classes",
    value,
    slope,
    curvature,
    shifts=True,
    fused=mean_and_slope,
    contrasted=contrasted,
)
