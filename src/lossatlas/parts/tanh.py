"""The hyperbolic tangent."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.parts.activation import Activation


def value(z: Array) -> Array:
    """The hyperbolic tangent of z."""
    return jnp.tanh(z)


def slope(z: Array, a: Array) -> Array:
    """1 - tanh(z)^2."""
    return 1.0 - a * a


def curvature(z: Array, a: Array) -> Array:
    """-2 tanh(z) (1 - tanh(z)^2)."""
    return -2.0 * a * (1.0 - a * a)


TANH = Activation("tanh", value, slope, curvature, odd=True, identifies=True, on_host=np.tanh)
