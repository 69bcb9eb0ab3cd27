"""Searches on the device of this machine, such as a graphics card, and on two cores of its CPU.

    python -m benchmarks.gpu [--quick] [--lanes 2048] [--seconds 60] [--links 1000]

Three things are measured after code is compiled, with the CPU and the device in turns:

* triples: climbs from perturbed minima of D1, [2, 10, 4] with 1000 items, each with its certificate
  and both paths, in vectorized lanes;
* a survey: an exploration of D1, [2, 5, 5, 4] with 100 items, for `--seconds`, and the fraction of
  the executed lane-steps that advanced an unfinished search;
* links of the triples that the device found, which are followed again on the CPU to see whether
  they lead to the same minima.

The CPU runs in a process of its own, since JAX computes on one kind of device in a process. The
command can be given on any machine, and prints what it ran on. On a machine without a card, lanes
are vectorized on its CPU, which is slow but shows that everything runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

LANES, CORES = 2048, 2
SEARCHES_A_LANE = 3
"""Number of searches for each lane: few enough for four minutes, enough to refill lanes."""
CPU_SEARCHES = 128
COMPILED = 50
"""Number of transition states after which the seconds of a survey are counted, because all methods
are compiled then."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make all measurements of one process on its device."""
    from benchmarks.device_calls import noted
    from benchmarks.gpu_model import searches
    from benchmarks.rivals.problem import d1, some_minima

    from lossatlas.landscape.device import device
    from lossatlas.lanes.engine import Engine
    from lossatlas.lanes.runtime import configure
    from lossatlas.search.tools import default_tools

    configure()
    landscape = d1()
    tools = default_tools(landscape)
    engine = Engine(landscape.surface, options.lanes, vectorized=options.vectorized)
    minima = [point.weights for point in some_minima(landscape, 12)]
    for _, _ in engine.run(searches(tools, minima, options.searches)):  # compiles the kernels
        pass
    begun = time.monotonic()
    with noted() as calls:
        results = engine.run(searches(tools, minima, options.searches))
        paths = [path for _, outcome in results for path in outcome.pathways]
    wall = time.monotonic() - begun
    found = {
        "device": str(device()),
        "lanes": engine.lanes,
        "searches": options.searches,
        "triples": len(paths),
        "wall": wall,
        "used": used(calls),
        "links": [
            {
                "saddle": path.transition_state.weights.tolist(),
                "energies": sorted((end.side, end.minimum.energy) for end in path.ends),
            }
            for path in paths[: options.links]
        ],
    }
    return found | {"survey": survey(options)}


def used(calls: list[Any]) -> float:
    """The fraction of the executed lane-steps that advanced an unfinished search."""
    executed = sum(call.executed for call in calls)
    return sum(call.taken for call in calls) / executed if executed else float("nan")


def survey(options: argparse.Namespace) -> dict[str, Any]:
    """Count the transition states that an exploration finds in `options.seconds`."""
    from benchmarks.device_calls import noted

    import lossatlas
    from lossatlas.data import load_ljat3, split_pools
    from lossatlas.exploration import places
    from lossatlas.landscape import NetworkLandscape
    from lossatlas.lanes.engine import Engine

    train = split_pools(load_ljat3("D1", items=4000, seed=1).pools, 100, 1, 1).train
    landscape = NetworkLandscape(train.inputs, train.labels, (5, 5), 1e-4)

    def vectorized(surface, lanes, workers):
        return Engine(surface, lanes, workers, vectorized=options.vectorized)

    with tempfile.TemporaryDirectory() as folder, patch.object(places, "Engine", vectorized):
        explored = partial(
            lossatlas.explore,
            landscape,
            Path(folder) / "survey.atlas",
            lanes=options.lanes,
            progress=False,
        )
        before = counts(explored(transition_states=COMPILED))
        with noted() as calls:
            after = counts(explored(minutes=options.seconds / 60))
    found = {name: after[name] - before[name] for name in after}
    return {"found": found, "used": used(calls)}


def counts(atlas: Any) -> dict[str, int]:
    """The numbers of points in an atlas, which is closed."""
    with atlas:
        status = atlas.status()
    return {name: status[name] for name in ("minima", "transition_states")}


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
        arguments += ["--searches", str(CPU_SEARCHES)]
    else:
        arguments += ["--lanes", str(options.lanes), "--vectorized"]
        arguments += ["--searches", str(SEARCHES_A_LANE * options.lanes)]
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", *arguments]
    if on_cpu and sys.platform == "linux":
        command = ["taskset", "-c", ",".join(map(str, range(CORES))), *command]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str] | None = None) -> None:
    """Measure both sides and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few lanes and seconds")
    parser.add_argument("--lanes", type=int, help=f"of the device; default {LANES}, quick 64")
    parser.add_argument("--seconds", type=float, help="of each survey; default 60, quick 10")
    parser.add_argument("--links", type=int, default=1000, help="links to be followed again")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--vectorized", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--searches", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options)))
        return
    options.lanes = options.lanes or (64 if options.quick else LANES)
    options.seconds = options.seconds or (10.0 if options.quick else 60.0)
    sides = [in_process(options, on_cpu=on_cpu) for on_cpu in (False, True)]
    columns = ("device", "lanes", "triples", "triples/s", "lanes used", "survey", "lanes used")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for side in sides:
        cells = (
            side["device"],
            f"{side['lanes']:,}",
            f"{side['triples']:,} of {side['searches']:,}",
            f"{side['triples'] / side['wall']:.1f}",
            f"{100 * side['used']:.0f} %",
            ", ".join(f"{count:,} {name}" for name, count in side["survey"]["found"].items()),
            f"{100 * side['survey']['used']:.0f} %",
        )
        print(f"| {' | '.join(cells)} |")
    rates = [side["triples"] / side["wall"] for side in sides]
    print(f"the device over {CORES} cores: {rates[0] / rates[1]:.1f}")
    os.environ["JAX_PLATFORMS"] = "cpu"
    differ, links = followed_again(sides[0]["links"])
    print(f"links followed again on the CPU: {differ} of {links} lead elsewhere")


if __name__ == "__main__":
    main()
