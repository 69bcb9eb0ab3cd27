"""How many workers can one coordinator keep busy, and how many searches a second can it handle?

    python -m benchmarks.saturation [--quick] [--workers 1 10 ...] [--seconds 2] [--recording FILE]

The landscape D2 is explored once, and the results of its searches are kept. Then a synthetic atlas
of some thousand minima is continued with workers that compute nothing: each answers a batch after
the time that its searches are to take, with recorded results of searches of the same kind.
Everything else is real: planning, pickling, batches, updates of the workers, commits into an atlas.
Efficiency is the fraction of the time during which workers have a batch, between the first and the
last answer, without the first quarter; the searches a second are counted over the same time. CPU
seconds are those of the coordinator, including the replies that it unpickles.
"""

import argparse
import heapq
import itertools
import pickle
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks import synthetic_atlas
from benchmarks.replay import landscape

from lossatlas.atlas import Atlas, Problem
from lossatlas.distribution.dispatcher import Dispatcher
from lossatlas.distribution.messages import Batch, Reply, packed, unpacked
from lossatlas.distribution.worker import ability
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.exploration.width import default_width
from lossatlas.lanes.requests import Found
from lossatlas.lanes.runtime import configure

WORKERS, QUICK = (1, 10, 100, 300, 500, 1000), (1, 10)
BEGUN, FEW = 1_500, 200
"""Number of minima of the atlas that is continued, in full and in quick runs; with few minima only
few searches are in flight."""
WARM_UP = 0.25
"""Fraction of the time that is not counted."""


class Results:
    """Results of searches, by the function that made them."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[list[Any]]] = defaultdict(list)
        self.turn = itertools.count()
        self.made: dict[int, bytes] = {}

    def some(self, count: int) -> bytes:
        """The pickled results of a number of searches.

        They are pickled once, because real workers do it on cores of their own. Transition states
        that were found again are left out, since they belong to another atlas.
        """
        if count not in self.made:
            every = [one for kind in self.by_kind.values() for one in kind]
            found = [every[next(self.turn) % len(every)] for _ in range(count)]
            self.made[count] = packed([[unknown(one) for one in some] for some in found], "results")
        return self.made[count]


def unknown(result: Any) -> Any:
    """A result without the known transition states that it found again."""
    if isinstance(result, Found):
        return Found(unknown(result.result))
    return result._replace(hits=())


def kind_of(search: Any) -> str:
    """The name of the function that makes a search."""
    function = getattr(search, "func", search)
    return getattr(function, "__qualname__", str(function))


class Recorder(Executor):
    """An executor that makes searches in this process, and keeps the result of each."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future:
        """Call the function at once."""
        future: Future = Future()
        future.set_result(found := function(*arguments))
        if isinstance(found, Reply) and found.lacking is None:
            searches = unpacked(arguments[0].searches)
            for search, outcome in zip(searches, unpacked(found.results), strict=True):
                if not any(isinstance(one, str) for one in outcome):
                    self.results.by_kind[kind_of(unpacked(search))].append(outcome)
        return future


