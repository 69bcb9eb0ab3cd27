"""Binary cross-entropy with one logit: its sigmoid is the probability of class 1."""

import jax
from jax import Array

from lossatlas.parts.output_loss import OutputLoss


def value(outputs: Array, targets: Array) -> Array:
    """ln(1 + exp(z)) - y z of each item."""
    return (jax.nn.softplus(outputs) - targets * outputs)[0]


def slope(outputs: Array, targets: Array) -> Array:
    """Probability less target."""
    return jax.nn.sigmoid(outputs) - targets


def curvature(outputs: Array, targets: Array) -> Array:
    """p (1 - p)."""
    p = jax.nn.sigmoid(outputs)
    return (p * (1.0 - p))[:, None]


BINARY_CROSS_ENTROPY = OutputLoss(
    "binary-cross-entropy", "binary cross-entropy", "two classes", value, slope, curvature
)
