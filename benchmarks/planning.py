"""Does planning and committing a search cost more as the atlas grows, and how long does it take?

    python -m benchmarks.planning [--quick] [--width N] [--folder FOLDER]
    python -m benchmarks.planning --study FILE --cpu-minutes N

The first command fills atlases of 1,000 to 200,000 minima with 2.7 transition states and four
attempts for each (`synthetic_atlas`; they are kept in the folder if one is given). For each atlas a
process of its own opens it as an exploration does, plans rounds, and commits invented results of
the planned searches: two of three find a transition state, one of four finds a minimum. Seconds are
CPU seconds of the thread that plans, so that a busy machine does not matter. The cost of a
checkpoint is divided by the number of attempts between two checkpoints, and taken off where one
falls into a planned round. The table is printed, and drawn to `docs/images/planning.png`.

The second command explores a study, and prints the fraction of the CPU time that planning and
committing take in its first and in its last tenth.
"""

import argparse
import gc
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from benchmarks.synthetic_atlas import fill, landscape, points, random_points, stored_minima

SIZES, QUICK = (1_000, 4_000, 16_000, 64_000, 200_000), (1_000, 4_000, 16_000)
SEARCHES, WIDTH = 1_000, 48
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "planning.png"


@dataclass(frozen=True)
class Measured:
    """The measurements of one atlas.

    Attributes:
        minima, transition_states, attempts: their numbers in the atlas.
        opening: CPU seconds from opening the atlas to the first round planned.
        gigabytes: peak memory of the process.
        planning, committing: CPU milliseconds for each search.
        checkpoint: CPU milliseconds for each search, for what is computed at checkpoints.
        longest: seconds of the longest planned round or computed checkpoint after the first.
    """

    minima: int
    transition_states: int
    attempts: int
    opening: float
    gigabytes: float
    planning: float
    committing: float
    checkpoint: float
    longest: float

    @property
    def together(self) -> float:
        """CPU milliseconds for each search in all."""
        return self.planning + self.committing + self.checkpoint


