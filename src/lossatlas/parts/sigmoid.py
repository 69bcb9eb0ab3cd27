"""The logistic function a = 1 / (1 + exp(-z)), which is odd about its center 1/2."""

import jax
from jax import Array
from scipy.special import expit

from lossatlas.parts.activation import Activation


def value(z: Array) -> Array:
    """1 / (1 + exp(-z))."""
    return jax.nn.sigmoid(z)


def slope(z: Array, a: Array) -> Array:
    """a (1 - a)."""
    return a * (1.0 - a)


def curvature(z: Array, a: Array) -> Array:
    """a (1 - a) (1 - 2 a)."""
    return a * (1.0 - a) * (1.0 - 2.0 * a)


SIGMOID = Activation(
    "sigmoid", value, slope, curvature, odd=True, center=0.5, identifies=True, on_host=expit
)
