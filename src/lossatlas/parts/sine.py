"""The sine: odd and periodic."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.parts.activation import Activation


def value(z: Array) -> Array:
    """The sine of z."""
    return jnp.sin(z)


def slope(z: Array, a: Array) -> Array:
    """The cosine of z."""
    return jnp.cos(z)


def curvature(z: Array, a: Array) -> Array:
    """Minus the sine of z."""
    return -a


SINE = Activation("sin", value, slope, curvature, odd=True, periodic=True, on_host=np.sin)
