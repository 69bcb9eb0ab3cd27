"""A prediction of the speed of searches on a graphics card, by a model of the device alone.

    python -m benchmarks.gpu_model [--quick] [--searches 2048] [--lanes 512 2048]
        [--times 8] [--survey ATTEMPTS] [--recordings FOLDER]

Climbs from perturbed minima of D1, each with certificate and both paths, are recorded on the CPU.
Then they are run with vectorized lanes in which a device call computes nothing: it ends when a card
would have finished it, and returns the recorded results. Everything else is real: generators, the
engine and its threads, and blocks that shrink and take turns. The time of a call is the number of
steps of its slowest lane, times the number of lanes, times the cost of a step of the kernel in a
lane (`COSTS`, measured on one NVIDIA H200 with JAX 0.11.2 for the operations of a step). The same
climbs are repeated `--times` times as if they were different, since recording takes longer than the
model.

With `--survey`, attempts of an exploration of D1, [2, 5, 5, 4] with 100 items, are recorded instead
of climbs, at the width that belongs to these lanes, and planning and commits are real as well.
(Costs are those of 1000 items, so the time of the device is an upper bound.)

The table shows, for each triple or each new transition state of a survey, the time of the device,
the CPU time of the host, the time until all was done, the fraction of the lane-steps that advanced
an unfinished search, and the number of triples a second on the card and on two cores of this
machine.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from benchmarks.recording import Recording, key
from benchmarks.replay import only
from benchmarks.rivals.problem import d1, some_minima

from lossatlas.atlas import Atlas, Problem
from lossatlas.data import load_ljat3, split_pools
from lossatlas.errors import Status
from lossatlas.exploration import places
from lossatlas.exploration.explorer import grow
from lossatlas.exploration.random_starts import perturbation
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.exploration.width import default_width
from lossatlas.kernels.band import Band
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes import blocks
from lossatlas.lanes.blocks import Layout
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Requests
from lossatlas.lanes.steps import HEAD, steps_together
from lossatlas.search.tools import Tools, default_tools
from lossatlas.search.transition_states import climb_from

AT = (64, 256, 1024, 4096)
"""Numbers of lanes at which costs were measured. Costs are interpolated in their logarithm; fewer
lanes take as long as the smallest of these numbers."""
GRADIENT = (4.3, 1.29, 0.56, 0.45)
HESSIAN, SPECTRUM = (7.5, 3.0, 1.9, 1.8), (10.0, 4.4, 2.7, 2.4)
"""Microseconds of a Hessian and of its spectrum in single precision, at `AT` lanes."""
REFRESH = 25
"""Number of steps of a quench for each of its Hessians."""


COLUMNS = ("lanes", "triples", "device, ms", "host, ms", "wall, ms", "lanes used", "triples/s")
COLUMNS += ("over two cores",)


def _sum(*parts: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(sum, zip(*parts, strict=True)))


COSTS = {
    "Quench": _sum(
        (5.7, 1.7, 0.79, 0.61),
        tuple(cost / REFRESH for cost in _sum(HESSIAN, SPECTRUM)),
    ),
    "Polish": (28.0, 11.1, 7.8, 7.0),
    "Climb": _sum(HESSIAN, SPECTRUM, *[GRADIENT] * 3),
    "Flow": _sum(HESSIAN, SPECTRUM, *[GRADIENT] * 4),
    "Band": _sum(*[GRADIENT] * (Band().images - 2)),
}
"""Microseconds of a step in a lane, at `AT` lanes. Those of quench and polish were measured. Those
of climb and flow are sums over operations; at 64 lanes gradient and Hessian are extrapolated."""


class Model(NamedTuple):
    """One measurement, times in milliseconds for each triple.

    Attributes:
        lanes: number of lanes of each kernel, in two blocks.
        triples: number of transition states with both paths.
        device: time during which the device is busy.
        host: CPU time of this process.
        wall: time until all was done.
        used: fraction of the executed lane-steps that advanced an unfinished search.
    """

    lanes: int
    triples: int
    device: float
    host: float
    wall: float
    used: float


def cost(kernel: str, lanes: int) -> float:
    """Seconds that a step of a kernel takes in all lanes together.

    Examples:
        >>> round(cost("Flow", 1024) / 1024 * 1e6, 2), cost("Flow", 7) == cost("Flow", 64)
        (6.84, True)
    """
    lanes = max(lanes, AT[0])
    return 1e-6 * lanes * float(np.interp(np.log2(lanes), np.log2(AT), COSTS[kernel]))


class Lanes(NamedTuple):
    """The rest of the work of each lane, in place of the states of a block.

    Attributes:
        left: number of steps that are left.
        found: the recorded result after these, see `benchmarks.recording.Recorded`.
    """

    left: np.ndarray
    found: np.ndarray


class Device:
    """A device that computes nothing: it takes the modeled time and returns recorded results."""

    def __init__(self, recording: Recording) -> None:
        """Make a device that is not busy."""
        self.recording = recording
        self.busy = 0.0
        self.taken, self.executed = Counter[str](), Counter[str]()

    @contextmanager
    def instead(self) -> Iterator[None]:
        """A context in which blocks run on this device."""
        with (
            patch.object(blocks, "advance", self.advance),
            patch.object(blocks, "idle", idle),
            patch.object(blocks, "moved", moved),
        ):
            yield

    def advance(
        self, kernel: Any, surface: Any, states: Lanes, rows: Any, jobs: Any, vectorized: bool
    ) -> tuple[Lanes, np.ndarray]:
        """In place of `blocks.advance`."""
        left, found = states
        for lane in np.flatnonzero(rows[:, 0]).tolist():
            recorded = self.recording.jobs[key(kernel, rows[lane, 1:])]
            left[lane], found[lane] = recorded.steps, recorded.found[0]
        lanes, name = len(rows), type(kernel).__name__
        steps = min(steps_together(kernel.steps, lanes), int(left.max()))
        taken = np.minimum(left, steps)
        self.executed[name] += steps * lanes
        self.taken[name] += int(taken.sum())
        seconds = steps * cost(name, lanes)
        self.busy += seconds
        time.sleep(seconds)
        given = found.copy()
        given[:, 0] = np.where(left > taken, Status.RUNNING, given[:, 0])
        given[:, 1] = taken
        return Lanes(left - taken, found), given


def idle(lanes: int, layout: Layout) -> Lanes:
    """In place of `blocks.idle`."""
    found = np.zeros((lanes, HEAD + layout.results.size))
    found[:, 0] = Status.CONVERGED
    return Lanes(np.zeros(lanes, int), found)


def moved(states: Lanes, order: np.ndarray, occupied: np.ndarray) -> Lanes:
    """In place of `blocks.moved`."""
    return Lanes(np.where(occupied, states.left[order], 0), states.found[order])


def searches(tools: Tools, minima: list[np.ndarray], count: int) -> Iterator[Requests]:
    """Climbs from perturbed minima, always the same ones."""
    for start, direction in starts(tools.landscape, minima, count):
        yield climb_from(tools, start, direction)


def starts(
    landscape: Any, minima: list[np.ndarray], count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Starts and directions of climbs from perturbed minima, always the same ones."""
    random = np.random.default_rng(1)
    for w in islice(cycle(minima), count):
        step = perturbation(landscape, random)
        yield w + step, step


