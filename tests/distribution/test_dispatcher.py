"""What the coordinator does with answers, whatever workers answer."""

import asyncio
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

import pytest
from landscapes import nothing, tasks

from lossatlas.distribution import deserted, dispatcher as module
from lossatlas.distribution.dispatcher import Dispatcher
from lossatlas.distribution.executors import slots, worker_died
from lossatlas.distribution.messages import GIVEN_UP, Reply, packed, unpacked
from lossatlas.distribution.runner import Limits
from lossatlas.errors import ClusterError, DataWarning, Status
from lossatlas.lanes.requests import Found
from lossatlas.search.known import KnownPoints

NO_LIMITS = Limits()


class Scripted(Executor):
    """Answers each batch at once: each try of a search with the next of its results."""

    def __init__(self, *tries):
        self.tries, self.batches, self._max_workers = [iter(t) for t in tries], [], 1

    def submit(self, function, batch):
        self.batches.append(batch)
        future, results = Future(), []
        for search in unpacked(batch.searches):
            answered = next(self.tries[unpacked(search).keywords["number"]])
            if isinstance(answered, Exception):
                future.set_exception(answered)
                return future
            results.append(answered)
        future.set_result(Reply(batch.number, "one", None, packed(results, "results")))
        return future


class KilledWorker(Exception):
    """As Dask calls it."""


class CommClosedError(OSError):
    """As Dask calls it."""


def numbered(tools, number):
    """A search that a scripted executor knows by its number."""
    return nothing(tools)


def dispatched(executor, limits=NO_LIMITS, parts=1):
    """A dispatcher that was given a search for each script."""
    dispatcher = Dispatcher(executor, b"", KnownPoints(), limits, "of this test")
    for number in range(len(executor.tries)):
        dispatcher.submit(partial(numbered, number=number), f"search {number}", parts)
    dispatcher.no_more()
    return dispatcher


@pytest.mark.parametrize("last", [[], [Found("a")], [Found("a"), Found("b")]])
def test_a_search_that_was_given_up_is_made_again(last):
    """What it handed over before is not handed on twice."""
    whole = [Found("a"), Found("b"), "end"]
    executor = Scripted([["first"]], [[*last, GIVEN_UP], [GIVEN_UP], whole], [["third"]])
    results = list(dispatched(executor, parts=3).results())
    assert [value for number, value in results if number == 1] == whole
    assert sorted((n, v) for n, v in results if n != 1) == [(0, "first"), (2, "third")]


def test_a_search_that_is_given_up_when_time_is_up_is_dropped():
    up = []
    limits = Limits(lambda: bool(up), lambda: 0.0 if up else 1.0, lambda: 1.0)
    executor = Scripted([["first"]], [[Found("a"), GIVEN_UP]])
    results = []
    for result in dispatched(executor, limits).results():
        results.append(result)
        up.append(True)
    assert (0, "first") in results
    assert (1, GIVEN_UP) not in results


def test_what_is_set_aside_has_as_many_parts_as_it_should():
    died = KilledWorker("died")
    executor = Scripted([[Found("a"), GIVEN_UP], died, died])
    with pytest.warns(DataWarning, match="search 0: at least 2 workers died"):
        results = [value for _, value in dispatched(executor, parts=3).results()]
    assert results[0] == Found("a")
    assert [type(value).__name__ for value in results] == ["Found", "Found", "Outcome"]
    assert results[-1].status is Status.LOST_WORKER


@pytest.mark.parametrize(("cpu", "clock"), [(0.5, None), (0.5, 40.0), (None, 40.0)])
def test_workers_are_told_what_is_left_by_the_clock(cpu, clock):
    """CPU seconds are those of all processes together, of which a worker knows nothing."""
    left = min(value for value in (cpu, clock) if value is not None)
    executor = Scripted([["end"]])
    by_clock = None if clock is None else lambda: clock
    list(dispatched(executor, Limits(lambda: False, lambda: left, by_clock)).results())
    assert [batch.seconds for batch in executor.batches] == [clock]


