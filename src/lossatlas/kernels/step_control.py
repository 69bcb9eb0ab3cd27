"""Step control that several kernels share: caps, trust radii, and time steps along a path.

Nothing here evaluates the surface. Numbers that are the same for all kernels are constants of this
module; those of one method are in a `TrustRadius` or `PathSteps` that its module defines.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.typing import Scalar

TINY = 1e-300
"""Smallest denominator, which keeps quotients finite where the denominator may be zero."""

LARGEST_EXPONENT = 30.0
"""Largest exponent by which a deviation grows or shrinks in one step. A factor of e^30 makes any
path useless or any error negligible, and is far from the overflow at which zero times infinity
would give NaN."""

NO_CURVATURE = 1e-14
"""Curvatures smaller than this part of the largest are rounding errors, whatever their sign."""

ENERGY_RISE = 1e-10
"""Rise of the energy that is tolerated in one step downhill. Near a minimum energies differ by less
than their rounding errors, and a step that only improves the gradient must not be refused."""

SHORTENED = 0.1
"""Factor by which a step downhill that raised the energy is shortened."""


def rms(vector: Float[Array, " n"]) -> Scalar:
    """Return the root-mean-square of the components of a vector (n,)."""
    return jnp.sqrt(jnp.mean(vector**2))


def capped(step: Float[Array, " n"], longest: float | Scalar) -> Float[Array, " n"]:
    """Return the step (n,), shortened to the length `longest` if it is longer."""
    return step * jnp.minimum(1.0, longest / jnp.maximum(jnp.linalg.norm(step), TINY))


def bounded_newton(slope: Float[Array, " *m"], size: Float[Array, " *m"]) -> Float[Array, " *m"]:
    """Return the signed length of a step uphill in each direction; downhill it is the negative.

    The length is 2 g / (|c| (1 + sqrt(1 + 4 g^2 / c^2))) for slope g and curvature c (Wales, J.
    Chem. Phys. 101, 3750 (1994)). It tends to the Newton step g / |c| where that is short, and is
    never longer than one.

    Args:
        slope: slope in each direction.
        size: size of the curvature in each direction, above zero.
    """
    return 2.0 * slope / (size * (1.0 + jnp.sqrt(1.0 + 4.0 * (slope / size) ** 2)))


@dataclass(frozen=True)
class TrustRadius:
    """How a trust radius follows the quality of predictions.

    Args:
        good: relative error of a prediction below which the radius grows.
        bad: relative error of a prediction above which the radius shrinks.
        growth: factor by which the radius grows.
        shrink: factor by which the radius shrinks; default 0.5.
        smallest: smallest radius, in units of the weights; default 0.02. A shorter step makes no
            progress that is worth an evaluation.
    """

    good: float
    bad: float
    growth: float
    shrink: float = 0.5
    smallest: float = 0.02

    def after(self, radius: Scalar, error: Scalar, largest: float) -> Scalar:
        """Return the radius after a step.

        Args:
            radius: the radius before.
            error: relative error of the prediction of the step; NaN, which changes nothing, before
                there is a prediction.
            largest: largest radius.
        """
        new = jnp.where(error < self.good, self.growth * radius, radius)
        new = jnp.where(error > self.bad, self.shrink * radius, new)
        return jnp.clip(new, self.smallest, largest)


@dataclass(frozen=True)
class PathSteps:
    """How the time step along a path follows the errors of the steps.

    Args:
        order: power of the time step with which the estimated error of a step grows.
        safety: the next time step, as a part of that at which the error would equal the tolerance.
            A rejected step costs more than a step that could have been a little longer.
        growth: largest factor from one time step to the next, since the error of one step tells
            little about a much longer one.
        length_safety: the next time step, as a part of that at which the distance covered would
            equal the largest one; default 0.9.
        shrink: smallest factor from one time step to the next, for the same reason; default 0.1.
        hopeless: error and length, in units of the weights, that replace values which are not
            finite; default 1e6.
    """

    order: int
    safety: float
    growth: float
    length_safety: float = 0.9
    shrink: float = 0.1
    hopeless: float = 1e6

    def measured(
        self, error: Scalar, length: Scalar, finite: Bool[Array, ""]
    ) -> tuple[Scalar, Scalar]:
        """Return error and length of a step; if they are not finite, values that reject it."""
        return jnp.where(finite, error, self.hopeless), jnp.where(finite, length, self.hopeless)

    def factor(self, error: Scalar, length: Scalar, tolerance: Scalar, longest: float) -> Scalar:
        """Return the factor at which the next time step keeps to the tolerance and the distance.

        Args:
            error: error of the last step.
            length: distance covered by the last step.
            tolerance: largest error of a step.
            longest: largest distance covered by a step.
        """
        by_error = self.safety * (tolerance / jnp.maximum(error, TINY)) ** (1.0 / self.order)
        return jnp.minimum(by_error, self.length_safety * longest / jnp.maximum(length, TINY))

    def bounded(self, factor: Scalar) -> Scalar:
        """Return a factor, limited to the range from `shrink` to `growth`."""
        return jnp.clip(factor, self.shrink, self.growth)


def carried(deviation: Scalar, exponent: Scalar) -> Scalar:
    """Return a deviation after a step of the linearized flow: deviation * exp(-exponent).

    Args:
        deviation: distance from the true path before the step.
        exponent: time step times the curvature across the path.
    """
    return deviation * jnp.exp(jnp.clip(-exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT))
