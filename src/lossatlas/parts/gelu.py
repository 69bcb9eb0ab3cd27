"""GELU, z Phi(z), with the exact normal distribution function Phi (`gelu_tanh` approximates it)."""

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr

from lossatlas.parts.activation import Activation

INVERSE_ROOT = 0.3989422804014327
"""One over the root of 2 pi."""


def value(z: Array) -> Array:
    """z Phi(z)."""
    return z * ndtr(z)


def slope(z: Array, a: Array) -> Array:
    """Phi(z) + z phi(z) with the normal density phi."""
    return ndtr(z) + z * _density(z)


def curvature(z: Array, a: Array) -> Array:
    """(2 - z^2) phi(z)."""
    return (2.0 - z * z) * _density(z)


def _density(z: Array) -> Array:
    return INVERSE_ROOT * jnp.exp(-0.5 * z * z)


GELU = Activation("gelu", value, slope, curvature)
