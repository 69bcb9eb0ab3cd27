"""The spectrum of the Hessian, to steer by.

Climbs and paths need eigenvalues and eigenvectors at every step, quenches now and then, all with
little precision: their gradients are exact, so a small error of the Hessian costs steps, not
accuracy. What they arrive at is certified with the exact Hessian (`polish`). But the error of
single precision is a fraction of the largest eigenvalue: where the softest ones drown in it, as
with inputs that are not scaled, the Hessian is formed again in double precision.

Excluded modes are left out, which makes matrices smaller and hides nothing: their curvature is
known.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.compiled import compiled
from lossatlas.kernels.step_control import TINY
from lossatlas.landscape.base import Surface, Symmetrizer
from lossatlas.lanes.branches import rarely
from lossatlas.typing import Scalar


def spectrum(
    surface: Surface, w: Float[Array, " n"], symmetrizer: Symmetrizer | None = None
) -> tuple[Float[Array, " m"], Float[Array, "n m"]]:
    """Ascending eigenvalues (m,) and eigenvectors (n, m), those of excluded modes left out.

    With the symmetrizer of w, which projects onto the subspace that gradient flow cannot leave, the
    spectrum is that within the subspace; the modes outside come last, with a value that is no less
    than any inside.
    """
    hessian = surface.inner_hessian(w)
    if symmetrizer is not None:
        hessian = _inside(surface, hessian, symmetrizer, len(w))
    values, vectors = jnp.linalg.eigh(hessian)
    # In this order: rounded otherwise, vectors would have a part along the excluded modes, which
    # nothing would ever remove again.
    return values.astype(w.dtype), surface.from_inner(vectors.astype(w.dtype))


def checked_spectrum(
    surface: Surface, w: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, "n m"], Scalar]:
    """The spectrum to certify with, and its largest residual |H v - lambda v| over the largest
    curvature.

    Libraries have given wrong eigenvectors for a part of a batch; a product of matrices tells.
    """
    hessian = surface.inner_hessian(w)
    values, vectors = jnp.linalg.eigh(hessian)
    residual = jnp.abs(hessian @ vectors - vectors * values).max()
    # Where the Hessian vanishes nothing can be wrong.
    error = residual / jnp.maximum(jnp.abs(values).max(), TINY)
    return values, surface.from_inner(vectors), error


def _inside(
    surface: Surface, hessian: Float[Array, "m m"], symmetrizer: Symmetrizer, n: int
) -> Float[Array, "m m"]:
    """The Hessian within the symmetric subspace, and a multiple of the identity outside.

    Most points have no symmetry, and are spared the products.
    """

    def restricted() -> Array:
        identity = jnp.eye(len(hessian), dtype=hessian.dtype)
        basis = surface.from_inner(identity)
        onto = (basis.T @ (symmetrizer @ basis)).astype(hessian.dtype)
        return onto @ hessian @ onto + jnp.linalg.norm(hessian) * (identity - onto)

    generic = np.random.default_rng(0).normal(size=n)
    symmetric = jnp.any(symmetrizer @ generic != generic)
    return rarely(symmetric, restricted, lambda: hessian)


def rough_spectrum(
    surface: Surface, w: Float[Array, " n"], symmetrizer: Symmetrizer | None = None
) -> tuple[Float[Array, " m"], Float[Array, "n m"]]:
    """The spectrum in single precision if that resolves the softest curvatures, otherwise in double
    precision.
    """
    rough = surface.rough()
    if rough is surface:
        return spectrum(surface, w, symmetrizer)
    found = spectrum(rough, w, symmetrizer)
    drowned = ~surface.rough_will_do(jnp.abs(found[0]).max())
    return rarely(drowned, lambda: spectrum(surface, w, symmetrizer), lambda: found)


def no_spectrum(
    surface: Surface, w: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, "n m"]]:
    """Zeros in the shapes of a spectrum: what a search holds before its first one."""
    shapes = jax.eval_shape(lambda w: spectrum(surface, w), w)
    values, vectors = (jnp.zeros(x.shape, w.dtype) for x in shapes)
    return values, vectors


class Unstable(NamedTuple):
    """The unstable modes of a point: unit vectors (k, n), the most negative curvature first."""

    modes: np.ndarray


@dataclass(frozen=True)
class UnstableModes:
    """Host call that finds all unstable modes of a saddle, however many there are.

    A job is `(w,)` with a stationary point w (n,), its result is `Unstable`. A polish hands back a
    fixed number of modes, enough for minima and transition states. A saddle with several equal
    units can have more negative curvatures than that; such saddles are rare.
    """

    def call(self, surface: Surface, w: Float[np.ndarray, " n"]) -> Unstable:
        """Diagonalize the Hessian and return the modes of negative curvature."""
        eigenvalues, vectors = map(np.asarray, _spectrum(surface, w))
        return Unstable(vectors[:, eigenvalues < 0].T)


@compiled
def _spectrum(surface, w):
    return spectrum(surface, w)
