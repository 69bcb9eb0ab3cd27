"""Blocks: the lanes of one kernel on one worker.

On a CPU the lanes of a block are advanced one after the other, each by up to `steps` steps, so that
one weight vector's activations stay in cache and a finished lane costs nothing. On a GPU they are
vectorized: all take a step at a time, until each has finished or taken `steps`. There a block has
as many lanes as searches need and no more than it may have, of a few fixed numbers for which code
is compiled (`sizes`); where it runs empty the searches move to a smaller one.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface
from lossatlas.lanes.branches import in_lanes
from lossatlas.lanes.packing import Packing, packed
from lossatlas.lanes.requests import Kernel, Search

SHRINKAGE = 4
"""A block is this many times smaller than the next larger one."""
SMALLEST = 16
"""Vectorized lanes of the smallest block, unless there are fewer in all: fewer take as long."""
HEAD = 2
"""Numbers before the result in what a device call gives for a lane: its status, steps taken."""


@partial(compiled, static_argnames=("kernel", "jobs", "vectorized"), donate_argnames="states")
def advance(
    kernel: Kernel,
    surface: Surface,
    states: Any,
    rows: Float[jax.Array, "lanes width"],
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
        vectorized: whether lanes take each step together.

    Returns:
        States, and for each lane its status, the steps it took, and its result, packed.
    """
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
    fresh = rows[:, 0] > 0
    states = jax.lax.cond(fresh.any(), lambda: _where(fresh, start(rows), states), lambda: states)

    def unfinished(carry):
        states, _, steps = carry
        return (states.status == Status.RUNNING).any() & (steps < kernel.steps)

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


def sizes(lanes: int) -> tuple[int, ...]:
    """Numbers of lanes that a block may have, the largest first.

    Examples:
        >>> sizes(512), sizes(3)
        ((512, 128, 32), (3,))
    """
    found = [lanes]
    while found[-1] >= SHRINKAGE * SMALLEST:
        found.append(found[-1] // SHRINKAGE)
    return tuple(found)


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

    A device call is begun by `start`, and `finish` waits for it: between the two the host can do
    something else. `taken` holds the steps each lane took in the last device call.
    """

    def __init__(self, kernel: Kernel, surface: Surface, vectorized: bool) -> None:
        """No lanes yet."""
        self.kernel, self.surface, self.vectorized = kernel, surface, vectorized
        self.waiting: list[Job | None] = []
        self.under_way = False
        self.taken: Any = None
        self._arriving: list[Job] = []
        self._states: Any = None
        self._layout: Layout | None = None
        self._rows = np.zeros((0, 1))
        self._found: Any = None

    @property
    def active(self) -> int:
        """Lanes that are occupied."""
        return sum(entry is not None for entry in self.waiting)

    def start(self, new: Sequence[Job], lanes: int) -> None:
        """Begin a device call: fill empty lanes with new jobs, advance all.

        Args:
            new: jobs to begin, no more than there are empty lanes.
            lanes: that the block is to have, no fewer than there will be searches in it.
        """
        self._arriving = list(new)  # wherever this fails, they are not lost
        if self._layout is None:
            self._layout = layout_of(self.kernel, self.surface, new[0].arrays)
        if lanes != len(self.waiting):
            self._resize(lanes)
        self._rows[:, 0] = 0.0
        empty = [lane for lane, entry in enumerate(self.waiting) if entry is None]
        for lane, job in zip(empty, new, strict=False):
            self.waiting[lane] = job
            self._rows[lane, 0] = 1.0
            self._layout.jobs.write(self._rows[lane, 1:], job.arrays)
        self._arriving, self.under_way = [], True
        self._states, self._found = advance(
            self.kernel, self.surface, self._states, self._rows, self._layout.jobs, self.vectorized
        )

    def finish(self) -> list[Result]:
        """Wait for the device call, and give what has finished in it; its lanes are empty then."""
        assert self._layout is not None
        found = np.asarray(self._found)
        self.under_way, self._found = False, None
        self.taken = found[:, 1].astype(int)
        ended = found[:, 0] != Status.RUNNING
        finished = []
        for lane in np.flatnonzero(ended).tolist():
            job = self.waiting[lane]
            if job is not None:
                value = self._layout.results.read(found[lane, HEAD:])
                finished.append(Result(job.ticket, job.slot, value))
                self.waiting[lane] = None
        if self.vectorized and self.active == 0:
            self.abandon()  # others may need the memory
        return finished

    def abandon(self) -> list[Job]:
        """The jobs of all searches in it, which have to begin anew; nothing is left of it."""
        jobs = [job for job in self.waiting if job is not None] + self._arriving
        self.waiting, self._arriving, self.under_way = [], [], False
        self._states = self._found = None
        return jobs

    def _resize(self, lanes: int) -> None:
        """Move the searches to another number of lanes."""
        assert self._layout is not None
        kept = [lane for lane, job in enumerate(self.waiting) if job is not None]
        order = np.zeros(lanes, np.int32)
        order[: len(kept)] = kept
        if self._states is None:
            self._states = idle(lanes, self._layout)
        else:
            self._states = moved(self._states, order, np.arange(lanes) < len(kept))
        self.waiting = [self.waiting[lane] for lane in kept] + [None] * (lanes - len(kept))
        self._rows = np.zeros((lanes, 1 + self._layout.jobs.size))


class Layout(NamedTuple):
    """What a kernel holds for one landscape: jobs and results as packed, and states.

    Attributes:
        jobs, results: how they are packed.
        states: a tree of shapes and types.
    """

    jobs: Packing
    results: Packing
    states: Any


def layout_of(kernel: Kernel, surface: Surface, job: tuple[Any, ...]) -> Layout:
    """The layout for jobs like this one."""
    leaves, structure = jax.tree.flatten(
        jax.eval_shape(lambda *x: x, surface, *jax.tree.map(_double, job))
    )
    return _shapes(kernel, structure, tuple(leaves))


@lru_cache(maxsize=256)
def _shapes(kernel: Kernel, structure: Any, leaves: tuple[Any, ...]) -> Layout:
    """The layout from the shapes of surface and job: traced once, not by each worker."""
    surface, *job = jax.tree.unflatten(structure, leaves)
    states = jax.eval_shape(kernel.init, surface, *job)
    results = jax.eval_shape(kernel.result, states)
    return Layout(Packing.of(tuple(job)), Packing.of(results), states)


@partial(compiled, static_argnames=("lanes", "shapes", "structure"))
def _zeros(lanes: int, shapes: tuple[Any, ...], structure: Any) -> Any:
    """Zeros in the shapes of states, by one call."""
    arrays = [jnp.zeros((lanes, *x.shape), x.dtype) for x in shapes]
    idle = jnp.full(lanes, Status.CONVERGED, jnp.int32)
    return jax.tree.unflatten(structure, arrays)._replace(status=idle)


def idle(lanes: int, layout: Layout) -> Any:
    """States of lanes that nobody uses."""
    leaves, structure = jax.tree.flatten(layout.states)
    return _zeros(lanes, tuple(leaves), structure)


def _double(value: Any) -> np.ndarray:
    """Real numbers as float64, whatever precision they came in."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
