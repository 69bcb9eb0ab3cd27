"""The paper's networks on fresh data: losses and AUC of global minima against independent refits.

The refits (10 draws of 1000 items each, facts of section 3 of the reference folder) were made by
other code. The draw-to-draw spread is larger than every other error, so means over draws are
compared, within two combined standard errors.
"""

import numpy as np
import pytest

from lossatlas.analysis.auc import rank_auc
from lossatlas.data import load_ljat3, split_pools
from lossatlas.landscape import NetworkLandscape
from lossatlas.optimize.lanes import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.tools import default_tools

DRAWS, REFIT_DRAWS = 6, 10
BATCH, MOST_CHAINS = 40, 800
REFITS = {"D1": ((0.830, 0.015), (0.761, 0.016)), "D2": ((0.529, 0.018), (0.810, 0.011))}


@pytest.mark.slow
@pytest.mark.parametrize("side", ["D1", "D2"])
def test_global_minima_agree_with_independent_refits(side):
    pools = load_ljat3(side, items=60_000, seed=11).pools
    found = np.array([_loss_and_auc(pools, side, seed) for seed in range(DRAWS)])
    for ours, (mean, spread) in zip(found.T, REFITS[side], strict=True):
        error = np.hypot(ours.std(ddof=1) / DRAWS**0.5, spread / REFIT_DRAWS**0.5)
        print(f"{side}: {ours.mean():.4f} +- {ours.std(ddof=1):.4f}, refits {mean} +- {spread}")
        assert abs(ours.mean() - mean) < 2 * error


def _loss_and_auc(pools, side, seed):
    train = split_pools(pools, 1000, 1, seed).train
    landscape = NetworkLandscape(train.inputs, train.labels, (10,), 1e-4)
    tools = default_tools(landscape)
    engine = Engine(landscape.surface)
    lowest_of_chains: list = []
    # Global as far as one can tell: two independent chains have ended up in it.
    while _hits(lowest_of_chains) < 2:
        assert len(lowest_of_chains) < MOST_CHAINS
        numbers = range(len(lowest_of_chains), len(lowest_of_chains) + BATCH)
        chains = (
            basin_hopping(tools, np.random.default_rng([seed, chain]), BasinHoppingOptions())
            for chain in numbers
        )
        lowest_of_chains += [_lowest(attempt.minima) for _, attempt in engine.run(chains)]
    print(f"{side} {seed}: {_hits(lowest_of_chains)} of {len(lowest_of_chains)} chains")
    lowest = _lowest(m for m in lowest_of_chains if m is not None)
    logits = landscape.logits(lowest.weights, train.inputs)[0]
    probabilities = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return lowest.energy, float(rank_auc(probabilities[:, 0], train.labels == 0))


def _lowest(minima):
    return min(minima, key=lambda m: m.energy, default=None)


def _hits(lowest_of_chains):
    """How many chains found the lowest minimum of all."""
    energies = np.array([m.energy for m in lowest_of_chains if m is not None])
    return np.sum(energies < energies.min() + 1e-9) if len(energies) else 0
