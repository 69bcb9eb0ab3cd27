"""Blocks: the lanes of one kernel on one worker.

On a CPU the lanes of a block are advanced one after the other, each by up to `steps` steps, so that
one weight vector's activations stay in cache and a finished lane costs nothing. On a GPU they are
vectorized.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface
from lossatlas.lanes.requests import Kernel, Search


@partial(compiled, static_argnames=("kernel", "vectorized"), donate_argnames="states")
def advance(kernel: Kernel, surface: Surface, states: Any, jobs: Any, fresh: Any, vectorized: bool):
    """Start the fresh lanes, advance every lane by up to `kernel.steps`.

    Returns states, results, and how many steps each lane took.
    """

    def lane(item):
        state, job, is_new = item
        state = jax.lax.cond(is_new, lambda: kernel.init(surface, *job), lambda: state)

        def unfinished(carry):
            return (carry[0].status == Status.RUNNING) & (carry[1] < kernel.steps)

        def forward(carry):
            return kernel.step(surface, carry[0]), carry[1] + 1

        return jax.lax.while_loop(unfinished, forward, (state, jnp.int32(0)))

    items = (states, jobs, fresh)
    states, taken = jax.vmap(lane)(items) if vectorized else jax.lax.map(lane, items)
    return states, jax.vmap(kernel.result)(states), taken


class Ticket:
    """A search that waits for the results of one request (None) or of several."""

    def __init__(self, position: int, search: Search, requests: int | None) -> None:
        """For the search at this position of the queue."""
        self.position, self.search = position, search
        self.single = requests is None
        self.results: list[Any] = [None] * (1 if requests is None else requests)
        self.missing = len(self.results)
        self.dropped = False

    def deliver(self, slot: int, value: Any) -> bool:
        """Note one result; whether it was the last that was missing."""
        self.results[slot] = value
        self.missing -= 1
        return self.missing == 0

    @property
    def value(self) -> Any:
        """What the search is to be handed."""
        return self.results[0] if self.single else self.results


class Job(NamedTuple):
    """One request of a search: for whom its result is, and in which place of several."""

    ticket: Ticket
    slot: int
    arrays: tuple[Any, ...]


class Result(NamedTuple):
    """What came of a job."""

    ticket: Ticket
    slot: int
    value: Any


class Block:
    """The lanes of one kernel on one worker: device state, and who waits for each lane.

    `taken` holds the steps each lane took in the last device call.
    """

    def __init__(self, kernel: Kernel, surface: Surface, n_lanes: int, vectorized: bool) -> None:
        """All lanes empty; memory is allocated with the first job."""
        self.kernel, self.surface, self.vectorized = kernel, surface, vectorized
        self.waiting: list[Job | None] = [None] * n_lanes
        self.states: Any = None
        self.jobs: Any = None
        self.buffers: list[np.ndarray] = []
        self.taken: Any = None

    @property
    def active(self) -> int:
        """Lanes that are occupied."""
        return sum(entry is not None for entry in self.waiting)

    def advance(self, new: Sequence[Job]) -> list[Result]:
        """Fill empty lanes with new jobs, advance all, return the finished ones."""
        if self.states is None:
            self._allocate(new[0].arrays)
        fresh = np.zeros(len(self.waiting), bool)
        empty = [lane for lane, entry in enumerate(self.waiting) if entry is None]
        for lane, job in zip(empty, new, strict=False):
            self.waiting[lane], fresh[lane] = job, True
            for buffer, value in zip(self.buffers, jax.tree.leaves(job.arrays), strict=True):
                buffer[lane] = value
        self.states, results, self.taken = advance(
            self.kernel, self.surface, self.states, self.jobs, fresh, self.vectorized
        )
        return self._harvest(results)

    def _harvest(self, results: Any) -> list[Result]:
        status = np.asarray(self.states.status).tolist()
        ended = [
            (lane, job)
            for lane, job in enumerate(self.waiting)
            if job is not None and status[lane] != Status.RUNNING
        ]
        if not ended:
            return []
        leaves, structure = jax.tree.flatten(results)
        arrays = [np.asarray(leaf) for leaf in leaves]
        finished = []
        for lane, job in ended:
            value = jax.tree.unflatten(structure, [array[lane].copy() for array in arrays])
            finished.append(Result(job.ticket, job.slot, value))
            self.waiting[lane] = None
        return finished

    def _allocate(self, job: tuple) -> None:
        n_lanes = len(self.waiting)
        job = jax.tree.map(_double, job)
        self.jobs = jax.tree.map(lambda x: np.zeros((n_lanes, *x.shape), x.dtype), job)
        self.buffers = jax.tree.leaves(self.jobs)
        leaves, structure = jax.tree.flatten(jax.eval_shape(lambda *x: x, self.surface, *job))
        shapes = _state_shapes(self.kernel, structure, tuple(leaves))
        finished = jax.tree.map(lambda x: jnp.zeros((n_lanes, *x.shape), x.dtype), shapes)
        idle = jnp.full(n_lanes, Status.CONVERGED, jnp.int32)
        self.states = finished._replace(status=idle)


@lru_cache(maxsize=256)
def _state_shapes(kernel: Kernel, structure: Any, leaves: tuple[Any, ...]) -> Any:
    """Shapes of the state of a kernel, from those of surface and job: traced once, not by each
    worker."""
    return jax.eval_shape(kernel.init, *jax.tree.unflatten(structure, leaves))


def _double(value: Any) -> np.ndarray:
    """Real numbers as float64, whatever precision they came in."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
