"""What paths by exponential integrators share: phi functions, step control, where errors grow.

The families differ in what they know of the Hessian, its spectrum (`dense.flow`) or Krylov spaces
(`factorized.flow`); both describe it by eigenvalues and the gradient along eigenvectors.
"""

from math import factorial

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.kernels.step_control import TINY, PathSteps
from lossatlas.typing import Scalar

STEPS = PathSteps(order=4, safety=0.9, growth=4.0)
"""The error is that of the prediction by a parabola, of third order: it grows with h^4."""

LEFT_ON_FLOOR = 0.5
"""A Newton step in the stiff directions is believed if it leads at least half of the way to the
floor of the valley; otherwise the walls have changed, and the step is shortened by this factor."""

ON_FLOOR = 1e-4
"""So close to the floor, as a part of the tolerance, a point is on it whatever was left of the way:
there the Newton step is rounding error."""

FIRST_STEP = 2.0
"""First time step, over the time in which the flow grows by e along the negative curvature of the
saddle where it begins. The quadratic model is exact there; the error decides what follows."""

LOOSE = 10.0
"""Where errors are forgotten a step may have so many times the tolerance. With more, paths have to
be followed again more often, which costs what was saved."""

OF_NEWTON = 0.3
"""... but no more than this part of the Newton step."""

FLAT = 1e-12
"""Curvature that stands for smaller ones where it divides."""

NEAR_ZERO, TERMS = 0.5, 17
"""Below this size of their argument phi functions are summed as power series, because the recursion
cancels; so many terms leave less than rounding error: 0.5^17 / 21! < 1e-24."""


def tolerated(tolerance: Scalar, across: Scalar, newton: Scalar) -> Scalar:
    """The error that the next step may have: larger where errors are forgotten.

    Args:
        tolerance: of the path.
        across: the curvature across it.
        newton: length of the Newton step, or a bound of it.
    """
    loose = jnp.minimum(LOOSE * tolerance, OF_NEWTON * newton)
    return jnp.where(across > 0, jnp.maximum(tolerance, loose), tolerance)


def curvature_across(eigenvalues: Float[Array, " m"], slope: Float[Array, " m"]) -> Scalar:
    """The lowest curvature across a path, from ascending eigenvalues (m,) and the gradient along
    each mode (m,).

    Of two directions: what is left of the softest mode without its part along the path, and what in
    the plane of the two softest modes is across it. One of them is good whatever the path's own
    direction is. Growth along the path itself only changes when a point is reached.
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
    """phi_1, phi_3, phi_4 of the exponential integrators, phi_k = (phi_{k-1} - 1/(k-1)!) / z."""
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
