"""The three-atom cluster LJAT3 of the paper: its energy and its stationary points.

The energy consists of Lennard-Jones pairs and the Axilrod-Teller triple term (section III, eq. 4),
in units with epsilon = sigma = 1. It is given in nine Cartesian coordinates, six combinations of
which (translations and rotations) have no effect, and in three coordinates in the plane of the
atoms, which all matter. The energy is smooth wherever no two atoms coincide.

Reference: Axilrod and Teller, J. Chem. Phys. 11, 299 (1943).
"""

from math import sqrt

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.typing import Scalar

PAPER_Z = 2.0
"""Strength Z of the triple term in the paper, in units of epsilon sigma^9."""

_LINEAR, _SIDE = 1.1087628941941485, 1.1687523173633803
_ARM, _BASE = 1.130962145107587, 1.553084476826973
_FOOT = _BASE * _BASE / (2.0 * _ARM)

LINEAR = ((_LINEAR, -_LINEAR, 0.0), (_LINEAR, 2.0 * _LINEAR, 0.0), (2.0 * _LINEAR, _LINEAR, 0.0))
"""Planar coordinates (x2, x3, y3) of the linear minima with atom 1, 2 and 3 in the middle."""
EQUILATERAL = (_SIDE, _SIDE / 2.0, _SIDE * sqrt(0.75))
"""Planar coordinates of the equilateral minimum."""
ISOSCELES = (
    (_ARM, _ARM - _FOOT, sqrt(_ARM**2 - (_ARM - _FOOT) ** 2)),
    (_ARM, _FOOT, sqrt(_BASE**2 - _FOOT**2)),
    (_BASE, _BASE / 2.0, sqrt(_ARM**2 - _BASE**2 / 4.0)),
)
"""Planar coordinates of the isosceles saddles with atom 1, 2 and 3 at the apex, without their
mirror images."""


def ljat3_from_squares(a: Array, b: Array, c: Array, Z: float = PAPER_Z) -> Array:
    """LJAT3 energy from the squared distances.

    The cosines of eq. (4) are written with the squares. No square root of a distance and no angle
    appears, so that linear geometries are as smooth as all others:
    ``V3 = Z [(abc)^-3/2 + 3/8 (a+b-c)(a+c-b)(b+c-a) (abc)^-5/2]``.

    Args:
        a: squared distance r12^2, in sigma^2; the three may be arrays of one shape.
        b: squared distance r13^2, in sigma^2.
        c: squared distance r23^2, in sigma^2.
        Z: strength of the triple term, in epsilon sigma^9; default 2, as in the paper.

    Returns:
        The energy, in epsilon.

    Examples:
        >>> one = jnp.asarray(1.0)
        >>> float(ljat3_from_squares(one, one, one))
        2.75
    """
    inverse_a, inverse_b, inverse_c = 1.0 / a, 1.0 / b, 1.0 / c
    pairs = _pair(inverse_a) + _pair(inverse_b) + _pair(inverse_c)
    inverse = inverse_a * inverse_b * inverse_c
    angular = 0.375 * (a + b - c) * (a + c - b) * (b + c - a) * inverse
    return pairs + Z * jnp.sqrt(inverse) * inverse * (1.0 + angular)


def ljat3_cartesian(x: Float[Array, "9"], Z: float = PAPER_Z) -> Scalar:
    """LJAT3 energy in Cartesian coordinates.

    Args:
        x: coordinates (x1, y1, z1, x2, ..., z3) of the three atoms, in sigma.
        Z: strength of the triple term, in epsilon sigma^9; default 2, as in the paper.

    Returns:
        The energy, in epsilon.

    Examples:
        >>> import jax
        >>> atoms = jnp.array([0.0, 0, 0, 1.108763, 0, 0, -1.108763, 0, 0])
        >>> with jax.enable_x64(True):
        ...     print(round(float(ljat3_cartesian(atoms.astype(float))), 6))
        -2.219098
    """
    return ljat3_from_squares(*_cartesian_squares(x), Z)


def ljat3_planar(w: Float[Array, "3"], Z: float = PAPER_Z) -> Scalar:
    """LJAT3 energy with atom 1 at the origin and atom 2 on the x axis.

    The mirror images ``(x2, x3, -y3)`` and ``(-x2, -x3, y3)`` are the same geometry.

    Args:
        w: coordinates (x2, x3, y3), in sigma.
        Z: strength of the triple term, in epsilon sigma^9; default 2, as in the paper.

    Returns:
        The energy, in epsilon.

    Examples:
        >>> round(float(ljat3_planar(jnp.array([1.108763, -1.108763, 0.0]))), 4)
        -2.2191
    """
    return ljat3_from_squares(*_planar_squares(w), Z)


def ljat3_cartesian_distances(x: Float[Array, "9"]) -> Float[Array, "3"]:
    """The distances (r12, r13, r23) in sigma, from Cartesian coordinates."""
    return jnp.sqrt(jnp.stack(_cartesian_squares(x)))


def ljat3_planar_distances(w: Float[Array, "3"]) -> Float[Array, "3"]:
    """The distances (r12, r13, r23) in sigma, from planar coordinates (x2, x3, y3)."""
    return jnp.sqrt(jnp.stack(_planar_squares(w)))


def _pair(inverse_square: Array) -> Array:
    """Lennard-Jones energy of a pair, from 1/r^2."""
    sixth = inverse_square * inverse_square * inverse_square
    return 4.0 * sixth * (sixth - 1.0)


def _cartesian_squares(x: Array) -> tuple[Array, Array, Array]:
    d12, d13, d23 = x[:3] - x[3:6], x[:3] - x[6:], x[3:6] - x[6:]
    return jnp.sum(d12 * d12), jnp.sum(d13 * d13), jnp.sum(d23 * d23)


def _planar_squares(w: Array) -> tuple[Array, Array, Array]:
    x2, x3, y3 = w
    return x2 * x2, x3 * x3 + y3 * y3, (x3 - x2) * (x3 - x2) + y3 * y3
