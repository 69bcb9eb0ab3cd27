"""Binary cross-entropy of a network with one output z, whose sigmoid is the probability of class 1.

The functions take outputs z and targets y of shape (1, items); p is the probability of class 1.
"""

import jax
from jax import Array

from lossatlas.parts.output_loss import OutputLoss


def value(outputs: Array, targets: Array) -> Array:
    """(items,) the loss of each item, ln(1 + exp(z)) - y z."""
    return (jax.nn.softplus(outputs) - targets * outputs)[0]


def slope(outputs: Array, targets: Array) -> Array:
    """(1, items) first derivatives, p - y."""
    return jax.nn.sigmoid(outputs) - targets


def curvature(outputs: Array, targets: Array) -> Array:
    """(1, 1, items) second derivatives, p (1 - p)."""
    p = jax.nn.sigmoid(outputs)
    return (p * (1.0 - p))[:, None]


BINARY_CROSS_ENTROPY = OutputLoss(
    "binary-cross-entropy", "binary cross-entropy", "two classes", value, slope, curvature
)
