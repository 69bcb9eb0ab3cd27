"""The spectrum of the Hessian, to steer by.

Climbs and paths need eigenvalues and eigenvectors at every step, quenches now and then, all with
little precision: their gradients are exact, so a small error of the Hessian costs steps, not
accuracy. What they arrive at is certified with the exact Hessian (`newton`). But the error of
single precision is a fraction of the largest eigenvalue: where the softest ones drown in it, as
with inputs that are not scaled, the Hessian is formed again in double precision.

Excluded modes are left out, which makes matrices smaller and hides nothing: their curvature is
known.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    """Ascending eigenvalues (m,) and eigenvectors (n, m), those of excluded modes left out."""
    values, vectors = jnp.linalg.eigh(surface.inner_hessian(w))
    # In this order: rounded otherwise, vectors would have a part along the excluded modes, which
    # nothing would ever remove again.
    return values.astype(w.dtype), surface.from_inner(vectors.astype(w.dtype))


def rough_spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    """The same, in single precision where that will do."""
    rough = surface.rough()
    if rough is surface:
        return spectrum(surface, w)
    values, vectors = spectrum(rough, w)
    enough = surface.rough_will_do(jnp.abs(values).max())
    return jax.lax.cond(enough, lambda: (values, vectors), lambda: spectrum(surface, w))


def no_spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    """Zeros in the shapes of a spectrum: what a search holds before its first one."""
    shapes = jax.eval_shape(lambda w: spectrum(surface, w), w)
    values, vectors = (jnp.zeros(x.shape, w.dtype) for x in shapes)
    return values, vectors
