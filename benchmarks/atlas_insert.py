"""Does committing slow down as an atlas grows, and how long does it take to open it?

Fills atlases of 1,000 to 200,000 minima, each with 2.7 transition states and four attempts for each
minimum, in bulk and without matching. Then commits the same kind of batches to all of them in
turns, so that a busy machine affects all in the same way, and prints the CPU time of an attempt,
which should be the same for all sizes. Each atlas is opened in a process of its own, whose peak
memory is printed.

    python -m benchmarks.atlas_insert [--quick] [--weights 74]
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.bulk import fill, minima, random_points

from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.atlas.log import read_log_columns
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, Pathway, PathwayEnd, StationaryPoint

SIZES, QUICK = (1_000, 10_000, 50_000, 200_000), (1_000, 4_000)
BATCHES, BATCH = 40, 50
TOLERANCE, METHOD = 3e-3, "exponential"


def batch(
    rng: np.random.Generator, known: list[StationaryPoint], size: int, states: int
) -> list[Attempt]:
    """Attempts of four kinds in turn: one fails, one finds known points, one finds a new transition
    state between known minima, and one finds a new transition state that leads to a new minimum.

    Args:
        rng: generator of the new points.
        known: minima that the atlas holds.
        size: number of weights.
        states: number of transition states that the atlas holds, at least.
    """
    attempts = []
    for k in range(BATCH):
        origin, *ends = rng.integers(0, len(known), 3)
        outcome = Outcome(Status.WRONG_INDEX, Cost(90, 30), failures={Status.WRONG_INDEX: 1})
        if k % 4 == 1:
            hits = tuple(rng.integers(1, states + 1, 1).tolist()) if states else ()
            outcome = Outcome(Status.CONVERGED, Cost(90, 30), (known[ends[0]],), hits=hits)
        if k % 4 > 1:
            (state, new), both = _new(rng, size), [known[end] for end in ends]
            joined = _pathway(state, *(both if k % 4 == 2 else (both[0], new)))
            outcome = Outcome(Status.CONVERGED, Cost(200, 60), pathways=(joined,))
        attempts.append(Attempt("benchmark", (int(origin) + 1,), f"mode {k}", outcome))
    return attempts


def _new(rng: np.random.Generator, size: int) -> tuple[StationaryPoint, StationaryPoint]:
    """A transition state and a minimum that no atlas holds."""
    state, minimum = minima(*random_points(rng, 2, size))
    falling = state.lowest_eigenvalues * np.array([-1.0, 1.0, 1.0, 1.0])
    return state._replace(index=1, lowest_eigenvalues=falling), minimum


def _pathway(state: StationaryPoint, *ends: StationaryPoint) -> Pathway:
    return Pathway(
        state, tuple(PathwayEnd(k, end, None, TOLERANCE, METHOD) for k, end in enumerate(ends))
    )


def compare(
    atlases: list[Atlas], known: list[list[StationaryPoint]], size: int, states: list[int]
) -> np.ndarray:
    """(batches, atlases) CPU seconds of committing a batch.

    The arguments are those of `batch`, for each atlas.
    """
    rng = np.random.default_rng(7)
    runs = [atlas.start_run({}, 0, {}, "cpu") for atlas in atlases]
    seconds = np.empty((BATCHES, len(atlases)))
    for number in range(BATCHES):
        for k, (atlas, run) in enumerate(zip(atlases, runs, strict=True)):
            attempts = batch(rng, known[k], size, states[k])
            begun = time.process_time()
            atlas.commit(run, attempts, f"run {run} batch {number}")
            seconds[number, k] = time.process_time() - begun
    return seconds


class Opening(NamedTuple):
    """The cost of opening an atlas and reading all that planning needs.

    Attributes:
        network: CPU seconds to read the network.
        log: CPU seconds to read the log of attempts.
        again: CPU seconds to read the network again after a batch was committed.
        gigabytes: peak memory in gigabytes.
    """

    network: float
    log: float
    again: float
    gigabytes: float


def opening(path: Path, size: int) -> Opening:
    """Open an atlas, in this process."""
    with Atlas.open(path) as atlas:
        times = [time.process_time()]
        atlas.network()
        times.append(time.process_time())
        read_log_columns(atlas)
        times.append(time.process_time())
        known = minima(*random_points(np.random.default_rng(1), 10, size))
        run = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run, batch(np.random.default_rng(2), known, size, 1), "the last")
        times.append(time.process_time())
        atlas.network()
        times.append(time.process_time())
    taken = np.diff(times)
    unit = 1e9 if sys.platform == "darwin" else 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return Opening(*(float(taken[k]) for k in (0, 1, 3)), peak)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description="Committing to and opening of growing atlases.")
    parser.add_argument("--quick", action="store_true", help="small atlases only")
    parser.add_argument("--weights", type=int, default=74)
    options = parser.parse_args()
    sizes, problem = QUICK if options.quick else SIZES, Problem({"network": "random"})
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{size}.atlas" for size in sizes]
        atlases = [Atlas.create(path, problem) for path in paths]
        known = [fill(a, size, options.weights) for a, size in zip(atlases, sizes, strict=True)]
        taken = np.median(compare(atlases, known, options.weights, list(sizes)), axis=0)
        for atlas in atlases:
            atlas.close()
        spawn = multiprocessing.get_context("spawn")
        for path, size, seconds in zip(paths, sizes, taken, strict=True):
            with spawn.Pool(1) as pool:
                opened = pool.apply(opening, (path, options.weights))
            print(
                f"{size:>9,} minima: commit {1e3 * seconds / BATCH:.3f} ms an attempt, "
                f"network {opened.network:.2f} s, again {1e3 * opened.again:.0f} ms, "
                f"log {opened.log:.2f} s, memory {opened.gigabytes:.2f} GB, "
                f"file {path.stat().st_size / 1e6:.0f} MB"
            )
    print(f"largest to smallest: {taken[-1] / taken[0]:.2f}")


if __name__ == "__main__":
    main()