@pytest.mark.parametrize("options", [{"cpu_minutes": 5.0}, {"minutes": 2.0, "cpu_minutes": 0.9}])
def test_an_exploration_tells_what_is_left_by_the_clock(explore, tmp_path, monkeypatch, options):
    limits, init = [], Dispatcher.__init__

    def noting(dispatcher, executor, setup, known, given, *others):
        limits.append(given)
        init(dispatcher, executor, setup, known, given, *others)

    monkeypatch.setattr(Dispatcher, "__init__", noting)
    with ThreadPoolExecutor(1) as executor:
        explore(tmp_path / "a", strategies=tasks(), executor=executor, **options)
    (given,) = limits
    assert given.seconds_left is not None
    if "minutes" not in options:
        assert given.clock_seconds_left is None
    else:
        assert 60.0 < given.clock_seconds_left() <= 120.0


class Client:
    """Of Dask, whose scheduler is gone after so many answers."""

    def __init__(self, answers, error, status="running"):
        self.answers, self.error, self.status = answers, error, status

    def nthreads(self):
        self.answers -= 1
        if self.answers < 0:
            raise self.error
        return {"one": 1}


@pytest.mark.parametrize(
    "error",
    [
        CommClosedError("in <TCP>: stream is closed"),
        TimeoutError("timed out"),
        RuntimeError("the loop is closed"),
    ],
)
@pytest.mark.parametrize("answers", [0, 1])
def test_a_scheduler_that_is_gone_is_no_file_that_cannot_be_written(error, answers, monkeypatch):
    """Whether it is asked for the first time or again."""
    monkeypatch.setattr(module, "COUNT_AGAIN", -1.0)
    executor = Scripted([["end"]])
    executor._client = Client(answers, error)
    with pytest.raises(ClusterError, match="committed is safe"):
        list(dispatched(executor).results())
    assert not executor.batches


@pytest.mark.parametrize("status", ["connecting", "closing", "closed"])
def test_nothing_is_given_to_a_client_without_a_scheduler(status):
    executor = Scripted([["end"]])
    executor._client = client = Client(10, OSError())
    dispatcher = dispatched(executor)
    client.status = status
    with pytest.raises(ClusterError, match="connection to the cluster is lost"):
        list(dispatcher.results())
    with pytest.raises(ClusterError, match="connection to the cluster is lost"):
        slots(executor)
    assert not executor.batches
    assert client.answers == 9  # it would have been waited for


def test_what_an_executor_raises_instead_of_taking_a_batch_is_named():
    class Gone(Scripted):
        def submit(self, function, batch):
            raise CommClosedError("stream is closed")

    with pytest.raises(ClusterError, match="connection to the cluster is lost"):
        list(dispatched(Gone([["end"]])).results())


def test_a_closed_client_of_dask(dask):
    from distributed import Client

    with Client(dask._client.scheduler.address, set_as_default=False) as client:
        executor = client.get_executor()
        assert slots(executor) > 0
    with pytest.raises(ClusterError, match="committed is safe"):
        slots(executor)


def error_of_a_failed_task(result):
    """What the executor of Dask raises for a task that has failed and has this result."""
    cfexecutor = pytest.importorskip("distributed.cfexecutor", reason="no Dask")

    class Failed:
        status = "error"

        async def _result(self, raiseit):
            return result

    future = Future()

    async def pass_on():
        await cfexecutor._cascade_future(Failed(), future)

    asyncio.run(pass_on())
    return future.exception()


@pytest.mark.parametrize("answer", [Reply(0, "one", None, b"", 0.0, 0.0, 0), 4, b"ab"])
def test_an_answer_whose_worker_has_died_meanwhile(answer):
    """Dask has the answer, but counts the task as failed: it takes the answer for an error."""
    error = error_of_a_failed_task(answer)
    assert isinstance(error, ValueError | TypeError)
    assert worker_died(error)
    with pytest.warns(DataWarning, match="at least 2 workers died"):  # the batch was sent again
        list(dispatched(Scripted([error, error])).results())


