"""The coordinator's side of an executor: what waits, what is sent, and what comes back.

Searches wait in the order in which they were planned, and are sent in batches as workers become
free, so that a batch is as large as is good at that time. What comes back is handed on by number:
who commits puts it in order. A batch whose worker died is sent again, its searches one by one: one
of which the worker dies once more is set aside.
"""

import time
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from lossatlas.distribution.executors import check_connection, executor_lost, slots, worker_died
from lossatlas.distribution.messages import (
    GIVEN_UP,
    Batch,
    Failure,
    Reply,
    Search,
    packed,
    unpacked,
)
from lossatlas.distribution.preparing import Prepared
from lossatlas.distribution.runner import Limits, Maker
from lossatlas.distribution.sizes import batch_size, outstanding
from lossatlas.distribution.worker import answer, forget, identity
from lossatlas.errors import ClusterError, DataWarning, Status
from lossatlas.lanes.requests import Found
from lossatlas.search.known import KnownPoints
from lossatlas.search.outcome import Cost, Outcome

DEATHS = 2
"""A search is set aside when so many workers have died while they made it."""
LOOK_AGAIN = 0.5
"""Seconds after which the coordinator looks whether time is up."""
COUNT_AGAIN = 2.0
"""Seconds after which it counts the workers again, which may join and leave."""
GRACE = 5.0
"""Seconds that workers are waited for when time is up: what they have finished counts."""
RECENT = 64
"""Batches by which the time that a search takes is judged."""
LACKING_AGAIN = 1000
"""A batch that is answered so often that something is lacking is lost."""
REMEMBERED = 2
"""Workers for each slot of which it is remembered what they have been sent."""


class Traffic(NamedTuple):
    """What was sent and received, in all.

    Attributes:
        batches: answered with results.
        messages: sent and received.
        bytes_sent, bytes_received: of searches, setups, known states and results.
        setups: how often the landscape was sent.
        states: rows of transition states sent.
    """

    batches: int = 0
    messages: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    setups: int = 0
    states: int = 0

    def plus(self, **more: int) -> "Traffic":
        """With more of some."""
        return self._replace(**{name: getattr(self, name) + k for name, k in more.items()})


class Sent(NamedTuple):
    """A batch that is worked on.

    Attributes:
        batch: as it was sent.
        searches: in it.
        deaths: workers that died of it.
    """

    batch: Batch
    searches: tuple[Search, ...]
    deaths: int = 0


