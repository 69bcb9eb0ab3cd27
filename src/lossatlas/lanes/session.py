"""A session of the engine: its threads, the searches in flight, and who is handed what.

Each worker advances blocks of lanes of its own. What waits is in one `Schedule`, guarded by one
lock. A thread that has nothing to do sleeps until there is something for it. Of many workers only
as many are woken as there are jobs, less the one that the worker takes which has made them: a
worker that is woken for nothing keeps the interpreter from the others.
"""

import atexit
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import cache, partial
from queue import SimpleQueue
from typing import Any, NamedTuple

import jax

from lossatlas.errors import BadInputError, DataWarning
from lossatlas.landscape.base import Surface
from lossatlas.lanes.blocks import Block, Job, Result, Ticket, sizes
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.compilation import Forecast
from lossatlas.lanes.device_thread import DeviceThread
from lossatlas.lanes.requests import Found, HostCall, Kernel, Request, Requests, Search
from lossatlas.lanes.schedule import Blocks, Call, Ready, Schedule

LAST_PATIENCE = 60.0
"""Seconds that a program waits for each thread at its very end; most compilations take less."""
IN_RESERVE = 2
"""Searches begun for each lane, beside the one that it advances."""
LOOK_AGAIN = 0.5
"""Seconds after which a thread that waits looks whether it shall stop."""
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"
"""How JAX begins to say that memory could not be allocated."""
NOTHING = object()
"""There is no work now; there may be later."""


class Failure(NamedTuple):
    """A search that raised: the exception, to be raised again where the results are read."""

    error: BaseException


