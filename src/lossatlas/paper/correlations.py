"""Rank correlations over the minima of a landscape, in which each minimum has a weight.

The weight of a minimum is one, so that all distinct minima count the same; or its number of
symmetry copies, so that it counts as often as it occurs in weight space; or the number of quenches
from random starts that end in it, which measures the size of its basin.

The weighted rank correlation is Pearson's correlation of weighted ranks: the rank of a minimum is
the total weight of all minima with a smaller value, plus half of the weight of those with the same
value. If weights are whole numbers, it is Spearman's correlation of data in which each minimum is
repeated as often as its weight says.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from lossatlas import Network

WEIGHTS = {"": "once", "_by_orbit": "log_orbit", "_by_basin": "basin_hits"}
"""The columns of the weights, by the endings of the names of the correlations."""
WITH = ("train", "test", "macro", "test_loss")
"""What the loss is correlated with: training, testing and macro testing AUC, and testing loss."""


def weighted_rank_correlation(
    first: Float[np.ndarray, " m"],
    second: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
) -> float:
    """Spearman's rank correlation with weights.

    Args:
        first: (m,) one value of each minimum.
        second: (m,) another value of each minimum.
        weights: (m,) weights, not negative; minima of weight zero do not count.

    Returns:
        The correlation; NaN for fewer than three minima, or if all values are equal.

    Examples:
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> round(weighted_rank_correlation(x, x**3, np.array([1.0, 5.0, 2.0])), 6)
        1.0
    """
    counted = (weights > 0) & np.isfinite(first) & np.isfinite(second)
    if counted.sum() < 3:
        return math.nan
    weights = weights[counted] / weights[counted].sum()
    ranks = [_ranks(values[counted], weights) for values in (first, second)]
    centered = [rank - weights @ rank for rank in ranks]
    spread = [math.sqrt(weights @ np.square(one)) for one in centered]
    if min(spread) < 1e-12:
        return math.nan
    return float(weights @ (centered[0] * centered[1]) / (spread[0] * spread[1]))


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    _, group = np.unique(values, return_inverse=True)
    of_group = np.bincount(group, weights=weights)
    return (np.cumsum(of_group) - of_group / 2)[group]


def correlations(network: Network, auc: dict[str, np.ndarray]) -> dict[str, float]:
    """The correlations of the loss with the quantities of `WITH`, by all weights of `WEIGHTS`.

    Args:
        network: the points of a cell. Its columns ``test_loss``, ``log_orbit`` and ``basin_hits``
            are used if it has them.
        auc: (m,) AUC of each minimum, by the names ``train``, ``test``, and ``macro`` if known.

    Returns:
        Correlations by name. For example, ``loss_test_correlation_by_basin`` is the correlation of
        loss and testing AUC, weighted by basins. Names for which the network lacks a column are
        left out.
    """
    values = dict(auc)
    if "test_loss" in network.columns:
        values["test_loss"] = network.columns["test_loss"]
    found = {}
    for ending, column in WEIGHTS.items():
        weights = _weights(network, column)
        if weights is None:
            continue
        for name in WITH:
            if name in values:
                found[f"loss_{name}_correlation{ending}"] = weighted_rank_correlation(
                    network.minimum_energies, values[name], weights
                )
    return found


def _weights(network: Network, column: str) -> np.ndarray | None:
    if column == "once":
        return np.ones(len(network.minimum_energies))
    if column not in network.columns:
        return None
    values = network.columns[column]
    # The number of copies may exceed the range of a float, but only ratios of weights matter.
    return np.exp(values - logsumexp(values)) if column == "log_orbit" else values