class Simulated(Executor):
    """An executor that simulates workers of one thread each.

    Each search takes as long as the last argument says.
    """

    def __init__(self, workers: int, results: Results, seconds: float) -> None:
        self._max_workers, self.results, self.seconds = workers, results, seconds
        self.free = [(0.0, f"worker {k}") for k in range(workers)]
        self.there: dict[str, int] = dict.fromkeys(worker for _, worker in self.free)
        self.due: list[tuple[float, int, Future, Reply, int]] = []
        self.wake, self.number = threading.Condition(), itertools.count()
        self.ended, self.random = False, np.random.default_rng(0)
        self.cpu, self.answered = 0.0, 0
        self.times: list[tuple[float, float, int]] = []
        self.work: list[tuple[float, float]] = []  # begin and end of each batch of a worker
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future:
        """Return a future that is done when a worker would have finished."""
        future: Future = Future()
        if function is ability:
            future.set_result(function(*arguments))
            return future
        begun = time.thread_time()
        batch: Batch = arguments[0]
        count = len(batch.known)
        content = self.results.some(count)
        took = float(self.seconds * self.random.uniform(0.5, 1.5, count).sum())
        free, worker = heapq.heappop(self.free)
        start = max(free, time.monotonic())
        end = start + took
        self.work.append((start, end))
        heapq.heappush(self.free, (end, worker))
        known = max(batch.known, default=0)
        reply = Reply(batch.number, worker, None, content, took, 0.0, known)
        self.cpu += time.thread_time() - begun  # real workers spend this in other processes
        with self.wake:
            heapq.heappush(self.due, (end, next(self.number), future, reply, count))
            self.wake.notify()
        return future

    def _answer(self) -> None:
        while not self.ended:
            with self.wake:
                left = self.due[0][0] - time.monotonic() if self.due else 0.2
                if not self.due or left > 0:
                    self.wake.wait(min(left, 0.2))
                    continue
                _, _, future, reply, searches = heapq.heappop(self.due)
            if future.set_running_or_notify_cancel():
                self.answered += searches
                row = time.monotonic(), time.process_time() - self.cpu, self.answered
                self.times.append(row)
                future.set_result(reply)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread."""
        self.ended = True
        self.thread.join()


class Measured(NamedTuple):
    """One measurement: the fraction of the time that workers were busy, the number of searches, the
    seconds that passed, CPU seconds, and the numbers of batches and bytes."""

    busy: float
    searches: int
    seconds: float
    cpu: float
    batches: int
    sent: int
    received: int


def measure(
    subject: Any, begun: Path, results: Results, workers: int, seconds: float, last: float
) -> Measured:
    """Continue an atlas with a number of workers for some time."""
    kept: list[Dispatcher] = []
    begin = Dispatcher.__init__

    def noted(self: Dispatcher, *arguments: Any) -> None:
        begin(self, *arguments)
        kept.append(self)

    executor = Simulated(workers, results, seconds)

    Dispatcher.__init__ = noted  # type: ignore[method-assign]

    def enough(state: Any) -> None:
        """Stop at the end of the time, which is counted from the first answer.

        Before the first answer the atlas is read.
        """
        if executor.times and time.monotonic() - executor.times[0][0] > last:
            raise KeyboardInterrupt

    options = ExploreOptions(width=default_width(max(2, workers)), executor=executor, workers=1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = shutil.copy(begun, Path(folder, "a.atlas"))
            with Atlas.open(path) as atlas:
                grow(subject, atlas, options, enough)
    finally:
        Dispatcher.__init__ = begin  # type: ignore[method-assign]
        executor.shutdown()
    times = executor.times
    warm = (row for row in times if row[0] > times[0][0] + WARM_UP * (times[-1][0] - times[0][0]))
    first = next(warm, times[0])
    end, traffic = times[-1], kept[0].traffic
    busy = sum(max(0.0, min(b, end[0]) - max(a, first[0])) for a, b in executor.work)
    return Measured(
        busy / workers / (end[0] - first[0]),
        end[2] - first[2],
        end[0] - first[0],
        end[1] - first[1],
        traffic.batches,
        traffic.bytes_sent,
        traffic.bytes_received,
    )


def record(subject: Any, results: Results, quick: bool) -> None:
    """Explore for some minutes in this process, and keep the result of each search."""
    with tempfile.TemporaryDirectory() as folder:
        problem = Problem(subject.fingerprint())
        with Atlas.create(Path(folder, "r.atlas"), problem) as atlas:
            minima = 20 if quick else 60
            options = ExploreOptions(minima=minima, executor=Recorder(results), width=96, minutes=3)
            grow(subject, atlas, options)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--recording", type=Path, help="file that keeps what was recorded")
    parser.add_argument("--workers", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0])
    parser.add_argument("--last", type=float, default=60.0, help="seconds of each measurement")
    given = parser.parse_args()
    configure()
    subject, results = landscape(200 if given.quick else 1000), Results()
    if given.recording is not None and given.recording.exists():
        results.by_kind.update(pickle.loads(given.recording.read_bytes()))
    else:
        record(subject, results, given.quick)
    if given.recording is not None:
        given.recording.write_bytes(pickle.dumps(dict(results.by_kind)))
    recorded = sum(map(len, results.by_kind.values()))
    print(f"recorded {recorded} searches of {', '.join(sorted(results.by_kind))}", flush=True)
    begun = Path(tempfile.mkdtemp()) / "begun.atlas"
    point = subject.random_start(np.random.default_rng(0))
    # As many invariants as recorded points have.
    synthetic_atlas.INVARIANTS = len(subject.invariants(point))
    synthetic_atlas.fill(str(begun), subject, FEW if given.quick else BEGUN)
    names = "workers", "s/search", "efficiency", "searches/s", "cpu ms/search", "searches/batch"
    print("| " + " | ".join((*names, "kB sent/batch", "kB received/batch")) + " |")
    print("|" + " --- |" * (len(names) + 2))
    for workers in given.workers or (QUICK if given.quick else WORKERS):
        for seconds in given.seconds:
            last = 10.0 if given.quick else given.last
            show(workers, seconds, measure(subject, begun, results, workers, seconds, last))


def show(workers: int, seconds: float, found: Measured) -> None:
    """Print one row of the table."""
    cells = (
        f"{workers}",
        f"{seconds:g}",
        f"{found.busy:.0%}",
        f"{found.busy * workers / seconds:.1f}",
        f"{1e3 * found.cpu / max(1, found.searches):.2f}",
        f"{found.searches / max(1, found.batches):.1f}",
        f"{found.sent / max(1, found.batches) / 1e3:.1f}",
        f"{found.received / max(1, found.batches) / 1e3:.1f}",
    )
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
