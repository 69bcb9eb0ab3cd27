"""Surfaces whose stationary points are known, to test searches with.

Each surface is a pure JAX function of a flat vector, smooth wherever no two atoms coincide.
Mueller-Brown and the six-hump camel have two coordinates; the three-atom cluster LJAT3 in the plane
of its atoms (`lossatlas.data.ljat3_energy`) has three.

References: Mueller and Brown, Theor. Chim. Acta 53, 75 (1979); Dixon and Szego, Towards Global
Optimisation 2 (1978).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.data.ljat3_energy import EQUILATERAL, ISOSCELES, LINEAR, ljat3_planar
from lossatlas.typing import Scalar


def mueller_brown(w: Float[Array, "2"]) -> Scalar:
    """The Mueller-Brown surface: three minima, two saddles between them.

    Args:
        w: (2,) the coordinates x and y.

    Returns:
        The sum of ``A exp(a (x-X)^2 + b (x-X)(y-Y) + c (y-Y)^2)`` over four terms.

    Examples:
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
        w: (2,) the coordinates x and y.

    Returns:
        The value ``(4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2``.

    Examples:
        >>> round(float(six_hump_camel(jnp.array([0.0898, -0.7127]))), 4)
        -1.0316
    """
    xx, yy = w[0] * w[0], w[1] * w[1]
    return (4.0 - 2.1 * xx + xx * xx / 3.0) * xx + w[0] * w[1] + 4.0 * (yy - 1.0) * yy


class KnownPoint(NamedTuple):
    """A stationary point of a surface, exact to the last digits of float64.

    Attributes:
        position: the coordinates of the point.
        energy: the value of the function there.
        hessian_index: number of negative Hessian eigenvalues, 0 for a minimum and 1 for a saddle.

    Examples:
        >>> MUELLER_BROWN.points[0].hessian_index
        0
    """

    position: tuple[float, ...]
    energy: float
    hessian_index: int


class KnownSurface(NamedTuple):
    """A surface with all of its minima and saddles of index one.

    Attributes:
        name: name of the surface, for messages.
        energy: the JAX function of a vector.
        points: the stationary points: minima and then saddles, each by ascending energy.

    Examples:
        >>> [point.hessian_index for point in MUELLER_BROWN.points]
        [0, 0, 0, 1, 1]
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
"""The Mueller-Brown surface with its three minima and two saddles."""

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
"""The six-hump camel with its six minima and seven saddles. ``E(-w) = E(w)``, and both copies of
each point are listed."""

LJAT3_PLANAR = KnownSurface(
    "LJAT3 in the plane",
    ljat3_planar,
    (
        *(KnownPoint(position, -2.219098169600678, 0) for position in LINEAR),
        KnownPoint(EQUILATERAL, -2.1850988402687714, 0),
        *(KnownPoint(position, -1.985069657957359, 1) for position in ISOSCELES),
    ),
)
"""The three-atom cluster LJAT3 in the plane: the linear minima with atom 1, 2 and 3 in the middle,
the equilateral minimum, and the isosceles saddles with atom 1, 2 and 3 at the apex. Mirror images
are left out."""
