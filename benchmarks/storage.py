"""An atlas of 200,000 minima on SQLite and on PostgreSQL: its size, and the times of operations.

    python -m benchmarks.storage [--minima 200000] [--postgresql URL]

Fills an SQLite atlas in bulk and without matching (2.7 transition states and four attempts for each
minimum), copies it to an empty PostgreSQL database, and performs the same operations on both. (The
counters of such an atlas do not agree with its attempts, as the check says.) The URL is that of an
empty database; without one only SQLite is measured. Seconds are wall times of a single run.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.atlas_insert import BATCH, batch
from benchmarks.bulk import minima, random_points
from benchmarks.synthetic_atlas import fill, landscape
from sqlalchemy import text

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.copying import backup
from lossatlas.atlas.joining import merge
from lossatlas.exploration.stored_points import StoredPoints, duplicates

BATCHES = 40
SMALLER = 10
"""Factor by which the atlas that is merged into the large one is smaller."""


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do some work, and print how long it took."""
    begun = time.monotonic()
    found = work()
    print(f"  {what:32}{time.monotonic() - begun:10.2f} s", flush=True)
    return found


def measure(target: str, known: list[Any], weights: int, states: int) -> None:
    """Measure the operations on an atlas."""
    atlas = timed("open", lambda: Atlas.open(target))
    with atlas:
        timed("network", atlas.network)
        timed("tree", lambda: atlas.network().tree)
        timed("status", atlas.status)
        timed("check of all rows", atlas.check)
        timed("points stored twice", lambda: doubles(atlas))
        rng = np.random.default_rng(7)
        run = atlas.start_run({}, 0, {}, "cpu")
        batches = [batch(rng, known, weights, states) for _ in range(BATCHES)]
        begun = time.monotonic()
        for number, attempts in enumerate(batches):
            atlas.commit(run, attempts, f"more {number}")
        rate = BATCHES * BATCH / (time.monotonic() - begun)
        print(f"  {'attempts committed a second':32}{rate:10,.0f}", flush=True)
        print(f"  {'size':32}{size(atlas) / 1e6:10,.0f} MB", flush=True)


def doubles(atlas: Atlas) -> tuple[str, ...]:
    """The points that are stored twice."""
    with atlas.reading() as connection:
        tables = schema.minimum, schema.transition_state
        points = [StoredPoints(connection, table) for table in tables]
    return tuple(one for some in points for one in duplicates(atlas, some))


def size(atlas: Atlas) -> int:
    """The bytes that an atlas takes on disk."""
    place = atlas.connected.place
    if place is not None:
        return place.path.stat().st_size
    with atlas.reading() as connection:
        query = text("SELECT pg_database_size(current_database())")
        return connection.execute(query).scalar_one()


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minima", type=int, default=200_000)
    parser.add_argument("--postgresql")
    given = parser.parse_args()
    states = int(2.7 * given.minima)
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "large.atlas"), Path(folder, "small.atlas")
        where = landscape()
        timed("fill", lambda: fill(str(path), where, given.minima, neighbors=False))
        fill(str(small), where, given.minima // SMALLER, neighbors=False)
        known = minima(*random_points(np.random.default_rng(1), 100, where.n_weights))
        print(f"SQLite, {given.minima:,} minima and {states:,} transition states", flush=True)
        with Atlas.open(path) as atlas:
            timed("backup", lambda: backup(atlas, Path(folder, "copy.atlas")))
        joined = Path(folder, "joined.atlas")
        timed(f"merge with a {SMALLER}th more", lambda: merge([path, small], joined))
        measure(str(path), known, where.n_weights, states)
        if given.postgresql:
            print("PostgreSQL", flush=True)
            with Atlas.open(Path(folder, "copy.atlas")) as atlas:
                timed("backup from SQLite", lambda: backup(atlas, given.postgresql))
            measure(given.postgresql, known, where.n_weights, states)


if __name__ == "__main__":
    main()
