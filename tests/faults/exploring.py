"""An exploration in a process of its own, for tests that kill it: says what is committed.

    python exploring.py ATLAS TRANSITION_STATES [CLUSTER] [--largest-file BYTES]

After each commit a line with the numbers of minima, transition states and attempts of this call is
printed, before that the process id of each worker of a cluster.
"""

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "distribution"))

from landscapes import rough_landscape

from lossatlas import AtlasError, cluster, explore


def main() -> None:
    """Explore."""
    parser = argparse.ArgumentParser()
    parser.add_argument("atlas")
    parser.add_argument("states", type=int)
    parser.add_argument("cluster", nargs="?")
    parser.add_argument("--largest-file", type=int)
    given = parser.parse_args()
    if given.largest_file:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (given.largest_file, given.largest_file))

    def report(state):
        print(state.minima, state.transition_states, state.attempts, flush=True)

    with cluster(given.cluster) if given.cluster else nullcontext() as executor:
        if executor is not None:
            print("workers", *executor._client.run(os.getpid).values(), flush=True)
        options = {"transition_states": given.states, "width": 48, "seed": 3}
        try:
            explore(
                rough_landscape(), given.atlas, executor=executor, progress=report, **options
            ).close()
        except AtlasError as error:
            sys.exit(f"AtlasError: {error}")


if __name__ == "__main__":
    main()
