"""Searches on the device of this machine, such as a graphics card, and on two cores of its CPU.

    python -m benchmarks.gpu [--quick] [--processes 4] [--lanes 2048] [--seconds 60] [--links 1000]
        [--survey FILE]

Three things are measured, on the device and on two cores of the CPU:

* triples: climbs from perturbed minima of D1, [2, 10, 4] with 1000 items, each with its certificate
  and both paths, after code is compiled. At the end of such a run most lanes are empty, so the
  number of triples a second until nine tenths of the searches had ended is given too;
* a survey: an exploration of D1, [2, 5, 5, 4] with 100 items, for `--seconds`. The numbers of
  points are read every second, so that the start, where few searches are in flight and code is
  compiled, can be told from the rest. With `--survey` both sides continue a copy of an atlas of
  this landscape in place of beginning one; ``--grow N --survey FILE`` makes it, up to N transition
  states, and measures nothing;
* links of the triples that the device found, which are followed again on the CPU to see whether
  they lead to the same minima.

Several processes share a card, as with ``explore --cluster local:4``, because one process does not
keep it busy. With ``--processes 0`` the searches are made in one process. This is the default
without a card, where lanes are vectorized on the CPU: it is slow but shows that everything runs.

The CPU runs in a process of its own, since JAX computes on one kind of device in a process. On a
machine of many cores it runs at the same time, with two cores that the other side does not use.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

LANES, CORES, PROCESSES = 2048, 2, 4
MANY_CORES = 8
"""Number of cores from which on both sides are measured at the same time."""
SEARCHES_A_LANE = 4
"""Number of searches for each lane: enough to refill lanes, and few enough for a minute."""
CPU_SEARCHES, WARM_UP = 256, 32
"""Number of searches on the CPU, and the least number of those with which code is compiled."""
FIRST = 50
"""Number of transition states from which on those of a survey are counted: code for all methods is
compiled then."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make all measurements of one process on its device."""
    from lossatlas.distribution.clusters import cluster
    from lossatlas.landscape.device import device
    from lossatlas.lanes.runtime import configure

    configure()
    several = options.processes > 0
    with cluster(f"local:{options.processes}") if several else nullcontext() as executor:
        found = {"device": str(device()), "lanes": options.lanes, "searches": options.searches}
        found |= {"processes": options.processes, "triples": triples(options, executor)}
        print(summary("triples", found), file=sys.stderr, flush=True)
        found |= {"survey": survey(options, executor)}
        print(summary("survey", found), file=sys.stderr, flush=True)
        return found


