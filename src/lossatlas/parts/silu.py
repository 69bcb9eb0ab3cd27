"""SiLU, a = z s with s = 1 / (1 + exp(-z)), also called swish."""

import jax
from jax import Array

from lossatlas.parts.activation import Activation


def value(z: Array) -> Array:
    """z s."""
    return z * jax.nn.sigmoid(z)


def slope(z: Array, a: Array) -> Array:
    """s + a (1 - s)."""
    s = jax.nn.sigmoid(z)
    return s + a * (1.0 - s)


def curvature(z: Array, a: Array) -> Array:
    """s (1 - s) (2 + z (1 - 2 s))."""
    s = jax.nn.sigmoid(z)
    return s * (1.0 - s) * (2.0 + z * (1.0 - 2.0 * s))


SILU = Activation("silu", value, slope, curvature)
