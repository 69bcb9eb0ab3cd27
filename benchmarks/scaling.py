"""How does cost grow with weights, training items, lanes and cores, and how full are the lanes?

    python -m benchmarks.scaling [--quick] [--only weights items ...] [--smallest N]
        [--largest N] [--write-docs]

Costs are CPU seconds of a quench from a basin-hopping step to a certified minimum, and of a
minimum-saddle-minimum triple from perturbed minima, with failures and without compilation. With
`--write-docs` the figure is written to `docs/images/scaling.png`, and the tables into the page.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from benchmarks.device_calls import noted
from benchmarks.rivals import report
from benchmarks.rivals.__main__ import PAGE, RESULTS
from benchmarks.rivals.measure import cpu_seconds
from benchmarks.rivals.problem import d1

from lossatlas.errors import Status
from lossatlas.exploration.random_starts import perturbation
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine, available_cores

FILE, PICTURE = "scaling.json", "scaling.png"
LABELS = {
    "weights": "weights ([2,h,4], 1000 items)",
    "items": "training items ([2,10,4])",
    "lanes": "lanes of each kernel and worker",
    "cores": "cores (workers)",
}
SIZES = {
    # Numbers h of hidden units of [2,h,4], with 7 h + 4 weights.
    "weights": (10, 20, 50, 100, 200, 500, 1142),
    "items": (100, 1000, 10_000, 100_000),
    "lanes": (1, 4, 16, 64, 256, 1024),
    "cores": (1, 2),
}
QUICK = {
    "weights": (10, 20, 50),
    "items": (100, 1000, 10_000),
    "lanes": (1, 4, 16, 64),
    "cores": (1, 2),
}


@dataclass(frozen=True)
class Point:
    """One measurement: the quantity that varies, its value, and CPU and wall seconds.

    The seconds are those of a quench and of a triple; NaN if a turn found none.
    """

    against: str
    value: int
    quench_cpu: float
    quench_wall: float
    triple_cpu: float
    triple_wall: float
    quenches: int
    triples: int


def points(against: str, quick: bool, largest: float, smallest: float = 0.0) -> Iterator[Point]:
    """All measurements of one kind, from the smallest to the largest value."""
    for size in (QUICK if quick else SIZES)[against]:
        landscape = d1(
            hidden=(size,) if against == "weights" else (10,),
            items=size if against == "items" else 1000,
        )
        if (landscape.n_weights if against == "weights" else size) > largest:
            return
        if (landscape.n_weights if against == "weights" else size) < smallest:
            continue
        lanes = size if against == "lanes" else None
        engine = Engine(landscape.surface, lanes, size if against == "cores" else None)
        value = landscape.n_weights if against == "weights" else size
        point = measured(against, value, landscape, engine, quick)
        if point is not None:
            yield point


def measured(
    against: str, value: int, landscape: NetworkLandscape, engine: Engine, quick: bool
) -> Point | None:
    """Measure quenches and single-ended searches with every lane occupied, after compilation.

    None, with a message, if there is no minimum to start from.
    """
    from lossatlas.search.tools import default_tools

    tools = default_tools(landscape)
    # A few searches take ten times as long as most, so that a mean needs many of them.
    many = 128 if landscape.n_weights * len(landscape.labels) < 100_000 else 32
    count = max(8 if quick else many, engine.lanes * engine.workers)
    if landscape.n_weights > 5000:  # each search takes minutes
        count = engine.workers
    elif landscape.n_weights > 500:
        count = 8
    elif len(landscape.labels) > 10_000:
        count = engine.lanes * engine.workers
    random = np.random.default_rng(0)
    starts = [landscape.random_start(random) / 5 for _ in range(min(count, 8))]
    minima = [w for w in run(engine, [quench(tools, w) for w in starts]) if w is not None]
    if not minima:
        print(f"{against} {value}: no quench ended at a certified minimum", file=sys.stderr)
        return None
    run(engine, [triple(tools, minima[0], perturbation(landscape, random))])

    moves = random.uniform(-1.0, 1.0, (count, landscape.n_weights))
    quenches = [quench(tools, minima[k % len(minima)] + move) for k, move in enumerate(moves)]
    found, quench_cpu, quench_wall = timed(lambda: run(engine, quenches))
    minima = [w for w in found if w is not None] or minima
    steps = [perturbation(landscape, random) for _ in range(count)]
    triples = [triple(tools, minima[k % len(minima)], step) for k, step in enumerate(steps)]
    done, triple_cpu, triple_wall = timed(lambda: run(engine, triples))
    certified = sum(w is not None for w in found)
    ends = certified or np.nan, sum(done) or np.nan
    return Point(
        against,
        value,
        quench_cpu / ends[0],
        quench_wall / ends[0],
        triple_cpu / ends[1],
        triple_wall / ends[1],
        certified,
        sum(done),
    )


def quench(tools, start: np.ndarray):
    """A search that returns the weights of a certified minimum, or None."""
    from lossatlas.search.basin_hopping import quenched

    certificate, _ = yield from quenched(tools, start)
    return None if certificate.point is None else certificate.point.weights


def triple(tools, w: np.ndarray, step: np.ndarray):
    """A search that returns the number of pathways that a climb from a perturbed minimum found."""
    from lossatlas.search.transition_states import climb_from

    attempt = yield from climb_from(tools, w + step, step)
    return int(attempt.status is Status.CONVERGED and len(attempt.pathways) > 0)


def run(engine: Engine, searches: list) -> list:
    """The results of searches in their order."""
    found = dict(engine.run(searches))
    return [found[k] for k in range(len(searches))]


def timed(work: Callable) -> tuple[list, float, float]:
    """The results of a function, and the CPU seconds and wall seconds that it took."""
    begun = time.monotonic()
    result, cpu = cpu_seconds(work)
    return result, cpu, time.monotonic() - begun


@dataclass(frozen=True)
class Fullness:
    """How full the lanes are in a survey that begins with an empty atlas.

    Attributes:
        lanes, workers: numbers of lanes and of workers of the engine.
        transition_states: number of transition states that the survey found.
        unfinished: fraction of the executed lane-steps that advanced an unfinished search. On a CPU
            a lane that has finished executes nothing, so nothing is wasted.
        vectorized: that fraction if every lane, even an empty one, took as many steps as the
            slowest lane of its call, as on a GPU.
        busy: fraction of their time that workers spent in device calls.
    """

    lanes: int
    workers: int
    transition_states: int
    unfinished: float
    vectorized: float
    busy: float


def fullness(quick: bool) -> Fullness:
    """Count the lane-steps of a survey, without its first part, in which kernels are compiled."""
    from lossatlas.atlas import Atlas, Problem
    from lossatlas.exploration.explorer import ExploreOptions, grow

    landscape, wanted = d1(), 60 if quick else 200
    engine = Engine(landscape.surface)
    with tempfile.TemporaryDirectory() as folder:
        for seed, count in ((1, 30), (0, wanted)):
            path = Path(folder) / f"{seed}.atlas"
            with Atlas.create(path, Problem(landscape.fingerprint())) as atlas, noted() as calls:
                begun = time.monotonic()
                grow(landscape, atlas, ExploreOptions(transition_states=count, seed=seed))
                wall = time.monotonic() - begun
    taken, executed, slowest, seconds = np.sum([call[1:] for call in calls], axis=0)
    return Fullness(
        engine.lanes,
        engine.workers,
        wanted,
        float(taken / executed),
        float(taken / slowest),
        float(seconds / (wall * engine.workers)),
    )


def draw(found: list[Point], path: Path) -> None:
    """Draw CPU time against each quantity, and wall time as well against the number of cores."""
    from matplotlib.figure import Figure

    figure = Figure((9.0, 6.4), layout="constrained")
    for ax, (against, label) in zip(figure.subplots(2, 2).flat, LABELS.items(), strict=True):
        some = [point for point in found if point.against == against]
        x = [point.value for point in some]
        for kind, color in (("quench", "#2d77bd"), ("triple", "#98162f")):
            y = [getattr(point, f"{kind}_cpu") for point in some]
            ax.loglog(x, y, "o-", color=color, label=f"{kind}, CPU s")
            if against == "cores":
                y = [getattr(point, f"{kind}_wall") for point in some]
                ax.loglog(x, y, "s--", color=color, label=f"{kind}, wall s")
        ax.set_xticks(x, [f"{value:,}" for value in x])
        ax.set_xticks([], minor=True)
        ax.set_xlabel(label)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def markdown(found: list[Point], lanes: Fullness | None) -> str:
    """The tables for the page."""
    lines = [
        "| against | value | quench, CPU s | wall s | triple, CPU s | wall s | found |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for p in found:
        costs = (p.quench_cpu, p.quench_wall, p.triple_cpu, p.triple_wall)
        numbers = " | ".join("-" if np.isnan(cost) else f"{cost:.3g}" for cost in costs)
        number = f"{p.quenches} minima, {p.triples} triples"
        lines.append(f"| {LABELS[p.against]} | {p.value:,} | {numbers} | {number} |")
    if lanes is not None:
        lines += [
            "",
            f"In a survey up to {lanes.transition_states} transition states with "
            f"{lanes.lanes} {'lane' if lanes.lanes == 1 else 'lanes'} of each kernel on each of "
            f"{lanes.workers} workers, {100 * lanes.unfinished:.1f} % of the "
            "lane-steps executed advanced an unfinished search (a lane that has finished executes "
            f"nothing on a CPU), and workers spent {100 * lanes.busy:.1f} % of their time in "
            "device calls. If lanes had to wait for the slowest of their call, as on a GPU, it "
            f"would be {100 * lanes.vectorized:.1f} % of the lane-steps, empty lanes counted.",
        ]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument("--quick", action="store_true", help="small sizes, few searches")
    choices = (*LABELS, "fullness")
    made.add_argument("--only", nargs="+", choices=choices, help="measure these, keep the others")
    made.add_argument(
        "--largest", type=float, default=np.inf, help="measure up to this value, keep what is above"
    )
    made.add_argument(
        "--smallest", type=float, default=0.0, help="measure from this value, keep what is below"
    )
    made.add_argument("--results", type=Path, default=RESULTS, help="folder of JSON and picture")
    made.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing: render the results into docs/benchmarks.md",
    )
    return made


def main(arguments: list[str] | None = None) -> None:
    """Measure and print, or render."""
    options = parser().parse_args(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / FILE
    stored = json.loads(path.read_text()) if path.exists() else {}
    if options.write_docs:
        found, lanes = restored(stored)
        draw(found, options.results / PICTURE)
        report.write_docs(PAGE, {"scaling": markdown(found, lanes)}, [options.results / PICTURE])
        return
    from lossatlas.lanes.runtime import configure

    configure()
    for name in options.only or (*LABELS, "fullness"):
        print(f"{name} ...", file=sys.stderr, flush=True)
        stored["machine"] = report.machine(cores=available_cores())
        if name == "fullness":
            stored[name] = asdict(fullness(options.quick))
            path.write_text(json.dumps(stored, indent=1))
            continue
        before = stored.get(name, [])
        smaller = [point for point in before if point["value"] < options.smallest]
        larger = [point for point in before if point["value"] > options.largest]
        measured_now: list[dict] = []
        for point in points(name, options.quick, options.largest, options.smallest):
            measured_now.append(asdict(point))
            stored[name] = [*smaller, *measured_now, *larger]
            path.write_text(json.dumps(stored, indent=1))
    found, lanes = restored(stored)
    draw(found, options.results / PICTURE)
    print(markdown(found, lanes))


def restored(stored: dict) -> tuple[list[Point], Fullness | None]:
    """Read the results that `main` stored."""
    found = [Point(**data) for name in LABELS for data in stored.get(name, [])]
    return found, Fullness(**stored["fullness"]) if "fullness" in stored else None


if __name__ == "__main__":
    main()
