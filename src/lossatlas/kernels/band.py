"""The doubly-nudged elastic band: a chain of images relaxed towards a minimum-energy path.

    force on an image = -g_perp + k (|x_{i+1} - x_i| - |x_i - x_{i-1}|) tau
                        + s_perp - (s_perp . g^) g^

with tau the upwind tangent (Henkelman and Jonsson 2000), g_perp the gradient across it, s the
spring force, and the last two terms the part of the spring force that doubly nudging keeps
(Trygubenko and Wales 2004). Springs act on the real distances between neighboring images. These
forces are no gradient of a function, so there is no energy test: limited-memory BFGS directions,
each image's step capped.

A band only has to deliver candidates: every interior maximum of the energy along it is refined by
eigenvector-following.
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
"""Stands for the distance between images, or their gradients, where these vanish."""

NOISE = 1e-13
"""Differences of energies below this part of their size (or of one) make no maximum: some hundred
units in the last place, as sums over a data set are rounded."""


class BandState(NamedTuple):
    """One band in flight; the forces are those on the images between the ends."""

    images: Float[Array, "k n"]
    energies: Float[Array, " k"]
    forces: Float[Array, "k-2 n"]
    model: lbfgs.Model
    spring: Scalar
    iterations: Int[Array, ""]
    status: Int[Array, ""]


class Relaxed(NamedTuple):
    """A relaxed band; JAX arrays inside compiled code, NumPy arrays outside.

    Attributes:
        images: (k, n), the two ends included.
        energies: (k,).
        iterations: evaluations of all images used.
        status: CONVERGED if it can be used, otherwise NOT_FINITE.
    """

    images: Any
    energies: Any
    iterations: Any
    status: Any


@dataclass(frozen=True)
class Band:
    """Kernel; a job is `(a, b)`: the two end points (n,), aligned.

    Args:
        images: number of images, the two ends included.
        iterations: stop relaxing after so many.
        force: stop when the RMS force is below this.
        spring: spring constant relative to the mean curvature along the initial band.
        max_step: cap on the step of one image.
        memory: pairs of the limited-memory model.
        steps: iterations a device call.
    """

    images: int = 20
    iterations: int = 60
    force: float = 1e-4
    spring: float = 1.0
    max_step: float = 0.2
    memory: int = 6
    steps: int = 6

    def init(self, surface: Surface, a: Float[Array, " n"], b: Float[Array, " n"]) -> BandState:
        """Straight interpolation between the ends."""
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
        """One quasi-Newton step of all interior images."""
        step = lbfgs.direction(state.model, -state.forces.ravel()).reshape(state.forces.shape)
        # The forces are no gradient of a function, so a step of the model may lead against them.
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
        # Barriers may be lower than the rounding errors of single precision.
        energies = jax.lax.cond(done, lambda: jax.lax.map(surface.energy, images), lambda: energies)
        status = jnp.where(done, Status.CONVERGED, running())
        status = jnp.where(jnp.isfinite(rms), status, Status.NOT_FINITE).astype(jnp.int32)
        return BandState(images, energies, forces, model, state.spring, iterations, status)

    def result(self, state: BandState) -> Relaxed:
        """The band as it is now."""
        return Relaxed(state.images, state.energies, state.iterations, state.status)


def _along_band(
    surface: Surface, images: Float[Array, "k n"]
) -> tuple[Float[Array, " k"], Float[Array, "k n"]]:
    """Energies and gradients of images, in the precision that a band needs."""
    energies, gradients = jax.lax.map(surface.rough().value_and_gradient, images)
    return energies.astype(images.dtype), gradients.astype(images.dtype)


def band_forces(
    images: Float[Array, "k n"],
    energies: Float[Array, " k"],
    gradients: Float[Array, "k-2 n"],
    spring: Scalar,
) -> Float[Array, "k-2 n"]:
    """Doubly-nudged forces (k-2, n) on the interior images."""
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
    """Towards the higher neighbor; at an extremum both, weighted by the energy differences."""
    rise, fall = jnp.abs(above - here), jnp.abs(below - here)
    larger, smaller = jnp.maximum(rise, fall), jnp.minimum(rise, fall)
    up = above > below
    mixed = jnp.where(up, larger * ahead + smaller * behind, smaller * ahead + larger * behind)
    monotonic = jnp.where(up, ahead, behind)
    extremum = (above - here) * (below - here) > 0
    tangent = jnp.where(extremum, mixed, monotonic)
    return tangent / jnp.maximum(jnp.linalg.norm(tangent), TINY)


def candidates(relaxed: Relaxed) -> list[tuple[np.ndarray, np.ndarray]]:
    """(image, tangent) of every interior maximum of the energy along a band, highest first.

    Differences of energies below rounding error make no maximum.
    """
    energies, images = np.asarray(relaxed.energies), np.asarray(relaxed.images)
    noise = NOISE * max(1.0, float(np.abs(energies).max()))
    rise, fall = energies[1:-1] - energies[:-2], energies[1:-1] - energies[2:]
    peaks = 1 + np.flatnonzero((rise > 0) & (fall >= 0) & (np.maximum(rise, fall) > noise))
    peaks = sorted(peaks, key=lambda k: -energies[k])
    return [(images[k], images[k + 1] - images[k - 1]) for k in peaks]
