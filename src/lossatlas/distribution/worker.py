"""A worker, which answers batches and makes their searches with one engine.

A worker keeps only what can be sent again: the setup of an exploration, the transition states that
searches are to know, and an engine. All batches that run at once share the lanes of this engine, so
that the last searches of a batch leave no lanes empty while there is another batch.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any, NamedTuple
from uuid import uuid4

from lossatlas.distribution import asking
from lossatlas.distribution.messages import (
    GIVEN_UP,
    Batch,
    Failure,
    Lacking,
    Reply,
    Setup,
    packed,
    packed_error,
    unpacked,
)
from lossatlas.lanes.cores import available_cores
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Found, Search
from lossatlas.lanes.session import Failure as Raised, last_result
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import a_job_each

PROCESS = f"{socket.gethostname()} process {os.getpid()} ({uuid4().hex[:8]})"
"""An identifier of this process that no other process has."""
KEPT = 2
"""Number of explorations that a worker remembers; it forgets earlier ones with their landscape."""


def identity() -> str:
    """The identifier of this process, which differs after a fork."""
    own = f" process {os.getpid()} "
    return PROCESS if own in PROCESS else f"{socket.gethostname()}{own}(forked)"


class Ability(NamedTuple):
    """The properties of a worker.

    Attributes:
        worker: identifier of the process.
        lanes: number of lanes of its engine, for each kernel and thread.
        threads: number of threads of its engine.
        vectorized: whether lanes take each step together, as on a GPU.
        device: the device on which it computes.
        versions: versions of the libraries on which results depend, by name.
    """

    worker: str
    lanes: int
    threads: int
    vectorized: bool
    device: str
    versions: dict[str, str]


def ability(exploration: str, setup: bytes) -> Ability:
    """Begin an exploration in this worker, and tell what the worker can do.

    Args:
        exploration: key of the exploration.
        setup: pickled `Computing` and `Setup`.
    """
    from lossatlas.distribution.versions import versions
    from lossatlas.landscape.device import device

    with _in_use(exploration, setup) as state:
        assert state is not None  # It exists, since the setup was given.
        capacity, used = state.engine.capacity, device()
    return Ability(
        identity(),
        capacity.lanes,
        capacity.workers,
        capacity.vectorized,
        f"{used.platform}: {used.device_kind}",
        versions(),
    )


def answer(batch: Batch) -> Reply:
    """Make the searches of a batch, or tell what this worker lacks for that.

    If a worker makes many batches at once, one of them tells it, and the others wait for a while
    until that is sent.
    """
    until = time.monotonic() + asking.SECONDS
    while True:
        with _in_use(batch.exploration, batch.setup) as state:
            if state is None:
                reply = Reply(batch.number, identity(), Lacking(True, 0))
            else:
                reply = _answer(state, batch)
        if reply.lacking is None:
            return reply
        if not asking.arrives(batch.exploration, until, _threads_of_dask() or 1):
            return reply


def _answer(state: "_State", batch: Batch) -> Reply:
    begun = time.monotonic()
    there = state.learn(batch)
    if batch.setup is not None or batch.states is not None:
        asking.has_arrived(batch.exploration)
    if there is not None:
        return Reply(batch.number, identity(), Lacking(False, there))
    results = state.make(batch)
    content = packed(results, "results of searches")
    spent = time.monotonic() - begun
    cpu, known = time.process_time(), len(state.known)
    return Reply(batch.number, identity(), None, content, spent, cpu, known)


def forget(exploration: str) -> None:
    """Close the engine of an exploration in this process, if it has one."""
    with _GUARD:
        state = _STATES.pop(exploration, None)
    if state is not None:
        state.close()


_GUARD = threading.Lock()
"""The lock of `_STATES`."""
_STATES: "dict[str, _State]" = {}
"""The explorations that this process knows, by their keys, the latest last."""


@contextmanager
def _in_use(exploration: str, setup: bytes | None) -> "Iterator[_State | None]":
    """The state of an exploration in this process, in use; None if it does not have its setup.

    A state that is in use is never dropped to make room for another exploration.
    """
    state = _state(exploration, setup)
    if state is not None and state.compiles_ahead:
        # Tracing takes seconds, in which batches of other explorations must not wait.
        state.compiles_ahead = False
        state.engine.compile_ahead(a_job_each(state.tools))
    try:
        yield state
    finally:
        if state is not None:
            with _GUARD:
                state.at_work -= 1


def _state(exploration: str, setup: bytes | None) -> "_State | None":
    """Find or make the state of an exploration, and count it as in use from then on."""
    with _GUARD:
        state = _STATES.get(exploration)
        if state is None and setup is not None:
            state = _STATES[exploration] = _State(setup)
            idle = [key for key, other in _STATES.items() if key != exploration and other.idle]
            for key in idle[: max(0, len(_STATES) - KEPT)]:
                _STATES.pop(key).close()
        if state is not None:
            state.at_work += 1
        return state


def _threads(setup: Setup) -> int:
    """The number of threads of the engine, as many as asked for or as the worker has.

    A worker of Dask tells how many threads it has. A process of another pool takes one thread,
    since such pools have one process for each core.
    """
    if setup.threads is not None:
        return setup.threads
    if setup.process == identity():
        return available_cores()
    return _threads_of_dask() or 1


def _threads_of_dask() -> int | None:
    """The number of threads of this worker of Dask; None if this is no worker of Dask."""
    try:
        from distributed import get_worker

        return get_worker().state.nthreads
    except (ImportError, ValueError):  # Dask is not installed, or this is not one of its workers.
        return None


class _State:
    """The state of one exploration in a worker."""

    def __init__(self, setup: bytes) -> None:
        own = _unpacked_setup(setup)
        self.tools, self.known = own.tools, KnownPoints()
        threads = _threads(own)
        self.engine = Engine(self.tools.landscape.surface, own.lanes, threads)
        if self.engine.capacity.vectorized and own.threads is None:
            self.engine = Engine(self.tools.landscape.surface, own.lanes)  # One thread per device.
        self.compiles_ahead = self.engine.capacity.compiles_ahead
        self.lock = threading.Lock()
        self.session: _Session | None = None
        self.closed = False
        self.at_work = 0  # Number of batches that use it; changed only under `_GUARD`.

    @property
    def idle(self) -> bool:
        return self.at_work == 0

    def learn(self, batch: Batch) -> int | None:
        """Add the transition states of a batch.

        Returns:
            None if its searches can be made; otherwise the number of transition states that this
            worker has, which are too few.
        """
        with self.lock:
            there = len(self.known)
            if batch.states is not None and batch.first <= there:
                new = batch.states
                if len(new.keys) > there - batch.first:
                    self.known.append(type(new)(*(c[there - batch.first :] for c in new)))
            there = len(self.known)
            return there if there < max(batch.known, default=0) else None

    def make(self, batch: Batch) -> list[list[Any]]:
        """Make the searches of a batch; return the list of results of each.

        All are given up if the exploration has been forgotten meanwhile.
        """
        with self.lock:
            if self.closed:  # Nothing would close a session that began now.
                return [[GIVEN_UP] for _ in batch.known]
            if self.session is not None and self.session.over:
                self.session.close()
                self.session = None
            session = self.session = self.session or _Session(self.engine)
        return session.make(self._searches(batch), batch.seconds)

    def _searches(self, batch: Batch) -> list[Callable[[], Search]]:
        makers = unpacked(batch.searches)
        with self.lock:
            views = {count: self.known.as_of(count) for count in set(batch.known)}

        def maker(make: bytes, known: int) -> Callable[[], Search]:
            return lambda: unpacked(make)(self.tools._replace(known=views[known]))

        return [maker(*one) for one in zip(makers, batch.known, strict=True)]

    def close(self) -> None:
        with self.lock:
            session, self.session, self.closed = self.session, None, True
        if session is not None:
            session.close()


def _unpacked_setup(content: bytes) -> Setup:
    """Restore the setup, after this process was made to compute like the one that plans.

    That comes first, since JAX reads its flags only once.
    """
    compute, setup = unpacked(content)
    if compute.process != identity():
        from lossatlas.lanes.runtime import configure

        os.environ["XLA_FLAGS"] = compute.flags
        if compute.configured:
            configure()
    return unpacked(setup)


class _Waiting:
    """The results of a batch while its searches are made."""

    def __init__(self, count: int) -> None:
        self.results: list[list[Any]] = [[] for _ in range(count)]
        self.left = count
        self.done = threading.Event()
        self.cancelled = False


class _Session:
    """An open session of the engine, whose results are sorted by batch."""

    def __init__(self, engine: Engine) -> None:
        self.stack = ExitStack()
        self.error: BaseException | None = None
        self.over = False  # True when no more results are sorted.
        self.lock = threading.Lock()
        self.owners: dict[int, tuple[_Waiting, int]] = {}
        self.ready: SimpleQueue[bool] = SimpleQueue()
        self.session = self.stack.enter_context(engine.session())
        self.thread = threading.Thread(target=self._sort, name="lanes-results", daemon=True)
        self.thread.start()

    def make(self, makers: Sequence[Callable[[], Search]], seconds: float | None) -> list:
        """Make searches; return the list of results of each.

        If the session was closed, they are given up; if it failed, its error is raised.
        """
        waiting = _Waiting(len(makers))
        with self.lock:  # Results must not be sorted before their owners are known.
            if self.over:
                waiting.done.set()  # Nothing else would set it.
            for number, make in enumerate(() if self.over else makers):
                position = self.session.submit(_guarded(make, waiting))
                self.owners[position] = (waiting, number)
        if makers:
            waiting.done.wait(seconds)
        waiting.cancelled = True  # Searches that have not ended do so at their next step.
        if self.error is not None:
            raise self.error
        with self.lock:
            return [_ended(results) for results in waiting.results]

    def _sort(self) -> None:
        try:
            for position, result in self.session.results():
                with self.lock:
                    waiting, number = self.owners[position]
                    waiting.results[number].append(result)
                    if not isinstance(result, Found):
                        del self.owners[position]
                        waiting.left -= 1
                        if waiting.left == 0:
                            waiting.done.set()
        except BaseException as error:  # An error of the engine; those of searches are results.
            self.error = error
        with self.lock:
            self.over = True
            for waiting, _ in self.owners.values():
                waiting.done.set()

    def close(self) -> None:
        self.session.no_more()
        self.stack.close()


def _ended(results: list[Any]) -> list[Any]:
    """All results of a search; the last one is what it returned, or that it was given up."""
    if results and not isinstance(results[-1], Found):
        return list(results)
    return [*results, GIVEN_UP]


def _guarded(make: Callable[[], Search], waiting: _Waiting) -> Generator[Any, Any, Any]:
    """A search whose exceptions become results, and which ends together with its batch."""
    try:
        search, value = make(), None
        while not waiting.cancelled:
            try:
                value = yield search.send(value)
            except StopIteration as end:
                last = last_result(end.value)
                return Failure(packed_error(last.error)) if isinstance(last, Raised) else last
        search.close()
        return GIVEN_UP
    except Exception as error:
        return Failure(packed_error(error))
