"""The full-matrix BFGS model of the inverse Hessian (Broyden, Fletcher, Goldfarb, Shanno 1970).

    H <- (1 - rho s y^T) H (1 - rho y s^T) + rho s s^T,    rho = 1 / s.y

Before each update H is multiplied by s.y / y.H.y (Oren and Luenberger, Management Sci. 20, 845
(1974)) wherever this enlarges it, as in Al-Baali, Comput. Optim. Appl. 9, 191 (1998): a quench
begins where the loss is steep, and without this the matrix goes on expecting such curvature in
every direction that was not yet explored; quenches take almost twice as many steps. An update does
not bound the matrix: the quench bounds its steps. Pairs without positive curvature are skipped.

Where the Hessian is cheap the model is taken from it now and then, negative curvatures turned
around: a pair of vectors a step follows too slowly how the curvature of a winding valley changes.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.kernels.step_control import NO_CURVATURE

FLATTEST = 1e-4
"""Smallest curvature taken over from a Hessian, over its largest."""


def init(w: Float[Array, " n"], guess: float) -> Float[Array, "n n"]:
    """The model is the inverse Hessian (n, n), at first `guess` times the identity."""
    return guess * jnp.eye(w.shape[0], dtype=w.dtype)


def update(
    inverse: Float[Array, "n n"], s: Float[Array, " n"], y: Float[Array, " n"]
) -> Float[Array, "n n"]:
    """Take in one step s (n,) and its change of gradient y (n,)."""
    curvature = jnp.vdot(s, y)
    # Any other pair would make the matrix indefinite, and its steps could lead uphill.
    useful = curvature > NO_CURVATURE * jnp.sqrt(jnp.vdot(y, y) * jnp.vdot(s, s))
    rho = jnp.where(useful, 1.0 / jnp.where(useful, curvature, 1.0), 0.0)
    product = inverse @ y
    expected = jnp.vdot(y, product)
    grows = useful & (expected > 0)
    scale = jnp.where(grows, jnp.maximum(1.0, curvature / jnp.where(grows, expected, 1.0)), 1.0)
    product = scale * product
    correction = (1.0 + rho * scale * expected) * rho * s
    return scale * inverse - rho * jnp.outer(product, s) + jnp.outer(s, correction - rho * product)


def from_spectrum(
    eigenvalues: Float[Array, " m"], vectors: Float[Array, "n m"]
) -> Float[Array, "n n"]:
    """The model from the eigenvalues (m,) and eigenvectors (n, m) of the Hessian.

    It has nothing along excluded modes: a quench has no part along them.
    """
    sizes = jnp.abs(eigenvalues)
    return (vectors / jnp.maximum(sizes, FLATTEST * sizes.max())) @ vectors.T


def forget(
    inverse: Float[Array, "n n"], guess: float, really: Bool[Array, ""]
) -> Float[Array, "n n"]:
    """Back to `guess` times the identity, if really so."""
    return jnp.where(really, guess * jnp.eye(len(inverse), dtype=inverse.dtype), inverse)


def direction(inverse: Float[Array, "n n"], gradient: Float[Array, " n"]) -> Float[Array, " n"]:
    """The quasi-Newton step -H g."""
    return -(inverse @ gradient)
