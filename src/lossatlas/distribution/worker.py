"""What a worker does: it answers batches, all of them with one engine.

A worker keeps nothing that cannot be sent again: the setup of an exploration, the transition states
that searches are to know, and an engine whose lanes all batches share that run at once. So the last
searches of a batch do not leave lanes empty as long as another batch is there.
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

PROCESS = f"{socket.gethostname()} process {os.getpid()} ({uuid4().hex[:8]})"
"""Tells this process from all others."""
KEPT = 2
"""Explorations that a worker remembers; of earlier ones it forgets the landscape."""


def identity() -> str:
    """What this process is called; another after a fork."""
    own = f" process {os.getpid()} "
    return PROCESS if own in PROCESS else f"{socket.gethostname()}{own}(forked)"


class Ability(NamedTuple):
    """What a worker is and can do.

    Attributes:
        worker: see `identity`.
        lanes, threads: of its engine.
        vectorized: whether lanes take each step together.
        device: it computes on.
        versions: of what decides about results.
    """

    worker: str
    lanes: int
    threads: int
    vectorized: bool
    device: str
    versions: dict[str, str]


def ability(exploration: str, setup: bytes) -> Ability:
    """Begin an exploration in a worker; what the worker can do."""
    from lossatlas.distribution.versions import versions
    from lossatlas.landscape.device import device

    with _in_use(exploration, setup) as state:
        assert state is not None  # the setup was given
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
    """Make the searches of a batch, or say what is lacking for that."""
    with _in_use(batch.exploration, batch.setup) as state:
        if state is None:
            return Reply(batch.number, identity(), Lacking(True, 0))
        return _answer(state, batch)


def _answer(state: "_State", batch: Batch) -> Reply:
    begun = time.monotonic()
    there = state.learn(batch)
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
_STATES: "dict[str, _State]" = {}


@contextmanager
def _in_use(exploration: str, setup: bytes | None) -> "Iterator[_State | None]":
    """What this process knows of an exploration; None if it does not have its setup.

    Nothing that is in use is dropped to make room for another exploration.
    """
    state = _state(exploration, setup)
    try:
        yield state
    finally:
        if state is not None:
            with _GUARD:
                state.at_work -= 1


def _state(exploration: str, setup: bytes | None) -> "_State | None":
    """The same, counted as in use from the moment it is found."""
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
    """Threads of the engine: as many as asked for, else as the worker was given.

    A worker of Dask says how many threads it has; other pools have one process for each core.
    """
    if setup.threads is not None:
        return setup.threads
    if setup.process == identity():
        return available_cores()
    try:
        from distributed import get_worker

        return get_worker().state.nthreads
    except (ImportError, ValueError):  # there is no Dask, or this is no worker of it
        return 1


class _State:
    """One exploration, as a worker knows it."""

    def __init__(self, setup: bytes) -> None:
        own = _unpacked_setup(setup)
        self.tools, self.known = own.tools, KnownPoints()
        threads = _threads(own)
        self.engine = Engine(self.tools.landscape.surface, own.lanes, threads)
        if self.engine.capacity.vectorized and own.threads is None:
            self.engine = Engine(self.tools.landscape.surface, own.lanes)  # one a device
        self.lock = threading.Lock()
        self.session: _Session | None = None
        self.closed = False
        self.at_work = 0  # batches that use it, counted under `_GUARD`

    @property
    def idle(self) -> bool:
        return self.at_work == 0

    def learn(self, batch: Batch) -> int | None:
        """Take over transition states; how many there are where that is not enough."""
        with self.lock:
            there = len(self.known)
            if batch.states is not None and batch.first <= there:
                new = batch.states
                if len(new.keys) > there - batch.first:
                    self.known.append(type(new)(*(c[there - batch.first :] for c in new)))
            there = len(self.known)
            return there if there < max(batch.known, default=0) else None

    def make(self, batch: Batch) -> list[list[Any]]:
        """Make the searches; what each handed over and returned.

        All are given up where the exploration has been forgotten meanwhile.
        """
        with self.lock:
            if self.closed:  # nobody would close another session
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
    """The setup, once this process computes as the one that plans: JAX reads its flags once."""
    compute, setup = unpacked(content)
    if compute.process != identity():
        from lossatlas.lanes.runtime import configure

        os.environ["XLA_FLAGS"] = compute.flags
        if compute.configured:
            configure()
    return unpacked(setup)


class _Waiting:
    """A batch that is being made."""

    def __init__(self, count: int) -> None:
        self.results: list[list[Any]] = [[] for _ in range(count)]
        self.left = count
        self.done = threading.Event()
        self.cancelled = False


class _Session:
    """An open session of the engine, whose results are sorted by batches."""

    def __init__(self, engine: Engine) -> None:
        self.stack = ExitStack()
        self.error: BaseException | None = None
        self.over = False  # no more results are sorted
        self.lock = threading.Lock()
        self.owners: dict[int, tuple[_Waiting, int]] = {}
        self.ready: SimpleQueue[bool] = SimpleQueue()
        self.session = self.stack.enter_context(engine.session())
        self.thread = threading.Thread(target=self._sort, name="lanes-results", daemon=True)
        self.thread.start()

    def make(self, makers: Sequence[Callable[[], Search]], seconds: float | None) -> list:
        """Make searches; what each handed over and returned.

        Where the session was closed they are given up, where it failed its error is raised.
        """
        waiting = _Waiting(len(makers))
        with self.lock:  # no result is sorted before its owner is known
            if self.over:
                waiting.done.set()  # nobody would
            for number, make in enumerate(() if self.over else makers):
                position = self.session.submit(_guarded(make, waiting))
                self.owners[position] = (waiting, number)
        if makers:
            waiting.done.wait(seconds)
        waiting.cancelled = True  # those that have not ended do at their next step
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
        except BaseException as error:  # of the engine: those of searches are results
            self.error = error
        with self.lock:
            self.over = True
            for waiting, _ in self.owners.values():
                waiting.done.set()

    def close(self) -> None:
        self.session.no_more()
        self.stack.close()


def _ended(results: list[Any]) -> list[Any]:
    """What a search handed over, and as the last what it returned or that it was given up."""
    if results and not isinstance(results[-1], Found):
        return list(results)
    return [*results, GIVEN_UP]


def _guarded(make: Callable[[], Search], waiting: _Waiting) -> Generator[Any, Any, Any]:
    """The search; its exceptions are results, and it ends where its batch does."""
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
