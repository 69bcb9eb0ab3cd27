"""How many workers one process keeps busy, on a machine that has fewer cores than that.

    python -m benchmarks.replay [--quick] [--workers 2 4 8 ...] [--rounds N] [--recordings FOLDER]

An exploration of the landscape D2 is recorded with one worker: of each device call the CPU time it
takes, of each job what comes of it. Then it is replayed with many workers: a device call makes a
call that computes nothing (so that dispatch and conversion cost what they cost), sleeps for the
rest of the recorded time, and gives the recorded result. All else is real: generators, the engine,
planning and commits into an atlas. Searches are functions of their arrays, so the same seed and
width make the same jobs; one that was not recorded would be an error.

Workers are busy while recorded time passes. It is counted from the first commit until the last
round is planned, so that neither start nor end count.
"""

import argparse
import hashlib
import pickle
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import numpy as np

from lossatlas.atlas import Atlas, Problem
from lossatlas.compiled import compiled
from lossatlas.data import load_ljat3, split_pools
from lossatlas.errors import Status
from lossatlas.exploration import explorer
from lossatlas.exploration.explorer import Progress, grow
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.exploration.width import default_width
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes import blocks

WORKERS, QUICK = (2, 4, 8, 16, 32, 64), (2, 4)
COLUMNS = ("workers", "width", "searches", "busy", "searches/s", "main", "threads", "process")


class Recorded(NamedTuple):
    """What came of a job.

    Attributes:
        seconds: CPU time of each of its device calls.
        results: as the block of one lane gets it from the last of them.
    """

    seconds: tuple[float, ...]
    results: Any


@dataclass
class Recording:
    """What came of all jobs, by kernel and arrays."""

    jobs: dict[bytes, Recorded] = field(default_factory=dict)

    def recorder(self) -> Callable[..., Any]:
        """In place of `blocks.advance`, with one worker of one lane: notes what it gives."""
        advance, current = blocks.advance, dict[Any, tuple[bytes, list[float]]]()

        def noting(kernel, surface, states, jobs, fresh, vectorized):
            if fresh[0]:
                current[kernel] = key(kernel, jobs), []
            begun = time.process_time()
            done = jax.block_until_ready(
                advance(kernel, surface, states, jobs, fresh, vectorized=vectorized)
            )
            name, seconds = current[kernel]
            seconds.append(time.process_time() - begun)
            if done[0].status[0] != Status.RUNNING:
                self.jobs[name] = Recorded(tuple(seconds), jax.tree.map(np.array, done[1]))
            return done

        return noting

    def player(self, calls: list[tuple[float, float]]) -> Callable[..., Any]:
        """In place of `blocks.advance`, of one lane: gives what was noted after the same time.

        Notes in `calls` when each ended, and its recorded time.
        """
        mine = threading.local()  # each worker has a block for each kernel

        def playing(kernel, surface, states, jobs, fresh, vectorized):
            begun = time.monotonic()
            current = mine.__dict__.setdefault("current", {})
            if fresh[0]:
                current[kernel] = [self.jobs[key(kernel, jobs)], 0]
            (seconds, results), call = current[kernel]
            current[kernel][1] += 1
            last = call + 1 == len(seconds)
            status = np.array([Status.CONVERGED if last else Status.RUNNING], np.int32)
            states, results = passed_on(states, jobs, fresh, results, status)
            time.sleep(max(0.0, seconds[call] - (time.monotonic() - begun)))
            calls.append((time.monotonic(), seconds[call]))
            return states, results, np.ones(1, np.int32)

        return playing


def key(kernel: Any, job: Any) -> bytes:
    """The name of a job: of all arrays of a block of one lane, and of the kernel."""
    name = hashlib.blake2b(_named(kernel), digest_size=16)
    for leaf in jax.tree.leaves(job):
        name.update(np.ascontiguousarray(leaf).data)
    return name.digest()


@cache
def _named(kernel: Any) -> bytes:
    return repr(kernel).encode()


@compiled
def passed_on(states: Any, jobs: Any, fresh: Any, results: Any, status: Any) -> Any:
    """A device call that takes what `blocks.advance` takes and computes nothing."""
    return states._replace(status=status), results


def landscape() -> NetworkLandscape:
    """[2, 10, 4, 1000, 1e-4] on LJAT3 outcomes in the cube D2."""
    train = split_pools(load_ljat3("D2", items=4000, seed=1).pools, 1000, 1, 1).train
    return NetworkLandscape(train.inputs, train.labels, (10,), 1e-4)