class Dispatcher:
    """Searches made by the workers of an executor; a `Runner`.

    Args:
        executor: any.
        setup: pickled `Computing` and `Setup`.
        known: the transition states that are known; it may grow.
        limits: when to end.
        name: of the exploration, which no other has.

    Attributes:
        uncompiled: nothing; workers compile whatever they need.
        traffic: what was sent and received.
    """

    def __init__(
        self, executor: Executor, setup: bytes, known: KnownPoints, limits: Limits, name: str
    ) -> None:
        """Nothing is sent yet."""
        self.executor, self.setup, self.known, self.limits = executor, setup, known, limits
        self.name = name
        self.uncompiled: dict[Any, float] = {}
        self.traffic = Traffic()
        self.waiting: deque[Search] = deque()
        self.suspects: deque[Search] = deque()  # a worker died while it had them
        self.parts: dict[int, int] = {}
        self.handed_on: Counter[int] = Counter()  # parts of searches that have not ended
        self.sent: dict[int, Sent] = {}
        self.futures: dict[int, Future] = {}
        self.done: SimpleQueue[tuple[int, Future]] = SimpleQueue()
        self.batches = self.positions = 0
        self.complete = False
        self.recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        self.has: dict[str, int] = {}  # transition states that workers have, latest answers last
        self.spent: dict[str, tuple[float, float]] = {}
        self.slots, self.counted = slots(executor), time.monotonic()

    def submit(self, make: Maker, name: str, parts: int | None = None) -> int:
        """See `Runner`."""
        position, self.positions = self.positions, self.positions + 1
        content = packed(make, name)
        self.waiting.append(Search(name, position, content, len(self.known)))
        self.parts[position] = parts or 1
        return position

    def no_more(self) -> None:
        """See `Runner`."""
        self.complete = True

    def cpu_seconds(self) -> float:
        """CPU time that other processes have spent."""
        own = identity()
        return sum(last - first for who, (first, last) in self.spent.items() if who != own)

    def results(self) -> Iterator[tuple[int, Any]]:
        """See `Runner`."""
        try:
            while not self.limits.stop():
                self._send_what_waits()
                if not (self.sent or self.waiting or self.suspects):
                    if self.complete:
                        return
                    raise RuntimeError("nothing was submitted, and nothing is on its way")
                try:
                    number, future = self.done.get(timeout=LOOK_AGAIN)
                except Empty:
                    continue
                yield from self._received(number, future)
        except KeyboardInterrupt:
            yield from self._received_until(time.monotonic())  # what is here already counts
            raise
        yield from self._last_results()

    def _last_results(self) -> Iterator[tuple[int, Any]]:
        """What comes back shortly after time is up."""
        limited = self.limits.seconds_left is not None and self.limits.seconds_left() <= 0.0
        if limited:
            yield from self._received_until(time.monotonic() + GRACE)

    def _received_until(self, until: float) -> Iterator[tuple[int, Any]]:
        """What comes back until then and can be used; nothing is sent any more."""
        self.waiting.clear()
        self.suspects.clear()
        while self.sent:
            try:
                number, future = self.done.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return
            answered = not future.cancelled() and future.exception() is None
            if answered and future.result().lacking is None:
                yield from self._received(number, future)
            else:
                self.sent.pop(number)

    def close(self) -> None:
        """Have what was not begun dropped."""
        for future in self.futures.values():
            with suppress(NotImplementedError):  # Parsl cannot
                future.cancel()
        forget(self.name)

    def _send_what_waits(self) -> None:
        if time.monotonic() - self.counted > COUNT_AGAIN:
            self.slots, self.counted = slots(self.executor), time.monotonic()
        while len(self.sent) < outstanding(max(1, self.slots)):
            # One at a time: a second death is then its own, and not that of a neighbor.
            if self.suspects and not any(sent.deaths for sent in self.sent.values()):
                self._send(self._sent((self.suspects.popleft(),), DEATHS - 1))
                continue
            if not self.waiting:
                return
            size = batch_size(len(self.waiting), self.slots, self._seconds_of_a_search())
            some = [self.waiting.popleft() for _ in range(min(size, len(self.waiting)))]
            self._send(self._sent(tuple(some), 0))

    def _seconds_of_a_search(self) -> float | None:
        searches = sum(count for _, count in self.recent)
        return sum(seconds for seconds, _ in self.recent) / searches if searches else None

    def _sent(self, searches: tuple[Search, ...], deaths: int) -> Sent:
        number, self.batches = self.batches, self.batches + 1
        most = max(search.known for search in searches)
        first = min(self.has.values(), default=most)  # a worker that has fewer will say so
        batch = Batch(
            self.name,
            number,
            packed([search.packed for search in searches], "searches"),
            tuple(search.known for search in searches),
            first,
            self.known.since(first) if most > first else None,
        )
        return Sent(batch, searches, deaths)

    def _send(self, sent: Sent) -> None:
        check_connection(self.executor)
        clock = self.limits.clock_seconds_left  # a worker cannot tell what CPU time others spend
        left = None if clock is None else max(0.0, clock())
        batch = sent.batch._replace(seconds=left)
        rows = 0 if batch.states is None else len(batch.states.keys)
        size = len(batch.searches) + len(batch.setup or b"")
        size += sum(column.nbytes for column in batch.states or ())
        self.traffic = self.traffic.plus(
            messages=1, bytes_sent=size, states=rows, setups=batch.setup is not None
        )
        try:
            future = self.executor.submit(answer, batch)
        except (OSError, RuntimeError) as error:  # shut down, a process has died, no connection
            problem = f"the executor refuses work: {error}"
            raise executor_lost(error) or ClusterError(problem) from error
        self.sent[batch.number], self.futures[batch.number] = sent, future
        future.add_done_callback(partial(self._note, batch.number))

    def _note(self, number: int, future: Future) -> None:
        self.done.put((number, future))

    def _received(self, number: int, future: Future) -> Iterator[tuple[int, Any]]:
        self.futures.pop(number)
        sent = self.sent.pop(number)
        self.traffic = self.traffic.plus(messages=1)
        if future.cancelled():
            raise ClusterError(
                "the executor has cancelled a batch: it was shut down, or its connection is lost; "
                "all that was committed is safe, run the same command to go on"
            )
        error = future.exception()
        if error is not None:
            yield from self._failed(sent, error)
            return
        reply: Reply = future.result()
        if reply.lacking is not None:
            self._send(self._completed(sent, reply))
            return
        results = dict(zip(sent.searches, unpacked(reply.results), strict=True))
        given_up = [search for search, of_it in results.items() if _is_given_up(of_it)]
        self._count(reply, len(results) - len(given_up))
        if not self.limits.stop():  # the worker had to end; others can make them
            self.waiting.extendleft(reversed(given_up))
        for search, of_it in results.items():
            yield from self._results_of(search, of_it)

    def _completed(self, sent: Sent, reply: Reply) -> Sent:
        """A batch with what a worker has found lacking."""
        batch = sent.batch
        if batch.tries >= LACKING_AGAIN:
            problem = "workers forget what they are sent; they may be killed and started again"
            raise ClusterError(f"{problem} (their logs may say why)")
        assert reply.lacking is not None
        setup = self.setup if reply.lacking.setup else batch.setup
        first = min(batch.first, reply.lacking.states)
        states = self.known.since(first) if max(batch.known) > first else None
        tries = batch.tries + 1
        return sent._replace(
            batch=batch._replace(setup=setup, first=first, states=states, tries=tries)
        )

    def _count(self, reply: Reply, ended: int) -> None:
        self.traffic = self.traffic.plus(batches=1, bytes_received=len(reply.results))
        if ended:
            self.recent.append((reply.seconds, ended))
        first = self.spent.get(reply.worker, (reply.cpu_seconds - reply.seconds, 0.0))[0]
        self.spent[reply.worker] = (max(0.0, first), reply.cpu_seconds)
        self.has.pop(reply.worker, None)
        self.has[reply.worker] = reply.states
        while len(self.has) > REMEMBERED * max(1, self.slots):
            del self.has[next(iter(self.has))]  # a worker that has left, or has nothing to do

    def _results_of(self, search: Search, results: list[Any]) -> Iterator[tuple[int, Any]]:
        """What is new of it: a search that was given up and sent again begins anew."""
        ended = not _is_given_up(results)
        for result in results[self.handed_on[search.position] : None if ended else -1]:
            if isinstance(result, Failure):
                raise unpacked(result.error)
            self.handed_on[search.position] += 1
            yield search.position, result
        if ended:
            self.parts.pop(search.position, None)
            del self.handed_on[search.position]

    def _failed(self, sent: Sent, error: BaseException) -> Iterator[tuple[int, Any]]:
        """A batch that no worker has answered."""
        if not worker_died(error):
            raise executor_lost(error) or error
        if sent.deaths + 1 < DEATHS:
            self.suspects.extend(sent.searches)
            return
        for search in sent.searches:
            warnings.warn(
                f"{search.name}: {DEATHS} workers died while they made this search; it is set "
                f"aside, and all else goes on (the logs of the workers may say why: {error})",
                DataWarning,
                stacklevel=2,
            )
            aside = Outcome(Status.LOST_WORKER, Cost())
            parts = self.parts.pop(search.position, 1) - self.handed_on.pop(search.position, 0)
            yield from [(search.position, Found(aside))] * (parts - 1)
            yield search.position, aside


def _is_given_up(results: list[Any]) -> bool:
    """Whether a worker ended a search before it had ended by itself."""
    return isinstance(results[-1], str) and results[-1] == GIVEN_UP


@contextmanager
def elsewhere(
    executor: Executor,
    setup: Prepared,
    known: KnownPoints,
    limits: Limits,
) -> Iterator[Dispatcher]:
    """Searches made by the workers of an executor.

    Args:
        executor: that makes them.
        setup: from `prepare`.
        known: the transition states that are known; it may grow.
        limits: when to end.
    """
    dispatcher = Dispatcher(executor, setup.content, known, limits, setup.name)
    try:
        yield dispatcher
    finally:
        dispatcher.close()
