"""Lanes: thousands of searches in flight, a finished lane refilled at once.

An iterative method is a *kernel*: `init(surface, *job)` makes the state of one search, `step`
advances it by exactly one evaluation of each kind it uses, and `state.status` says when it is
finished. Trials of a line search or rejected steps are steps like any other, so nothing in a batch
waits for an inner loop of somebody else.

A *search* is a generator: it yields `Request`s (a kernel and one job for it, or a sequence of
them), receives their results, and returns what it found. It reads like the method in the paper;
the `Engine` runs any number of searches at once, collects the requests for each kernel, and
advances them in lanes: a lane that finishes is harvested and refilled from the queue in the same
device call that advances the others.

On a CPU the lanes of a block are advanced one after the other, each by up to `steps` steps, so that
one weight vector's activations stay in cache and a finished lane costs nothing; one worker thread a
core keeps all cores busy (compiled code releases the interpreter lock). On a GPU the lanes of a
block are vectorized and one worker feeds the device.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

from lossatlas.errors import Status


class Kernel(Protocol):
    """One iterative method; a frozen dataclass, because it is part of what is compiled."""

    @property
    def steps(self) -> int:
        """Steps a lane advances in one device call."""
        ...

    def init(self, surface: Any, *job: jax.Array) -> Any:
        """State of a new search; `state.status` is a scalar int32."""
        ...

    def step(self, surface: Any, state: Any) -> Any:
        """The state after one evaluation."""
        ...

    def result(self, state: Any) -> Any:
        """What is handed back when the status is no longer RUNNING; a NamedTuple of arrays."""
        ...


class Request(NamedTuple):
    """One job for a kernel: its arrays as `Kernel.init` takes them, without a batch axis."""

    kernel: Kernel
    job: tuple[Any, ...]


Search: TypeAlias = Generator[Request | Sequence[Request], Any, Any]


class Failure(NamedTuple):
    """A search that raised: the exception, to be raised again where the results are read."""

    error: BaseException


def running() -> jax.Array:
    """The status of a search that has not finished."""
    return jnp.asarray(Status.RUNNING, jnp.int32)


@partial(jax.jit, static_argnames=("kernel", "vectorized"), donate_argnames="states")
def advance(kernel: Kernel, surface: Any, states: Any, jobs: Any, fresh: Any, vectorized: bool):
    """Start the fresh lanes, advance every lane by up to `kernel.steps`; (states, results)."""

    def lane(item):
        state, job, is_new = item
        state = jax.lax.cond(is_new, lambda: kernel.init(surface, *job), lambda: state)

        def unfinished(carry):
            return (carry[0].status == Status.RUNNING) & (carry[1] < kernel.steps)

        def forward(carry):
            return kernel.step(surface, carry[0]), carry[1] + 1

        return jax.lax.while_loop(unfinished, forward, (state, jnp.int32(0)))[0]

    items = (states, jobs, fresh)
    states = jax.vmap(lane)(items) if vectorized else jax.lax.map(lane, items)
    return states, jax.vmap(kernel.result)(states)


class _Ticket:
    """A search that waits for the results of one or several requests."""

    def __init__(self, position: int, search: Search, requests: Any) -> None:
        self.position, self.search = position, search
        self.single = isinstance(requests, Request)
        self.results: list[Any] = [None] * (1 if self.single else len(requests))
        self.missing = len(self.results)


class _Block:
    """The lanes of one kernel on one worker: device state, and who waits for each lane."""

    def __init__(self, kernel: Kernel, surface: Any, n_lanes: int, vectorized: bool) -> None:
        self.kernel, self.surface, self.vectorized = kernel, surface, vectorized
        self.waiting: list[tuple[_Ticket, int] | None] = [None] * n_lanes
        self.states: Any = None
        self.jobs: list[np.ndarray] = []

    @property
    def active(self) -> int:
        return sum(entry is not None for entry in self.waiting)

    def advance(self, new: Sequence[tuple[_Ticket, int, tuple]]) -> list[tuple[_Ticket, int, Any]]:
        """Fill empty lanes with new jobs, advance all, return the finished ones."""
        if self.states is None:
            self._allocate(new[0][2])
        fresh = np.zeros(len(self.waiting), bool)
        empty = [k for k, entry in enumerate(self.waiting) if entry is None]
        for lane, (ticket, slot, job) in zip(empty, new, strict=False):
            self.waiting[lane], fresh[lane] = (ticket, slot), True
            for buffer, value in zip(self.jobs, job, strict=True):
                buffer[lane] = value
        self.states, results = advance(
            self.kernel, self.surface, self.states, tuple(self.jobs), fresh, self.vectorized
        )
        return self._harvest(results)

    def _harvest(self, results: Any) -> list[tuple[_Ticket, int, Any]]:
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
        self.jobs = [np.zeros((n_lanes, *np.shape(x)), np.asarray(x).dtype) for x in job]
        shapes = jax.eval_shape(self.kernel.init, self.surface, *job)
        finished = jax.tree.map(lambda x: jnp.zeros((n_lanes, *x.shape), x.dtype), shapes)
        idle = jnp.full(n_lanes, Status.CONVERGED, jnp.int32)
        self.states = finished._replace(status=idle)


def _pick(lane: int, array: np.ndarray) -> np.ndarray:
    return array[lane].copy()


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the function searched, a pytree with `energy`, `value_and_gradient`, `hessian`.
        lanes: lanes a kernel has on each worker; default 4 on a CPU, 256 on a GPU.
        workers: worker threads; default one a core on a CPU, one on a GPU.

    Example:
        >>> engine = Engine(landscape.surface)                       # doctest: +SKIP
        >>> for position, found in engine.run(searches): ...         # doctest: +SKIP
    """

    def __init__(self, surface: Any, lanes: int | None = None, workers: int | None = None) -> None:
        self.surface = surface
        self.on_cpu = jax.default_backend() == "cpu"
        self.lanes = lanes or (4 if self.on_cpu else 256)
        self.workers = workers or (available_cores() if self.on_cpu else 1)

    @contextmanager
    def session(self, stop: Callable[[], bool] = lambda: False) -> Iterator["Session"]:
        """Open the workers; searches may be submitted while others run.

        `stop` is asked between device calls; when it says True the searches still in flight are
        dropped.
        """
        with threadpool_limits(1, user_api="blas"):
            session = Session(self, stop)
            try:
                yield session
            finally:
                session.close()

    def run(self, searches: Iterable[Search]) -> Iterator[tuple[int, Any]]:
        """Yield (position, what the search returned) as searches finish.

        An exception inside a search is raised here.
        """
        with self.session() as session:
            for search in searches:
                session.submit(search)
            session.no_more()
            yield from session.results()


