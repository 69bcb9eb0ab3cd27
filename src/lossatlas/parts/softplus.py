"""Softplus, ln(1 + exp(z)): a smooth rectifier."""

import jax
from jax import Array

from lossatlas.parts.activation import Activation


def value(z: Array) -> Array:
    """ln(1 + exp(z))."""
    return jax.nn.softplus(z)


def slope(z: Array, a: Array) -> Array:
    """1 / (1 + exp(-z))."""
    return jax.nn.sigmoid(z)


def curvature(z: Array, a: Array) -> Array:
    """The slope s times 1 - s."""
    s = jax.nn.sigmoid(z)
    return s * (1.0 - s)


SOFTPLUS = Activation("softplus", value, slope, curvature)
