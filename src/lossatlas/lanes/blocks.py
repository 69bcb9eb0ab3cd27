"""Blocks: the lanes of one kernel on one worker.

On a CPU the lanes of a block are advanced one after the other, each by up to `steps` steps, so that
one weight vector's activations stay in cache and a finished lane costs nothing. On a GPU they are
vectorized: all take a step at a time, until each has finished or taken `steps`. There a block has
as many lanes as searches need and no more than it may have, of a few fixed numbers for which code
is compiled (`sizes`); where it runs empty the searches move to a smaller one.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.errors import Status
from lossatlas.landscape.base import Surface
from lossatlas.lanes.device_thread import DeviceThread
from lossatlas.lanes.executables import shape_of
from lossatlas.lanes.packing import Packing
from lossatlas.lanes.requests import Kernel, Search
from lossatlas.lanes.steps import HEAD, advance, code, moved

SHRINKAGE = 4
"""A block is this many times smaller than the next larger one."""
SMALLEST = 16
"""Vectorized lanes of the smallest block, unless there are fewer in all: fewer take as long."""


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
    something else.

    Args:
        kernel: the method.
        surface: the function searched.
        calls: makes its device calls.
        vectorized: whether lanes take each step together.
        ahead: numbers of lanes for which code is compiled as soon as there is a first job, the
            smallest first.

    Attributes:
        waiting: the job of each lane; None where it is empty.
        active: lanes that are occupied.
        oldest: the position of the oldest search in it; None if it is empty.
        under_way: whether a device call is.
        there: whether the code of the last device call was compiled ahead, before the call.
        taken: the steps each lane took in the last device call.
    """

    def __init__(
        self,
        kernel: Kernel,
        surface: Surface,
        calls: DeviceThread,
        vectorized: bool,
        ahead: Sequence[int] = (),
    ) -> None:
        """No lanes yet."""
        self.kernel, self.surface, self.vectorized = kernel, surface, vectorized
        self.waiting: list[Job | None] = []
        self.active, self.oldest = 0, None
        self.under_way = self.there = False
        self.taken: Any = None
        self.ahead = ahead
        self._calls = calls
        self._codes: dict[int, Future[Any]] = {}
        self._example: tuple[Any, ...] = ()
        self._arriving: list[Job] = []
        self._states: Any = None
        self._layout: Layout | None = None
        self._rows = np.zeros((0, 1))
        self._found: Future[Any] | None = None

    def start(self, new: Sequence[Job], lanes: int) -> None:
        """Begin a device call: fill empty lanes with new jobs, advance all.

        Args:
            new: jobs to begin, no more than there are empty lanes.
            lanes: that the block is to have, no fewer than there will be searches in it.
        """
        self._arriving = list(new)  # wherever this fails, they are not lost
        if self._layout is None:
            self._example = new[0].arrays
            self._layout = layout_of(self.kernel, self.surface, self._example)
            self._codes = codes(self.kernel, self.surface, self._example, self.ahead)
        move = self._resized(lanes) if lanes != len(self.waiting) else None
        self._rows[:, 0] = 0.0
        empty = [lane for lane, entry in enumerate(self.waiting) if entry is None] if new else []
        for lane, job in zip(empty, new, strict=False):
            self.waiting[lane] = job
            self._rows[lane, 0] = 1.0
            self._layout.jobs.write(self._rows[lane, 1:], job.arrays)
        self._arriving, self.under_way, self.there = [], True, self.ready(lanes)
        self._count()
        self._found = self._calls.begin(partial(self._advanced, self._layout, move))

    def ready(self, lanes: int) -> bool:
        """Whether code for so many lanes was compiled ahead, and is there.

        If it is for a number of lanes that blocks have only since the memory ran out, it is being
        compiled from now on.
        """
        if self._codes and lanes not in self._codes:
            self._codes |= codes(self.kernel, self.surface, self._example, (lanes,))
        code = self._codes.get(lanes)
        return code is not None and code.done() and code.exception() is None

    def begun(self) -> None:
        """Wait until its device call is made; whether it failed says `finish`."""
        if self._found is not None:
            self._found.exception()

    def finish(self) -> list[Result]:
        """Wait for the device call, and give what has finished in it; its lanes are empty then."""
        assert self._layout is not None
        assert self._found is not None
        found = self._found.result()
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
        self._count()
        if self.vectorized and self.active == 0:
            self.abandon()  # others may need the memory
        return finished

    def abandon(self) -> list[Job]:
        """The jobs of all searches in it, which have to begin anew; nothing is left of it."""
        jobs = [job for job in self.waiting if job is not None] + self._arriving
        self.waiting, self._arriving, self.under_way = [], [], False
        self._states = self._found = None
        self._count()
        return jobs

    def _advanced(self, layout: "Layout", move: tuple[Any, Any] | None) -> np.ndarray:
        """Make the device call; what it gives for each lane, on the host."""
        states = self._states
        if move is not None:
            states = idle(len(self._rows), layout) if states is None else moved(states, *move)
        self._states, found = advance(
            self.kernel, self.surface, states, self._rows, layout.jobs, self.vectorized
        )
        return np.asarray(found)

    def _count(self) -> None:
        positions = [job.ticket.position for job in self.waiting if job is not None]
        self.active, self.oldest = len(positions), min(positions, default=None)

    def _resized(self, lanes: int) -> tuple[np.ndarray, np.ndarray]:
        """Have another number of lanes: from which one each comes, and whether it is occupied."""
        assert self._layout is not None
        kept = [lane for lane, job in enumerate(self.waiting) if job is not None]
        order = np.zeros(lanes, np.int32)
        order[: len(kept)] = kept
        self.waiting = [self.waiting[lane] for lane in kept] + [None] * (lanes - len(kept))
        self._rows = np.zeros((lanes, 1 + self._layout.jobs.size))
        return order, np.arange(lanes) < len(kept)


class Layout(NamedTuple):
    """What a kernel holds for one landscape: jobs and results as packed, and states.

    Attributes:
        jobs, results: how they are packed.
        states: a tree of shapes and types.
    """

    jobs: Packing
    results: Packing
    states: Any


def codes(
    kernel: Kernel, surface: Surface, job: tuple[Any, ...], numbers: Sequence[int]
) -> dict[int, Future[Any]]:
    """Return the code of vectorized lanes for jobs like this one, by the number of lanes.

    What is not compiled yet is being compiled from now on, for the device of this thread.
    """
    layout, found = layout_of(kernel, surface, job), {}
    for lanes in numbers:
        states = jax.tree.map(partial(_repeated, lanes), layout.states)
        rows = jax.ShapeDtypeStruct((lanes, 1 + layout.jobs.size), np.float64)
        found[lanes] = code(kernel, surface, states, rows, layout.jobs)
    return found


def layout_of(kernel: Kernel, surface: Surface, job: tuple[Any, ...]) -> Layout:
    """The layout for jobs like this one."""
    held = jax.tree.map(shape_of, (surface, *jax.tree.map(_double, job)))
    leaves, structure = jax.tree.flatten(held)
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


def _repeated(lanes: int, x: Any) -> Any:
    """The shape of an array for each lane."""
    return jax.ShapeDtypeStruct((lanes, *x.shape), x.dtype)


def idle(lanes: int, layout: Layout) -> Any:
    """States of lanes that nobody uses."""
    leaves, structure = jax.tree.flatten(layout.states)
    return _zeros(lanes, tuple(leaves), structure)


def _double(value: Any) -> np.ndarray:
    """Real numbers as float64, whatever precision they came in."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
