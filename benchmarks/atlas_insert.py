"""Does committing a batch slow down as the atlas grows?

Fills one atlas with 10^4 and one with 10^6 random minima (in bulk, past the matching), then
commits the same batches to both and prints the time of each and their ratio; about 1 is right.
Half of each batch are copies of stored minima.

    python -m benchmarks.atlas_insert [--large 1000000] [--weights 74]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks.bulk import add_points, minima

from lossatlas.atlas import Atlas, Attempt, Problem, schema, snapshot
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint

INVARIANTS = 14
BATCHES, BATCH = 40, 50
PART = 10_000


def random_minima(
    rng: np.random.Generator, count: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies, invariants and weights; losses of a real landscape lie close together."""
    energies = rng.uniform(0.5, 0.6, count)
    invariants = np.hstack([energies[:, None], rng.normal(size=(count, INVARIANTS - 1))])
    return energies, invariants, rng.normal(size=(count, size))


def fill(atlas: Atlas, count: int, size: int) -> list[StationaryPoint]:
    """Put ``count`` minima into the atlas; a few of them are returned."""
    rng = np.random.default_rng(count)
    kept = []
    for start in range(0, count, PART):
        points = random_minima(rng, min(PART, count - start), size)
        kept += minima(*(part[:10] for part in points))
        add_points(atlas, schema.minimum, *points)
    return kept


def seconds_of_commit(atlas: Atlas, points: list[StationaryPoint]) -> float:
    """The time to commit a batch of attempts of one point each, half of them known."""
    run_id = atlas.start_run({}, 0, {}, "cpu")
    attempts = [
        Attempt("benchmark", (), "", Outcome(Status.CONVERGED, Cost(), (point,)))
        for point in points
    ]
    start = time.perf_counter()
    receipt = atlas.commit(run_id, attempts, f"run {run_id}")
    seconds = time.perf_counter() - start
    assert receipt.hits == BATCH // 2
    return seconds


def compare(atlases: list[Atlas], known: list[list[StationaryPoint]], size: int) -> np.ndarray:
    """(batches, atlases) seconds; taken in turns, so that a busy machine disturbs all alike."""
    rng = np.random.default_rng(7)
    seconds = np.empty((BATCHES, len(atlases)))
    for batch in range(BATCHES):
        new = minima(*random_minima(rng, BATCH // 2, size))
        for k, atlas in enumerate(atlases):
            old = [known[k][j] for j in rng.choice(len(known[k]), BATCH // 2)]
            seconds[batch, k] = seconds_of_commit(atlas, new + old)
    return seconds


def seconds_of_snapshot(atlas: Atlas) -> float:
    """The time to read the network of points without weights."""
    start = time.perf_counter()
    snapshot(atlas)
    return time.perf_counter() - start


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(description="Commit times in a small and a large atlas.")
    parser.add_argument("--small", type=int, default=10**4)
    parser.add_argument("--large", type=int, default=10**6)
    parser.add_argument("--weights", type=int, default=74)
    options = parser.parse_args()
    counts, problem = (options.small, options.large), Problem({"network": "random"})
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{count}.atlas" for count in counts]
        with Atlas.create(paths[0], problem) as small, Atlas.create(paths[1], problem) as large:
            pairs = list(zip((small, large), counts, strict=True))
            known = [fill(atlas, count, options.weights) for atlas, count in pairs]
            medians = np.median(compare([small, large], known, options.weights), axis=0)
            for (atlas, count), seconds in zip(pairs, medians, strict=True):
                print(
                    f"{count:>9} minima: {1e3 * seconds:.1f} ms a batch of {BATCH} attempts, "
                    f"snapshot {seconds_of_snapshot(atlas):.2f} s, "
                    f"file {Path(atlas.name).stat().st_size / 1e6:.0f} MB"
                )
    print(f"ratio {medians[1] / medians[0]:.2f}")


if __name__ == "__main__":
    main()
