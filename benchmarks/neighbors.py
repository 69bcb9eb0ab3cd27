"""Which notion of distance finds the minima that a transition state joins?

    python -m benchmarks.neighbors ATLAS [--sample 50]

For transition states of an atlas, prints the rank of one minimum among those nearest to the other,
by invariants (what the networks compute), by descriptors (by which bands are planned), and by the
distance to the nearest symmetry copy. Prints also the time for what is computed once for each
minimum, and for the distances from one minimum to all others. Then prints, for all transition
states, how many join minima of which one is among the ten nearest to the other by descriptors: in
the exact lists, and in the lists of planning, if minima are compared with all others or searched
for in the graph from the start.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from benchmarks.arguments import atlas_and_sample

from lossatlas.atlas import Atlas
from lossatlas.exploration.neighbors import COMPARED, NEIGHBORS, Neighbors
from lossatlas.landscape.base import Landscape
from lossatlas.studies.problem import landscape_of


class Ranks(NamedTuple):
    """Ranks of the other minimum, counted from 0, by one kind of distance, with milliseconds for
    what is computed once for a minimum and for the distances from one minimum."""

    name: str
    ranks: np.ndarray
    once: float
    spent: float


def ranked(
    landscape: Landscape, weights: np.ndarray, pairs: list[tuple[int, int]]
) -> Iterator[Ranks]:
    """Ranks of the second minimum of each pair, given by positions in weights (k, n), among the
    neighbors of the first."""

    def by_features(features):
        return lambda a: np.linalg.norm(features - features[a], axis=1)

    def by_copies(a):
        copies = [landscape.nearest_copy(w, weights[a]) for w in weights]
        return np.linalg.norm(np.array(copies) - weights[a], axis=1)

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
        yield Ranks(name, np.array(ranks), once, spent)


class Lists(NamedTuple):
    """The fraction of the exact neighbors that lists hold, and the fraction of transition states
    that join minima of which one is in the list of the other."""

    recall: float
    joined: float


def kept_lists(features: np.ndarray, pairs: np.ndarray, compared: int) -> Lists:
    """The lists of rows (m, k) that are added in batches of ten, the first `compared` of which are
    compared with all others."""
    near, exact = Neighbors(compared), Neighbors(len(features))
    exact.add(features)
    for first in range(0, len(features), 10):
        near.add(features[first : first + 10])
    hits = (near.found[:, :, None] == exact.found[:, None]).any(axis=2)
    joined = [b in near.found[a] or a in near.found[b] for a, b in pairs]
    return Lists(float(hits.mean()), float(np.mean(joined)))


def main() -> None:
    """Measure and print a table."""
    path, sample = atlas_and_sample(__doc__, 50)
    with Atlas.open(path) as atlas:
        landscape, points = landscape_of(atlas.problem), atlas.network()
        weights = np.array(atlas.minimum_weights([int(i) for i in points.minimum_ids]))
    joining = np.flatnonzero(~points.degenerate)
    chosen = np.random.default_rng(0).permutation(joining)[:sample]
    pairs = list(zip(points.minimum_1[chosen], points.minimum_2[chosen], strict=True))
    print(f"{len(weights)} minima, {len(pairs)} transition states")
    print(f"distance by        rank of the other minimum: median  below {NEIGHBORS}  ms once  ms")
    for name, ranks, once, spent in ranked(landscape, weights, pairs):
        below = np.mean(ranks < NEIGHBORS)
        print(f"{name:32s} {np.median(ranks):22.0f} {below:9.2f} {once:8.2f} {spent:5.1f}")
    every = np.stack([points.minimum_1, points.minimum_2], axis=1)[joining]
    features = landscape.descriptors(weights)
    print("compared   held by the lists   joined by neighbors")
    for compared in (max(COMPARED, len(weights)), 0):
        recall, joined = kept_lists(features, every, compared)
        print(f"{compared:8d} {recall:19.3f} {joined:21.3f}")


if __name__ == "__main__":
    main()
