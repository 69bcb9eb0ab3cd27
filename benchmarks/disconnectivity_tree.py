"""Time of the disconnectivity tree of a random network as large as the paper's largest.

Run with: python benchmarks/disconnectivity_tree.py [minima transition_states]
"""

import sys
from time import process_time

import numpy as np

from lossatlas.analysis.tree_layout import discretize, layout
from lossatlas.network import Network


def main(n_minima: int = 200_000, n_transition_states: int = 540_000) -> None:
    """Print CPU seconds of every step."""
    random = np.random.default_rng(0)
    energies = random.random(n_minima)
    left, right = random.integers(0, n_minima, (2, n_transition_states))
    heights = np.maximum(energies[left], energies[right]) + random.exponential(
        0.1, n_transition_states
    )
    print(f"{n_minima} minima, {n_transition_states} transition states")
    network = timed("network", Network.of_pairs, energies, heights, left, right)
    timed("components", lambda: network.components)
    tree = timed("tree", lambda: network.tree)
    timed("layout, exact", layout, tree)
    levels = timed("discretize, 30 levels", discretize, tree)
    timed("layout, 30 levels", layout, levels)
    timed("superbasins", network.superbasins, 0.9)
    timed("1000 barriers", network.barrier, *random.integers(1, n_minima + 1, (2, 1000)))
    timed("path", network.path, 1, n_minima)


def timed(name, function, *arguments):
    """Call a function, print its CPU time, and return its result."""
    start = process_time()
    result = function(*arguments)
    print(f"{name:24s} {process_time() - start:6.2f} s CPU")
    return result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
