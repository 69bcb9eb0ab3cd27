"""The spectrum of the Hessian, in the precision that each use of it needs.

Climbs and paths need eigenvalues and eigenvectors at every step, quenches now and then, all with
little precision: their gradients are exact, so a small error of the Hessian costs steps, not
accuracy. The point that they arrive at is certified with the exact Hessian (`polish`). However, the
error of single precision is a part of the largest eigenvalue. If it exceeds the smallest ones, as
with inputs that are not scaled, the Hessian is computed again in double precision.

Excluded modes are left out, which makes matrices smaller. Nothing is lost, since their curvatures
are known.
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
    """Compute the spectrum of the Hessian without excluded modes.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) weights.
        symmetrizer: projection onto the subspace that gradient flow from `w` cannot leave. With it
            the spectrum is that within the subspace, and the modes outside come last, with a value
            that is not less than any inside. Default None, the whole space.

    Returns:
        Eigenvalues (m,), ascending, and their eigenvectors (n, m).
    """
    hessian = surface.inner_hessian(w)
    if symmetrizer is not None:
        hessian = _inside(surface, hessian, symmetrizer, len(w))
    values, vectors = jnp.linalg.eigh(hessian)
    # Rounding to the type of w comes first. After `from_inner` it would give vectors a part along
    # the excluded modes, which no later step would remove.
    return values.astype(w.dtype), surface.from_inner(vectors.astype(w.dtype))


def checked_spectrum(
    surface: Surface, w: Float[Array, " n"]
) -> tuple[Float[Array, " m"], Float[Array, "n m"], Scalar]:
    """Compute the exact spectrum that certifies a point, and its error.

    Libraries have returned wrong eigenvectors for a part of a batch; the residual shows it.

    Args:
        surface: the compiled half of the landscape.
        w: (n,) weights.

    Returns:
        Eigenvalues (m,), ascending, their eigenvectors (n, m), and the largest component of a
        residual H v - lambda v as a part of the largest curvature.
    """
    hessian = surface.inner_hessian(w)
    values, vectors = jnp.linalg.eigh(hessian)
    residual = jnp.abs(hessian @ vectors - vectors * values).max()
    # Where the Hessian vanishes, so does the residual.
    error = residual / jnp.maximum(jnp.abs(values).max(), TINY)
    return values, surface.from_inner(vectors), error


def _inside(
    surface: Surface, hessian: Float[Array, "m m"], symmetrizer: Symmetrizer, n: int
) -> Float[Array, "m m"]:
    """Restrict the Hessian to the symmetric subspace, with a multiple of the identity outside.

    The products are computed only for points with a symmetry, which few have.
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
    """Compute the spectrum in single precision if that resolves the softest curvatures.

    Otherwise it is computed in double precision. Arguments and result are those of `spectrum`.
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
    """Return zeros in the shapes of a spectrum, for the state of a search before its first one."""
    shapes = jax.eval_shape(lambda w: spectrum(surface, w), w)
    values, vectors = (jnp.zeros(x.shape, w.dtype) for x in shapes)
    return values, vectors


class Unstable(NamedTuple):
    """The unstable modes of a point.

    Attributes:
        modes: (k, n) unit vectors of the modes with negative curvature, the most negative first.
    """

    modes: np.ndarray


@dataclass(frozen=True)
class UnstableModes:
    """The host call that finds all unstable modes of a saddle, however many there are.

    A job of it is `(w,)` with a stationary point w (n,), and its result is `Unstable`. A polish
    returns a fixed number of modes, which is enough for minima and transition states. A saddle with
    several equal units can have more negative curvatures than that; such saddles are rare.
    """

    def call(self, surface: Surface, w: Float[np.ndarray, " n"]) -> Unstable:
        """Diagonalize the Hessian and return the modes of negative curvature."""
        eigenvalues, vectors = map(np.asarray, _spectrum(surface, w))
        return Unstable(vectors[:, eigenvalues < 0].T)


@compiled
def _spectrum(surface, w):
    return spectrum(surface, w)
