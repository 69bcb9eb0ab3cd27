"""Rank correlations over the minima of a landscape, each minimum counted by a weight.

Counted once, every distinct minimum says as much as any other. Counted by symmetry copies, it says
as much as there are minima like it in the space of weights; by basins, as often as quenches from
random starts end there.

The weighted rank correlation is Pearson's of weighted ranks: the rank of a minimum is the weight
below it and half of the weight of those of its value. With whole numbers as weights it is
Spearman's of data in which each minimum is repeated so often.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from lossatlas import Network

WEIGHTS = {"": "once", "_by_orbit": "log_orbit", "_by_basin": "basin_hits"}
"""Endings of the names of correlations, and the columns that the weights come from."""
WITH = ("train", "test", "macro", "test_loss")
"""What the loss is correlated with: training, testing and macro testing AUC, and testing loss."""


def weighted_rank_correlation(
    first: Float[np.ndarray, " m"],
    second: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
) -> float:
    """Spearman's correlation with weights; NaN for fewer than three minima, or ties only.

    Args:
        first, second: values of each minimum.
        weights: not negative; minima of weight zero do not count.

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
    """The correlations of the loss with everything, by every weight that the network has.

    Args:
        network: its points; columns ``test_loss``, ``log_orbit`` and ``basin_hits`` are used if it
            has them.
        auc: of each minimum: ``train``, ``test``, and ``macro`` if known.

    Returns:
        by name: ``loss_test_correlation_by_basin`` is that of loss and testing AUC weighted by
        basins. Names for which the network lacks a column are left out.
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
    # Orbits have more copies than a float holds: only their ratios count.
    return np.exp(values - logsumexp(values)) if column == "log_orbit" else values
