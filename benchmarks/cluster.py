"""The same exploration in one process and with two Dask workers, on as many cores.

    python -m benchmarks.cluster [--quick] [--workers 2] [--repeats 3] [--states 120]
        [--dask-settings]

Both explore the landscape D2 with the same seed and width to the same number of transition states.
They take turns, so that a busy machine affects both in the same way. A first run of each, which
compiles everything, is not counted. The contents of the atlases are compared. Time is counted from
the first commit to the last, without the start of a cluster, which takes seconds once. CPU seconds
are those of all processes: on a machine that others use, their ratio is more reliable than that of
the clock. With `--dask-settings` workers have Dask's own settings, in place of those that
`lossatlas.distribution.clusters` makes for processes on this machine.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from benchmarks.replay import landscape

from lossatlas.atlas import Atlas, Problem
from lossatlas.distribution import clusters
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.exploration.explorer import Progress
from lossatlas.lanes.runtime import configure

WIDTH = 96


class Taken(NamedTuple):
    """The seconds that an exploration took, and the points that it found."""

    seconds: float
    cpu: float
    attempts: int
    losses: np.ndarray


def explore(subject: Any, states: int, workers: int, executor: Any) -> Taken:
    """Explore a landscape once, into a new atlas."""
    times: list[float] = []

    def report(state: Progress) -> None:
        times.append(time.monotonic())

    options = ExploreOptions(
        transition_states=states,
        width=WIDTH,
        seed=1,
        workers=workers if executor is None else None,
        executor=executor,
    )
    problem = Problem(subject.fingerprint())
    with (
        tempfile.TemporaryDirectory() as folder,
        Atlas.create(Path(folder, "a.atlas"), problem) as atlas,
    ):
        ended = grow(subject, atlas, options, report)
        losses = atlas.transition_states()["loss"].to_numpy()
    return Taken(times[-1] - times[0], ended.cpu_seconds, ended.attempts, losses)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--states", type=int, default=120, help="transition states to be found")
    text = "leave the settings of Dask as they are"
    parser.add_argument("--dask-settings", action="store_true", help=text)
    given = parser.parse_args()
    states = 20 if given.quick else given.states
    configure()
    subject = landscape(200 if given.quick else 1000)
    settings = {} if given.dask_settings else clusters.SETTINGS
    with (
        patch.object(clusters, "SETTINGS", settings),
        clusters.cluster(f"local:{given.workers}") as executor,
    ):
        ways = {"one process": None, "Dask workers": executor}
        found: dict[str, list[Taken]] = {name: [] for name in ways}
        for repeat in range(given.repeats + 1):
            for name, there in ways.items():
                taken = explore(subject, states, given.workers, there)
                if repeat:
                    found[name].append(taken)
                    said = f"{taken.seconds:.1f} s, {taken.cpu:.1f} s of CPU time"
                    print(f"{name}: {taken.attempts} attempts, {said}", flush=True)
    one, other = found.values()
    same = all(np.array_equal(a.losses, b.losses) for a, b in zip(one, other, strict=True))
    print(f"same content: {same}")
    for what in ("seconds", "cpu"):
        here, there = (np.median([getattr(t, what) for t in some]) for some in (one, other))
        print(f"efficiency by {what}: {here / there:.0%}")


if __name__ == "__main__":
    main()
