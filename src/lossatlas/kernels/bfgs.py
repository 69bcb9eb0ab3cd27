"""The full-matrix BFGS model of the inverse Hessian (Broyden, Fletcher, Goldfarb, Shanno 1970).

    H <- (1 - rho s y^T) H (1 - rho y s^T) + rho s s^T,    rho = 1 / s.y

H is the model of the inverse Hessian, s a step, and y the change of the gradient along it. Before
each update H is multiplied by s.y / y.H.y (Oren and Luenberger, Management Sci. 20, 845 (1974))
wherever this enlarges it, as in Al-Baali, Comput. Optim. Appl. 9, 191 (1998). A quench begins where
the loss is steep; without this scaling the matrix would keep the curvature found there in every
direction that was not explored yet, and quenches would take almost twice as many steps. An update
does not bound the matrix; the quench bounds its steps. Pairs without positive curvature are
skipped.

Where the Hessian is cheap, the model is replaced now and then by the inverse of the Hessian with
all curvatures made positive (`from_spectrum`), because one pair of vectors a step follows too
slowly how the curvature of a winding valley changes.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.kernels.step_control import NO_CURVATURE

FLATTEST = 1e-4
"""Smallest curvature taken over from a Hessian, as a part of its largest."""


def init(w: Float[Array, " n"], guess: float) -> Float[Array, "n n"]:
    """Return the first model (n, n): `guess` times the identity.

    Args:
        w: (n,) weights, which only tell shape and type.
        guess: inverse curvature assumed in every direction.
    """
    return guess * jnp.eye(w.shape[0], dtype=w.dtype)


def update(
    inverse: Float[Array, "n n"], s: Float[Array, " n"], y: Float[Array, " n"]
) -> Float[Array, "n n"]:
    """Update the model by one step.

    Args:
        inverse: (n, n) model of the inverse Hessian.
        s: (n,) the step.
        y: (n,) change of the gradient along the step.
    """
    curvature = jnp.vdot(s, y)
    # A pair without positive curvature would make the matrix indefinite: steps could lead uphill.
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
    """Return the inverse of a Hessian with all curvatures made positive.

    It vanishes along excluded modes, along which the steps of a quench have no part.

    Args:
        eigenvalues: (m,) eigenvalues of the Hessian.
        vectors: (n, m) its eigenvectors.
    """
    sizes = jnp.abs(eigenvalues)
    return (vectors / jnp.maximum(sizes, FLATTEST * sizes.max())) @ vectors.T


def forget(
    inverse: Float[Array, "n n"], guess: float, really: Bool[Array, ""]
) -> Float[Array, "n n"]:
    """Return `guess` times the identity if `really`, otherwise the model as it is."""
    return jnp.where(really, guess * jnp.eye(len(inverse), dtype=inverse.dtype), inverse)


def direction(inverse: Float[Array, "n n"], gradient: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return the quasi-Newton step -H g (n,) for a gradient g (n,)."""
    return -(inverse @ gradient)