class Replay(NamedTuple):
    """One measurement, all times in seconds.

    Attributes:
        workers, width, searches: of the exploration; what the rest of it counts is a window of it.
        seconds: length of the window.
        recorded: time of all device calls in it.
        finished: attempts committed in it.
        main: CPU time of the thread that plans and commits, a search.
        threads: that of the workers, a search, device calls included that compute nothing.
    """

    workers: int
    width: int
    searches: int
    seconds: float
    recorded: float
    finished: int
    main: float
    threads: float

    def row(self) -> str:
        """A row of the table; CPU times in milliseconds."""
        cells = (
            f"{self.workers}",
            f"{self.width:,}",
            f"{self.searches:,}",
            f"{100 * self.recorded / (self.workers * self.seconds):.0f} %",
            f"{self.finished / self.seconds:.0f}",
            f"{1e3 * self.main:.2f}",
            f"{1e3 * self.threads:.2f}",
            f"{1 / (self.main + self.threads):.0f}",
        )
        return f"| {' | '.join(cells)} |"


@contextmanager
def only(rounds: int, planned: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Plan so many rounds and no more, so that all searches run to their end."""
    plan, counted = explorer.plan_round, Counter[str]()

    def limited(*arguments):
        counted["rounds"] += 1
        if counted["rounds"] > rounds:
            return []
        planned()
        return plan(*arguments)

    with patch.object(explorer, "plan_round", limited):
        yield


def explored(workers: int, width: int, rounds: int, report: Callable[[Progress], None]) -> None:
    """So many rounds of an exploration from nothing."""
    subject = landscape()
    options = ExploreOptions(width=width, workers=workers, lanes=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replay.atlas"
        with Atlas.create(path, Problem(subject.fingerprint())) as atlas:
            grow(subject, atlas, options, report)


def recorded(width: int, rounds: int, folder: Path | None) -> Recording:
    """A recording, read from the folder if it is there."""
    path = None if folder is None else folder / f"d2-{width}-{rounds}.pickle"
    if path is not None and path.exists():
        jobs = pickle.loads(path.read_bytes())  # written by this program
        return Recording({name: Recorded(*record) for name, record in jobs.items()})
    recording = Recording()
    with patch.object(blocks, "advance", recording.recorder()), only(rounds):
        explored(1, width, rounds, lambda progress: None)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Plain tuples: what `__main__` defines has another name elsewhere.
        jobs = {name: tuple(record) for name, record in recording.jobs.items()}
        path.write_bytes(pickle.dumps(jobs))
    return recording


def replayed(recording: Recording, workers: int, width: int, rounds: int) -> Replay:
    """Replay it with so many workers."""
    calls: list[tuple[float, float]] = []
    commits: list[tuple[float, int, float, float]] = []
    plans: list[float] = []

    def now(progress: Progress) -> None:
        times = time.monotonic(), progress.attempts, time.thread_time(), time.process_time()
        commits.append(times)

    play = patch.object(blocks, "advance", recording.player(calls))
    with play, only(rounds, lambda: plans.append(time.monotonic())):
        explored(workers, width, rounds, now)
    begun, before, *_ = first = commits[0]
    last = max((commit for commit in commits if commit[0] <= plans[-1]), default=commits[-1])
    ended, after, *_ = last
    main, process = last[2] - first[2], last[3] - first[3]
    return Replay(
        workers,
        width,
        commits[-1][1],
        ended - begun,
        sum(seconds for when, seconds in calls if begun < when <= ended),
        after - before,
        main / (after - before),
        (process - main) / (after - before),
    )


def main(arguments: list[str] | None = None) -> None:
    """Record, replay, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few workers and rounds")
    parser.add_argument("--workers", type=int, nargs="+", help="replay with so many workers")
    parser.add_argument("--rounds", type=int, help="so many rounds; default 8, quick 5")
    parser.add_argument("--width", type=int, help="default that of so many workers")
    parser.add_argument("--recordings", type=Path, help="folder to keep recordings in")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (5 if options.quick else 8)

    from lossatlas.lanes.runtime import configure

    configure()
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    for workers in options.workers or (QUICK if options.quick else WORKERS):
        width = options.width or default_width(workers)
        recording = recorded(width, rounds, options.recordings)
        print(replayed(recording, workers, width, rounds).row(), flush=True)


if __name__ == "__main__":
    main()