def triples(options: argparse.Namespace, executor: Any) -> dict[str, Any]:
    """Count the triples that climbs from perturbed minima give, and the seconds that they take."""
    from benchmarks.device_calls import wait_for_code
    from benchmarks.gpu_model import starts
    from benchmarks.rivals.problem import d1, some_minima

    from lossatlas.distribution.runner import Limits
    from lossatlas.exploration.places import chosen_place
    from lossatlas.exploration.stop_rules import ExploreOptions
    from lossatlas.search.known import KnownPoints
    from lossatlas.search.tools import default_tools
    from lossatlas.search.transition_states import climb_from

    landscape = d1()
    minima = [point.weights for point in some_minima(landscape, 12)]
    counted = list(starts(landscape, minima, options.searches))
    compiling = counted[: max(WARM_UP, options.lanes * max(1, options.processes))]
    with vectorized(options.vectorized):
        asked = ExploreOptions(lanes=options.lanes, executor=executor)
        place = chosen_place(landscape, asked, default_tools(landscape))
        for some in (compiling, counted):
            with place.open(KnownPoints(), Limits()) as runner, occupancy(executor) as used:
                begun, paths, arrived = time.monotonic(), [], []
                for start, direction in some:
                    runner.submit(partial(climb_from, start=start, direction=direction), "climb", 1)
                runner.no_more()
                for _, outcome in runner.results():
                    paths += outcome.pathways
                    arrived.append((time.monotonic() - begun, len(paths)))
            in_all_processes(executor, wait_for_code)
    links = [
        {
            "saddle": path.transition_state.weights.tolist(),
            "energies": sorted((end.side, end.minimum.energy) for end in path.ends),
        }
        for path in paths[: options.links]
    ]
    most = arrived[9 * len(arrived) // 10]
    return {
        "count": len(paths),
        "wall": arrived[-1][0],
        "most": most[1] / most[0],
        "used": used(),
        "links": links,
    }


@contextmanager
def occupancy(executor: Any) -> Iterator[Callable[[], float]]:
    """A context with a function that tells, after it, how much of the lanes was used.

    This is the fraction of the executed lane-steps that advanced an unfinished search, in all
    processes.
    """
    before = _steps(executor)
    used = [float("nan")]
    yield lambda: used[0]
    after = _steps(executor)
    executed = after.executed - before.executed
    if executed:  # otherwise the time was too short to compile anything
        used[0] = (after.taken - before.taken) / executed


def _steps(executor: Any) -> Any:
    """The steps of all processes together."""
    from benchmarks.device_calls import Steps, steps_so_far

    return Steps(*map(sum, zip(*in_all_processes(executor, steps_so_far), strict=True)))


def in_all_processes(executor: Any, function: Callable[[], Any]) -> list[Any]:
    """What a function returns in this process, or in those of the executor if there is one."""
    if executor is None:
        return [function()]
    return list(executor._client.run(function).values())


@contextmanager
def vectorized(together: bool | None) -> Iterator[None]:
    """A context in which the lanes of engines of this process are vectorized, or as usual."""
    from lossatlas.exploration import places
    from lossatlas.lanes.engine import Engine

    def engine(surface, lanes=None, workers=None):
        return Engine(surface, lanes, workers, vectorized=together)

    with patch.object(places, "Engine", engine):
        yield


class Counted(NamedTuple):
    """The points of a survey at one time: seconds since its start, and the numbers of points."""

    seconds: float
    minima: int
    transition_states: int
    attempts: int


def survey(options: argparse.Namespace, executor: Any) -> dict[str, Any]:
    """Count the points that an exploration finds in `options.seconds`."""
    import lossatlas
    from lossatlas.exploration.width import default_width

    lanes = options.lanes * max(1, options.processes)
    with tempfile.TemporaryDirectory() as folder, vectorized(options.vectorized):
        path, at_first = Path(folder) / "survey.atlas", (0, 0, 0)
        if options.survey is not None:
            shutil.copyfile(options.survey, path)
            at_first = points_in(path)
        with counting(path, at_first) as counted, occupancy(executor) as used:
            lossatlas.explore(
                survey_landscape(),
                path,
                lanes=options.lanes,
                width=default_width(lanes, bool(options.vectorized)),
                executor=executor,
                minutes=options.seconds / 60,
                progress=False,
            ).close()
    return {"counted": counted, "used": used()}


def survey_landscape() -> Any:
    """The landscape that is surveyed: D1, [2, 5, 5, 4] with 100 items."""
    from lossatlas.data import load_ljat3, split_pools
    from lossatlas.landscape import NetworkLandscape

    train = split_pools(load_ljat3("D1", items=4000, seed=1).pools, 100, 1, 1).train
    return NetworkLandscape(train.inputs, train.labels, (5, 5), 1e-4)


def grow(path: Path, transition_states: int) -> None:
    """Make the atlas that surveys continue."""
    import lossatlas
    from lossatlas.lanes.runtime import configure

    configure()
    lossatlas.explore(survey_landscape(), path, transition_states=transition_states).close()


@contextmanager
def counting(
    path: Path, at_first: tuple[int, int, int], every: float = 1.0
) -> Iterator[list[Counted]]:
    """A context in which the points of an atlas, `at_first` so many, are counted every second."""
    counted = [Counted(0.0, *at_first)]
    begun, ended = time.monotonic(), threading.Event()

    def count() -> None:
        while not ended.wait(every):
            with suppress(sqlite3.OperationalError):  # Its tables have not been made yet.
                counted.append(Counted(time.monotonic() - begun, *points_in(path)))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counted
    finally:
        ended.set()
        thread.join()


def points_in(path: Path) -> tuple[int, int, int]:
    """The numbers of minima, transition states and attempts in an atlas."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as atlas:
        minima, transition_states, attempts = (
            atlas.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("minimum", "transition_state", "attempt")
        )
    return minima, transition_states, attempts


def rate(counted: list[Any], first: int = FIRST) -> float:
    """Transition states a second, from the time when so many have been found."""
    before = Counted(*counted[0]).transition_states
    late = [Counted(*one) for one in counted if Counted(*one).transition_states >= before + first]
    if len(late) < 2:
        return float("nan")
    begin, end = late[0], late[-1]
    return (end.transition_states - begin.transition_states) / (end.seconds - begin.seconds)


def followed_again(links: list[dict[str, Any]]) -> tuple[int, int]:
    """The number of links that lead to other minima on the CPU, and the number of all links."""
    from benchmarks.rivals.problem import d1

    from lossatlas.lanes.engine import Engine
    from lossatlas.search.certify import certified
    from lossatlas.search.pathway import follow
    from lossatlas.search.tools import default_tools

    landscape = d1()
    tools = default_tools(landscape)

    def again(weights: np.ndarray) -> Iterator[Any]:
        certificate = yield from certified(tools, weights)
        followed = yield from follow(tools, certificate.point, certificate.modes[0])
        if not followed.pathways:
            return []
        return sorted((end.side, end.minimum.energy) for end in followed.pathways[-1].ends)

    found = dict(Engine(landscape.surface).run(again(np.array(link["saddle"])) for link in links))
    differ = 0
    for k, link in enumerate(links):
        differ += _energies(found[k]) != _energies(link["energies"])
    return differ, len(links)


def _energies(ends: list[Any]) -> list[list[float]]:
    """The energies that each side reaches, sorted, since the sides depend on a sign only."""
    sides = {side: sorted(round(e, 8) for s, e in ends if s == side) for side, _ in ends}
    return sorted(sides.values())


def begun(options: argparse.Namespace, *, on_cpu: bool, beside: bool) -> subprocess.Popen[str]:
    """Begin the measurements of one side, in a process of their own.

    Args:
        options: the options of the command.
        on_cpu: whether it is the side of the CPU.
        beside: whether the other side is measured at the same time.
    """
    environment, places = dict(os.environ), sorted(cores())
    arguments = ["--seconds", str(options.seconds), "--links", str(options.links)]
    if options.survey is not None:
        arguments += ["--survey", str(options.survey)]
    if on_cpu:
        environment["JAX_PLATFORMS"] = "cpu"
        arguments += ["--searches", str(CPU_SEARCHES), "--lanes", "1", "--processes", "0"]
        places = places[:CORES]
    else:
        searches = SEARCHES_A_LANE * options.lanes * max(1, options.processes)
        arguments += ["--lanes", str(options.lanes), "--processes", str(options.processes)]
        arguments += ["--searches", str(searches), "--vectorized"]
        places = places[CORES:] if beside else places
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", *arguments]
    if sys.platform == "linux":
        command = ["taskset", "-c", ",".join(map(str, places)), *command]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def cores() -> set[int]:
    """The numbers of the cores that this process may use."""
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def found_by(side: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the measurements of one side."""
    printed, _ = side.communicate()
    if side.returncode:
        raise SystemExit(f"{' '.join(map(str, side.args))}: exit code {side.returncode}")
    return json.loads(printed.splitlines()[-1])


def both_sides(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure the device and the CPU, at the same time if there are cores for both."""
    beside = sys.platform == "linux" and len(cores()) >= MANY_CORES
    if beside:
        sides = [begun(options, on_cpu=on_cpu, beside=True) for on_cpu in (False, True)]
        try:
            return found_by(sides[0]), found_by(sides[1])
        finally:
            for side in sides:
                side.terminate()  # It is running only if the other one has failed.
    device = found_by(begun(options, on_cpu=False, beside=False))
    return device, found_by(begun(options, on_cpu=True, beside=False))


def main(arguments: list[str] | None = None) -> None:
    """Measure both sides and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few lanes and seconds")
    text = f"that share the card; default {PROCESSES}, 0 without a card"
    parser.add_argument("--processes", type=int, help=text)
    text = f"of the device, in each process; default {LANES}, quick 64"
    parser.add_argument("--lanes", type=int, help=text)
    parser.add_argument("--seconds", type=float, help="of each survey; default 60, quick 10")
    parser.add_argument("--links", type=int, default=1000, help="links to be followed again")
    text = "atlas of the landscape of the survey, a copy of which is continued"
    parser.add_argument("--survey", type=Path, metavar="FILE", help=text)
    text = "make the atlas for --survey, with N transition states, and measure nothing"
    parser.add_argument("--grow", type=int, metavar="N", help=text)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--vectorized", action="store_true", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--searches", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options)))
        return
    if options.grow is not None:
        if options.survey is None:
            parser.error("--grow needs the file to write: --survey FILE")
        grow(options.survey, options.grow)
        return
    if options.survey is not None and not options.survey.is_file():
        parser.error(f"--survey: {options.survey}: no such file; make it with --grow 10000")
    if options.processes is None:
        options.processes = PROCESSES if has_card() else 0
    options.lanes = options.lanes or (64 if options.quick else LANES)
    options.seconds = options.seconds or (10.0 if options.quick else 60.0)
    device, cpu = both_sides(options)
    print(table(device, cpu))
    os.environ["JAX_PLATFORMS"] = "cpu"
    differ, links = followed_again(device["triples"]["links"])
    print(f"links followed again on the CPU: {differ} of {links} lead elsewhere")


