"""Surfaces whose stationary points are known: the ground truth for every search.

Each surface is a pure JAX function of a flat vector, smooth wherever no two atoms coincide.
Mueller-Brown and the six-hump camel have two coordinates. LJAT3 is the three-atom cluster of
the paper (section III, eq. 4): Lennard-Jones pairs plus the Axilrod-Teller triple term, in
units epsilon = sigma = 1, once in Cartesian coordinates (nine, five of them without effect)
and once in the plane of the atoms (three, none without effect).

References: Mueller and Brown, Theor. Chim. Acta 53, 75 (1979); Dixon and Szego, Towards Global
Optimisation 2 (1978); Axilrod and Teller, J. Chem. Phys. 11, 299 (1943).
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.typing import Scalar

PAPER_Z = 2.0
"""Strength Z of the triple term in the paper, in epsilon sigma^9."""


def mueller_brown(w: Float[Array, "2"]) -> Scalar:
    """The Mueller-Brown surface: three minima, two saddles between them.

    Args:
        w: (x, y).

    Returns:
        sum of ``A exp(a (x-X)^2 + b (x-X)(y-Y) + c (y-Y)^2)`` over four terms.

    Example:
        >>> round(float(mueller_brown(jnp.array([-0.558224, 1.441726]))), 3)
        -146.7
    """
    height = jnp.array([-200.0, -100.0, -170.0, 15.0])
    xx, xy = jnp.array([-1.0, -1.0, -6.5, 0.7]), jnp.array([0.0, 0.0, 11.0, 0.6])
    yy = jnp.array([-10.0, -10.0, -6.5, 0.7])
    x = w[0] - jnp.array([1.0, 0.0, -0.5, -1.0])
    y = w[1] - jnp.array([0.0, 0.5, 1.5, 1.0])
    return jnp.sum(height * jnp.exp(xx * x * x + xy * x * y + yy * y * y))


def six_hump_camel(w: Float[Array, "2"]) -> Scalar:
    """The six-hump camel-back surface: six minima, seven saddles, two maxima.

    Args:
        w: (x, y).

    Returns:
        ``(4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2``.

    Example:
        >>> round(float(six_hump_camel(jnp.array([0.0898, -0.7127]))), 4)
        -1.0316
    """
    xx, yy = w[0] * w[0], w[1] * w[1]
    return (4.0 - 2.1 * xx + xx * xx / 3.0) * xx + w[0] * w[1] + 4.0 * (yy - 1.0) * yy


def ljat3_from_squares(a: Array, b: Array, c: Array, Z: float = PAPER_Z) -> Array:
    """LJAT3 energy from the squared distances a = r12^2, b = r13^2, c = r23^2 (any one shape).

    The cosines of eq. (4) are written with the squares, so no square root of a distance and no
    angle appears and linear geometries are as smooth as any other:
    ``V3 = Z [(abc)^-3/2 + 3/8 (a+b-c)(a+c-b)(b+c-a) (abc)^-5/2]``.

    Example:
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
        x: (x1, y1, z1, x2, ..., z3) in sigma.
        Z: strength of the triple term.

    Example:
        >>> import jax
        >>> atoms = jnp.array([0.0, 0, 0, 1.108763, 0, 0, -1.108763, 0, 0])
        >>> with jax.enable_x64(True):
        ...     print(round(float(ljat3_cartesian(atoms.astype(float))), 6))
        -2.219098
    """
    return ljat3_from_squares(*_cartesian_squares(x), Z)


def ljat3_planar(w: Float[Array, "3"], Z: float = PAPER_Z) -> Scalar:
    """LJAT3 energy with atom 1 at the origin and atom 2 on the x axis.

    Mirror images ``(x2, x3, -y3)`` and ``(-x2, -x3, y3)`` are the same geometry.

    Args:
        w: (x2, x3, y3) in sigma.
        Z: strength of the triple term.

    Example:
        >>> round(float(ljat3_planar(jnp.array([1.108763, -1.108763, 0.0]))), 4)
        -2.2191
    """
    return ljat3_from_squares(*_planar_squares(w), Z)


def ljat3_cartesian_distances(x: Float[Array, "9"]) -> Float[Array, "3"]:
    """(r12, r13, r23) in sigma, from Cartesian coordinates."""
    return jnp.sqrt(jnp.stack(_cartesian_squares(x)))


def ljat3_planar_distances(w: Float[Array, "3"]) -> Float[Array, "3"]:
    """(r12, r13, r23) in sigma, from planar coordinates (x2, x3, y3)."""
    return jnp.sqrt(jnp.stack(_planar_squares(w)))


class KnownPoint(NamedTuple):
    """A stationary point of a surface, exact to the last digits of float64.

    Attributes:
        position: coordinates.
        energy: value there.
        hessian_index: number of negative Hessian eigenvalues, 0 for minima and 1 for saddles.
    """

    position: tuple[float, ...]
    energy: float
    hessian_index: int


class KnownSurface(NamedTuple):
    """A surface with all its minima and index-one saddles.

    Attributes:
        name: for messages.
        energy: the JAX function.
        points: minima first, each kind by rising energy.
    """

    name: str
    energy: Callable[[Array], Array]
    points: tuple[KnownPoint, ...]


MUELLER_BROWN = KnownSurface(
    "Mueller-Brown",
    mueller_brown,
    (
        KnownPoint((-0.5582236346330243, 1.4417258418046686), -146.69951720995402, 0),
        KnownPoint((0.6234994049308765, 0.028037758528685664), -108.16672411685235, 0),
        KnownPoint((-0.050010822998206056, 0.4666941048719721), -80.76781812965903, 0),
        KnownPoint((0.212486582000662, 0.2929883251073678), -72.24894011232522, 1),
        KnownPoint((-0.8220015587327321, 0.6243128028148713), -40.664843508657405, 1),
    ),
)
"""Three minima and two saddles."""

SIX_HUMP_CAMEL = KnownSurface(
    "six-hump camel",
    six_hump_camel,
    (
        KnownPoint((-0.08984201310031806, 0.7126564030207396), -1.0316284534898774, 0),
        KnownPoint((0.08984201310031806, -0.7126564030207396), -1.0316284534898774, 0),
        KnownPoint((-1.703606714969981, 0.7960835686726251), -0.21546382438371764, 0),
        KnownPoint((1.703606714969981, -0.7960835686726251), -0.21546382438371764, 0),
        KnownPoint((-1.6071047529201972, -0.5686514548841314), 2.1042503103112584, 0),
        KnownPoint((1.6071047529201972, 0.5686514548841314), 2.1042503103112584, 0),
        KnownPoint((0.0, 0.0), 0.0, 1),
        KnownPoint((-1.1092053368047865, 0.7682680925095399), 0.5437186009781851, 1),
        KnownPoint((1.1092053368047865, -0.7682680925095399), 0.5437186009781851, 1),
        KnownPoint((-1.6380679841897785, -0.22867406904439408), 2.2293571975307147, 1),
        KnownPoint((1.6380679841897785, 0.22867406904439408), 2.2293571975307147, 1),
        KnownPoint((-1.2960702671671092, -0.6050843880386585), 2.22947081802986, 1),
        KnownPoint((1.2960702671671092, 0.6050843880386585), 2.22947081802986, 1),
    ),
)
"""Six minima and seven saddles; ``E(-w) = E(w)``, and both copies are listed."""

_LINEAR, _SIDE = 1.1087628941941485, 1.1687523173633803
_ARM, _BASE = 1.130962145107587, 1.553084476826973
_FOOT = _BASE * _BASE / (2.0 * _ARM)

LJAT3_PLANAR = KnownSurface(
    "LJAT3 in the plane",
    ljat3_planar,
    (
        KnownPoint((_LINEAR, -_LINEAR, 0.0), -2.219098169600678, 0),
        KnownPoint((_LINEAR, 2.0 * _LINEAR, 0.0), -2.219098169600678, 0),
        KnownPoint((2.0 * _LINEAR, _LINEAR, 0.0), -2.219098169600678, 0),
        KnownPoint((_SIDE, _SIDE / 2.0, _SIDE * sqrt(0.75)), -2.1850988402687714, 0),
        KnownPoint(
            (_ARM, _ARM - _FOOT, sqrt(_ARM**2 - (_ARM - _FOOT) ** 2)), -1.985069657957359, 1
        ),
        KnownPoint((_ARM, _FOOT, sqrt(_BASE**2 - _FOOT**2)), -1.985069657957359, 1),
        KnownPoint((_BASE, _BASE / 2.0, sqrt(_ARM**2 - _BASE**2 / 4.0)), -1.985069657957359, 1),
    ),
)
"""The linear minima with atom 1, 2 and 3 in the middle, the equilateral one, and the isosceles
saddles with atom 1, 2 and 3 at the apex. Mirror images are left out."""


def _pair(inverse_square: Array) -> Array:
    """Lennard-Jones energy of a pair from 1/r^2."""
    sixth = inverse_square * inverse_square * inverse_square
    return 4.0 * sixth * (sixth - 1.0)


def _cartesian_squares(x: Array) -> tuple[Array, Array, Array]:
    d12, d13, d23 = x[:3] - x[3:6], x[:3] - x[6:], x[3:6] - x[6:]
    return jnp.sum(d12 * d12), jnp.sum(d13 * d13), jnp.sum(d23 * d23)


def _planar_squares(w: Array) -> tuple[Array, Array, Array]:
    x2, x3, y3 = w
    return x2 * x2, x3 * x3 + y3 * y3, (x3 - x2) * (x3 - x2) + y3 * y3
