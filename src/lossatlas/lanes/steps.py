"""Device calls: what the lanes of a block do in one, one after the other or all together."""

from concurrent.futures import Future
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface
from lossatlas.lanes.branches import in_lanes
from lossatlas.lanes.executables import executable
from lossatlas.lanes.packing import Packing, packed
from lossatlas.lanes.requests import Kernel

HEAD = 2
"""Numbers before the result in what a device call gives for a lane: its status, steps taken."""
ALL_STEPS = 512
"""So many vectorized lanes take all steps of their kernel in a device call."""
MANY = 512
"""Number of lanes from which on XLA may take longer to compile code that is faster."""
CHEAP = 16
"""A device call of more steps than these has cheap ones: no Hessian in each."""


def advance(
    kernel: Kernel,
    surface: Surface,
    states: Any,
    rows: Float[np.ndarray, "lanes width"],
    jobs: Packing,
    vectorized: bool,
) -> tuple[Any, Float[jax.Array, "lanes width"]]:
    """Start the fresh lanes, advance every lane by up to `kernel.steps`.

    Args:
        kernel: the method.
        surface: the function searched.
        states: of all lanes.
        rows: for each lane whether it is fresh, and then its job, packed.
        jobs: how jobs are packed.
        vectorized: whether lanes take each step together; of many they take fewer, see
            `steps_together`.

    Returns:
        States, and for each lane its status, the steps it took, and its result, packed.
    """
    if not vectorized:
        return _advance(surface, states, rows, kernel=kernel, jobs=jobs, vectorized=False)
    return code(kernel, surface, states, rows, jobs).result()(surface, states, rows)


def code(kernel: Kernel, surface: Surface, states: Any, rows: Any, jobs: Packing) -> Future[Any]:
    """The compiled code of vectorized lanes, as many as there are rows."""
    static = {"kernel": kernel, "jobs": jobs, "vectorized": True}
    device = jax.config.jax_default_device  # type: ignore[attr-defined]  # of this thread
    tried = rows.shape[0] >= MANY
    return executable(_advance, surface, states, rows, device=device, tried=tried, **static)


def steps_together(steps: int, lanes: int) -> int:
    """Steps that vectorized lanes take in a device call, of those that a few would take.

    A lane that has finished waits for the end of the call. A step takes the longer the more lanes
    there are, so many lanes take fewer steps in about the same time. Where a call has more than
    `CHEAP` steps these are so cheap that it is left as it is.

    Examples:
        >>> [steps_together(8, lanes) for lanes in (64, 1024, 2048, 8192)]
        [8, 4, 2, 1]
        >>> steps_together(100, 8192)
        100
    """
    return steps if steps > CHEAP else max(1, steps * ALL_STEPS // max(lanes, ALL_STEPS))


@partial(compiled, static_argnames=("kernel", "jobs", "vectorized"), donate_argnames="states")
def _advance(
    surface: Surface,
    states: Any,
    rows: Float[jax.Array, "lanes width"],
    *,
    kernel: Kernel,
    jobs: Packing,
    vectorized: bool,
) -> tuple[Any, Float[jax.Array, "lanes width"]]:
    run = _together if vectorized else _one_by_one
    states, taken = run(kernel, surface, states, rows, jobs)

    def row(state: Any, taken: Any) -> Any:
        return packed((state.status, taken, kernel.result(state)))

    return states, jax.vmap(row)(states, taken)


def _one_by_one(kernel: Kernel, surface: Surface, states: Any, rows: Any, jobs: Packing) -> Any:
    def lane(item):
        state, row = item
        start = partial(kernel.init, surface)
        state = jax.lax.cond(row[0] > 0, lambda: start(*jobs.unpacked(row[1:])), lambda: state)

        def unfinished(carry):
            return (carry[0].status == Status.RUNNING) & (carry[1] < kernel.steps)

        def forward(carry):
            return kernel.step(surface, carry[0]), carry[1] + 1

        return jax.lax.while_loop(unfinished, forward, (state, jnp.int32(0)))

    return jax.lax.map(lane, (states, rows))


def _together(kernel: Kernel, surface: Surface, states: Any, rows: Any, jobs: Packing) -> Any:
    start = jax.vmap(lambda row: kernel.init(surface, *jobs.unpacked(row[1:])))
    step = partial(kernel.step, surface)
    most = steps_together(kernel.steps, len(rows))
    fresh = rows[:, 0] > 0
    states = jax.lax.cond(fresh.any(), lambda: _where(fresh, start(rows), states), lambda: states)

    def unfinished(carry):
        states, _, steps = carry
        return (states.status == Status.RUNNING).any() & (steps < most)

    def forward(carry):
        states, taken, steps = carry
        running = states.status == Status.RUNNING
        new = in_lanes(step, running, states)
        return _where(running, new, states), taken + running, steps + 1

    carry = states, jnp.zeros(len(rows), jnp.int32), jnp.int32(0)
    states, taken, _ = jax.lax.while_loop(unfinished, forward, carry)
    return states, taken


def _where(lanes: Bool[jax.Array, " lanes"], new: Any, old: Any) -> Any:
    """The new states of some lanes, the old ones of the others."""

    def chosen(a, b):
        return jnp.where(lanes.reshape(lanes.shape + (1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(chosen, new, old)


@compiled
def moved(states: Any, order: Int[jax.Array, " lanes"], occupied: Bool[jax.Array, " lanes"]) -> Any:
    """The states of a block of other lanes: from which lane each comes, if it is occupied."""
    states = jax.tree.map(lambda x: x[order], states)
    idle = jnp.int32(Status.CONVERGED)
    return states._replace(status=jnp.where(occupied, states.status, idle))
