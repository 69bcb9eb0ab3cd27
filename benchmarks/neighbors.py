"""Which notion of distance finds the minima that a transition state joins?

    python -m benchmarks.neighbors ATLAS [--sample 50]

For transition states of an atlas: the rank of the one minimum among those nearest to the other, by
invariants (what the networks compute), by descriptors (what bands are planned by), and by the
distance to the nearest symmetry copy, with the time of what is computed once for each minimum, and
of the distances from one minimum to all others.
"""

import argparse
import time

import numpy as np

from lossatlas.atlas import Atlas, snapshot
from lossatlas.explore.neighbors import NEIGHBORS
from lossatlas.studies.problem import landscape_of


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("atlas")
    parser.add_argument("--sample", type=int, default=50)
    options = parser.parse_args()
    with Atlas.open(options.atlas) as atlas:
        landscape, points = landscape_of(atlas.problem), snapshot(atlas)
        weights = np.array(atlas.minimum_weights([int(i) for i in points.minimum_ids]))
    joining = np.flatnonzero(~points.degenerate)
    chosen = np.random.default_rng(0).permutation(joining)[: options.sample]
    pairs = list(zip(points.minimum_1[chosen], points.minimum_2[chosen], strict=True))

    def by_features(features):
        return lambda a: np.linalg.norm(features - features[a], axis=1)

    def by_copies(a):
        copies = [landscape.nearest_copy(w, weights[a]) for w in weights]
        return np.linalg.norm(np.array(copies) - weights[a], axis=1)

    print(f"{len(weights)} minima, {len(pairs)} transition states")
    print(f"distance by        rank of the other minimum: median  below {NEIGHBORS}  ms once  ms")
    for name, make in {
        "invariants": lambda: by_features(np.array([landscape.invariants(w) for w in weights])),
        "descriptors": lambda: by_features(landscape.descriptors(weights)),
        "nearest copies": lambda: by_copies,
    }.items():
        started = time.perf_counter()
        distances = make()
        once = 1e3 * (time.perf_counter() - started) / len(weights)
        started, ranks = time.perf_counter(), []
        for a, b in pairs:
            apart = distances(a)
            ranks.append(np.sum(apart < apart[b]) - 1)
        spent = 1e3 * (time.perf_counter() - started) / len(pairs)
        below = np.mean(np.array(ranks) < NEIGHBORS)
        print(f"{name:32s} {np.median(ranks):22.0f} {below:9.2f} {once:8.2f} {spent:5.1f}")


if __name__ == "__main__":
    main()
