"""How tightly must gradient flow be followed for correct links, and what does it cost?

    python -m benchmarks.paths ATLAS [--sample 100]

Follows both paths of the transition states of an atlas at several tolerances, and compares the ends
with those at the tightest one. `flagged` counts the paths that may have strayed (`spread` above the
limit of the search), which the search follows again: a coarse tolerance is safe if every wrong end
is flagged.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from benchmarks.arguments import atlas_and_sample

from lossatlas.atlas import Atlas
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.search.certify import certified
from lossatlas.search.tools import default_tools
from lossatlas.studies.problem import landscape_of

TOLERANCES = (3e-5, 3e-4, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)


class Followed(NamedTuple):
    """All paths at one tolerance, with mean Hessians, mean CPU seconds and numbers of paths."""

    tolerance: float
    hessians: float
    seconds: float
    wrong: int
    wrong_flagged: int
    flagged: int
    paths: int


def followed(landscape: Landscape, saddles: np.ndarray) -> Iterator[Followed]:
    """Both paths of each transition state (k, n), at one tolerance after the other."""
    tools, engine = default_tools(landscape), Engine(landscape.surface)

    def path(saddle, sign, tolerance):
        certificate = yield from certified(tools, saddle)
        start = saddle + sign * tools.pushoff * certificate.modes[0]
        lengths = np.asarray(tolerance), np.asarray(tools.newton_ball)
        job = (start, *lengths, landscape.symmetrizer(start), np.zeros(()))
        flow = yield Request(tools.flow, job)
        end = yield from certified(tools, flow.w)
        return flow, np.nan if end.point is None else end.point.energy

    reference = None
    for tolerance in TOLERANCES:
        start = time.process_time()
        paths = [path(w, sign, tolerance) for w in saddles for sign in (1.0, -1.0)]
        results = dict(engine.run(paths))
        seconds = (time.process_time() - start) / len(results)
        flows, ends = zip(*(results[k] for k in range(len(results))), strict=True)
        reference = np.array(ends) if reference is None else reference
        wrong = ~(np.abs(np.array(ends) - reference) < 2e-9)
        flagged = np.array([flow.spread > tools.largest_spread for flow in flows])
        yield Followed(
            tolerance,
            float(np.mean([flow.hessians for flow in flows])),
            seconds,
            int(wrong.sum()),
            int((wrong & flagged).sum()),
            int(flagged.sum()),
            len(ends),
        )


def main() -> None:
    """Measure and print a table."""
    path, sample = atlas_and_sample(__doc__, 100)
    with Atlas.open(path) as atlas:
        landscape = landscape_of(atlas.problem)
        ids = atlas.transition_states()["id"].tolist()
        chosen = np.random.default_rng(0).permutation(ids)[:sample]
        saddles = np.array(atlas.transition_state_weights(int(i) for i in chosen))
    print("tolerance  Hessians  CPU s   wrong  of them flagged  flagged  paths")
    for row in followed(landscape, saddles):
        print(
            f"{row.tolerance:9.0e} {row.hessians:9.1f} {row.seconds:6.3f} {row.wrong:7d}"
            f" {row.wrong_flagged:16d} {row.flagged:8d} {row.paths:6d}"
        )


if __name__ == "__main__":
    main()
