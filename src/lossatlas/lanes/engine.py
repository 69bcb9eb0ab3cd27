"""The engine: thousands of searches in flight, a finished lane refilled at once.

It runs any number of searches (see `lanes.requests`) at once, collects their requests for each
kernel, and advances them in lanes: a lane that finishes is harvested and refilled from the queue in
the same device call that advances the others.

On a CPU one worker thread a core keeps all cores busy (compiled code releases the interpreter
lock). There one lane of a kernel is enough, and the first search is done first. On a GPU one worker
feeds the device.

Host calls run beside the lanes, in threads of their own that are started with the first of them: a
worker always has something to advance, however long a host call takes, and host calls use all
cores. Where both compete for the cores the operating system shares these out.

A search is resumed with no lock held, by whatever thread takes it: nobody else has it meanwhile, so
it needs no lock of its own, and what it hands over comes in order.
"""

import atexit
import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeAlias

import jax
from threadpoolctl import threadpool_limits

from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Surface
from lossatlas.landscape.device import device
from lossatlas.lanes.blocks import Block, Job, Result, Ticket
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.cores import available_cores
from lossatlas.lanes.requests import Found, HostCall, Kernel, Request, Requests, Search

PATIENCE = 2.0
"""Seconds that an interrupted program waits for device calls to end; most take less."""
LAST_PATIENCE = 60.0
"""Seconds that it waits for each thread at its very end; most compilations take less."""


class Failure(NamedTuple):
    """A search that raised: the exception, to be raised again where the results are read."""

    error: BaseException


class Ready(NamedTuple):
    """A search that can go on: its place in the queue, and what it is handed."""

    position: int
    search: Search
    value: Any


Blocks: TypeAlias = dict[Kernel, Block]


class Engine:
    """Runs searches in lanes on every core, or on a GPU.

    Args:
        surface: the function searched, see `lossatlas.landscape.base.Surface`.
        lanes: lanes a kernel has on each worker; default 1 on a CPU, 256 on a GPU.
        workers: worker threads; default one a core on a CPU, one on a GPU. On a CPU there are at
            most as many threads for host calls, on a GPU one a core.

    Examples:
        >>> engine = Engine(landscape.surface)                       # doctest: +SKIP
        >>> for position, found in engine.run(searches): ...         # doctest: +SKIP
    """

    def __init__(
        self, surface: Surface, lanes: int | None = None, workers: int | None = None
    ) -> None:
        """Choose lanes and workers; nothing runs yet."""
        self.surface = surface
        self.on_cpu = device().platform == "cpu"
        self.lanes = lanes or (1 if self.on_cpu else 256)
        self.workers = workers or (available_cores() if self.on_cpu else 1)
        self.hosts = self.workers if self.on_cpu else available_cores()

    @contextmanager
    def session(
        self,
        stop: Callable[[], bool] = lambda: False,
        seconds_left: Callable[[], float] | None = None,
    ) -> Iterator["Session"]:
        """Open the workers; searches may be submitted while others run.

        `stop` is asked between device calls; when it says True the searches still in flight are
        dropped. No compilation is begun that will take longer than `seconds_left`; searches that
        need it are dropped, and `Session.uncompiled` says so. After an interrupt a worker that is
        compiling is not waited for: it ends by itself.
        """
        with threadpool_limits(1, user_api="blas"):
            session, patience = Session(self, stop, seconds_left), None
            try:
                session.open()
                yield session
            except KeyboardInterrupt:
                patience = PATIENCE
                raise
            finally:
                session.close(patience)

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


