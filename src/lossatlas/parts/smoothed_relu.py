"""ReLU with a rounded corner of width s: s ln(1 + exp(z / s)).

It differs most from max(z, 0) at z = 0, by s ln 2.
"""

from dataclasses import dataclass

import jax
from jax import Array

from lossatlas.parts.activation import Activation


@dataclass(frozen=True)
class _Part:
    """The smoothed ReLU or one of its derivatives.

    Attributes:
        width: width s of the corner, in units of z.
        order: order of the derivative: 0 (the value), 1 or 2.
    """

    width: float
    order: int

    def __call__(self, z: Array, a: Array | None = None) -> Array:
        """The derivative of this order at z; the value `a` of the activation is not needed."""
        if self.order == 0:
            return self.width * jax.nn.softplus(z / self.width)
        s = jax.nn.sigmoid(z / self.width)
        return s if self.order == 1 else s * (1.0 - s) / self.width


def smoothed_relu(smoothing: float) -> Activation:
    """Make the smoothed ReLU.

    Args:
        smoothing: width s of the rounded corner, in units of the weighted sum z.

    Examples:
        >>> round(float(smoothed_relu(0.1).value(0.0)), 4)
        0.0693
    """
    smoothing = float(smoothing)  # numbers of other types are shown in other ways in the name
    value, slope, curvature = (_Part(smoothing, order) for order in range(3))
    return Activation(f"relu, smoothing {smoothing!r}", value, slope, curvature)
