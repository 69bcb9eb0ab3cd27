"""Whoever makes the searches, and whatever becomes of the workers: the atlas is the same."""

import os
import signal
import threading
import time
import warnings
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest
from content import content
from landscapes import deaths, failing, slow, talkative, tasks

from lossatlas import ExploreOptions
from lossatlas.distribution import worker
from lossatlas.distribution.executors import processes as number_of_processes, slots
from lossatlas.errors import BadInputError, ClusterError, DataWarning
from lossatlas.exploration import Strategy, Task
from lossatlas.exploration.places import chosen_place
from lossatlas.exploration.tasks import Key
from lossatlas.landscape.device import devices
from lossatlas.lanes.engine import Engine
from lossatlas.search.tools import default_tools

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def here(explore, tmp_path_factory):
    path = tmp_path_factory.mktemp("here") / "here.atlas"
    explore(path)
    return content(path)


def test_threads_make_the_same_atlas(explore, here, tmp_path):
    with ThreadPoolExecutor(3) as executor:
        explore(tmp_path / "a", executor=executor)
    assert content(tmp_path / "a") == here


def test_processes_make_the_same_atlas_also_in_two_parts(explore, here, tmp_path, processes):
    first = explore(tmp_path / "a", executor=processes, transition_states=40)
    assert first.reason == "number"
    explore(tmp_path / "a", executor=processes)
    assert content(tmp_path / "a") == here


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_dask_makes_the_same_atlas_though_a_worker_is_killed(explore, here, tmp_path, dask):
    """It dies on the way, and its batches are sent again. (A second death may set one aside.)"""
    path, killed = tmp_path / "a", []
    ended = threading.Event()

    def kill():
        while not killed and not ended.wait(2.0):
            (victim, *_) = dask._client.run(os.getpid).values()
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    explore(path, executor=dask)
    ended.set()
    killer.join()
    assert killed
    assert content(path) == here


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.slow
def test_what_kills_two_workers_is_set_aside_and_named(explore, tmp_path, dask):
    for number, (times, aside) in enumerate(((1, False), (2, True))):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        options = {"strategies": tasks(deaths(folder, times)), "executor": dask}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DataWarning)
            ended = explore(folder / "a", **options)
        messages = [str(w.message) for w in caught if w.category is DataWarning]
        assert ended.reason == "nothing new"
        assert ["own, special 0: at least 2 workers died" in text for text in messages] == [
            True
        ] * aside
        log = {row[5]: row[8] for row in content(folder / "a")["attempt"]}
        assert log["special 0"] == ("LOST_WORKER" if aside else "NO_CANDIDATE")
        assert len(log) == 61


def test_all_that_a_search_hands_over_comes(explore, tmp_path, processes):
    explore(tmp_path / "a", strategies=tasks(talkative), executor=processes)
    rows = content(tmp_path / "a")["attempt"]
    found = [(row[6], row[8]) for row in rows if row[5] == "special 0"]
    assert found == [(1, "NO_CANDIDATE"), (2, "NOT_FINITE")]


@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_an_exception_of_a_search_is_raised_here(explore, tmp_path, processes, pool):
    with ThreadPoolExecutor(1) as threads:
        executor = threads if pool == "threads" else processes
        with pytest.raises(ValueError, match="no such luck"):
            explore(tmp_path / "a", strategies=tasks(failing), executor=executor)
    assert content(tmp_path / "a")  # checked: whole


class Forgetful(Executor):
    """Each batch finds another worker that knows nothing, every other time."""

    def __init__(self):
        self.inner, self.calls = ThreadPoolExecutor(1), 0

    def submit(self, function, *arguments):
        from lossatlas.distribution import worker

        def call():
            self.calls += 1
            if self.calls % 4 == 3:
                for key in list(worker._STATES):
                    worker.forget(key)
            return function(*arguments)

        return self.inner.submit(call)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.inner.shutdown(wait)


def test_workers_that_know_nothing_are_told_again(explore, here, tmp_path):
    with Forgetful() as executor:
        explore(tmp_path / "a", executor=executor)
    assert content(tmp_path / "a") == here


class Lost(Executor):
    """Takes some batches, and then says that its connection is lost."""

    def __init__(self, error):
        self.inner, self.error, self.left = ThreadPoolExecutor(1), error, 6

    def submit(self, function, *arguments):
        self.left -= 1
        if self.left > 0:
            return self.inner.submit(function, *arguments)
        future = Future()
        if self.error is None:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(self.error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.inner.shutdown(wait)


class CommClosedError(OSError):
    """As Dask calls it."""


@pytest.mark.parametrize("error", [None, CommClosedError("stream is closed")])
def test_a_lost_executor_loses_nothing_that_was_committed(explore, here, tmp_path, error):
    with Lost(error) as executor, pytest.raises(ClusterError, match="committed is safe"):
        explore(tmp_path / "a", executor=executor)
    assert 0 < len(content(tmp_path / "a")["attempt"]) < len(here["attempt"])
    explore(tmp_path / "a")
    assert content(tmp_path / "a") == here


def test_time_that_is_up_ends_workers_too(explore, tmp_path, processes):
    """What they have finished until then is kept."""

    def propose(view):
        for number in range(100_000):
            yield Task(Key("own", (), f"{number}"), slow, 1)

    begun = time.monotonic()
    ended = explore(
        tmp_path / "a",
        strategies=[Strategy("own", propose)],
        executor=processes,
        minutes=0.05,
        transition_states=None,
    )
    assert ended.reason == "time"
    assert ended.attempts > 0
    assert time.monotonic() - begun < 20


def test_what_cannot_be_sent_is_refused_before_anything_is_made(tmp_path, explore, processes):
    lock = threading.Lock()

    def propose(view):
        yield Task(Key("own", (), ""), lock.acquire, 1)

    with pytest.raises(BadInputError, match="own: cannot be sent to another process"):
        explore(tmp_path / "a", strategies=[Strategy("own", propose)], executor=processes)


def test_slots_of_a_process_share_its_vectorized_lanes(monkeypatch, landscape):
    monkeypatch.setattr(worker, "Engine", partial(Engine, vectorized=True))
    with ThreadPoolExecutor(3) as executor:
        options = ExploreOptions(lanes=8, executor=executor)
        place = chosen_place(landscape, options, default_tools(landscape))
    assert place.capacity.vectorized
    assert (place.capacity.lanes, place.capacity.workers) == (8, len(devices()))


def test_processes_of_executors(processes, dask):
    class Untold(Executor):
        """Tells nothing."""

    with ThreadPoolExecutor(3) as threads:
        assert (number_of_processes(threads), slots(threads)) == (1, 3)
    assert number_of_processes(processes) == slots(processes) == 2
    assert number_of_processes(dask) == slots(dask) == 2
    assert number_of_processes(Untold()) == slots(Untold())


@pytest.mark.parametrize("executor", ["local:2", 4, object()])
def test_what_is_no_executor_is_refused(explore, tmp_path, executor):
    with pytest.raises(BadInputError, match="executor"):
        explore(tmp_path / "a", executor=executor)


def test_forked_processes_are_refused(explore, tmp_path):
    import multiprocessing

    fork = multiprocessing.get_context("fork")
    with (
        ProcessPoolExecutor(1, mp_context=fork) as pool,
        pytest.raises(BadInputError, match="spawn"),
    ):
        explore(tmp_path / "a", executor=pool)
