"""The commit of a batch into an atlas of 10^6 minima and into one of 10^4; see `atlas_insert`."""

from collections.abc import Iterator

import numpy as np
from benchmarks.atlas_insert import BATCH, compare
from benchmarks.bulk import add_random_points
from benchmarks.rivals.measure import Context, Row, Target

from lossatlas.atlas import Atlas, Problem, schema

WEIGHTS = 74
SMALL = 10**4


def rows(context: Context) -> Iterator[Row]:
    """One row; the rival is the same commit into the small atlas."""
    large = 10**6
    folder, problem = context.folder("insert"), Problem({"network": "random"})
    with (
        Atlas.create(folder / "small.atlas", problem) as first,
        Atlas.create(folder / "large.atlas", problem) as second,
    ):
        rng = np.random.default_rng(0)
        known = [
            add_random_points(atlas, schema.minimum, count, WEIGHTS, rng)
            for atlas, count in ((first, SMALL), (second, large))
        ]
        seconds = compare([first, second], known, WEIGHTS, [0, 0])
    small_ms, large_ms = (tuple(1e3 * column) for column in seconds.T)
    yield Row(
        f"commit of {BATCH} attempts into an atlas of {large:,} minima",
        f"the same into {SMALL:,}",
        "CPU ms",
        small_ms,
        large_ms,
        Target(ratio=1 / 1.2),
        "most minima of a batch are copies of stored ones",
    )
