"""Send searches to the workers of an executor, and receive their results.

Searches wait in the order in which they were planned. They are sent in batches as workers become
free, so that the size of each batch can be chosen at that time. Results are passed on with the
number of their search; the explorer puts them in order before it commits them. If a worker dies,
the searches of its batch are sent again (`suspects`), and a search whose worker dies again although
it was sent alone is set aside.
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

from lossatlas.distribution.deserted import COUNT_AGAIN, Deserted
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
from lossatlas.distribution.sizes import batch_size, outstanding, shared_out
from lossatlas.distribution.suspects import Suspects
from lossatlas.distribution.worker import answer, forget, identity
from lossatlas.errors import ClusterError, DataWarning, Status
from lossatlas.lanes.requests import Found
from lossatlas.search.known import KnownPoints
from lossatlas.search.outcome import Cost, Outcome

LOOK_AGAIN = 0.5
"""Seconds after which the dispatcher checks again whether time is up."""
GRACE = 5.0
"""Seconds to wait for results when time is up; what workers finish in this time is kept."""
RECENT = 64
"""Number of batches from which the time of a search is estimated."""
LACKING_AGAIN = 1000
"""Number of answers that something is lacking after which a batch is given up."""
REMEMBERED = 2
"""Number of workers for each slot of which the dispatcher remembers what they know."""


class Traffic(NamedTuple):
    """Totals of what was sent and received.

    Attributes:
        batches: number of batches that were answered with results.
        messages: number of messages sent and received.
        bytes_sent: number of bytes of searches, setups and transition states that were sent.
        bytes_received: number of bytes of results that were received.
        setups: number of times that the landscape was sent.
        states: number of transition states that were sent.
    """

    batches: int = 0
    messages: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    setups: int = 0
    states: int = 0

    def plus(self, **more: int) -> "Traffic":
        """The totals, with some of them increased."""
        return self._replace(**{name: getattr(self, name) + k for name, k in more.items()})


class Sent(NamedTuple):
    """A batch that was sent and is not answered yet.

    Attributes:
        batch: the batch as it was sent.
        searches: its searches.
        suspects: whether a worker has died that had these searches; default False.
    """

    batch: Batch
    searches: tuple[Search, ...]
    suspects: bool = False


class Dispatcher:
    """A `Runner` whose searches are made by the workers of an executor.

    Args:
        executor: the executor.
        setup: pickled `Computing` and `Setup`.
        known: the transition states that are known; more may be added while searches are made.
        limits: the limits at which to end.
        name: name of the exploration, which no other exploration has.
        vectorized: whether workers advance all searches that they have together; default False.

    Attributes:
        uncompiled: always empty, since workers compile whatever they need.
        traffic: totals of what was sent and received.
    """

    def __init__(
        self,
        executor: Executor,
        setup: bytes,
        known: KnownPoints,
        limits: Limits,
        name: str,
        vectorized: bool = False,
    ) -> None:
        self.executor, self.setup, self.known, self.limits = executor, setup, known, limits
        self.name, self.vectorized = name, vectorized
        self.uncompiled: dict[Any, float] = {}
        self.traffic = Traffic()
        self.waiting: deque[Search] = deque()
        self.suspects = Suspects(vectorized)
        self.parts: dict[int, int] = {}
        # The number of results of each unfinished search that were passed on already.
        self.handed_on: Counter[int] = Counter()
        self.sent: dict[int, Sent] = {}
        self.futures: dict[int, Future] = {}
        self.done: SimpleQueue[tuple[int, Future]] = SimpleQueue()
        self.batches = self.positions = 0
        self.complete = False
        self.recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        # The number of transition states that each worker has; those that answered last come last.
        self.has: dict[str, int] = {}
        self.spent: dict[str, tuple[float, float]] = {}
        self.slots, self.counted = slots(executor), time.monotonic()
        self.deserted = Deserted()

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
        """CPU time that other processes have spent, in seconds."""
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
            yield from self._received_until(time.monotonic())  # Keep what has already arrived.
            raise
        yield from self._last_results()

    def _last_results(self) -> Iterator[tuple[int, Any]]:
        """The results that arrive shortly after time is up."""
        limited = self.limits.seconds_left is not None and self.limits.seconds_left() <= 0.0
        if limited:
            yield from self._received_until(time.monotonic() + GRACE)

    def _received_until(self, until: float) -> Iterator[tuple[int, Any]]:
        """The usable results that arrive until some time; nothing is sent any more."""
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
        """Cancel the batches that were not begun, and forget the exploration."""
        for future in self.futures.values():
            with suppress(NotImplementedError):  # Parsl cannot cancel.
                future.cancel()
        forget(self.name)

    def _send_what_waits(self) -> None:
        if time.monotonic() - self.counted > COUNT_AGAIN:
            there, self.counted = slots(self.executor), time.monotonic()
            self.deserted.note(there, self.counted)
            self.slots = there or self.slots  # While all are being restarted, as many as before.
        while (free := self._room() - len(self.sent)) > 0:
            if self.suspects and not any(sent.suspects for sent in self.sent.values()):
                self._send(self._sent(self.suspects.next_group(), suspects=True))
                continue
            if not self.waiting:
                return
            if self.vectorized:
                size = shared_out(len(self.waiting), free)
            else:
                size = batch_size(len(self.waiting), self.slots, self._seconds_of_a_search())
            some = [self.waiting.popleft() for _ in range(min(size, len(self.waiting)))]
            self._send(self._sent(tuple(some)))

    def _room(self) -> int:
        """The number of batches that may be with the executor at once."""
        there = max(1, self.slots)
        return there if self.vectorized else outstanding(there)

    def _seconds_of_a_search(self) -> float | None:
        searches = sum(count for _, count in self.recent)
        return sum(seconds for seconds, _ in self.recent) / searches if searches else None

    def _sent(self, searches: tuple[Search, ...], suspects: bool = False) -> Sent:
        number, self.batches = self.batches, self.batches + 1
        most = max(search.known for search in searches)
        first = min(self.has.values(), default=most)  # A worker that has fewer will say so.
        batch = Batch(
            self.name,
            number,
            packed([search.packed for search in searches], "searches"),
            tuple(search.known for search in searches),
            first,
            self.known.since(first) if most > first else None,
        )
        return Sent(batch, searches, suspects)

    def _send(self, sent: Sent) -> None:
        check_connection(self.executor)
        # A worker can only watch the clock, as it does not know the CPU time that others spend.
        clock = self.limits.clock_seconds_left
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
        except (OSError, RuntimeError) as error:  # It was shut down, or cannot be reached.
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
        if not self.limits.stop():  # Their worker had to end, so others have to make them.
            self.waiting.extendleft(reversed(given_up))
        for search, of_it in results.items():
            yield from self._results_of(search, of_it)

    def _completed(self, sent: Sent, reply: Reply) -> Sent:
        """A batch to be sent again, with what its worker lacked.

        Raises:
            ClusterError: workers have asked for it too often.
        """
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
            del self.has[next(iter(self.has))]  # A worker that has left or has long been idle.

    def _results_of(self, search: Search, results: list[Any]) -> Iterator[tuple[int, Any]]:
        """The results of a search that were not passed on before.

        A search that was given up and sent again begins anew, and repeats its first results.
        """
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
        """Handle a batch that failed: send its searches again, set them aside, or raise.

        Raises:
            ClusterError: the executor can make no more batches.
        """
        if not worker_died(error):
            raise executor_lost(error) or error
        if not sent.suspects:
            self.suspects.add(sent.searches)
            return
        if len(sent.searches) != 1:
            self.suspects.halve(sent.searches)
            return
        search = sent.searches[0]
        warnings.warn(
            f"{search.name}: at least 2 workers died while they made this search; it is set "
            f"aside, and all else goes on (the logs of the workers may say why: {error})",
            DataWarning,
            stacklevel=2,
        )
        aside = Outcome(Status.LOST_WORKER, Cost())
        parts = self.parts.pop(search.position, 1) - self.handed_on.pop(search.position, 0)
        yield from [(search.position, Found(aside))] * (parts - 1)
        yield search.position, aside


def _is_given_up(results: list[Any]) -> bool:
    """Whether a worker gave up a search before it had ended."""
    return isinstance(results[-1], str) and results[-1] == GIVEN_UP


@contextmanager
def elsewhere(
    executor: Executor,
    setup: Prepared,
    known: KnownPoints,
    limits: Limits,
) -> Iterator[Dispatcher]:
    """A dispatcher whose searches are made by the workers of an executor, in a ``with`` block.

    Args:
        executor: the executor.
        setup: the setup of the exploration, from `prepare`.
        known: the transition states that are known; more may be added while searches are made.
        limits: the limits at which to end.
    """
    vectorized = setup.ability.vectorized
    dispatcher = Dispatcher(executor, setup.content, known, limits, setup.name, vectorized)
    try:
        yield dispatcher
    finally:
        dispatcher.close()
