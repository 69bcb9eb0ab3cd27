"""How many workers can one process keep busy? Measured on a machine with fewer cores than that.

    python -m benchmarks.replay [--quick] [--workers 2 4 8 ...] [--rounds N] [--recordings FOLDER]
        [--side D2] [--items 1000] [--hidden 10]

An exploration of the landscape is recorded with one worker: the CPU time of each device call and
the result of each job. Then it is replayed with many workers. A device call makes a call that
computes nothing, so that the costs of dispatch and conversion are real, sleeps for the rest of the
recorded time, and returns the recorded result. Everything else is real: generators, the engine,
planning and commits into an atlas. Searches are functions of their arrays, so the same seed and
width make the same jobs; a job that was not recorded would be an error.

Workers are busy while recorded time passes. It is counted from the first commit after a round of
full size was planned until the last round is planned, so that neither the start, with its few known
minima and small rounds, nor the end counts. CPU times are those of the thread
that plans and commits ("main"), of the workers without their device calls ("workers": engine and
generators) and of device calls that compute nothing ("calls"), in milliseconds for each search.
Only one thread at a time runs Python, so one process can make no more searches a second than the
sum of the three allows ("at most"). "at best" is how busy the same searches would keep the workers
if Python took no time at all, which depends on the width alone.
"""

import argparse
import heapq
import math
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from benchmarks.recording import Recording, key

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
COLUMNS = ("workers", "width", "searches", "at best", "busy", "searches/s")
COSTS = ("main, ms", "workers, ms", "calls, ms", "at most, searches/s")


class Call(NamedTuple):
    """A device call of a replay: the position of its search, the time at which it ended, its
    recorded time, and the CPU time that it took."""

    position: int
    when: float
    seconds: float
    cpu: float


