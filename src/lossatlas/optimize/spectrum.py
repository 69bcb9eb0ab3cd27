"""The spectrum of the Hessian, to steer by.

Climbs and paths need eigenvalues and eigenvectors at every step, quenches now and then, all with
little precision: their
gradients are exact, so a small error of the Hessian costs steps, not accuracy. What they arrive at
is certified with the exact Hessian (`newton`). But the error of single precision is a fraction of
the largest eigenvalue: where the softest ones drown in it, as with inputs that are not scaled, the
Hessian is formed again in double precision.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

RESOLVED = 1e-6
"""Eigenvalues larger than this, over the largest, are certain enough in single precision."""


def rough_spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    """Ascending eigenvalues (n,) and eigenvectors (n, n), single precision where that will do."""
    rough = surface.rough()
    if rough is surface:
        return _spectrum(surface, w)
    values, vectors = _spectrum(rough, w)
    sizes = jnp.abs(values)
    enough = sizes.min() > RESOLVED * sizes.max()
    return jax.lax.cond(enough, lambda: (values, vectors), lambda: _spectrum(surface, w))


def _spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eigh(surface.hessian(w))
    return values.astype(w.dtype), vectors.astype(w.dtype)
