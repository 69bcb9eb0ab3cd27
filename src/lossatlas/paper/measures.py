"""The numbers of a cell, computed from its points, for the tables and the tests of statements.

All means and standard deviations are over distinct minima without weights, where symmetry copies
count once. Standard deviations are divided by the number of minima minus one.
"""

import math
from itertools import count
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from lossatlas import Network, counts_by_tolerance
from lossatlas.analysis import Rule, auc_columns, frustration, funnel, loss_range
from lossatlas.paper.correlations import correlations
from lossatlas.paper.funnel_verdicts import funnel_shares, share_numbers
from lossatlas.paper.points import PARTS

AucKind = int | Literal["macro"]
GOOD = 0.9
"""Smallest testing AUC of a minimum that counts as good."""
SAME = 1e-4
"""Difference of losses below which the programs of the authors of the paper count two points as
one."""


def measures(network: Network, kind: AucKind = 0, half: Network | None = None) -> dict[str, float]:
    """All numbers of a cell that its points determine.

    Args:
        network: the points of the cell, with at least one minimum.
        kind: the kind of AUC, see `Cell`; default 0: class 0 against all others.
        half: the points that the first half of the attempts found; by default None: all points.

    Returns:
        Numbers by name; NaN if a number is undefined.

        * ``minima``, ``transition_states``, and ``nondegenerate`` (transition states that join two
          different minima); ``connected_minima``.
        * ``gmin_loss``, ``highest_loss``, ``loss_range``, ``range_r``.
        * For each part of the data, ``train``, ``incorrect``, ``correct`` and ``test``, the numbers
          ``.._gmin_auc``, ``.._mean_auc`` and ``.._sd_auc`` by the 101 thresholds of the Fortran
          programs, and with the exact AUC as ``rank_..``. For macro AUC also ``pooled_.._sd_auc``,
          the standard deviations over minima and classes, and the exact AUC of class 0 as
          ``first_..``.
        * ``train_test_correlation``, Spearman's rank correlation over minima, and rank correlations
          of the loss, also weighted (see `correlations`).
        * ``good_share``, the share of minima with a testing AUC of at least `GOOD`.
        * ``merged_minima``, ``merged_transition_states``, ``merged_train_mean_auc`` ..., the
          results of a program that counts points as one if their losses differ by less than `SAME`.
        * ``frustration``, the results of `funnel` as ``funnel_..``, and shares of funnels by
          threshold (see `share_numbers`).
    """
    losses = network.minimum_energies
    lowest = int(np.argmin(losses))
    found: dict[str, float] = {
        "minima": len(losses),
        "transition_states": len(network.transition_state_energies),
        "nondegenerate": int((~network.degenerate).sum()),
        "gmin_loss": float(losses[lowest]),
        "highest_loss": float(losses.max()),
        "loss_range": float(np.ptp(losses)),
    }
    rules: dict[str, Rule] = {"": "threshold", "rank_": "rank"}
    for prefix, rule in rules.items():
        for part, values in auc_parts(network, kind, rule).items():
            found |= _of_minima(f"{prefix}{part}", values, lowest)
    if kind == "macro":
        found |= _pooled(network)
        for part, values in auc_parts(network, 0, "rank").items():
            found |= _of_minima(f"first_{part}", values, lowest)
    exact = auc_parts(network, kind, "rank")
    train, test = exact["train"], exact["test"]
    found |= correlations(network, _known_auc(network, train, test))
    found["train_test_correlation"] = _rank_correlation(train, test)
    found["good_share"] = _share_of_good(test)
    found |= _merged(network, kind)
    shape = funnel(network)
    found |= {f"funnel_{name}": value for name, value in shape._asdict().items()}
    found["range_r"] = loss_range(network)
    found["connected_minima"] = round(len(losses) * shape.connected)
    found["frustration"] = frustration(network)
    return found | share_numbers(funnel_shares(network, network if half is None else half))


def auc_parts(
    network: Network, kind: AucKind = 0, rule: Rule = "rank"
) -> dict[str, Float[np.ndarray, " m"]]:
    """(m,) the AUC of every minimum on each part of the data; NaN if a part has no items.

    Without label noise, the part ``correct`` is all of the training data.

    Args:
        network: the points of the cell.
        kind: the kind of AUC, see `Cell`; default 0: class 0 against all others.
        rule: ``"rank"`` (the default) for the exact AUC, or the rule of the Fortran programs.
    """
    names = dict(zip(PARTS, auc_columns(kind, rule, PARTS), strict=True))
    nothing = np.full(len(network.minimum_energies), np.nan)
    if names["incorrect"] not in network.columns:
        names["correct"] = names["train"]
    return {part: network.columns.get(name, nothing) for part, name in names.items()}


def _of_minima(name: str, values: np.ndarray, lowest: int) -> dict[str, float]:
    return {
        f"{name}_gmin_auc": float(values[lowest]),
        f"{name}_mean_auc": float(values.mean()),
        f"{name}_sd_auc": float(values.std(ddof=1)) if len(values) > 1 else math.nan,
    }


def _pooled(network: Network) -> dict[str, float]:
    """Standard deviations of the AUC of single classes, over minima and classes together."""
    found: dict[str, float] = {}
    for part in PARTS:
        columns = []
        for number in count():
            (name,) = auc_columns(number, "rank", (part,))
            if name not in network.columns:
                break
            columns.append(network.columns[name])
        values = np.concatenate(columns) if len(columns) > 1 else np.zeros(0)
        values = values[np.isfinite(values)]
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        found[f"pooled_{part}_sd_auc"] = spread
    return found


def _merged(network: Network, kind: AucKind) -> dict[str, float]:
    """Counts and AUC after merging points of nearly equal loss."""
    parts = auc_parts(network, kind, "threshold")
    columns = {f"{part}_auc": parts[part] for part in ("train", "test")}
    row = counts_by_tolerance(network.with_values(columns=columns), [SAME]).iloc[0]
    found = {f"merged_{name}": float(row[name]) for name in ("minima", "transition_states")}
    for part in ("train", "test"):
        for statistic in ("mean", "sd"):
            found[f"merged_{part}_{statistic}_auc"] = float(row[f"{part}_auc_{statistic}"])
    return found


def _known_auc(network: Network, train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """The AUC that the loss is correlated with, including macro AUC if it was computed."""
    (name,) = auc_columns("macro", "rank", ("test",))
    macro = {"macro": network.columns[name]} if name in network.columns else {}
    return {"train": train, "test": test, **macro}


def _share_of_good(test: np.ndarray) -> float:
    return math.nan if np.isnan(test).any() else float(np.mean(test >= GOOD))


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; NaN for fewer than three minima, or for constant values."""
    if len(first) < 3:
        return math.nan
    if np.isnan(first + second).any() or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(spearmanr(first, second)[0])  # type: ignore[arg-type]