def test_an_error_of_a_search_is_no_death_of_its_worker():
    with pytest.raises(ValueError, match="x") as raised:
        int("x")
    assert not worker_died(raised.value)
    assert not worker_died(ValueError())


def test_an_error_that_dask_brings_without_its_frames():
    found = ValueError, ValueError("a value of the search"), None
    assert not worker_died(error_of_a_failed_task(found))


class Holding(Executor):
    """Has so many slots, and answers when it is told to."""

    def __init__(self, slots):
        self._max_workers, self.batches, self.futures = slots, [], []

    def submit(self, function, batch):
        self.batches.append(batch)
        self.futures.append(Future())
        return self.futures[-1]

    def sizes(self):
        return [len(batch.known) for batch in self.batches]


@pytest.mark.parametrize(("slots", "sizes"), [(3, [4, 3, 3]), (20, [1] * 10)])
def test_vectorized_workers_get_all_searches_at_once(slots, sizes):
    executor = Holding(slots)
    dispatcher = Dispatcher(executor, b"", KnownPoints(), NO_LIMITS, "of this test", True)
    for number in range(10):
        dispatcher.submit(partial(numbered, number=number), f"search {number}", 1)
    dispatcher._send_what_waits()
    assert executor.sizes() == sizes


def test_the_searches_that_a_vectorized_worker_loses_are_sent_again_together():
    executor = Holding(3)
    dispatcher = Dispatcher(executor, b"", KnownPoints(), NO_LIMITS, "of this test", True)
    for number in range(9):
        dispatcher.submit(partial(numbered, number=number), f"search {number}", 1)
    dispatcher.no_more()
    dispatcher._send_what_waits()
    for number, future in list(enumerate(executor.futures))[:2]:  # one worker had both
        future.set_exception(KilledWorker())
        assert not list(dispatcher._received(number, future))
    dispatcher._send_what_waits()
    assert executor.sizes() == [3, 3, 3, 6]


def test_an_executor_without_workers_is_warned_of(monkeypatch):
    monkeypatch.setattr(module, "COUNT_AGAIN", 0.0)
    monkeypatch.setattr(deserted, "DESERTED", 0.0)
    executor = Holding(2)
    dispatcher = Dispatcher(executor, b"", KnownPoints(), NO_LIMITS, "of this test")
    dispatcher.submit(partial(numbered, number=0), "search 0", 1)
    executor._max_workers = 0
    time.sleep(0.01)
    with pytest.warns(DataWarning, match="no worker has been there"):
        dispatcher._send_what_waits()
    assert dispatcher.slots == 2  # as many as before are expected


class Never(Scripted):
    """Answers nothing."""

    def submit(self, function, batch):
        self.batches.append(batch)
        return Future()


def test_first_batches_are_small_until_it_is_known_how_long_a_search_takes():
    executor, looked = Never(*[[]] * 512), []
    limits = Limits(lambda: len(looked) > 1 or looked.append(True))
    list(dispatched(executor, limits).results())
    assert [len(batch.known) for batch in executor.batches] == [4, 4]


def test_what_is_here_when_an_interrupt_comes_is_handed_on():
    """A batch that was answered counts, one that was not is not waited for."""

    class First(Scripted):
        def submit(self, function, batch):
            future = super().submit(function, batch)
            return future if len(self.batches) == 1 else Future()

    class Interrupted(SimpleQueue):
        def get(self, block=True, timeout=None):
            if not interrupts:
                interrupts.append(True)
                raise KeyboardInterrupt
            return super().get(block, timeout)

    interrupts, results = [], []
    executor = First(*[[["end"]]] * 8)
    dispatcher = dispatched(executor)
    dispatcher.done = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        results.extend(dispatcher.results())
    assert results == [(number, "end") for number in range(4)]
