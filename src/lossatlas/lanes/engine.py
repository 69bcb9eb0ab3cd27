"""Lanes: thousands of searches in flight, a finished lane refilled at once.

An iterative method is a *kernel*: `init(surface, *job)` makes the state of one search, `step`
advances it by exactly one evaluation of each kind it uses, and `state.status` says when it is
finished. Trials of a line search or rejected steps are steps like any other, so nothing in a batch
waits for an inner loop of somebody else. (Exceptions: the few gradients after each Hessian of a
polish and of a climb.)

A *search* is a generator: it yields `Request`s (a kernel and one job for it, or a sequence of
them), receives their results, and returns what it found. A long one may hand over what it has
before it ends, by yielding it as `Found`. It reads like the method in the paper; the `Engine` runs
any number of searches at once, collects the requests for each kernel, and advances them in lanes: a
lane that finishes is harvested and refilled from the queue in the same device call that advances
the others.

On a CPU the lanes of a block are advanced one after the other, each by up to `steps` steps, so that
one weight vector's activations stay in cache and a finished lane costs nothing; one worker thread a
core keeps all cores busy (compiled code releases the interpreter lock). There one lane of a kernel
is enough, and the first search is done first. On a GPU the lanes of a block are vectorized and one
worker feeds the device.

Some methods do not fit this frame, such as SciPy's eigensolvers with their own loops. They are
*host calls*: a worker thread runs one as an ordinary function, and its result is delivered like any
other.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from threadpoolctl import threadpool_limits

from lossatlas.errors import Status
from lossatlas.lanes.blocks import Block, HostBlock, HostCall, Kernel, Ticket


class Request(NamedTuple):
    """One job for a kernel or host call: its arrays (or pytrees of them), without a batch axis."""

    kernel: Kernel | HostCall
    job: tuple[Any, ...]


class Found(NamedTuple):
    """A result that a search yields before its last one, which it returns."""

    result: Any


Search: TypeAlias = Generator[Request | Sequence[Request] | Found, Any, Any]


class Failure(NamedTuple):
    """A search that raised: the exception, to be raised again where the results are read."""

    error: BaseException


def running() -> jax.Array:
    """The status of a search that has not finished."""
    return jnp.asarray(Status.RUNNING, jnp.int32)


Blocks: TypeAlias = dict[Kernel | HostCall, Block | HostBlock]


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the function searched, see `lossatlas.landscape.base.Surface`.
        lanes: lanes a kernel has on each worker; default 1 on a CPU, 256 on a GPU.
        workers: worker threads; default one a core on a CPU, one on a GPU.

    Example:
        >>> engine = Engine(landscape.surface)                       # doctest: +SKIP
        >>> for position, found in engine.run(searches): ...         # doctest: +SKIP
    """

    def __init__(self, surface: Any, lanes: int | None = None, workers: int | None = None) -> None:
        """Choose lanes and workers; nothing runs yet."""
        self.surface = surface
        self.on_cpu = jax.default_backend() == "cpu"
        self.lanes = lanes or (1 if self.on_cpu else 256)
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
        """Yield (position, result) as searches find them, and what they return as the last.

        An exception inside a search is raised here.
        """
        with self.session() as session:
            for search in searches:
                session.submit(search)
            session.no_more()
            for position, result in session.results():
                yield position, result.result if isinstance(result, Found) else result


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
        self.queues: dict[Kernel | HostCall, deque[tuple[Ticket, int, tuple]]] = {}
        self.lock = threading.Condition()
        self.done: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self.seen: set[Kernel | HostCall] = set()
        self.compiling: set[Kernel | HostCall] = set()
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
        """Yield (position, what the search returned or handed over as `Found`) as they come."""
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
            while isinstance(requests := search.send(value), Found):
                self.done.put((position, requests))
                value = None
        except StopIteration as end:
            self.in_flight -= 1
            self.done.put((position, end.value))
            return
        except BaseException as error:
            self.in_flight -= 1
            self.done.put((position, Failure(error)))
            return
        single = isinstance(requests, Request)
        each = [requests] if single else requests
        if not each:
            self._resume(position, search, [])
            return
        ticket = Ticket(position, search, None if single else len(each))
        for slot, (kernel, job) in enumerate(each):
            self.queues.setdefault(kernel, deque()).append((ticket, slot, job))

    def _deliver(self, ticket: Ticket, slot: int, result: Any) -> None:
        ticket.results[slot] = result
        ticket.missing -= 1
        if ticket.missing == 0:
            value = ticket.results[0] if ticket.single else ticket.results
            self._resume(ticket.position, ticket.search, value)

    def _work(self) -> None:
        blocks: Blocks = {}
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

    def _next_task(self, blocks: Blocks) -> tuple[Kernel | HostCall, list] | None:
        """The kernel that the oldest search waits for, and new jobs for its empty lanes.

        On a CPU an empty lane costs nothing, so the oldest search goes first: results come nearly
        in the order of submission. On a GPU full lanes go first.
        """
        with self.lock:
            while True:
                if self.closed or self.stop():
                    return None
                self._admit()
                for kernel in self.queues:
                    if kernel not in blocks:
                        blocks[kernel] = self._block(kernel)
                ages = {
                    kernel: age
                    for kernel, block in blocks.items()
                    if kernel not in self.compiling
                    and (age := self._age(block, self.queues.get(kernel, ()))) is not None
                }
                if ages:
                    kernel = min(ages, key=lambda k: ages[k])
                    if kernel not in self.seen and not isinstance(kernel, HostCall):
                        # One worker compiles a kernel; meanwhile the others do something else.
                        self.seen.add(kernel)
                        self.compiling.add(kernel)
                    queue = self.queues.get(kernel) or deque()
                    free = blocks[kernel].room
                    share = -(-len(queue) // self.engine.workers)
                    take = min(free, max(share, 1 if blocks[kernel].active == 0 else 0), len(queue))
                    return kernel, [queue.popleft() for _ in range(take)]
                if self.in_flight == 0 and self.complete and not self.waiting_room:
                    return None
                self.lock.wait(timeout=0.5)

    def _age(self, block: Block | HostBlock, queue: Sequence[tuple[Ticket, int, tuple]]) -> Any:
        """Sort key of a kernel with work; None if it has none."""
        positions = [entry[0].position for entry in block.waiting if entry is not None]
        positions += [ticket.position for ticket, _, _ in queue]
        if not positions:
            return None
        amount = 0 if self.engine.on_cpu else -min(len(positions), self.engine.lanes)
        return amount, min(positions)

    def _block(self, kernel: Kernel | HostCall) -> Block | HostBlock:
        engine = self.engine
        if isinstance(kernel, HostCall):
            return HostBlock(kernel, engine.surface)
        return Block(kernel, engine.surface, engine.lanes, not engine.on_cpu)