def has_card() -> bool:
    """Whether JAX prefers another device than the CPU; a process of its own looks."""
    look = "import jax; print(jax.default_backend())"
    done = subprocess.run([sys.executable, "-c", look], stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[-1:] not in ([], ["cpu"])


COLUMNS = {
    "triples": ("triples", "seconds", "triples/s", "nine tenths, triples/s", "lanes used"),
    "survey": ("minima", "transition states", "attempts", "transition states/s", "lanes used"),
}


def summary(what: str, side: dict[str, Any]) -> str:
    """A row of one table: what one side did."""
    cells = [side["device"], str(side["processes"] or 1), f"{side['lanes']:,}"]
    if what == "triples":
        found = side["triples"]
        cells.append(f"{found['count']:,} of {side['searches']:,}")
        cells += [f"{found['wall']:.1f}", f"{found['count'] / found['wall']:.1f}"]
        cells.append(f"{found['most']:.1f}")
    else:
        found = side["survey"]
        first, last = (Counted(*found["counted"][k]) for k in (0, -1))
        pairs = zip(first[1:], last[1:], strict=True)
        cells += [f"{last_one:,} (+{last_one - first_one:,})" for first_one, last_one in pairs]
        cells.append(f"{rate(found['counted']):.1f}")
    cells.append(f"{100 * found['used']:.0f} %")
    return f"| {' | '.join(cells)} |"


def table(device: dict[str, Any], cpu: dict[str, Any]) -> str:
    """Both tables, and how many times faster the device is."""
    lines = []
    for what, columns in COLUMNS.items():
        columns = "device", "processes", "lanes", *columns
        lines += [f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"]
        lines += [*(summary(what, side) for side in (device, cpu)), ""]
    (fast, slow) = (s["triples"]["count"] / s["triples"]["wall"] for s in (device, cpu))
    most, other = (side["triples"]["most"] for side in (device, cpu))
    ours, theirs = (rate(side["survey"]["counted"]) for side in (device, cpu))
    lines.append(
        f"the device over {CORES} cores: triples {fast / slow:.1f}, of nine tenths "
        f"{most / other:.1f}, survey {ours / theirs:.1f}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
