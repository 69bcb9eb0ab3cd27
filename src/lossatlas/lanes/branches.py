"""Branches that few lanes take, without the cost of computing them for all lanes.

With vectorized lanes `jax.lax.cond` computes both branches for every lane and selects one, as it
must where lanes differ. If one branch is rare, it is mostly computed although no lane takes it.
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
"""While a step of vectorized lanes is traced: whether this lane is running."""


def in_lanes(step: Callable[[Any], Any], running: Bool[jax.Array, " lanes"], states: Any) -> Any:
    """Take a step in all vectorized lanes.

    Lanes that are not running take it too, and what they return has no meaning; but they do not
    cause a rare branch to be computed.

    Args:
        step: returns the state of one lane after a step.
        running: (lanes,) whether each lane is running.
        states: the states of all lanes, with a leading axis.
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
    """Compute `jax.lax.cond(predicate, rare, usual)` for a predicate that is rarely true.

    With vectorized lanes (`in_lanes`) the rare branch is computed only if a running lane takes it.

    Args:
        predicate: whether this lane takes the rare branch.
        rare: computes the rare branch.
        usual: computes the other branch, with results of the same shapes and types. It should be
            cheap, because all lanes compute both branches if one takes the rare one.

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
