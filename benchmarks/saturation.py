"""How many workers one coordinator keeps busy, and how many searches a second it can handle.

    python -m benchmarks.saturation [--quick] [--workers 1 10 100 500 1000] [--seconds 2]

An exploration of the landscape D2 is made once, and what came of its searches is kept. Then it is
explored with workers that compute nothing: each answers a batch after the time that its searches
are to take, with results that were recorded of searches of the same kind. All else is real:
planning, pickling, batches, what workers lack, commits into an atlas. Workers are busy while the
time of a search passes; efficiency is that time, summed over the searches committed between the
first and the last commit, over what all workers have in that time. Seconds of CPU time are those of
the coordinator, with the replies that it unpickles.
"""

import argparse
import heapq
import itertools
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.replay import landscape

from lossatlas.atlas import Atlas, Problem
from lossatlas.distribution.dispatcher import Dispatcher
from lossatlas.distribution.messages import Batch, Reply, packed, unpacked
from lossatlas.distribution.worker import ability
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.exploration.explorer import Progress
from lossatlas.exploration.width import default_width
from lossatlas.lanes.runtime import configure

WORKERS, QUICK = (1, 10, 100, 300, 500, 1000), (1, 10)
WARM_UP = 0.25
"""Part of the time that does not count."""


class Results:
    """What came of searches, by the function that made them."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[list[Any]]] = defaultdict(list)
        self.turn = itertools.count()

    def give(self, search: bytes) -> list[Any]:
        """The results of some search of the same kind, in turns."""
        kind = kind_of(unpacked(search))
        known = self.by_kind.get(kind) or next(iter(self.by_kind.values()))
        return known[next(self.turn) % len(known)]


def kind_of(search: Any) -> str:
    """Which function makes a search."""
    function = getattr(search, "func", search)
    return getattr(function, "__qualname__", str(function))


class Recorder(Executor):
    """Makes searches in this process, and keeps what came of each."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future:
        """Call it at once."""
        future: Future = Future()
        future.set_result(found := function(*arguments))
        if isinstance(found, Reply) and found.lacking is None:
            searches = unpacked(arguments[0].searches)
            for search, outcome in zip(searches, unpacked(found.results), strict=True):
                self.results.by_kind[kind_of(unpacked(search))].append(outcome)
        return future


