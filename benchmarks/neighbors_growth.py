"""Do the neighbors of minima stay right and cheap as their number grows?

    python -m benchmarks.neighbors_growth [--quick] [--largest 200000] [--layers 1]

Rows are descriptors of random networks that are related like real ones: sets of ten hidden units,
most of which a network shares with an earlier one, with nearly equal copies of earlier networks
among them. They are added in batches of ten. Prints for growing numbers of rows the CPU time of
adding a row, the longest time of one call, the fraction of the ten nearest rows that the lists hold
(for 1,000 rows), and the time of restoring the lists from the candidates.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np

from lossatlas.exploration.neighbors import BLOCK, NEIGHBORS, Neighbors
from lossatlas.landscape.descriptors import FEATURES, WEIGHT_SCALE

KINDS, UNITS, WIDTH = 24, 10, 7
"""Numbers of kinds of units, of units of a network, and of weights of a unit."""
COPIES = 0.3
"""Fraction of the networks that are nearly equal to an earlier one."""
BATCH, TIMED, SAMPLE = 10, 1000, 1000
"""Numbers of rows that are added at a time, that are timed, and whose lists are checked."""


def networks(count: int, rng: np.random.Generator) -> np.ndarray:
    """Sets of units (count, `UNITS`, `WIDTH`), each but the first made from an earlier one."""
    kinds = 2.5 * rng.normal(size=(KINDS, WIDTH))
    made = np.zeros((count, UNITS, WIDTH))
    done = 0
    while done < count:
        new = min(max(BLOCK, done // 8), count - done)
        fresh = kinds[rng.integers(KINDS, size=(new, UNITS))]
        fresh = fresh + 0.4 * rng.normal(size=fresh.shape)
        if done:
            copies = rng.random(new) < COPIES
            others = rng.random((new, UNITS)) < 0.2
            exponent = np.where(copies, rng.uniform(-4, -2, new), rng.uniform(-1.5, -0.5, new))
            child = made[rng.integers(done, size=new)]
            child = child + 10 ** exponent[:, None, None] * rng.normal(size=child.shape)
            fresh = np.where((others & ~copies[:, None])[:, :, None], fresh, child)
        made[done : done + new] = fresh
        done += new
    return made


def descriptors(units: np.ndarray, layers: int, rng: np.random.Generator) -> np.ndarray:
    """(m, k) descriptors of networks with a number of layers, each with features of its own."""
    slopes = rng.normal(size=(WIDTH, layers * FEATURES))
    parts = np.array_split(units, 1 + len(units) // 1000)
    return np.concatenate([np.cos(WEIGHT_SCALE * some @ slopes).sum(axis=1) for some in parts])


class Spent(NamedTuple):
    """CPU milliseconds for adding a row, and the seconds of the longest call."""

    each: float
    longest: float


def add(near: Neighbors, rows: np.ndarray, batch: int) -> Spent:
    """Add rows in batches."""
    calls = []
    for first in range(0, len(rows), batch):
        started = time.process_time()
        near.add(rows[first : first + batch])
        calls.append(time.process_time() - started)
    return Spent(1e3 * sum(calls) / len(rows), max(calls))


def recall(found: np.ndarray, rows: np.ndarray, which: np.ndarray) -> float:
    """The fraction of the nearest rows, of the rows `which`, that are among those found."""
    lengths = (rows**2).sum(axis=1)
    hits = 0
    for number in which:
        apart = lengths - 2.0 * rows @ rows[number]
        apart[number] = np.inf
        few = np.argpartition(apart, 2 * NEIGHBORS)[: 2 * NEIGHBORS]
        exact = few[np.argsort(np.linalg.norm(rows[few] - rows[number], axis=1))][:NEIGHBORS]
        hits += len(np.intersect1d(found[number], exact))
    return hits / (NEIGHBORS * len(which))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="at most 20,000 rows")
    parser.add_argument("--largest", type=int, default=200_000)
    parser.add_argument("--layers", type=int, default=1)
    options = parser.parse_args()
    largest = min(options.largest, 20_000) if options.quick else options.largest
    rng = np.random.default_rng(0)
    rows = descriptors(networks(largest, rng), options.layers, rng)
    near, sizes = Neighbors(), [k for k in (1000, 4000, 20_000, 60_000, 200_000) if k <= largest]
    print("    rows   ms a row   longest call, s   recall   restored in, s", flush=True)
    for size in sizes:
        count = len(near.found)
        bulk = add(near, rows[count : size - min(TIMED, size // 2)], 10 * BLOCK)
        spent = add(near, rows[len(near.found) : size], BATCH)
        part = recall(near.found, rows[:size], rng.permutation(size)[:SAMPLE])
        started = time.process_time()
        again = Neighbors.restore(rows[:size], *near.candidates())
        seconds = time.process_time() - started
        assert np.array_equal(again.found, near.found)
        longest = max(bulk.longest, spent.longest)
        print(
            f"{size:8d} {spent.each:10.2f} {longest:17.2f} {part:8.3f} {seconds:17.1f}", flush=True
        )


if __name__ == "__main__":
    main()
