"""The cost of verifying an atlas, compared with exploring it, and a check of confirming paths.

    python -m benchmarks.verification [--quick] [--study examples/d2.toml]
        [--transition-states 300] [--sample 100] [--atlas FILE ...]

Explores the landscape of a study, by default [2,10,4] with 1000 items, to a number of transition
states and verifies all of it, in one process, so that both have the same machine. A small
exploration and its verification come first. They compile the kernels for the others, and are shown
as cold (with an empty folder in `LOSSATLAS_CACHE` they include what the cache would save).

Then paths from a sample of the transition states, and of those of other given atlases, are followed
with the confirming tolerances and with a tenth of them: the ends must be the same.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.device_calls import Call, noted

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.exploration.recomputing import stricter
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.runtime import configure
from lossatlas.search.certify import certified
from lossatlas.search.outcome import Cost
from lossatlas.search.pathway import follow
from lossatlas.search.tools import Tools, default_tools
from lossatlas.studies.problem import landscape_of, prepare
from lossatlas.studies.study import load_study

STUDY = Path(__file__).parents[1] / "examples" / "d2.toml"
COLD = 12
"""Number of transition states of the first exploration, which compiles the kernels."""
TENTH = 0.1
SAME_ENERGY = 2e-9


class Phase(NamedTuple):
    """The CPU seconds, wall seconds and steps of kernels of an exploration or a verification."""

    name: str
    cpu: float
    wall: float
    steps: Counter[str]

    def text(self, transition_states: int) -> str:
        """A row of the table."""
        steps = ", ".join(f"{name} {n:,}" for name, n in self.steps.most_common())
        each = 1e3 * self.cpu / transition_states
        return f"{self.name:22} {self.cpu:8.1f} {self.wall:8.1f} {each:10.0f}   {steps}"


def timed(name: str, work: Callable[[], object]) -> Phase:
    """Do some work and measure it."""
    begun, cpu = time.monotonic(), time.process_time()
    calls: list[Call]
    with noted() as calls:
        work()
    steps = Counter[str]()
    for call in calls:
        steps[call.kernel] += call.taken
    return Phase(name, time.process_time() - cpu, time.monotonic() - begun, steps)


def phases(
    landscape: NetworkLandscape, problem: Problem, path: Path, wanted: int, name: str
) -> Iterator[str]:
    """Explore to a number of transition states and verify all of it; yield rows of the table."""
    with Atlas.create(path, problem) as atlas:
        options = ExploreOptions(transition_states=wanted)
        explored = timed(f"exploring, {name}", lambda: grow(landscape, atlas, options))
        found: list = []
        verified = timed(
            f"verifying, {name}", lambda: found.append(verify(landscape, atlas, sample=None))
        )
        status = atlas.status()
    count = status["transition_states"]
    yield f"{name}: {status['minima']} minima, {count} transition states"
    yield from (explored.text(count), verified.text(count))
    yield f"{'verifying / exploring':22} {verified.cpu / explored.cpu:8.2f}"
    yield from found[0].failures


class Ends(NamedTuple):
    """The ends of a transition state: for each side the energies and the indices of saddles on the
    way, and the cost."""

    sides: list[list[tuple[float, int]]]
    cost: Cost


def ends(tools: Tools, w: np.ndarray):
    """A search that returns the ends of the transition state at w (n,), or None if it is none."""
    certificate = yield from certified(tools, w)
    if certificate.point is None:
        return None
    followed = yield from follow(tools, certificate.point, certificate.modes[0])
    if not followed.pathways:
        return Ends([], followed.cost)
    found = followed.pathways[-1].ends
    sides = [
        sorted(
            (e.minimum.energy, 0 if e.via is None else e.via.index) for e in found if e.side == k
        )
        for k in (0, 1)
    ]
    return Ends(sorted(sides), followed.cost)


def tighter(tools: Tools) -> Tools:
    """The tools with a tenth of all tolerances."""
    first, tightest = tools.flow_tolerance
    return tools._replace(
        flow_tolerance=(TENTH * first, TENTH * tightest),
        largest_spread=TENTH * tools.largest_spread,
    )


def same(one: Ends, other: Ends) -> bool:
    """Whether two transition states have the same ends on both sides."""
    if [len(side) for side in one.sides] != [len(side) for side in other.sides]:
        return False
    flat = [np.array([end for side in ends.sides for end in side]) for ends in (one, other)]
    return bool((np.abs(flat[0] - flat[1]) < SAME_ENERGY).all())


def compared(landscape: NetworkLandscape, atlas: Atlas, sample: int) -> Iterator[str]:
    """Compare confirming tolerances with those of the search and with a tenth of them."""
    ids = atlas.network().transition_state_ids
    drawn = np.random.default_rng(0).permutation(ids)[:sample]
    weights = atlas.transition_state_weights(sorted(drawn.tolist()))
    search = default_tools(landscape)
    confirming = stricter(search)
    ways = {"a tenth": tighter(confirming), "confirming": confirming, "search": search}
    reference: list | None = None
    for name, tools in ways.items():
        begun = time.process_time()
        results = dict(Engine(landscape.surface).run(ends(tools, w) for w in weights))
        seconds = time.process_time() - begun
        found = [results[k] for k in range(len(results))]
        reference = reference or found
        differ = sum(not same(a, b) for a, b in zip(found, reference, strict=True))
        hessians = np.mean([one.cost.hessians for one in found])
        relative = ", ".join(f"{t / landscape.length_scale:.0e}" for t in tools.flow_tolerance)
        yield (
            f"{name:12} {relative:24} {hessians:10.1f} {1e3 * seconds / len(found):10.0f}"
            f" {differ:8} of {len(found)}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.verification", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="few transition states")
    parser.add_argument("--study", type=Path, default=STUDY)
    parser.add_argument("--transition-states", type=int, default=300)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--atlas", nargs="*", default=[], help="atlases to draw samples from, too")
    options = parser.parse_args()
    wanted, sample = options.transition_states, options.sample
    if options.quick:
        wanted, sample = 40, 10
    configure()
    prepared = prepare(load_study(options.study))
    with tempfile.TemporaryDirectory() as folder:
        print("                          CPU s   wall s  CPU ms/ts   steps of kernels")
        for name, count in (("cold", COLD), ("warm", wanted)):
            place = Path(folder) / f"{name}.atlas"
            for row in phases(prepared.landscape, prepared.problem, place, count, name):
                print(row, flush=True)
        print("\ntolerances, in length scales          Hessians  CPU ms/ts  other ends")
        for path in (Path(folder) / "warm.atlas", *options.atlas):
            with Atlas.open(path) as atlas:
                print(path)
                for row in compared(landscape_of(atlas.problem), atlas, sample):
                    print(row, flush=True)


if __name__ == "__main__":
    main()
