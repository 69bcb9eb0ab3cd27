"""The paper's networks on fresh data: losses and AUC of global minima against independent refits.

The refits (10 draws of 1000 items each, facts of section 3 of the reference folder) were made by
other code. The draw-to-draw spread is larger than every other error, so means over draws are
compared, within two combined standard errors.

Labels are those of a minimizer that drops the sign of negative curvature. The refits' minimizer is
not known, but of some 75 variants only those reproduce its class fractions (tests/data), which says
nothing yet about losses and AUC. With the labels of GMIN as it is today, which keeps the sign, the
losses agree as well, but the training AUC of D1 is higher by three standard errors.
"""

from functools import cache

import numpy as np
import pytest

from lossatlas.analysis.auc import rank_auc
from lossatlas.data import load_ljat3, split_pools
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.tools import default_tools

DRAWS, REFIT_DRAWS = 10, 10
CHAINS = 60
REFITS = {"D1": ((0.830, 0.015), (0.761, 0.016)), "D2": ((0.529, 0.018), (0.810, 0.011))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "quantity"),
    [("D1", 0), ("D1", 1), ("D2", 0), ("D2", 1)],
    ids=["D1 loss", "D1 AUC", "D2 loss", "D2 AUC"],
)
def test_global_minima_agree_with_independent_refits(side, quantity):
    ours, (mean, spread) = _draws(side)[:, quantity], REFITS[side][quantity]
    error = np.hypot(ours.std(ddof=1) / DRAWS**0.5, spread / REFIT_DRAWS**0.5)
    print(f"{side}: {ours.mean():.4f} +- {ours.std(ddof=1):.4f}, refits {mean} +- {spread}")
    assert abs(ours.mean() - mean) < 2 * error


@cache
def _draws(side):
    """Loss and AUC of the global minimum of each draw, (draws, 2)."""
    pools = load_ljat3(side, items=60_000, seed=11, curvature="absolute").pools
    return np.array([_loss_and_auc(pools, side, seed) for seed in range(DRAWS)])


def _loss_and_auc(pools, side, seed):
    train = split_pools(pools, 1000, 1, seed).train
    landscape = NetworkLandscape(train.inputs, train.labels, (10,), 1e-4)
    tools = default_tools(landscape)
    chains = (
        basin_hopping(tools, np.random.default_rng([seed, chain]), BasinHoppingOptions())
        for chain in range(CHAINS)
    )
    best, found = np.full(CHAINS, np.inf), []
    for chain, quench in Engine(landscape.surface).run(chains):
        found += quench.minima
        best[chain] = min([best[chain], *(m.energy for m in quench.minima)])
    # Rare minima a little below the common ones turn up in one chain of hundreds. What is compared
    # is a mean over draws that differ by .02: for it two chains must agree far better than that.
    assert np.sum(best < best.min() + 1e-3) >= 2
    lowest = min(found, key=lambda m: m.energy)
    logits = landscape.logits(lowest.weights, train.inputs)[0]
    probabilities = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return lowest.energy, float(rank_auc(probabilities[:, 0], train.labels == 0))
