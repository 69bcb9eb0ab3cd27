"""Networks with funnels, made at random."""

import numpy as np

from lossatlas.network import Network


def funnels(n: int, seed: int = 0, separate: int = 0) -> Network:
    """n minima, connected but for the last `separate` ones."""
    random = np.random.default_rng(seed)
    left = np.arange(1, n)
    right = (left * random.random(n - 1) ** 2).astype(int)
    energies = 0.5 + 0.1 * np.sort(random.gamma(2.0, 0.3, n))
    heights = np.maximum(energies[left], energies[right]) + random.exponential(0.02, n - 1)
    joined = slice(0, n - 1 - separate)
    columns = {"train_auc": np.exp(-3 * (energies - 0.5)), "times_found": random.integers(1, 9, n)}
    columns["nothing"] = np.full(n, np.nan)
    links = left[joined], right[joined]
    return Network.of_pairs(energies, heights[joined], *links, columns)
