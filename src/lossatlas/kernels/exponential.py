"""Exponential integrators of gradient flow: phi functions, step control and the growth of errors.

`dense.flow` knows the spectrum of the Hessian, `factorized.flow` its spectrum in a Krylov space.
Both describe the Hessian by eigenvalues and by the components of the gradient along eigenvectors.
"""

from math import factorial

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.kernels.step_control import TINY, PathSteps
from lossatlas.typing import Scalar

STEPS = PathSteps(order=4, safety=0.9, growth=4.0)
"""The estimated error is that of the prediction by a parabola, which grows with h^4 for a time step
h."""

LEFT_ON_FLOOR = 0.5
"""A Newton step in the stiff directions is accepted if at most this part of the way to the floor of
the valley is left after it. Otherwise the walls have changed, and the time step is shortened by
this factor."""

ON_FLOOR = 1e-4
"""Distance from the floor of the valley, as a part of the tolerance, below which a point counts as
on the floor, since a Newton step so short consists of rounding errors."""

FIRST_STEP = 2.0
"""First time step, in units of the time in which the flow grows by a factor e along the negative
curvature of the saddle where it begins. The quadratic model is exact there; later time steps follow
from the error."""

LOOSE = 10.0
"""Where the flow makes errors smaller, the error of a step may be so many times the tolerance. With
a larger factor paths would have to be followed again more often, at the cost of what was saved."""

OF_NEWTON = 0.3
"""Largest error of a step beyond the tolerance, as a part of the length of the Newton step."""

FLAT = 1e-12
"""Smallest curvature that is divided by; it replaces smaller ones."""

NEAR_ZERO, TERMS = 0.5, 17
"""Phi functions of arguments smaller in size than the first value are summed as power series with
so many terms, because the recursion loses digits there. What the series leave out is below rounding
error: 0.5^17 / 21! < 1e-24."""


def tolerated(tolerance: Scalar, across: Scalar, newton: Scalar) -> Scalar:
    """Return the largest error that the next step may have, in units of the weights.

    It is larger than the tolerance where the curvature across the path is positive, since the flow
    makes errors smaller there.

    Args:
        tolerance: error tolerated in one step of the path.
        across: the lowest curvature across the path.
        newton: length of the Newton step, or a bound of it.
    """
    loose = jnp.minimum(LOOSE * tolerance, OF_NEWTON * newton)
    return jnp.where(across > 0, jnp.maximum(tolerance, loose), tolerance)


def curvature_across(eigenvalues: Float[Array, " m"], slope: Float[Array, " m"]) -> Scalar:
    """Estimate the lowest curvature across a path.

    It is the lower curvature of two directions: the softest mode without its part along the path,
    and the direction in the plane of the two softest modes that is perpendicular to the path. One
    of the two is a good estimate whatever the direction of the path is. Curvature along the path
    does not count, since an error along the path only changes when a point is reached.

    Args:
        eigenvalues: (m,) eigenvalues of the Hessian, ascending.
        slope: (m,) components of the gradient along the eigenvectors.
    """
    if len(eigenvalues) == 1:
        return eigenvalues[0]
    shares = slope**2 / jnp.maximum(jnp.vdot(slope, slope), TINY)
    (first, second), (lowest, higher) = shares[:2], eigenvalues[:2]
    rest = jnp.maximum(1.0 - first, FLAT)
    left = (lowest * (1.0 - 2.0 * first) + first * jnp.vdot(shares, eigenvalues)) / rest
    plane = (lowest * second + higher * first) / jnp.maximum(first + second, TINY)
    return jnp.minimum(left, plane)


def phi(
    z: Float[Array, " m"],
) -> tuple[Float[Array, " m"], Float[Array, " m"], Float[Array, " m"]]:
    """Return phi_1, phi_3 and phi_4 of z, the functions of exponential integrators.

    They follow from phi_0 = exp by phi_k(z) = (phi_{k-1}(z) - 1/(k-1)!) / z (Hochbruck and
    Ostermann, Acta Numerica 19, 209 (2010)).

    Args:
        z: (m,) arguments, the negative time step times the eigenvalues.
    """
    near = jnp.abs(z) < NEAR_ZERO
    small, large = jnp.where(near, z, 0.0), jnp.where(near, 1.0, z)
    series = jnp.zeros_like(z)
    for k in range(TERMS - 1, -1, -1):
        series = series * small + 1.0 / factorial(k + 4)
    from_series = [series]
    for k in (3, 2, 1):
        from_series.insert(0, small * from_series[0] + 1.0 / factorial(k))
    direct = [jnp.expm1(large) / large]
    for k in (1, 2, 3):
        direct.append((direct[-1] - 1.0 / factorial(k)) / large)
    one, _, three, four = (jnp.where(near, a, b) for a, b in zip(from_series, direct, strict=True))
    return one, three, four
