"""The full-matrix BFGS model of the inverse Hessian (Broyden, Fletcher, Goldfarb, Shanno 1970).

    H <- (1 - rho s y^T) H (1 - rho y s^T) + rho s s^T,    rho = 1 / s.y

Before the first update the matrix is rescaled to s.y / y.y (Nocedal and Wright, eq. 6.20). Pairs
without positive curvature are skipped.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Model(NamedTuple):
    """Inverse Hessian (n, n), and whether it still is the initial guess."""

    inverse: Array
    untouched: Array


def init(w: Array, guess: float) -> Model:
    """`guess` times the identity."""
    return Model(guess * jnp.eye(w.shape[0], dtype=w.dtype), jnp.asarray(True))


def update(model: Model, s: Array, y: Array) -> Model:
    """Take in one step s (n,) and its change of gradient y (n,)."""
    curvature, length = jnp.vdot(s, y), jnp.vdot(y, y)
    useful = curvature > 1e-14 * jnp.sqrt(length * jnp.vdot(s, s))
    rho = jnp.where(useful, 1.0 / jnp.where(useful, curvature, 1.0), 0.0)
    scale = jnp.where(useful, curvature / jnp.where(useful, length, 1.0), 1.0)
    eye = jnp.eye(s.shape[0], dtype=s.dtype)
    inverse = jnp.where(model.untouched & useful, scale * eye, model.inverse)
    product = inverse @ y
    correction = (1.0 + rho * jnp.vdot(y, product)) * rho * s
    inverse = inverse - rho * jnp.outer(product, s) + jnp.outer(s, correction - rho * product)
    return Model(inverse, model.untouched & ~useful)


def forget(model: Model, guess: float, really: Array) -> Model:
    """Back to `guess` times the identity, if really so."""
    eye = jnp.eye(model.inverse.shape[0], dtype=model.inverse.dtype)
    return Model(jnp.where(really, guess * eye, model.inverse), model.untouched | really)


def direction(model: Model, gradient: Array) -> Array:
    """The quasi-Newton step -H g."""
    return -(model.inverse @ gradient)
