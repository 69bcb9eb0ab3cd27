"""Branches that few lanes take, for which not all of them pay.

`jax.lax.cond` of vectorized lanes computes both branches for every lane, and selects. That is what
it has to do where lanes differ. But where one branch is rare it is mostly computed for nobody.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Bool

LANES = "lanes"
"""Name of the axis of vectorized lanes."""


def rarely(
    predicate: Bool[jax.Array, ""], rare: Callable[[], Any], usual: Callable[[], Any]
) -> Any:
    """`jax.lax.cond(predicate, rare, usual)`, for a predicate that is rarely true.

    Of vectorized lanes the rare branch is computed only if at least one of them takes it.

    Args:
        predicate: whether this lane takes the rare branch.
        rare: the rare branch.
        usual: the other one, with results of the same shapes and types; it should cost little, as
            lanes beside one that takes the rare branch compute both.

    Examples:
        >>> def root(x):
        ...     return rarely(x < 0, lambda: jnp.sqrt(-x), lambda: jnp.sqrt(x))
        >>> root(jnp.asarray(-4.0)).item()
        2.0
        >>> jax.vmap(root, axis_name=LANES)(jnp.array([-1.0, 9.0])).tolist()
        [1.0, 3.0]
    """
    if not _vectorized():
        return jax.lax.cond(predicate, rare, usual)

    def both() -> Any:
        return jax.tree.map(lambda a, b: jnp.where(predicate, a, b), rare(), usual())

    some = jax.lax.pmax(predicate.astype(jnp.int32), LANES) > 0
    return jax.lax.cond(some, both, usual)


def _vectorized() -> bool:
    """Whether this is traced for vectorized lanes."""
    try:
        jax.lax.axis_size(LANES)
    except NameError:
        return False
    return True
