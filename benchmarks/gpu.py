"""Searches on the device of this machine, such as a graphics card, and on two cores of its CPU.

    python -m benchmarks.gpu [--quick] [--processes 4] [--lanes 2048] [--seconds 60] [--links 1000]

Three things are measured, on the device and then on the CPU:

* triples: climbs from perturbed minima of D1, [2, 10, 4] with 1000 items, each with its certificate
  and both paths, after code is compiled;
* a survey: an exploration of D1, [2, 5, 5, 4] with 100 items, for `--seconds`. The numbers of
  points are read every second, so that the start, where few searches are in flight and code is
  compiled, can be told from the rest;
* links of the triples that the device found, which are followed again on the CPU to see whether
  they lead to the same minima.

Several processes share a card, as with ``explore --cluster local:4``, because one process does not
keep it busy. With ``--processes 0`` the searches are made in one process, which also tells the
fraction of the executed lane-steps that advanced an unfinished search. This is the default without
a card, where lanes are vectorized on the CPU: it is slow but shows that everything runs.

The CPU runs in a process of its own, since JAX computes on one kind of device in a process.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

LANES, CORES, PROCESSES = 2048, 2, 4
SEARCHES_A_LANE = 3
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
        return found | {"survey": survey(options, executor)}


def triples(options: argparse.Namespace, executor: Any) -> dict[str, Any]:
    """Count the triples that climbs from perturbed minima give, and the seconds that they take."""
    from benchmarks.device_calls import noted
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
            with place.open(KnownPoints(), Limits()) as runner, noted() as calls:
                begun = time.monotonic()
                for start, direction in some:
                    runner.submit(partial(climb_from, start=start, direction=direction), "climb", 1)
                runner.no_more()
                paths = [path for _, outcome in runner.results() for path in outcome.pathways]
                wall = time.monotonic() - begun
    links = [
        {
            "saddle": path.transition_state.weights.tolist(),
            "energies": sorted((end.side, end.minimum.energy) for end in path.ends),
        }
        for path in paths[: options.links]
    ]
    return {"count": len(paths), "wall": wall, "used": used(calls), "links": links}


def used(calls: list[Any]) -> float | None:
    """The fraction of the executed lane-steps that advanced an unfinished search.

    It is None if searches were made in other processes.
    """
    executed = sum(call.executed for call in calls)
    return sum(call.taken for call in calls) / executed if executed else None


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
    from benchmarks.device_calls import noted

    import lossatlas
    from lossatlas.data import load_ljat3, split_pools
    from lossatlas.landscape import NetworkLandscape

    train = split_pools(load_ljat3("D1", items=4000, seed=1).pools, 100, 1, 1).train
    landscape = NetworkLandscape(train.inputs, train.labels, (5, 5), 1e-4)
    with tempfile.TemporaryDirectory() as folder, vectorized(options.vectorized), noted() as calls:
        path = Path(folder) / "survey.atlas"
        with counting(path) as counted:
            lossatlas.explore(
                landscape,
                path,
                lanes=options.lanes,
                executor=executor,
                minutes=options.seconds / 60,
                progress=False,
            ).close()
    return {"counted": counted, "used": used(calls)}


@contextmanager
def counting(path: Path, every: float = 1.0) -> Iterator[list[Counted]]:
    """A context in which the points of an atlas are counted again and again."""
    counted = [Counted(0.0, 0, 0, 0)]
    begun, ended = time.monotonic(), threading.Event()

    def count() -> None:
        while not ended.wait(every):
            with suppress(sqlite3.OperationalError):  # Its tables have not been made yet.
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as atlas:
                    rows = [
                        atlas.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                        for table in ("minimum", "transition_state", "attempt")
                    ]
                counted.append(Counted(time.monotonic() - begun, *rows))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counted
    finally:
        ended.set()
        thread.join()


def rate(counted: list[Any], first: int = FIRST) -> float:
    """Transition states a second after the first ones."""
    late = [Counted(*one) for one in counted if Counted(*one).transition_states >= first]
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


def in_process(options: argparse.Namespace, *, on_cpu: bool) -> dict[str, Any]:
    """Make the measurements in a process of their own."""
    environment = dict(os.environ)
    arguments = ["--seconds", str(options.seconds), "--links", str(options.links)]
    if on_cpu:
        environment["JAX_PLATFORMS"] = "cpu"
        arguments += ["--searches", str(CPU_SEARCHES), "--lanes", "1", "--processes", "0"]
    else:
        searches = SEARCHES_A_LANE * options.lanes * max(1, options.processes)
        arguments += ["--lanes", str(options.lanes), "--processes", str(options.processes)]
        arguments += ["--searches", str(searches), "--vectorized"]
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", *arguments]
    if on_cpu and sys.platform == "linux":
        command = ["taskset", "-c", ",".join(map(str, range(CORES))), *command]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


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
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--vectorized", action="store_true", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--searches", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options)))
        return
    if options.processes is None:
        options.processes = PROCESSES if has_card() else 0
    options.lanes = options.lanes or (64 if options.quick else LANES)
    options.seconds = options.seconds or (10.0 if options.quick else 60.0)
    device, cpu = (in_process(options, on_cpu=on_cpu) for on_cpu in (False, True))
    print(table(device, cpu))
    os.environ["JAX_PLATFORMS"] = "cpu"
    differ, links = followed_again(device["triples"]["links"])
    print(f"links followed again on the CPU: {differ} of {links} lead elsewhere")


def has_card() -> bool:
    """Whether JAX prefers another device than the CPU; a process of its own looks."""
    look = "import jax; print(jax.default_backend())"
    done = subprocess.run([sys.executable, "-c", look], stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[-1:] not in ([], ["cpu"])


COLUMNS = ("device", "processes", "lanes", "triples", "triples/s", "lanes used")
COLUMNS += ("survey", "transition states/s", "lanes used")


def table(device: dict[str, Any], cpu: dict[str, Any]) -> str:
    """The table of both sides, and how many times faster the device is."""
    lines = [f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"]
    for side in (device, cpu):
        found, counted = side["triples"], side["survey"]["counted"]
        last = Counted(*counted[-1])
        cells = (
            side["device"],
            side["processes"] or 1,
            f"{side['lanes']:,}",
            f"{found['count']:,} of {side['searches']:,}",
            f"{found['count'] / found['wall']:.1f}",
            _percent(found["used"]),
            f"{last.minima:,} minima, {last.transition_states:,} transition states",
            f"{rate(counted):.1f}",
            _percent(side["survey"]["used"]),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    (fast, slow) = (s["triples"]["count"] / s["triples"]["wall"] for s in (device, cpu))
    ours, theirs = (rate(side["survey"]["counted"]) for side in (device, cpu))
    lines.append(
        f"the device over {CORES} cores: triples {fast / slow:.1f}, survey {ours / theirs:.1f}"
    )
    return "\n".join(lines)


def _percent(part: float | None) -> str:
    return "" if part is None else f"{100 * part:.0f} %"


if __name__ == "__main__":
    main()
