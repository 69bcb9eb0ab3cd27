"""The usual approximation of GELU by a hyperbolic tangent, z (1 + tanh(u)) / 2.

Here u = sqrt(2 / pi) (z + 0.044715 z^3), and below t = tanh(u). `jax.nn.gelu` and Flax compute this
function unless they are asked for the exact GELU, from which it differs by up to 5e-4.
"""

import jax.numpy as jnp
from jax import Array

from lossatlas.parts.activation import Activation

ROOT, CUBIC = 0.7978845608028654, 0.044715
"""The root of 2 / pi, and the factor of z^3."""


def value(z: Array) -> Array:
    """z (1 + tanh(u)) / 2."""
    return 0.5 * z * (1.0 + _tanh(z))


def slope(z: Array, a: Array) -> Array:
    """(1 + t) / 2 + z t' / 2."""
    t = _tanh(z)
    return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * _inner(z)


def curvature(z: Array, a: Array) -> Array:
    """t' + z t'' / 2."""
    t, inner = _tanh(z), _inner(z)
    first = (1.0 - t * t) * inner
    second = -2.0 * t * first * inner + (1.0 - t * t) * ROOT * 6.0 * CUBIC * z
    return first + 0.5 * z * second


def _tanh(z: Array) -> Array:
    return jnp.tanh(ROOT * (z + CUBIC * z**3))


def _inner(z: Array) -> Array:
    """The derivative of u by z."""
    return ROOT * (1.0 + 3.0 * CUBIC * z * z)


GELU_TANH = Activation("gelu-tanh", value, slope, curvature)
