"""How tightly must gradient flow be followed for the links to be right, and what does it cost?

    python -m benchmarks.paths ATLAS [--sample 100]

Follows both paths of the transition states of an atlas at several tolerances and compares the ends
with those at the tightest one. `flagged` counts the paths that may have strayed (`spread` above the
limit of the search), which the search follows again: a coarse tolerance is safe where every wrong
end is flagged.
"""

import argparse
import time

import numpy as np

from lossatlas.atlas import Atlas
from lossatlas.optimize.lanes import Engine, Request
from lossatlas.search.certify import certified
from lossatlas.search.tools import default_tools
from lossatlas.studies.problem import landscape_of

TOLERANCES = (1e-5, 5e-5, 5e-4, 5e-3, 1e-2, 3e-2, 1e-1)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("atlas")
    parser.add_argument("--sample", type=int, default=100)
    options = parser.parse_args()
    with Atlas.open(options.atlas) as atlas:
        landscape = landscape_of(atlas.problem)
        ids = atlas.transition_states()["id"].tolist()
        random = np.random.default_rng(0)
        chosen = random.permutation(ids)[: options.sample]
        saddles = atlas.transition_state_weights(int(i) for i in chosen)
    tools, engine = default_tools(landscape), Engine(landscape.surface)

    def path(saddle, sign, tolerance):
        certificate = yield from certified(tools, saddle)
        start = saddle + sign * tools.pushoff * certificate.modes[0]
        flow = yield Request(
            tools.flow,
            (
                start,
                np.asarray(tolerance),
                np.asarray(tools.newton_ball),
                landscape.symmetrizer(start),
                np.zeros(()),
            ),
        )
        end = yield from certified(tools, flow.w)
        return flow, np.nan if end.point is None else end.point.energy

    reference = None
    print("tolerance  Hessians  CPU s   wrong  of them flagged  flagged  paths")
    for tolerance in TOLERANCES:
        start = time.process_time()
        paths = [path(w, sign, tolerance) for w in saddles for sign in (1.0, -1.0)]
        results = dict(engine.run(paths))
        seconds = (time.process_time() - start) / len(results)
        ends = np.array([results[k][1] for k in range(len(results))])
        flagged = np.array(
            [results[k][0].spread > tools.largest_spread for k in range(len(results))]
        )
        hessians = np.mean([results[k][0].hessians for k in range(len(results))])
        reference = ends if reference is None else reference
        wrong = ~(np.abs(ends - reference) < 2e-9)
        print(
            f"{tolerance:9.0e} {hessians:9.1f} {seconds:6.3f} {wrong.sum():7d}"
            f" {(wrong & flagged).sum():16d} {flagged.sum():8d} {len(ends):6d}"
        )


if __name__ == "__main__":
    main()