class Session:
    """The threads of an engine, the queues between them, and the searches in flight."""

    def __init__(
        self,
        engine: Engine,
        stop: Callable[[], bool],
        seconds_left: Callable[[], float] | None = None,
    ) -> None:
        """`Engine.session` calls this."""
        self.engine, self.stop, self.seconds_left = engine, stop, seconds_left
        self.forecast = Forecast(engine.surface, engine.lanes)
        self.uncompiled: dict[Kernel, float] = {}  # seconds that each would take
        self.lock = threading.Condition()
        self.waiting_room: deque[Ready] = deque()
        self.ready: list[Ready] = []  # a heap: positions differ
        self.queues: dict[Kernel, deque[Job]] = {}
        self.host_calls: list[tuple[int, int, HostCall, Job]] = []  # a heap: numbers differ
        self.numbers = count()
        self.done: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self.seen: set[Kernel] = set()
        self.compiling: set[Kernel] = set()
        self.submitted = self.in_flight = self.alive = 0
        self.complete = self.closed = self.host_threads = False
        self.threads: list[threading.Thread] = []

    def open(self) -> None:
        """Start the workers."""
        with self.lock:
            self._start(self._advance_lanes, "lanes", self.engine.workers)

    def submit(self, search: Search) -> int:
        """Queue a search; its position, counted from 0."""
        with self.lock:
            position = self.submitted
            self.submitted += 1
            self.waiting_room.append(Ready(position, search, None))
            self.lock.notify_all()
        return position

    def no_more(self) -> None:
        """Nothing will be submitted any more: `results` ends when all have finished."""
        with self.lock:
            self.complete = True
            self.lock.notify_all()

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield (position, what the search returned or handed over as `Found`) as they come."""
        while (item := self.done.get()) is not None:
            if isinstance(item[1], Failure):
                raise item[1].error
            yield item

    def close(self, seconds: float | None = None) -> None:
        """Drop what is in flight and end the threads; wait for them, at most so many seconds.

        Those that take longer are waited for when the program ends: Python must not be torn down
        while one of them is compiling.
        """
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        until = None if seconds is None else time.monotonic() + seconds
        for thread in self.threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                atexit.register(thread.join, LAST_PATIENCE)

    def _start(self, work: Callable[[], None], name: str, number: int) -> None:
        """Start threads that do this work (lock held)."""
        for k in range(number):
            thread = threading.Thread(
                target=self._guarded, args=(work,), name=f"{name}-{k}", daemon=True
            )
            thread.start()
            self.alive += 1
            self.threads.append(thread)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Work until nothing is left; an exception ends all, and is raised by `results`."""
        try:
            with jax.enable_x64(True):
                work()
        except BaseException as error:
            self.done.put((-1, Failure(error)))
            with self.lock:
                self.closed = True
                self.lock.notify_all()
        finally:
            with self.lock:
                self.alive -= 1
                if self.alive == 0:
                    self.done.put(None)

    def _advance_lanes(self) -> None:
        """What a worker does."""
        blocks: Blocks = {}
        while (work := self._next(partial(self._work_in_lanes, blocks))) is not None:
            if isinstance(work, Ready):
                self._resume(work)
                continue
            kernel, new = work
            begun = time.monotonic()
            finished = blocks[kernel].advance(new)
            with self.lock:
                if kernel in self.compiling and new:
                    self.forecast.note(kernel, time.monotonic() - begun)
                self.compiling.discard(kernel)
            self._deliver(finished)

    def _call_host(self) -> None:
        """What a thread for host calls does."""
        while (work := self._next(self._host_call)) is not None:
            host, job = work
            value = host.call(self.engine.surface, *job.arrays)
            self._deliver([Result(job.ticket, job.slot, value)])

    def _next(self, find: Callable[[], Any]) -> Any:
        """The work that `find` gives, as soon as it gives some; None when no more will come."""
        with self.lock:
            while not (self.closed or self.stop()):
                self._admit()
                if (work := find()) is not None:
                    return work
                last = self.complete or bool(self.uncompiled)
                if self.in_flight == 0 and last and not self.waiting_room:
                    return None
                self.lock.wait(timeout=0.5)
        return None

    def _admit(self) -> None:
        """Start searches until every lane of every worker has two in reserve (lock held)."""
        enough = 3 * self.engine.lanes * self.engine.workers
        while self.waiting_room and self.in_flight < enough:
            self.in_flight += 1
            heapq.heappush(self.ready, self.waiting_room.popleft())

    def _deliver(self, finished: Sequence[Result]) -> None:
        """Hand results to the searches that wait for them; resume those that miss none any more.

        Workers that have nothing to do take some of them. That the thread which brought the results
        resumes searches before it asks for work matters where time is up: what is finished counts.
        """
        with self.lock:
            for result in finished:
                ticket = result.ticket
                if ticket.deliver(result.slot, result.value):
                    ready = Ready(ticket.position, ticket.search, ticket.value)
                    heapq.heappush(self.ready, ready)
            self.lock.notify_all()
        while (ready := self._pop_ready()) is not None:
            self._resume(ready)

    def _pop_ready(self) -> Ready | None:
        with self.lock:
            return heapq.heappop(self.ready) if self.ready else None

    def _resume(self, ready: Ready) -> None:
        """Hand a search its results and queue what it asks for next (no lock held)."""
        position, search, value = ready
        try:
            requests = search.send(value)
            while isinstance(requests, Found) or not requests:
                if isinstance(requests, Found):
                    self.done.put((position, requests))
                requests = search.send(None if isinstance(requests, Found) else [])
        except StopIteration as end:
            self._end(position, _last(end.value))
        except BaseException as error:
            self._end(position, Failure(error))
        else:
            self._queue(position, search, requests)

    def _end(self, position: int, last: Any) -> None:
        self.done.put((position, last))
        with self.lock:
            self.in_flight -= 1
            self.lock.notify_all()

    def _queue(self, position: int, search: Search, requests: Requests) -> None:
        single = isinstance(requests, Request)
        each = [requests] if single else requests
        ticket = Ticket(position, search, None if single else len(each))
        with self.lock:
            for slot, (kernel, arrays) in enumerate(each):
                job = Job(ticket, slot, arrays)
                if isinstance(kernel, HostCall):
                    self._queue_host_call(kernel, job)
                else:
                    self.queues.setdefault(kernel, deque()).append(job)
            self.lock.notify_all()

    def _queue_host_call(self, host: HostCall, job: Job) -> None:
        """Queue it; the first one starts the threads (lock held)."""
        heapq.heappush(self.host_calls, (job.ticket.position, next(self.numbers), host, job))
        if not self.host_threads and not self.closed:
            self.host_threads = True
            self._start(self._call_host, "lanes-host", self.engine.hosts)

    def _host_call(self) -> tuple[HostCall, Job] | None:
        """The host call that the oldest search waits for (lock held)."""
        return heapq.heappop(self.host_calls)[2:] if self.host_calls else None

    def _work_in_lanes(self, blocks: Blocks) -> Ready | tuple[Kernel, list[Job]] | None:
        """A search to resume, or a kernel and new jobs for its empty lanes (lock held).

        The kernel is the one that the oldest search waits for. On a CPU an empty lane costs
        nothing, so the oldest search goes first: results come nearly in the order of submission. On
        a GPU full lanes go first.
        """
        if self.ready:
            return heapq.heappop(self.ready)
        self._drop_uncompiled()
        for kernel in self.queues:
            if kernel not in blocks:
                engine = self.engine
                blocks[kernel] = Block(kernel, engine.surface, engine.lanes, not engine.on_cpu)
        ages = {
            kernel: age
            for kernel, block in blocks.items()
            if kernel not in self.compiling
            and (age := self._age(block, self.queues.get(kernel, ()))) is not None
        }
        if not ages:
            return None
        kernel = min(ages, key=lambda k: ages[k])
        if not self._in_time(kernel):
            self._drop_uncompiled()
            return self._work_in_lanes(blocks)
        if kernel not in self.seen:
            # One worker compiles a kernel; meanwhile the others do something else.
            self.seen.add(kernel)
            self.compiling.add(kernel)
        return kernel, self._jobs_for(blocks[kernel], self.queues.get(kernel) or deque())

    def _in_time(self, kernel: Kernel) -> bool:
        """Whether a kernel is compiled, or will be before the time is up (lock held)."""
        if self.seconds_left is None or kernel in self.seen:
            return True
        needed = self.forecast.seconds(kernel)
        if needed > self.seconds_left():
            self.uncompiled[kernel] = needed
        return kernel not in self.uncompiled

    def _drop_uncompiled(self) -> None:
        """Drop the searches that wait for code there is no time to compile (lock held)."""
        for kernel in self.uncompiled:
            for job in self.queues.get(kernel, ()):
                self.in_flight -= not job.ticket.dropped
                job.ticket.dropped = True
            self.queues[kernel] = deque()

    def _jobs_for(self, block: Block, queue: deque[Job]) -> list[Job]:
        """This worker's share of the queue, as far as there are empty lanes (lock held)."""
        share = -(-len(queue) // self.engine.workers)
        take = min(block.room, max(share, 1 if block.active == 0 else 0), len(queue))
        return [queue.popleft() for _ in range(take)]

    def _age(self, block: Block, queue: Iterable[Job]) -> tuple[int, int] | None:
        """Sort key of a kernel with work; None if it has none."""
        positions = [job.ticket.position for job in block.waiting if job is not None]
        positions += [job.ticket.position for job in queue]
        if not positions:
            return None
        amount = 0 if self.engine.on_cpu else -min(len(positions), self.engine.lanes)
        return amount, min(positions)


def _last(returned: Any) -> Any:
    """What a search has returned: it must not look like a result before the last one."""
    if not isinstance(returned, Found):
        return returned
    remedy = "yield results before the last one as Found, and return the last one itself"
    return Failure(BadInputError("search", "it returns a Found", remedy))