class Simulated(Executor):
    """So many workers of one thread each; each search takes as long as the last argument says."""

    def __init__(self, workers: int, results: Results, seconds: float) -> None:
        self._max_workers, self.results, self.seconds = workers, results, seconds
        self.free = [(0.0, f"worker {k}") for k in range(workers)]
        self.there: dict[str, int] = dict.fromkeys(worker for _, worker in self.free)
        self.due: list[tuple[float, int, Future, Reply]] = []
        self.wake, self.number = threading.Condition(), itertools.count()
        self.ended, self.random = False, np.random.default_rng(0)
        self.cpu = 0.0
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future:
        """Answer when a worker would have made it."""
        future: Future = Future()
        if function is ability:
            future.set_result(function(*arguments))
            return future
        begun = time.thread_time()
        batch: Batch = arguments[0]
        packed(batch, "batch")  # what an executor does with it
        found = [self.results.give(search) for search in unpacked(batch.searches)]
        took = float(self.seconds * self.random.uniform(0.5, 1.5, len(found)).sum())
        content = packed(found, "results")
        free, worker = heapq.heappop(self.free)
        end = max(free, time.monotonic()) + took
        heapq.heappush(self.free, (end, worker))
        known = max(batch.known, default=0)
        reply = Reply(batch.number, worker, None, content, took, 0.0, known)
        self.cpu += time.thread_time() - begun  # other processes spend this
        with self.wake:
            heapq.heappush(self.due, (end, next(self.number), future, reply))
            self.wake.notify()
        return future

    def _answer(self) -> None:
        while not self.ended:
            with self.wake:
                left = self.due[0][0] - time.monotonic() if self.due else 0.2
                if not self.due or left > 0:
                    self.wake.wait(min(left, 0.2))
                    continue
                _, _, future, reply = heapq.heappop(self.due)
            if future.set_running_or_notify_cancel():
                future.set_result(reply)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread."""
        self.ended = True
        self.thread.join()


class Measured(NamedTuple):
    """One measurement: searches committed, seconds that passed, CPU seconds, batches, bytes."""

    searches: int
    seconds: float
    cpu: float
    batches: int
    sent: int
    received: int


def measure(subject: Any, results: Results, workers: int, seconds: float, last: float) -> Measured:
    """Explore with so many workers for so long."""
    times: list[tuple[float, float, int]] = []
    kept: list[Dispatcher] = []
    begin = Dispatcher.__init__

    def noted(self: Dispatcher, *arguments: Any) -> None:
        begin(self, *arguments)
        kept.append(self)

    executor = Simulated(workers, results, seconds)

    def report(state: Progress) -> None:
        made = done(kept[0])
        times.append((time.monotonic(), time.process_time() - executor.cpu, made))

    Dispatcher.__init__ = noted  # type: ignore[method-assign]
    options = ExploreOptions(
        minutes=last / 60, width=default_width(max(2, workers)), executor=executor, workers=1
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            problem = Problem(subject.fingerprint())
            with Atlas.create(Path(folder, "a.atlas"), problem) as atlas:
                grow(subject, atlas, options, report)
    finally:
        Dispatcher.__init__ = begin  # type: ignore[method-assign]
        executor.shutdown()
    warm = (row for row in times if row[0] > times[0][0] + WARM_UP * last)
    first = next(warm, times[0])
    end, traffic = times[-1], kept[0].traffic
    return Measured(
        end[2] - first[2],
        end[0] - first[0],
        end[1] - first[1],
        traffic.batches,
        traffic.bytes_sent,
        traffic.bytes_received,
    )


def done(dispatcher: Dispatcher) -> int:
    """Searches that have come back."""
    waiting = len(dispatcher.waiting) + sum(len(s.searches) for s in dispatcher.sent.values())
    return dispatcher.positions - waiting


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0])
    parser.add_argument("--last", type=float, default=60.0, help="seconds of each measurement")
    given = parser.parse_args()
    configure()
    subject, results = landscape(200 if given.quick else 1000), Results()
    with tempfile.TemporaryDirectory() as folder:
        problem = Problem(subject.fingerprint())
        with Atlas.create(Path(folder, "r.atlas"), problem) as atlas:
            minima = 20 if given.quick else 60
            options = ExploreOptions(minima=minima, executor=Recorder(results), width=96, minutes=4)
            grow(subject, atlas, options)
    recorded = sum(map(len, results.by_kind.values()))
    print(f"recorded {recorded} searches of {', '.join(sorted(results.by_kind))}", flush=True)
    names = "workers", "s/search", "efficiency", "searches/s", "cpu ms/search", "searches/batch"
    print("| " + " | ".join((*names, "kB sent/batch", "kB received/batch")) + " |")
    print("|" + " --- |" * (len(names) + 2))
    for workers in given.workers or (QUICK if given.quick else WORKERS):
        for seconds in given.seconds:
            last = 10.0 if given.quick else given.last
            show(workers, seconds, measure(subject, results, workers, seconds, last))


def show(workers: int, seconds: float, found: Measured) -> None:
    """One row."""
    rate = found.searches / found.seconds
    cells = (
        f"{workers}",
        f"{seconds:g}",
        f"{rate * seconds / workers:.0%}",
        f"{rate:.1f}",
        f"{1e3 * found.cpu / max(1, found.searches):.2f}",
        f"{found.searches / max(1, found.batches):.1f}",
        f"{found.sent / max(1, found.batches) / 1e3:.1f}",
        f"{found.received / max(1, found.batches) / 1e3:.1f}",
    )
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
