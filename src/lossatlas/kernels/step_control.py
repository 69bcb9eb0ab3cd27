"""Step control that several kernels share: caps, trust radii, and steps along a path.

Nothing here evaluates the surface. The numbers that are the same for all are constants of this
module; what belongs to one method is a record that its module defines and explains.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.typing import Scalar

TINY = 1e-300
"""Keeps quotients finite whose denominator may be zero; every quotient of interest is larger."""

LARGEST_EXPONENT = 30.0
"""In one step a deviation grows or shrinks by at most e^30, enough to call any path lost or any
error forgotten, and far from the overflow that would make NaN of zero times infinity."""

NO_CURVATURE = 1e-14
"""Curvatures smaller than this part of the largest are rounding errors, whatever their sign."""

ENERGY_RISE = 1e-10
"""Rise of the energy tolerated in one step downhill: near a minimum energies differ by less than
their rounding errors, and a step that only improves the gradient must not be refused."""

SHORTENED = 0.1
"""What is left of a step downhill that raised the energy."""


def rms(vector: Float[Array, " n"]) -> Scalar:
    """Root-mean-square of the components of a vector."""
    return jnp.sqrt(jnp.mean(vector**2))


def capped(step: Float[Array, " n"], longest: float | Scalar) -> Float[Array, " n"]:
    """The step, shortened to the length `longest` if it is longer."""
    return step * jnp.minimum(1.0, longest / jnp.maximum(jnp.linalg.norm(step), TINY))


def bounded_newton(slope: Float[Array, " *m"], size: Float[Array, " *m"]) -> Float[Array, " *m"]:
    """Length of the step uphill for slopes and sizes of curvatures; downhill it is the negative.

    It tends to the Newton step slope / size where that is short, and is never longer than one
    (Wales, J. Chem. Phys. 101 (1994) 3750).
    """
    return 2.0 * slope / (size * (1.0 + jnp.sqrt(1.0 + 4.0 * (slope / size) ** 2)))


@dataclass(frozen=True)
class TrustRadius:
    """How a trust radius follows the quality of predictions.

    Args:
        good: relative error of a prediction below which the radius grows.
        bad: relative error above which it shrinks.
        growth: factor when it grows.
        shrink: factor when it shrinks.
        smallest: smallest radius; a shorter step makes no progress worth an evaluation.
    """

    good: float
    bad: float
    growth: float
    shrink: float = 0.5
    smallest: float = 0.02

    def after(self, radius: Scalar, error: Scalar, largest: float) -> Scalar:
        """The radius after a step whose prediction had this relative error.

        NaN, before there is a prediction, changes nothing.
        """
        new = jnp.where(error < self.good, self.growth * radius, radius)
        new = jnp.where(error > self.bad, self.shrink * radius, new)
        return jnp.clip(new, self.smallest, largest)


@dataclass(frozen=True)
class PathSteps:
    """How the time step along a path follows its errors.

    Args:
        order: the estimated error of a step grows with this power of the time step.
        safety: part of the time step at which the error would just be tolerated; a rejected step
            costs more than a step that could have been a little longer.
        growth: largest factor from one time step to the next: the estimate describes the last step
            and says little about a much longer one.
        length_safety: part of the time step at which the distance would just be tolerated.
        shrink: smallest factor, for the same reason as `growth`.
        hopeless: error and length, in weight units, that stand for those that are not finite.
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
        """(error, length) of a step; of one that is not finite, values that reject it."""
        return jnp.where(finite, error, self.hopeless), jnp.where(finite, length, self.hopeless)

    def factor(self, error: Scalar, length: Scalar, tolerance: Scalar, longest: float) -> Scalar:
        """Factor at which the next time step keeps to the tolerance and the longest distance."""
        by_error = self.safety * (tolerance / jnp.maximum(error, TINY)) ** (1.0 / self.order)
        return jnp.minimum(by_error, self.length_safety * longest / jnp.maximum(length, TINY))

    def bounded(self, factor: Scalar) -> Scalar:
        """A factor between the smallest and the largest."""
        return jnp.clip(factor, self.shrink, self.growth)


def carried(deviation: Scalar, exponent: Scalar) -> Scalar:
    """A deviation after a step of the linearized flow; the exponent is h lambda."""
    return deviation * jnp.exp(jnp.clip(-exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT))
