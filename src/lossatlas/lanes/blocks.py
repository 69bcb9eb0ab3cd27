"""Kernels, and the blocks of lanes that advance them on one worker; see `lanes`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from lossatlas.errors import Status


class Kernel(Protocol):
    """One iterative method; a frozen dataclass, because it is part of what is compiled."""

    @property
    def steps(self) -> int:
        """Steps a lane advances in one device call."""
        ...

    @property
    def init(self) -> Callable[..., Any]:
        """`init(surface, *job)`: state of a new search; `state.status` is a scalar int32."""
        ...

    def step(self, surface: Any, state: Any) -> Any:
        """The state after one evaluation of each kind."""
        ...

    def result(self, state: Any) -> Any:
        """What is handed back when the status is no longer RUNNING; a NamedTuple of arrays."""
        ...


@runtime_checkable
class HostCall(Protocol):
    """A method that runs to its end on the host, calling compiled functions as it likes.

    A frozen dataclass like a kernel; requested with the same `Request`.
    """

    @property
    def call(self) -> Callable[..., Any]:
        """`call(surface, *job)`: the result of one job, a NamedTuple of NumPy arrays."""
        ...


@partial(jax.jit, static_argnames=("kernel", "vectorized"), donate_argnames="states")
def advance(kernel: Kernel, surface: Any, states: Any, jobs: Any, fresh: Any, vectorized: bool):
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

    def __init__(self, position: int, search: Any, requests: int | None) -> None:
        """For the search at this position of the queue."""
        self.position, self.search = position, search
        self.single = requests is None
        self.results: list[Any] = [None] * (1 if requests is None else requests)
        self.missing = len(self.results)


class Block:
    """The lanes of one kernel on one worker: device state, and who waits for each lane.

    `taken` holds the steps each lane took in the last device call.
    """

    def __init__(self, kernel: Kernel, surface: Any, n_lanes: int, vectorized: bool) -> None:
        """All lanes empty; memory is allocated with the first job."""
        self.kernel, self.surface, self.vectorized = kernel, surface, vectorized
        self.waiting: list[tuple[Ticket, int] | None] = [None] * n_lanes
        self.states: Any = None
        self.jobs: Any = None
        self.taken: Any = None

    @property
    def room(self) -> int:
        """Lanes that are empty."""
        return len(self.waiting) - self.active

    @property
    def active(self) -> int:
        """Lanes that are occupied."""
        return sum(entry is not None for entry in self.waiting)

    def advance(self, new: Sequence[tuple[Ticket, int, tuple]]) -> list[tuple[Ticket, int, Any]]:
        """Fill empty lanes with new jobs, advance all, return the finished ones."""
        if self.states is None:
            self._allocate(new[0][2])
        fresh = np.zeros(len(self.waiting), bool)
        empty = [k for k, entry in enumerate(self.waiting) if entry is None]
        for lane, (ticket, slot, job) in zip(empty, new, strict=False):
            self.waiting[lane], fresh[lane] = (ticket, slot), True
            jax.tree.map(partial(_put, lane), self.jobs, job)
        self.states, results, self.taken = advance(
            self.kernel, self.surface, self.states, self.jobs, fresh, self.vectorized
        )
        return self._harvest(results)

    def _harvest(self, results: Any) -> list[tuple[Ticket, int, Any]]:
        results = jax.tree.map(np.asarray, results)
        status = np.asarray(self.states.status)
        finished = []
        for lane, entry in enumerate(self.waiting):
            if entry is not None and status[lane] != Status.RUNNING:
                pick = partial(_pick, lane)
                finished.append((*entry, jax.tree.map(pick, results)))
                self.waiting[lane] = None
        return finished

    def _allocate(self, job: tuple) -> None:
        n_lanes = len(self.waiting)
        job = jax.tree.map(_double, job)
        self.jobs = jax.tree.map(
            lambda x: np.zeros((n_lanes, *np.shape(x)), np.asarray(x).dtype), job
        )
        shapes = jax.eval_shape(self.kernel.init, self.surface, *job)
        finished = jax.tree.map(lambda x: jnp.zeros((n_lanes, *x.shape), x.dtype), shapes)
        idle = jnp.full(n_lanes, Status.CONVERGED, jnp.int32)
        self.states = finished._replace(status=idle)


def _pick(lane: int, array: np.ndarray) -> np.ndarray:
    return array[lane].copy()


def _double(value: Any) -> np.ndarray:
    """Real numbers as float64, whatever precision they came in."""
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _put(lane: int, buffer: np.ndarray, value: Any) -> None:
    buffer[lane] = value


class HostBlock:
    """The place of one host call on one worker: a block of one lane that finishes at once."""

    room, active, waiting = 1, 0, ()

    def __init__(self, host: HostCall, surface: Any) -> None:
        """Nothing is kept between calls."""
        self.host, self.surface = host, surface

    def advance(self, new: Sequence[tuple[Ticket, int, tuple]]) -> list[tuple[Ticket, int, Any]]:
        """Run the new jobs to their end."""
        return [(ticket, slot, self.host.call(self.surface, *job)) for ticket, slot, job in new]
