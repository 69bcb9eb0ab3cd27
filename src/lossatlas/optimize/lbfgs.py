"""The limited-memory BFGS model: the last m pairs and the two-loop recursion (Nocedal 1980).

The pairs are kept newest first; unused slots are zero and contribute nothing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Model(NamedTuple):
    """Steps (m, n) and gradient changes (m, n), newest first; 1/s.y (m,); initial scale."""

    s: Array
    y: Array
    rho: Array
    scale: Array


def init(w: Array, memory: int, guess: float) -> Model:
    """No pairs yet: `guess` times the identity."""
    empty = jnp.zeros((memory, w.shape[0]), w.dtype)
    return Model(empty, empty, jnp.zeros(memory, w.dtype), jnp.asarray(guess, w.dtype))


def update(model: Model, s: Array, y: Array) -> Model:
    """Take in one pair, forget the oldest; pairs without positive curvature are skipped."""
    curvature, length = jnp.vdot(s, y), jnp.vdot(y, y)
    useful = curvature > 1e-14 * jnp.sqrt(length * jnp.vdot(s, s))
    safe = jnp.where(useful, curvature, 1.0)
    pushed = Model(
        s=jnp.concatenate([s[None], model.s[:-1]]),
        y=jnp.concatenate([y[None], model.y[:-1]]),
        rho=jnp.concatenate([(1.0 / safe)[None], model.rho[:-1]]),
        scale=safe / jnp.where(useful, length, 1.0),
    )
    return jax.tree.map(lambda new, old: jnp.where(useful, new, old), pushed, model)


def direction(model: Model, gradient: Array) -> Array:
    """The quasi-Newton step -H g by the two-loop recursion."""

    def backward(q, pair):
        s, y, rho = pair
        alpha = rho * jnp.vdot(s, q)
        return q - alpha * y, alpha

    def forward(r, item):
        s, y, rho, alpha = item
        return r + (alpha - rho * jnp.vdot(y, r)) * s, None

    pairs = (model.s, model.y, model.rho)
    q, alphas = jax.lax.scan(backward, gradient, pairs)
    r, _ = jax.lax.scan(forward, model.scale * q, (*pairs, alphas), reverse=True)
    return -r
