"""Softmax cross-entropy: minus the logarithm of the probability of an item's class."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.parts.output_loss import OutputLoss
from lossatlas.typing import Scalar

FACTORS = 8
"""Of a product whose logarithm is taken; no overflow in single precision up to 65,000 classes."""


def value(outputs: Array, targets: Array) -> Array:
    """Minus ln p of the class of each item."""
    return jax.nn.logsumexp(outputs, axis=0) - (targets * outputs).sum(axis=0)


def slope(outputs: Array, targets: Array) -> Array:
    """Probabilities less targets."""
    return jax.nn.softmax(outputs, axis=0) - targets


def curvature(outputs: Array, targets: Array) -> Array:
    """diag(p) - p p^T."""
    p = jax.nn.softmax(outputs, axis=0)
    return jnp.eye(len(p), dtype=p.dtype)[:, :, None] * p - p[:, None] * p


def mean_and_slope(
    outputs: Float[Array, "classes items"], targets: Float[Array, "classes items"]
) -> tuple[Scalar, Float[Array, "classes items"]]:
    """Mean cross-entropy and (p - y)/N, (classes, items), with few exponentials and logarithms."""
    items = outputs.shape[1]
    top = outputs.max(axis=0)
    exponentials = jnp.exp(outputs - top)
    total = exponentials.sum(axis=0)
    entropy = (top - (targets * outputs).sum(axis=0)).sum() + _sum_of_logarithms(total)
    return entropy / items, (exponentials * (1.0 / total) - targets) * (1.0 / items)


def contrasted(
    table: np.ndarray, outputs: Array, targets: Array, weights: Array
) -> tuple[Array, Array]:
    """First (k, items) and second (k, k, items) derivatives by what the table makes of outputs."""
    probabilities = jax.nn.softmax(outputs, axis=0) * weights
    pairs = jnp.asarray(table.T[:, None] * table.T[None]).reshape(-1, len(table))
    mean = jnp.asarray(table.T) @ probabilities
    share = mean / jnp.where(weights > 0, weights, 1.0)
    second = (pairs @ probabilities).reshape(len(mean), len(mean), -1) - mean[:, None] * share
    return mean - jnp.asarray(table.T) @ (targets * weights), second


def _sum_of_logarithms(total: Float[Array, " items"]) -> Scalar:
    """Of numbers between one and the number of classes; logarithms are dear, so of products."""
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
