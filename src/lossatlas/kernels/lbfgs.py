"""The limited-memory BFGS model: the last m pairs and the two-loop recursion (Nocedal 1980).

The pairs stand in a ring: a new one takes the place of the oldest, and nothing else moves. Slots
whose rho is zero are unused and contribute nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.kernels.step_control import NO_CURVATURE
from lossatlas.typing import Scalar


class Model(NamedTuple):
    """What the last m steps have taught of the inverse Hessian.

    Attributes:
        s: (m, n) steps.
        y: (m, n) changes of the gradient.
        rho: (m,) 1 / s.y; zero for a slot that is not in use.
        scale: inverse curvature of what no pair has explored, s.y / y.y of the last one.
        oldest: slot of the oldest pair.
    """

    s: Float[Array, "m n"]
    y: Float[Array, "m n"]
    rho: Float[Array, " m"]
    scale: Scalar
    oldest: Int[Array, ""]


def init(w: Float[Array, " n"], memory: int, guess: float) -> Model:
    """No pairs yet: `guess` times the identity."""
    empty = jnp.zeros((memory, w.shape[0]), w.dtype)
    none = jnp.zeros(memory, w.dtype)
    return Model(empty, empty, none, jnp.asarray(guess, w.dtype), jnp.int32(0))


def update(model: Model, s: Float[Array, " n"], y: Float[Array, " n"]) -> Model:
    """Take in one pair, forget the oldest; pairs without positive curvature are skipped."""
    curvature, length = jnp.vdot(s, y), jnp.vdot(y, y)
    # Any other pair would make the model indefinite, and its steps could lead uphill.
    useful = curvature > NO_CURVATURE * jnp.sqrt(length * jnp.vdot(s, s))
    safe = jnp.where(useful, curvature, 1.0)
    slot = model.oldest

    def put(rows: Array, row: Array) -> Array:
        return rows.at[slot].set(jnp.where(useful, row, rows[slot]))

    return Model(
        s=put(model.s, s),
        y=put(model.y, y),
        rho=put(model.rho, 1.0 / safe),
        scale=jnp.where(useful, safe / jnp.where(useful, length, 1.0), model.scale),
        oldest=jnp.where(useful, (slot + 1) % len(model.rho), slot).astype(jnp.int32),
    )


def forget(model: Model, guess: float, really: Bool[Array, ""]) -> Model:
    """Back to `guess` times the identity, if really so. Pairs without rho contribute nothing."""
    return model._replace(
        rho=jnp.where(really, 0.0, model.rho), scale=jnp.where(really, guess, model.scale)
    )


def _scaled(model: Model, v: Float[Array, " n"]) -> Float[Array, " n"]:
    return model.scale * v


def direction(
    model: Model,
    gradient: Float[Array, " n"],
    inverse: Callable[[Model, Float[Array, " n"]], Float[Array, " n"]] = _scaled,
) -> Float[Array, " n"]:
    """The quasi-Newton step -H g by the two-loop recursion.

    `inverse(model, v)` applies to v (n,) the inverse Hessian that the pairs update; by default a
    multiple of the identity.
    """
    from_oldest = (model.oldest + jnp.arange(len(model.rho))) % len(model.rho)

    def backward(q: Array, slot: Array) -> tuple[Array, Array]:
        alpha = model.rho[slot] * jnp.vdot(model.s[slot], q)
        return q - alpha * model.y[slot], alpha

    def forward(r: Array, item: tuple[Array, Array]) -> tuple[Array, None]:
        slot, alpha = item
        return r + (alpha - model.rho[slot] * jnp.vdot(model.y[slot], r)) * model.s[slot], None

    q, alphas = jax.lax.scan(backward, gradient, from_oldest, reverse=True)
    r, _ = jax.lax.scan(forward, inverse(model, q), (from_oldest, alphas))
    return -r
