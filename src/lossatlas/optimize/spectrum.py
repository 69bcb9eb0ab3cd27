"""The spectrum of the Hessian, to steer by.

Climbs and paths need eigenvalues and eigenvectors at every step, and little precision: their
gradients are exact, so an error of the Hessian costs steps, not accuracy. What they arrive at is
certified with the exact Hessian (`newton`).
"""

from typing import Any

import jax.numpy as jnp
from jax import Array


def rough_spectrum(surface: Any, w: Array) -> tuple[Array, Array]:
    """Ascending eigenvalues (n,) and eigenvectors (n, n), in single precision if that is faster."""
    eigenvalues, vectors = jnp.linalg.eigh(surface.rough().hessian(w))
    return eigenvalues.astype(w.dtype), vectors.astype(w.dtype)
