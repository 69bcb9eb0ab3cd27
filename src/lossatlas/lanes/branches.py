"""Branches that few lanes take, for which not all of them pay.

`jax.lax.cond` of vectorized lanes computes both branches for every lane, and selects. That is what
it has to do where lanes differ. But where one branch is rare it is mostly computed for nobody.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Bool


def rarely(
    predicate: Bool[jax.Array, ""],
    rare: Callable[..., Any],
    usual: Callable[..., Any],
    *operands: Any,
) -> Any:
    """`jax.lax.cond(predicate, rare, usual, *operands)`, for a predicate that is rarely true.

    Of vectorized lanes the rare branch is computed only if at least one of them takes it.

    Args:
        predicate: whether this lane takes the rare branch.
        rare: function of the operands.
        usual: the other one, with results of the same shapes and types; it should cost little, as
            lanes beside one that takes the rare branch compute both.
        operands: trees of arrays. The functions must not use traced values from elsewhere.

    Examples:
        >>> def root(x):
        ...     return rarely(x < 0, lambda x: jnp.sqrt(-x), lambda x: jnp.sqrt(x), x)
        >>> root(jnp.asarray(-4.0)).item(), jax.vmap(root)(jnp.array([-1.0, 9.0])).tolist()
        (2.0, [1.0, 3.0])
    """

    @custom_vmap
    def branch(predicate: Any, operands: Any) -> Any:
        return jax.lax.cond(predicate, rare, usual, *operands)

    @branch.def_vmap
    def branches(lanes: int, batched: Any, predicate: Any, operands: Any) -> Any:
        axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, batched[1])
        some = jnp.broadcast_to(predicate, (lanes,))

        def both() -> Any:
            taken, other = (
                jax.vmap(function, in_axes=axes, axis_size=lanes)(*operands)
                for function in (rare, usual)
            )
            return jax.tree.map(lambda a, b: jnp.where(_aligned(some, a), a, b), taken, other)

        def one() -> Any:
            return jax.vmap(usual, in_axes=axes, axis_size=lanes)(*operands)

        result = jax.lax.cond(some.any(), both, one)
        return result, jax.tree.map(lambda _: True, result)

    return branch(predicate, operands)


def _aligned(lanes: jax.Array, like: jax.Array) -> jax.Array:
    """One number a lane, with axes of length one for the others that `like` has."""
    return lanes.reshape(lanes.shape + (1,) * (like.ndim - 1))