class Work(NamedTuple):
    """The work that is recorded and modeled.

    Attributes:
        name: name of the file of the recording.
        surface: surface of the landscape.
        run: a function of an engine and a number of repetitions that does the work, and returns the
            number of triples or transition states.
    """

    name: str
    surface: Any
    run: Callable[[Engine, int], int]


def climbs(count: int) -> Work:
    """Climbs from perturbed minima, with both paths from the transition states that they reach."""
    landscape = d1()
    tools = default_tools(landscape)
    minima = [point.weights for point in some_minima(landscape, 12)]

    def run(engine: Engine, times: int) -> int:
        again = (searches(tools, minima, count) for _ in range(times))
        outcomes = engine.run(chain.from_iterable(again))
        return sum(len(outcome.pathways) for _, outcome in outcomes)

    return Work(f"d1-climbs-{count}", landscape.surface, run)


def survey(attempts: int, width: int) -> Work:
    """An exploration with a number of attempts."""
    train = split_pools(load_ljat3("D1", items=4000, seed=1).pools, 100, 1, 1).train
    landscape = NetworkLandscape(train.inputs, train.labels, (5, 5), 1e-4)

    def run(engine: Engine, times: int) -> int:
        assert times == 1
        problem = Problem(landscape.fingerprint())
        with (
            tempfile.TemporaryDirectory() as folder,
            Atlas.create(Path(folder) / "model.atlas", problem) as atlas,
            patch.object(places, "Engine", lambda *_: engine),
            only(searches=attempts),
        ):
            grow(landscape, atlas, ExploreOptions(width=width))
            return int(atlas.status()["transition_states"])

    return Work(f"d1-survey-{attempts}-{width}", landscape.surface, run)


def main(arguments: list[str] | None = None) -> None:
    """Record, model, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few searches")
    parser.add_argument("--searches", type=int, help="default 2048, quick 256")
    parser.add_argument("--times", type=int, default=8, help="climbs are made so often")
    parser.add_argument("--survey", type=int, help="model so many attempts of a survey")
    parser.add_argument("--lanes", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--recordings", type=Path, help="folder to keep recordings in")
    options = parser.parse_args(arguments)

    from lossatlas.lanes.runtime import configure

    configure()
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    for lanes in options.lanes:
        if options.survey is None:
            work = climbs(options.searches or (256 if options.quick else 2048))
        else:
            work = survey(options.survey, default_width(lanes, vectorized=True))
        times = options.times if options.survey is None else 1
        print(row(*modeled(work, lanes, times, options.recordings)), flush=True)


def modeled(work: Work, lanes: int, times: int, folder: Path | None) -> tuple[Model, float]:
    """Record the work and run it on a modeled device; also the triples a second of two cores."""
    path = None if folder is None else folder / f"{work.name}.recording"
    recording = Recording.kept(path, lambda: work.run(Engine(work.surface, workers=1), 1))
    device = Device(recording)
    with device.instead():
        cpu, begun = time.process_time(), time.monotonic()
        triples = work.run(Engine(work.surface, lanes, workers=1, vectorized=True), times)
        cpu, wall = time.process_time() - cpu, time.monotonic() - begun
    each = 1e3 / triples
    used = sum(device.taken.values()) / sum(device.executed.values())
    model = Model(lanes, triples, each * device.busy, each * cpu, each * wall, used)
    # Only device calls count, which favors the two cores, since their other work is left out.
    calls = sum(sum(recorded.seconds) for recorded in recording.jobs.values())
    return model, 2 * triples / times / calls


def row(model: Model, cores: float) -> str:
    """A row of the table, where `cores` is the number of triples a second of two cores."""
    rate = 1e3 / model.wall
    cells = (
        f"{model.lanes:,}",
        f"{model.triples:,}",
        *(f"{value:.2f}" for value in (model.device, model.host, model.wall)),
        f"{100 * model.used:.0f} %",
        f"{rate:.0f}",
        f"{rate / cores:.1f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
