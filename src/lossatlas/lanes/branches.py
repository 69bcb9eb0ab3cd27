"""Branches that few lanes take, for which not all of them pay.

`jax.lax.cond` of vectorized lanes computes both branches for every lane, and selects. That is what
it has to do where lanes differ. But where one branch is rare it is mostly computed for nobody.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Bool

LANES = "lanes"
"""Name of the axis of vectorized lanes."""

_running: ContextVar[Any] = ContextVar("running")
"""While vectorized lanes are traced: whether this lane is at work."""


def in_lanes(step: Callable[[Any], Any], running: Bool[jax.Array, " lanes"], states: Any) -> Any:
    """A step of vectorized lanes. What those that are not running make of it does not count, and
    they ask for no rare branch.

    Args:
        step: of one lane.
        running: which lanes are at work.
        states: of all lanes.
    """

    def lane(running: Any, state: Any) -> Any:
        token = _running.set(running)
        try:
            return step(state)
        finally:
            _running.reset(token)

    return jax.vmap(lane, axis_name=LANES)(running, states)


def rarely(
    predicate: Bool[jax.Array, ""], rare: Callable[[], Any], usual: Callable[[], Any]
) -> Any:
    """`jax.lax.cond(predicate, rare, usual)`, for a predicate that is rarely true.

    Of vectorized lanes (`in_lanes`) the rare branch is computed only if one at work takes it.

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
        >>> in_lanes(root, jnp.array([True, True]), jnp.array([-1.0, 9.0])).tolist()
        [1.0, 3.0]
    """
    running = _running.get(None)
    if running is None:
        return jax.lax.cond(predicate, rare, usual)

    def both() -> Any:
        return jax.tree.map(lambda a, b: jnp.where(predicate, a, b), rare(), usual())

    some = jax.lax.pmax((predicate & running).astype(jnp.int32), LANES) > 0
    return jax.lax.cond(some, both, usual)