def measured(path: str, minima: int, width: int = WIDTH) -> Measured:
    """Plan rounds from an atlas, and commit invented results of their searches."""
    from lossatlas.atlas import Atlas
    from lossatlas.exploration.catalog import chosen
    from lossatlas.exploration.checkpoint import GROWTH, Checkpoint
    from lossatlas.exploration.committing import Committer
    from lossatlas.exploration.explorer import KEPT_AT_ONCE
    from lossatlas.exploration.planner import begin, plan_round
    from lossatlas.exploration.points import count_points
    from lossatlas.exploration.stop_rules import ExploreOptions
    from lossatlas.exploration.view import Observer

    where, random = landscape(), np.random.default_rng(1)
    known = stored_minima(path, minima)
    begun = time.thread_time()
    with _frozen(), Atlas.open(path) as atlas:
        observer, agendas = Observer(atlas, where), begin(chosen())
        with atlas.reading() as connection:
            committer = Committer(atlas, where, ExploreOptions(), count_points(connection))
        committer.run_id = atlas.start_run({}, 0, {}, "cpu")

        def plan(number: int) -> list[Any]:
            view = observer.view()
            observer.known()
            observer.fold.keep_neighbors(KEPT_AT_ONCE)
            planned = plan_round(view, agendas, 0.0, width // 2)
            place = {"round": number, "as_of": view.as_of, "width": width}
            return [_attempt(random, where, known, one.task.key, place) for one in planned]

        made = [attempt() for attempt in plan(0)]
        opening = time.thread_time() - begun
        planning, committing, searches = [], [], 0
        with _checkpoints() as checkpoints:
            for number in range(1, 1 + max(8, 2 * SEARCHES // width)):
                committer.pending += made
                committing.append(_spent(committer.commit))
                found: list[Any] = []
                planning.append(_spent(lambda n=number, found=found: found.extend(plan(n))))
                made = [attempt() for attempt in found]
                searches += len(made)
        picture = observer.fold.picture()
        checkpoint = _spent(lambda: Checkpoint.of(picture))
        with atlas.reading() as connection:
            held = count_points(connection)
        attempts = observer.fold.as_of
    return Measured(
        *held,
        attempts,
        opening,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        1e3 * (sum(planning) - sum(checkpoints)) / searches,
        1e3 * sum(committing) / searches,
        1e3 * checkpoint / max(1, attempts / GROWTH),
        max(*planning, checkpoint),
    )


def _attempt(
    random: np.random.Generator, where: Any, known: list[Any], key: Any, place: dict[str, int]
) -> Any:
    """Invent the attempt of a search, which may find a transition state with one new minimum."""
    from lossatlas.atlas import Attempt
    from lossatlas.errors import Status
    from lossatlas.search.outcome import Cost, Outcome, Pathway, PathwayEnd

    def attempt() -> Attempt:
        ways: tuple[Pathway, ...] = ()
        if random.random() < 2 / 3:
            (state,) = points(1, random_points(random, 1, where, 0.6))
            one, other = (known[k] for k in random.integers(len(known), size=2))
            if random.random() < 3 / 8:
                (other,) = points(0, random_points(random, 1, where, 0.5))
            ends = [
                PathwayEnd(side, end, None, 3e-3, "exponential")
                for side, end in ((0, one), (1, other))
            ]
            ways = (Pathway(state, tuple(ends)),)
        return Attempt(*key, Outcome(Status.CONVERGED, Cost(400, 40), (), ways), **place)

    return attempt


@contextmanager
def _frozen() -> Iterator[None]:
    """A context in which the garbage collector leaves alone what there is when it begins.

    It would go through the list of known minima, which an exploration does not have.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _checkpoints() -> Iterator[list[float]]:
    """A context that notes the CPU seconds of each checkpoint."""
    from lossatlas.exploration.checkpoint import Checkpoint

    seconds, compute = list[float](), Checkpoint.of

    def noted(*arguments):
        made = []
        seconds.append(_spent(lambda: made.append(compute(*arguments))))
        return made[0]

    with patch.object(Checkpoint, "of", noted):
        yield seconds


def _spent(work: Any) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def table(found: list[Measured]) -> Iterator[str]:
    """The lines of a table."""
    yield (
        "| minima | transition states | attempts | planning, ms a search | committing, ms | "
        "checkpoints, ms | together, ms | longest, s | opening, CPU s | memory, GB |"
    )
    yield "| --- " * 10 + "|"
    for one in found:
        costs = (one.planning, one.committing, one.checkpoint, one.together)
        numbers = " | ".join(f"{cost:.3f}" for cost in costs)
        yield (
            f"| {one.minima:,} | {one.transition_states:,} | {one.attempts:,} | {numbers} | "
            f"{one.longest:.2f} | {one.opening:.1f} | {one.gigabytes:.2f} |"
        )


def draw(found: list[Measured], path: Path) -> None:
    """Draw the cost of a search against the number of minima in the atlas."""
    from matplotlib.figure import Figure

    figure = Figure((5.6, 3.6), layout="constrained")
    ax = figure.subplots()
    x = [one.minima for one in found]
    for name, color in (
        ("planning", "#2d77bd"),
        ("committing", "#98162f"),
        ("together", "#222222"),
    ):
        ax.semilogx(x, [getattr(one, name) for one in found], "o-", color=color, label=name)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("minima in the atlas")
    ax.set_ylabel("CPU ms a search")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def sizes(wanted: tuple[int, ...], folder: Path, width: int = WIDTH) -> list[Measured]:
    """Measure each size in a process of its own, so that its peak memory is that of this size."""
    found = []
    for minima in wanted:
        path = folder / f"{minima}.atlas"
        if not path.exists():
            print(f"filling {path}", file=sys.stderr, flush=True)
            fill(str(path), landscape(), minima)
        with tempfile.TemporaryDirectory(dir=folder) as own:  # for a copy, which is changed
            copy = shutil.copy(path, own)
            measure = ["--measure", copy, str(minima), "--width", str(width)]
            program = [sys.executable, "-m", "benchmarks.planning", *measure]
            done = subprocess.run(program, stdout=subprocess.PIPE, check=True)
        found.append(Measured(**json.loads(done.stdout)))
    return found


@contextmanager
def watched(spent: list[tuple[float, float]]) -> Iterator[None]:
    """A context in which CPU seconds of planning and committing are appended to `spent`.

    Each entry has the CPU time of the process as well.
    """
    from lossatlas.exploration import explorer

    rounds = explorer._Rounds
    plan, commit = rounds._plan, rounds._commit

    def noted(method):
        def call(*arguments):
            begun = time.thread_time()
            method(*arguments)
            spent.append((time.process_time(), time.thread_time() - begun))

        return call

    rounds._plan, rounds._commit = noted(plan), noted(commit)
    try:
        yield
    finally:
        rounds._plan, rounds._commit = plan, commit


def explored(study: str, minutes: float) -> Iterator[str]:
    """The share of planning and committing at the beginning and the end of an exploration."""
    import lossatlas

    spent: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, watched(spent):
        begun = time.process_time()
        atlas = lossatlas.explore(
            study, Path(folder) / "a.atlas", cpu_minutes=minutes, progress=False
        )
        total = time.process_time() - begun
        yield str(atlas.exploration)
    at, seconds = np.array(spent).T
    for name, low, high in (("first tenth", 0.0, 0.1), ("last tenth", 0.9, 1.0), ("all", 0.0, 1.0)):
        part = (at - begun >= low * total) & (at - begun <= high * total)
        share = seconds[part].sum() / ((high - low) * total)
        yield f"{name}: {100 * share:.2f} % of the CPU time, {seconds[part].max():.3f} s at most"


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.planning", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--quick", action="store_true", help="sizes up to 16,000 minima, no picture")
    made.add_argument("--folder", type=Path, help="where the atlases are kept; default: nowhere")
    made.add_argument("--largest", type=int, default=SIZES[-1], help="measure up to so many minima")
    made.add_argument("--width", type=int, default=WIDTH, help="searches in flight")
    made.add_argument("--study", help="explore this study instead")
    made.add_argument("--cpu-minutes", type=float, default=20.0, help="how long")
    made.add_argument("--measure", nargs=2, metavar=("ATLAS", "MINIMA"), help="one atlas, as JSON")
    return made


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = parser().parse_args(arguments)
    if options.measure:
        print(
            json.dumps(asdict(measured(options.measure[0], int(options.measure[1]), options.width)))
        )
        return
    if options.study:
        for line in explored(options.study, options.cpu_minutes):
            print(line, flush=True)
        return
    wanted = tuple(size for size in (QUICK if options.quick else SIZES) if size <= options.largest)
    with tempfile.TemporaryDirectory() as temporary:
        found = sizes(wanted, options.folder or Path(temporary), options.width)
    print("\n".join(table(found)))
    if not options.quick:
        draw(found, PICTURE)


if __name__ == "__main__":
    main()
