"""The limited-memory BFGS model of the inverse Hessian.

It consists of the last m pairs of a step and the change of the gradient along it, to which the
two-loop recursion is applied (Nocedal, Math. Comput. 35, 773 (1980)). The pairs are stored in a
ring: a new pair takes the place of the oldest. Slots whose rho is zero are unused and contribute
nothing.
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
    """The model of the inverse Hessian after some steps.

    Attributes:
        s: (m, n) steps.
        y: (m, n) changes of the gradient along the steps.
        rho: (m,) 1 / s.y of each pair; zero for a slot that is not in use.
        scale: inverse curvature of directions that no pair has explored, s.y / y.y of the last
            pair.
        oldest: slot of the oldest pair.
    """

    s: Float[Array, "m n"]
    y: Float[Array, "m n"]
    rho: Float[Array, " m"]
    scale: Scalar
    oldest: Int[Array, ""]


def init(w: Float[Array, " n"], memory: int, guess: float) -> Model:
    """Return a model without pairs: `guess` times the identity.

    Args:
        w: (n,) weights, which only tell shape and type.
        memory: number of pairs that the model keeps.
        guess: inverse curvature assumed in every direction.
    """
    empty = jnp.zeros((memory, w.shape[0]), w.dtype)
    none = jnp.zeros(memory, w.dtype)
    return Model(empty, empty, none, jnp.asarray(guess, w.dtype), jnp.int32(0))


def update(model: Model, s: Float[Array, " n"], y: Float[Array, " n"]) -> Model:
    """Add a pair in place of the oldest; a pair without positive curvature is skipped.

    Args:
        model: the model.
        s: (n,) a step.
        y: (n,) change of the gradient along the step.
    """
    curvature, length = jnp.vdot(s, y), jnp.vdot(y, y)
    # A pair without positive curvature would make the model indefinite: steps could lead uphill.
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
    """Return `guess` times the identity if `really`, otherwise the model as it is."""
    # Pairs whose rho is zero contribute nothing, so they need not be erased.
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
    """Return the quasi-Newton step -H g (n,) by the two-loop recursion.

    Args:
        model: the model of the inverse Hessian H.
        gradient: (n,) the gradient g.
        inverse: `inverse(model, v)` applies the inverse Hessian that the pairs update to v (n,); by
            default `model.scale` times the identity.
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
