"""The doubly-nudged elastic band: a chain of images relaxed towards a minimum-energy path.

    force on an image = -g_perp + k (|x_{i+1} - x_i| - |x_i - x_{i-1}|) tau
                        + s_perp - (s_perp . g^) g^

Here tau is the upwind tangent (Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000), eqs. 8-11),
g_perp the gradient across it, g^ the unit vector along g_perp, k the spring constant, and s the
spring force. The second term is the spring force along the tangent (eq. 12 there), and the last two
terms are the part of the spring force across it that double nudging keeps (Trygubenko and Wales, J.
Chem. Phys. 120, 2082 (2004)). Springs act on the distances between neighboring images. These forces
are not the gradient of a function, so there is no energy to test a step by: the steps follow
directions of limited-memory BFGS, and the step of each image is capped.

A band only has to find candidates for transition states: every maximum of the energy between its
ends is refined by eigenvector-following.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from lossatlas.errors import Status
from lossatlas.kernels import lbfgs
from lossatlas.kernels.step_control import TINY
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import running
from lossatlas.typing import Scalar

FIRST_STEP = 0.1
"""Length of the first step of a typical image, as a part of the distance between images."""

SHORTEST_GAP = 1e-12
"""Replaces the distance between images, or the size of their gradients, where these vanish."""

NOISE = 1e-13
"""A maximum must rise above its neighbors by more than this part of the energy (or of one). It is
some hundred units in the last place, the rounding error of a sum over a data set."""


class BandState(NamedTuple):
    """The state of one band in flight.

    Attributes:
        images: (k, n) images, the two ends included.
        energies: (k,) energies of the images.
        forces: (k-2, n) doubly-nudged forces on the images between the ends.
        model: limited-memory model that the steps follow.
        spring: spring constant.
        iterations: number of evaluations of all images.
        status: RUNNING, or how the band ended.
    """

    images: Float[Array, "k n"]
    energies: Float[Array, " k"]
    forces: Float[Array, "k-2 n"]
    model: lbfgs.Model
    spring: Scalar
    iterations: Int[Array, ""]
    status: Int[Array, ""]


class Relaxed(NamedTuple):
    """A relaxed band; the attributes are JAX arrays in compiled code and NumPy arrays outside.

    Attributes:
        images: (k, n) images, the two ends included.
        energies: (k,) energies of the images.
        iterations: number of evaluations of all images.
        status: CONVERGED if the band can be used, otherwise NOT_FINITE.
    """

    images: Any
    energies: Any
    iterations: Any
    status: Any


@dataclass(frozen=True)
class Band:
    """The kernel that relaxes a band.

    A job of it is `(a, b)`: the two end points (n,), the second in the symmetry copy that is to be
    joined to the first.

    Args:
        images: number of images, the two ends included; default 20.
        iterations: number of iterations after which relaxation stops; default 60.
        force: RMS force below which relaxation stops; default 1e-4.
        spring: spring constant, in units of the typical gradient on the initial band over the
            distance between its images; default 1.
        max_step: largest step of one image, in units of the weights; default 0.2.
        memory: number of pairs of the limited-memory model; default 6.
        steps: number of iterations in one device call; default 6.
    """

    images: int = 20
    iterations: int = 60
    force: float = 1e-4
    spring: float = 1.0
    max_step: float = 0.2
    memory: int = 6
    steps: int = 6

    def init(self, surface: Surface, a: Float[Array, " n"], b: Float[Array, " n"]) -> BandState:
        """Return the state of a band that interpolates linearly between its ends."""
        mix = jnp.linspace(0.0, 1.0, self.images)[:, None]
        images = (1.0 - mix) * a + mix * b
        energies, gradients = _along_band(surface, images)
        length = jnp.linalg.norm(b - a) / (self.images - 1)
        size = jnp.sqrt(jnp.mean(jnp.sum(gradients[1:-1] ** 2, axis=1)))
        spring = self.spring * size / jnp.maximum(length, SHORTEST_GAP)
        forces = band_forces(images, energies, gradients[1:-1], spring)
        guess = FIRST_STEP * length / jnp.maximum(size, SHORTEST_GAP)
        model = lbfgs.init(forces.ravel(), self.memory, 1.0)._replace(scale=guess)
        return BandState(images, energies, forces, model, spring, jnp.int32(1), running())

    def step(self, surface: Surface, state: BandState) -> BandState:
        """Take one quasi-Newton step with all images between the ends."""
        step = lbfgs.direction(state.model, -state.forces.ravel()).reshape(state.forces.shape)
        # The forces are not a gradient, so a step of the model may lead against them.
        downhill = jnp.vdot(step, state.forces) > 0
        step = jnp.where(downhill, step, -step)
        length = jnp.linalg.norm(step, axis=1, keepdims=True)
        step = step * jnp.minimum(1.0, self.max_step / jnp.maximum(length, TINY))
        images = state.images.at[1:-1].add(step)
        energies, gradients = _along_band(surface, images[1:-1])
        energies = state.energies.at[1:-1].set(energies)
        forces = band_forces(images, energies, gradients, state.spring)
        model = lbfgs.update(state.model, step.ravel(), (state.forces - forces).ravel())
        iterations = state.iterations + 1
        rms = jnp.sqrt(jnp.mean(forces**2))
        done = (rms < self.force) | (iterations >= self.iterations)
        # Energies are computed again in double precision, because barriers may be lower than the
        # rounding errors of single precision.
        energies = jax.lax.cond(done, lambda: jax.lax.map(surface.energy, images), lambda: energies)
        status = jnp.where(done, Status.CONVERGED, running())
        status = jnp.where(jnp.isfinite(rms), status, Status.NOT_FINITE).astype(jnp.int32)
        return BandState(images, energies, forces, model, state.spring, iterations, status)

    def result(self, state: BandState) -> Relaxed:
        """Return the band in its present state."""
        return Relaxed(state.images, state.energies, state.iterations, state.status)


def _along_band(
    surface: Surface, images: Float[Array, "k n"]
) -> tuple[Float[Array, " k"], Float[Array, "k n"]]:
    """Return energies and gradients of images, computed in single precision if that is faster."""
    energies, gradients = jax.lax.map(surface.rough().value_and_gradient, images)
    return energies.astype(images.dtype), gradients.astype(images.dtype)


def band_forces(
    images: Float[Array, "k n"],
    energies: Float[Array, " k"],
    gradients: Float[Array, "k-2 n"],
    spring: Scalar,
) -> Float[Array, "k-2 n"]:
    """Return the doubly-nudged forces (k-2, n) on the images between the ends.

    The formula is in the docstring of this module.

    Args:
        images: (k, n) images, the two ends included.
        energies: (k,) energies of the images.
        gradients: (k-2, n) gradients at the images between the ends.
        spring: spring constant, an energy over a squared length.
    """
    ahead, behind = images[2:] - images[1:-1], images[1:-1] - images[:-2]
    tangent = jax.vmap(_tangent)(ahead, behind, energies[2:], energies[1:-1], energies[:-2])
    across = gradients - _along(gradients, tangent)
    pull = spring * (ahead - behind)
    stretch = jnp.linalg.norm(ahead, axis=1) - jnp.linalg.norm(behind, axis=1)
    parallel = spring * stretch[:, None] * tangent
    aside = pull - _along(pull, tangent)
    size = jnp.linalg.norm(across, axis=1, keepdims=True)
    doubly = aside - _along(aside, across / jnp.maximum(size, TINY))
    return -across + parallel + doubly


def _along(vectors: Float[Array, "k n"], unit: Float[Array, "k n"]) -> Float[Array, "k n"]:
    return jnp.sum(vectors * unit, axis=1, keepdims=True) * unit


def _tangent(
    ahead: Float[Array, " n"],
    behind: Float[Array, " n"],
    above: Scalar,
    here: Scalar,
    below: Scalar,
) -> Float[Array, " n"]:
    """Return the upwind tangent (eqs. 8-9 of Henkelman and Jónsson; at extrema eqs. 10-11)."""
    rise, fall = jnp.abs(above - here), jnp.abs(below - here)
    larger, smaller = jnp.maximum(rise, fall), jnp.minimum(rise, fall)
    up = above > below
    mixed = jnp.where(up, larger * ahead + smaller * behind, smaller * ahead + larger * behind)
    monotonic = jnp.where(up, ahead, behind)
    extremum = (above - here) * (below - here) > 0
    tangent = jnp.where(extremum, mixed, monotonic)
    return tangent / jnp.maximum(jnp.linalg.norm(tangent), TINY)


def candidates(relaxed: Relaxed) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return image and tangent at every maximum of the energy between the ends, the highest first.

    A maximum that rises above its neighbors only by a rounding error (`NOISE`) is left out.

    Args:
        relaxed: a relaxed band.

    Returns:
        Pairs of an image (n,) and the difference (n,) of its two neighbors.
    """
    energies, images = np.asarray(relaxed.energies), np.asarray(relaxed.images)
    noise = NOISE * max(1.0, float(np.abs(energies).max()))
    rise, fall = energies[1:-1] - energies[:-2], energies[1:-1] - energies[2:]
    peaks = 1 + np.flatnonzero((rise > 0) & (fall >= 0) & (np.maximum(rise, fall) > noise))
    peaks = sorted(peaks, key=lambda k: -energies[k])
    return [(images[k], images[k + 1] - images[k - 1]) for k in peaks]