class Session:
    """The threads of an engine, and the searches in flight."""

    def __init__(
        self,
        surface: Surface,
        capacity: Capacity,
        stop: Callable[[], bool],
        seconds_left: Callable[[], float] | None = None,
    ) -> None:
        """`Engine.session` calls this."""
        self.surface, self.capacity, self.stop = surface, capacity, stop
        lanes = capacity.lanes // capacity.turns
        self.schedule = Schedule(
            capacity.workers, lanes, capacity.vectorized, Forecast(surface), seconds_left
        )
        lock = threading.RLock()
        self.lock = threading.Condition(lock)  # workers wait here
        self.host_lock = threading.Condition(lock)  # and threads for host calls here
        self.waiting_room: deque[Ready] = deque()
        self.done: SimpleQueue[tuple[int, Any] | None] = SimpleQueue()
        self.submitted = self.begun = self.ended = self.alive = 0
        self.complete = self.closed = self.host_threads = False
        self.threads: list[threading.Thread] = []

    @property
    def uncompiled(self) -> dict[Kernel, float]:
        """Kernels that there was no time to compile, and how many seconds each would take."""
        return self.schedule.uncompiled

    def open(self) -> None:
        """Start the workers."""
        with self.lock:
            devices = self.capacity.devices
            for k in range(self.capacity.workers):
                device = devices[k % len(devices)]
                self._start(partial(self._advance_lanes, device), f"lanes-{k}")

    def submit(self, search: Search) -> int:
        """Queue a search; its position, counted from 0."""
        with self.lock:
            position = self.submitted
            self.submitted += 1
            self.waiting_room.append(Ready(position, search, None))
            self.lock.notify()
        return position

    def no_more(self) -> None:
        """Nothing will be submitted any more: `results` ends when all have finished."""
        with self.lock:
            self.complete = True
            self._wake_all()

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
            self._wake_all()
        until = None if seconds is None else time.monotonic() + seconds
        for thread in self.threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                atexit.register(thread.join, LAST_PATIENCE)

    def _wake_all(self) -> None:
        """Have every thread look what there is to do (lock held)."""
        self.lock.notify_all()
        self.host_lock.notify_all()

    def _start(self, work: Callable[[], None], name: str) -> None:
        """Start a thread that does this work (lock held)."""
        thread = threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
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
                self._wake_all()
        finally:
            with self.lock:
                self.alive -= 1
                if self.alive == 0:
                    self.done.put(None)

    def _advance_lanes(self, device: Any) -> None:
        """What a worker does: it begins device calls, and finishes the oldest of those under way
        where it has no other work, or as many are under way as there may be."""
        several = len(self.capacity.devices) > 1
        where = jax.default_device(device) if several else nullcontext()
        device_calls = DeviceThread(device if several else None, apart=self.capacity.vectorized)
        with where, closing(device_calls):
            surface = jax.device_put(self.surface, device) if several else self.surface
            blocks: Blocks = {}
            make = partial(self._block, surface, device_calls)
            find = partial(self._work_in_lanes, blocks, make)
            calls: deque[Call] = deque()
            while (work := self._next(self.lock, find, bool(calls))) is not None:
                if isinstance(work, Ready):
                    self._wake_others(self._resume(work), blocks)
                    continue
                if isinstance(work, Call):
                    while work.first and calls:  # what is done need not wait for a compilation
                        self._finish(calls.popleft(), blocks)
                    if self._begin(work, blocks):
                        calls.append(work)
                if calls and (work is NOTHING or len(calls) >= self.capacity.under_way):
                    self._finish(calls.popleft(), blocks)
            while calls and not self.closed:  # time is up, but what is under way counts
                self._finish(calls.popleft(), blocks)

    def _begin(self, call: Call, blocks: Blocks) -> bool:
        """Begin a device call; whether it is under way."""
        begun = time.monotonic() - self.schedule.since_begun(call.block, call.lanes)
        with self._within_memory(call, blocks):
            call.block.start(call.new, call.lanes)
        if call.first:
            call.block.begun()
            with self.lock:
                seconds = None if call.block.there else time.monotonic() - begun
                self.schedule.compiled(call, seconds)
                self.lock.notify_all()  # jobs of its kernel have waited for it
        return call.block.under_way

    def _finish(self, call: Call, blocks: Blocks) -> None:
        """Wait for a device call and deliver what has finished in it."""
        finished: list[Result] | None = None
        with self._within_memory(call, blocks):
            finished = call.block.finish()
        if finished is None:
            return
        with self.lock:
            if self.schedule.finished():
                self.lock.notify_all()
        self._wake_others(self._deliver(finished), blocks)

    @contextmanager
    def _within_memory(self, call: Call, blocks: Blocks) -> Iterator[None]:
        """Begin the searches of a block anew, with half as many lanes, if these do not fit."""
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if OUT_OF_MEMORY not in str(error):
                raise
            others = [b for of_kernel in blocks.values() for b in of_kernel if b is not call.block]
            for block in others:
                if block.active == 0:
                    block.abandon()  # what it holds may be what is missing
            with self.lock:
                held = [len(block.waiting) for block in others if block.active]
                outcome = self.schedule.out_of_memory(call, held)
                self.lock.notify()
            if outcome == "hopeless":
                problem = "the device has no memory for a single search"
                remedy = "use a device with more memory, or a smaller network"
                raise BadInputError("lanes", problem, remedy) from error
            if outcome == "halved":
                lanes = self.schedule.lanes
                warnings.warn(
                    f"lanes: {call.lanes} lanes do not fit into the memory of the device; with "
                    f"{lanes} from now on, nothing is lost (--lanes {lanes * self.capacity.turns} "
                    "says so from the beginning)",
                    DataWarning,
                    stacklevel=2,
                )

    def _call_host(self) -> None:
        """What a thread for host calls does."""
        while (work := self._next(self.host_lock, self._host_call)) is not None:
            host, job = work
            value = host.call(self.surface, *job.arrays)
            self._wake(self._deliver([Result(job.ticket, job.slot, value)]))

    def _next(
        self, waiting: threading.Condition, find: Callable[[], Any], at_once: bool = False
    ) -> Any:
        """The work that `find` gives, as soon as it gives some; None when no more will come.

        `NOTHING` if it gives none and an answer is needed at once.
        """
        with self.lock:
            while not (self.closed or self.stop()):
                self._admit(takes_one=waiting is self.lock)
                if (work := find()) is not None:
                    return work
                if at_once:
                    return NOTHING
                last = self.complete or bool(self.uncompiled)
                if self._in_flight() == 0 and last and not self.waiting_room:
                    self._wake_all()
                    return None
                if not self._may_admit():  # searches that were dropped make room at once
                    waiting.wait(timeout=LOOK_AGAIN)
        return None

    def _in_flight(self) -> int:
        """Searches that have begun and not ended (lock held)."""
        return self.begun - self.ended - self.schedule.dropped

    def _may_admit(self) -> int:
        """How many searches may begin (lock held)."""
        enough = (1 + IN_RESERVE) * self.capacity.lanes * self.capacity.workers
        return max(0, min(len(self.waiting_room), enough - self._in_flight()))

    def _admit(self, takes_one: bool) -> None:
        """Start searches until every lane of every worker has some in reserve (lock held); a worker
        resumes one of them itself."""
        admitted = self._may_admit()
        for _ in range(admitted):
            self.begun += 1
            self.schedule.push_ready(self.waiting_room.popleft())
        self._wake(admitted - takes_one)

    def _wake(self, count: int) -> None:
        """Wake so many workers, or all that sleep if these are fewer."""
        if count > 0:
            with self.lock:
                self.lock.notify(count)

    def _wake_others(self, made: int, blocks: Blocks) -> None:
        """Wake workers for the jobs that a worker has made, but one, which it takes unless it
        may go on with searches in its lanes, or these are vectorized."""
        busy = any(block.active for of_kernel in blocks.values() for block in of_kernel)
        self._wake(made if busy or self.capacity.vectorized else made - 1)

    def _deliver(self, finished: Sequence[Result]) -> int:
        """Hand results to the searches that wait for them; resume those that miss none any more.

        Workers that have nothing to do take some of them. That the thread which brought the results
        resumes searches before it asks for work matters where time is up: what is finished counts.
        The number of jobs is returned that no worker has been woken for.
        """
        with self.lock:
            ready = 0
            for result in finished:
                ticket = result.ticket
                if ticket.deliver(result.slot, result.value):
                    self.schedule.push_ready(Ready(ticket.position, ticket.search, ticket.value))
                    ready += 1
            self._wake(ready - 1)
        made = 0
        while (next_ready := self._pop_ready()) is not None:
            self._wake(made)
            made = self._resume(next_ready)
        return made

    def _pop_ready(self) -> Ready | None:
        with self.lock:
            return self.schedule.pop_ready()

    def _resume(self, ready: Ready) -> int:
        """Hand a search its results and queue what it asks for next (no lock held).

        The number of jobs for workers is returned, or 1 if another search may begin.
        """
        position, search, value = ready
        try:
            requests = search.send(value)
            while isinstance(requests, Found) or not requests:
                if isinstance(requests, Found):
                    self.done.put((position, requests))
                requests = search.send(None if isinstance(requests, Found) else [])
        except StopIteration as end:
            return self._end(position, last_result(end.value))
        except BaseException as error:
            return self._end(position, Failure(error))
        return self._queue(position, search, requests)

    def _end(self, position: int, last: Any) -> int:
        self.done.put((position, last))
        with self.lock:
            self.ended += 1
            if self._in_flight() == 0:  # maybe the last of all
                self._wake_all()
        return 1

    def _queue(self, position: int, search: Search, requests: Requests) -> int:
        single = isinstance(requests, Request)
        each = [requests] if single else requests
        ticket = Ticket(position, search, None if single else len(each))
        made = 0
        with self.lock:
            for slot, (kernel, arrays) in enumerate(each):
                job = Job(ticket, slot, arrays)
                if is_host_call(type(kernel)):
                    self._queue_host_call(kernel, job)  # type: ignore[arg-type]
                else:
                    self.schedule.push(kernel, job)  # type: ignore[arg-type]
                    made += 1
        return made

    def _queue_host_call(self, host: HostCall, job: Job) -> None:
        """Queue it; the first one starts the threads (lock held)."""
        self.schedule.push_host_call(host, job)
        self.host_lock.notify()
        if not self.host_threads and not self.closed:
            self.host_threads = True
            for k in range(self.capacity.hosts):
                self._start(self._call_host, f"lanes-host-{k}")

    def _host_call(self) -> tuple[HostCall, Job] | None:
        """The host call that the oldest search waits for (lock held)."""
        calls = self.schedule.host_calls
        return calls.pop() if len(calls) else None

    def _block(self, surface: Surface, calls: DeviceThread, kernel: Kernel) -> Block:
        """A block of a worker."""
        ahead = sizes(self.schedule.lanes)[::-1] if self.capacity.compiles_ahead else ()
        return Block(kernel, surface, calls, self.capacity.vectorized, ahead)

    def _work_in_lanes(
        self, blocks: Blocks, make: Callable[[Kernel], Block]
    ) -> Ready | Call | None:
        """A search to resume, or a device call to make (lock held)."""
        if (ready := self.schedule.pop_ready()) is not None:
            return ready
        for kernel in self.schedule.kernels():
            if kernel not in blocks:
                blocks[kernel] = [make(kernel) for _ in range(self.capacity.turns)]
        return self.schedule.next_call(blocks)


@cache
def is_host_call(kind: type) -> bool:
    """Whether a class is one of host calls; looked at once, it takes a while."""
    return hasattr(kind, "call")


def last_result(returned: Any) -> Any:
    """What a search has returned: it must not look like a result before the last one."""
    if not isinstance(returned, Found):
        return returned
    remedy = "yield results before the last one as Found, and return the last one itself"
    return Failure(BadInputError("search", "it returns a Found", remedy))
