"""The mean squared error over items and outputs, and half of it."""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from lossatlas.parts.output_loss import OutputLoss


@dataclass(frozen=True)
class _Part:
    """The loss of each item, or one of its derivatives.

    Attributes:
        share: the factor of the mean of squared errors over the outputs: 1 or 1/2.
        order: order of the derivative: 0 (the value), 1 or 2.
    """

    share: float
    order: int

    def __call__(self, outputs: Array, targets: Array) -> Array:
        """The derivative of this order; the last axis counts the items."""
        k = len(outputs)
        error = outputs - targets
        if self.order == 0:
            return self.share * (error * error).mean(axis=0)
        if self.order == 1:
            return (2.0 * self.share / k) * error
        eye = jnp.eye(k, dtype=outputs.dtype)[:, :, None]
        return (2.0 * self.share / k) * jnp.broadcast_to(eye, (k, k, outputs.shape[1]))


def _squared_error(name: str, title: str, share: float) -> OutputLoss:
    value, slope, curvature = (_Part(share, order) for order in range(3))
    return OutputLoss(name, title, "numbers", value, slope, curvature)


MEAN_SQUARED_ERROR = _squared_error("mean-squared-error", "mean squared error", 1.0)
HALF_MEAN_SQUARED_ERROR = _squared_error(
    "half-mean-squared-error", "half the mean squared error", 0.5
)
