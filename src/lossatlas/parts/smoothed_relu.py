"""ReLU with a rounded corner: s ln(1 + exp(z / s)) for a width s of the corner.

It differs from max(z, 0) by at most s ln 2, at z = 0.
"""

from dataclasses import dataclass

import jax
from jax import Array

from lossatlas.parts.activation import Activation


@dataclass(frozen=True)
class _Part:
    """The value (order 0) or a derivative, for a width of the corner."""

    width: float
    order: int

    def __call__(self, z: Array, a: Array | None = None) -> Array:
        """The derivative of this order at z."""
        if self.order == 0:
            return self.width * jax.nn.softplus(z / self.width)
        s = jax.nn.sigmoid(z / self.width)
        return s if self.order == 1 else s * (1.0 - s) / self.width


def smoothed_relu(smoothing: float) -> Activation:
    """The activation for a width of the corner, in units of z.

    Examples:
        >>> round(float(smoothed_relu(0.1).value(0.0)), 4)
        0.0693
    """
    value, slope, curvature = (_Part(smoothing, order) for order in range(3))
    return Activation(f"relu, smoothing {smoothing!r}", value, slope, curvature)