def available_cores() -> int:
    """Cores this process may use (a batch system may grant fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Session:
    """The workers of an engine, the queues between them, and the searches in flight."""

    def __init__(self, engine: Engine, stop: Callable[[], bool]) -> None:
        """`Engine.session` calls this."""
        self.engine, self.stop = engine, stop
        self.waiting_room: deque[tuple[int, Search]] = deque()
        self.queues: dict[Kernel, deque[tuple[_Ticket, int, tuple]]] = {}
        self.lock = threading.Condition()
        self.done: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self.seen: set[Kernel] = set()
        self.compiling: set[Kernel] = set()
        self.submitted = self.in_flight = 0
        self.complete = self.closed = False
        self.threads = [
            threading.Thread(target=self._work, name=f"lanes-{k}", daemon=True)
            for k in range(engine.workers)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, search: Search) -> int:
        """Queue a search; its position, counted from 0."""
        with self.lock:
            position = self.submitted
            self.submitted += 1
            self.waiting_room.append((position, search))
            self.lock.notify_all()
        return position

    def no_more(self) -> None:
        """Nothing will be submitted any more: `results` ends when all have finished."""
        with self.lock:
            self.complete = True
            self.lock.notify_all()

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield (position, what the search returned) as searches finish."""
        alive = len(self.threads)
        while alive:
            item = self.done.get()
            if item is None:
                alive -= 1
            elif isinstance(item[1], Failure):
                raise item[1].error
            else:
                yield item

    def close(self) -> None:
        """Drop what is in flight and end the workers."""
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        for thread in self.threads:
            thread.join()

    def _admit(self) -> None:
        """Start searches until every lane of every worker has two in reserve (lock held)."""
        enough = 3 * self.engine.lanes * self.engine.workers
        while self.waiting_room and self.in_flight < enough:
            position, search = self.waiting_room.popleft()
            self.in_flight += 1
            self._resume(position, search, None)

    def _resume(self, position: int, search: Search, value: Any) -> None:
        """Hand a search its results and queue what it asks for next (lock held)."""
        try:
            requests = search.send(value)
        except StopIteration as end:
            self.in_flight -= 1
            self.done.put((position, end.value))
            return
        except BaseException as error:
            self.in_flight -= 1
            self.done.put((position, Failure(error)))
            return
        ticket = _Ticket(position, search, requests)
        each = [requests] if isinstance(requests, Request) else requests
        for slot, (kernel, job) in enumerate(each):
            self.queues.setdefault(kernel, deque()).append((ticket, slot, job))

    def _deliver(self, ticket: _Ticket, slot: int, result: Any) -> None:
        ticket.results[slot] = result
        ticket.missing -= 1
        if ticket.missing == 0:
            value = ticket.results[0] if ticket.single else ticket.results
            self._resume(ticket.position, ticket.search, value)

    def _work(self) -> None:
        blocks: dict[Kernel, _Block] = {}
        try:
            with jax.enable_x64(True):
                while (task := self._next_task(blocks)) is not None:
                    kernel, new = task
                    finished = blocks[kernel].advance(new)
                    with self.lock:
                        self.compiling.discard(kernel)
                        for ticket, slot, result in finished:
                            self._deliver(ticket, slot, result)
                        self.lock.notify_all()
        except BaseException as error:
            self.done.put((-1, Failure(error)))
            with self.lock:
                self.closed = True
                self.lock.notify_all()
        finally:
            self.done.put(None)

    def _next_task(self, blocks: dict[Kernel, _Block]) -> tuple[Kernel, list] | None:
        """The kernel with most work for this worker, and new jobs for its empty lanes."""
        with self.lock:
            while True:
                if self.closed or self.stop():
                    return None
                self._admit()
                for kernel in self.queues:
                    if kernel not in blocks:
                        blocks[kernel] = self._block(kernel)
                work = {k: b.active + len(self.queues.get(k, ())) for k, b in blocks.items()}
                work = {k: amount for k, amount in work.items() if k not in self.compiling}
                if work and max(work.values()) > 0:
                    kernel = max(work, key=lambda k: work[k])
                    if kernel not in self.seen:
                        # One worker compiles a kernel; meanwhile the others do something else.
                        self.seen.add(kernel)
                        self.compiling.add(kernel)
                    queue = self.queues.get(kernel, deque())
                    free = self.engine.lanes - blocks[kernel].active
                    share = -(-len(queue) // self.engine.workers)
                    take = min(free, max(share, 1 if blocks[kernel].active == 0 else 0), len(queue))
                    return kernel, [queue.popleft() for _ in range(take)]
                if self.in_flight == 0 and self.complete and not self.waiting_room:
                    return None
                self.lock.wait(timeout=0.5)

    def _block(self, kernel: Kernel) -> _Block:
        engine = self.engine
        return _Block(kernel, engine.surface, engine.lanes, not engine.on_cpu)