def player(
    recording: Recording, calls: list[Call]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions in place of `blocks.advance` for one lane, and of `Block.start`.

    The first returns the recorded result after the recorded time.
    """
    mine = threading.local()  # since each worker has a block of its own for each kernel
    start = blocks.Block.start

    def noting(block, new, lanes):
        mine.position = (new or block.waiting)[0].ticket.position
        return start(block, new, lanes)

    def playing(kernel, surface, states, rows, jobs, vectorized):
        begun, cpu = time.monotonic(), time.thread_time()
        current = mine.__dict__.setdefault("current", {})
        if rows[0, 0]:
            current[kernel] = [recording.jobs[key(kernel, rows[0, 1:])], 0]
        (seconds, _, found), call = current[kernel]
        current[kernel][1] += 1
        last = call + 1 == len(seconds)
        status = np.int32(Status.CONVERGED if last else Status.RUNNING)
        states, found = passed_on(states, rows, found, status)
        cpu = time.thread_time() - cpu
        time.sleep(max(0.0, seconds[call] - (time.monotonic() - begun)))
        calls.append(Call(mine.position, time.monotonic(), seconds[call], cpu))
        return states, found

    return playing, noting


@compiled
def passed_on(states: Any, rows: Any, found: Any, status: Any) -> Any:
    """A device call with the arguments of `blocks.advance` that computes nothing."""
    return states._replace(status=status[None]), found.at[0, 0].set(status)


def landscape(
    items: int = 1000, side: str = "D2", hidden: tuple[int, ...] = (10,)
) -> NetworkLandscape:
    """The landscape [2, hidden, 4, items, 1e-4] on LJAT3 outcomes in a cube."""
    train = split_pools(load_ljat3(side, items=4 * items, seed=1).pools, items, 1, 1).train
    return NetworkLandscape(train.inputs, train.labels, hidden, 1e-4)


class Replay(NamedTuple):
    """One measurement, all times in seconds.

    Attributes:
        workers, width, searches: their numbers in the exploration. All other values are those of a
            window of it.
        at_best: fraction of the time that workers would be busy if Python took no time.
        seconds: length of the window.
        recorded: recorded time of all device calls in the window.
        finished: number of attempts that were committed in the window.
        main: CPU time of the thread that plans and commits, for each search.
        workers_cpu: CPU time of all other threads without device calls, for each search.
        calls: CPU time of device calls, which compute nothing, for each search.
    """

    workers: int
    width: int
    searches: int
    at_best: float
    seconds: float
    recorded: float
    finished: int
    main: float
    workers_cpu: float
    calls: float

    def row(self) -> str:
        """A row of the table; CPU times in milliseconds."""
        costs = self.main, self.workers_cpu, self.calls
        cells = (
            f"{self.workers}",
            f"{self.width:,}",
            f"{self.searches:,}",
            f"{100 * self.at_best:.0f} %",
            f"{100 * self.recorded / (self.workers * self.seconds):.0f} %",
            f"{self.finished / self.seconds:.0f}",
            *(f"{1e3 * cost:.2f}" for cost in costs),
            f"{1 / sum(costs):.0f}",
        )
        return f"| {' | '.join(cells)} |"


@contextmanager
def only(
    rounds: float = math.inf,
    searches: float = math.inf,
    planned: Callable[[int], None] = lambda searches: None,
) -> Iterator[None]:
    """A context in which planning ends after a number of rounds or of searches.

    All searches that were planned are run to their end. `planned` is called with the number of
    searches in each round.
    """
    plan, counted = explorer.plan_round, Counter[str]()

    def limited(*arguments):
        if counted["rounds"] >= rounds or counted["searches"] >= searches:
            return []
        tasks = plan(*arguments)
        counted["rounds"] += 1
        counted["searches"] += len(tasks)
        planned(len(tasks))
        return tasks

    with patch.object(explorer, "plan_round", limited):
        yield


def explored(
    subject: NetworkLandscape, workers: int, width: int, report: Callable[[Progress], None]
) -> None:
    """Explore a landscape into a new atlas."""
    options = ExploreOptions(width=width, workers=workers, lanes=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replay.atlas"
        with Atlas.create(path, Problem(subject.fingerprint())) as atlas:
            grow(subject, atlas, options, report)


def recorded(subject: NetworkLandscape, width: int, rounds: int, path: Path | None) -> Recording:
    """Make a recording, or read it from the file if it is there."""

    def record() -> None:
        with only(rounds):
            explored(subject, 1, width, lambda progress: None)

    return Recording.kept(path, record)


def replayed(
    subject: NetworkLandscape, recording: Recording, workers: int, width: int, rounds: int
) -> Replay:
    """Replay a recording of a landscape with a number of workers."""
    calls: list[Call] = []
    commits: list[tuple[float, int, float, float]] = []
    plans: list[tuple[float, int]] = []

    def now(progress: Progress) -> None:
        times = time.monotonic(), progress.attempts, time.thread_time(), time.process_time()
        commits.append(times)

    playing, noting = player(recording, calls)
    play = patch.object(blocks, "advance", playing), patch.object(blocks.Block, "start", noting)
    with (
        play[0],
        play[1],
        only(rounds, planned=lambda size: plans.append((time.monotonic(), size))),
    ):
        explored(subject, workers, width, now)
    full = next((k for k, (_, size) in enumerate(plans[:-2]) if size >= width // 2), 0)
    last = max((commit for commit in commits if commit[0] <= plans[-1][0]), default=commits[-1])
    ended, after, *_ = last
    since = plans[full][0]
    first = next((commit for commit in commits if since <= commit[0] < ended), commits[0])
    begun, before, *_ = first
    counted = [call for call in calls if begun < call.when <= ended]
    finished = max(1, after - before)
    main, process = last[2] - first[2], last[3] - first[3]
    dispatch = sum(call.cpu for call in counted)
    return Replay(
        workers,
        width,
        commits[-1][1],
        at_best(workers, calls, [size for _, size in plans], full),
        ended - begun,
        sum(call.seconds for call in counted),
        finished,
        main / finished,
        (process - main - dispatch) / finished,
        dispatch / finished,
    )


def at_best(workers: int, calls: list[Call], rounds: list[int], full: int = 0) -> float:
    """The fraction of the time that workers are busy if only device calls take time.

    Workers take searches in order. A round may begin when the last but one before it has ended. The
    time counts from the plan of the round `full` until that of the last round.

    Args:
        workers: number of workers.
        calls: the device calls of all searches.
        rounds: number of searches in each round.
        full: position of the round with which the time begins to count; default 0, the first.
    """
    seconds = Counter[int]()
    for call in calls:
        seconds[call.position] += call.seconds
    free, ended, spans = [0.0] * workers, [0.0, 0.0], list[tuple[float, float]]()
    for size in rounds:
        first, last = len(spans), ended[-1]
        for position in range(first, first + size):
            begun = max(heapq.heappop(free), ended[-2])
            spans.append((begun, begun + seconds[position]))
            heapq.heappush(free, spans[-1][1])
            last = max(last, spans[-1][1])
        ended.append(last)
    since = ended[full]
    until = ended[-3] if ended[-3] > since else ended[-1]  # when the last round is planned
    inside = ((max(begun, since), min(end, until)) for begun, end in spans)
    busy = sum(max(0.0, end - begun) for begun, end in inside)
    return busy / (workers * (until - since))


def main(arguments: list[str] | None = None) -> None:
    """Record, replay, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few workers and rounds")
    parser.add_argument("--workers", type=int, nargs="+", help="replay with so many workers")
    parser.add_argument("--rounds", type=int, help="so many rounds; default 16, quick 5")
    parser.add_argument("--width", type=int, help="default that of so many workers")
    parser.add_argument("--recordings", type=Path, help="folder to keep recordings in")
    parser.add_argument("--side", default="D2", choices=("D1", "D2", "D3"), help="cube; default D2")
    parser.add_argument("--items", type=int, default=1000, help="training items; default 1000")
    parser.add_argument("--hidden", type=int, nargs="+", default=[10], help="units; default 10")
    options = parser.parse_args(arguments)
    rounds = options.rounds or (5 if options.quick else 16)

    from lossatlas.lanes.runtime import configure

    configure()
    hidden = tuple(options.hidden)
    subject = landscape(options.items, options.side, hidden)
    columns = (*COLUMNS, *COSTS)
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
    for workers in options.workers or (QUICK if options.quick else WORKERS):
        width = options.width or default_width(workers)
        network = "x".join(map(str, hidden))
        name = f"{options.side}-{network}-{options.items}-{width}-{rounds}.recording"
        path = None if options.recordings is None else options.recordings / name
        recording = recorded(subject, width, rounds, path)
        print(replayed(subject, recording, workers, width, rounds).row(), flush=True)


if __name__ == "__main__":
    main()
