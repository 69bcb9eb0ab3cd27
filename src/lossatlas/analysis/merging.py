"""Counts as a function of what one takes for the same point.

An atlas tells points apart by their invariants, so that minima whose losses differ by less than
1e-6 are two. Other programs take points for the same whose losses differ by less than some
tolerance. These functions say what such a program would have counted.

Merging is single linkage: points are sorted by loss, and neighbors in this order that differ by
less than the tolerance are merged. So chains form: the two ends of a row of minima, each within the
tolerance of the next, are merged, however far apart they are. Of merged points the lowest stands
for all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from pandas import DataFrame

TOLERANCES = tuple(10.0**exponent for exponent in range(-10, -1))


def merge_minima(minima: "DataFrame", tolerance: float) -> "DataFrame":
    """Minima that differ by less than `tolerance` in loss, merged.

    Args:
        minima: with a column ``loss``, e.g. from `Atlas.minima`.
        tolerance: differences of losses below it are taken for zero.

    Returns:
        The rows of the lowest minimum of each chain, by ascending loss, and a column ``merged``:
        how many minima it stands for.

    Raises:
        BadInputError: for a negative tolerance.

    Example:
        >>> import pandas as pd
        >>> minima = pd.DataFrame({"id": [1, 2, 3, 4], "loss": [0.5, 0.9, 0.50006, 0.50012]})
        >>> merge_minima(minima, 1e-4)[["id", "merged"]].to_numpy().tolist()
        [[1, 3], [2, 1]]
    """
    chains = _chains(minima["loss"].to_numpy(float), tolerance)
    return _lowest(minima, chains)


def merge_transition_states(
    transition_states: "DataFrame", minima: "DataFrame", tolerance: float
) -> "DataFrame":
    """Transition states that differ by less than `tolerance` in loss and join the same minima.

    The minima are merged first, with the same tolerance: two transition states are merged if they
    join the same pair of chains of minima. One that joins two minima of one chain becomes a
    degenerate rearrangement.

    Args:
        transition_states: e.g. from `Atlas.transition_states`.
        minima: those that they join, e.g. from `Atlas.minima`.
        tolerance: differences of losses below it are taken for zero.

    Returns:
        As `merge_minima`; ``minimum_1`` and ``minimum_2`` are ids of the minima that stand for
        their chains, in ascending order; ``degenerate`` is true where they are one.

    Raises:
        BadInputError: for a negative tolerance, or minima that are missing.

    Example:
        >>> import pandas as pd
        >>> minima = pd.DataFrame({"id": [1, 2, 3], "loss": [0.5, 0.9, 0.50006]})
        >>> states = pd.DataFrame({"id": [1, 2], "loss": [0.95, 0.95001], "degenerate": False,
        ...     "minimum_1": [1, 2], "minimum_2": [2, 3]})
        >>> merge_transition_states(states, minima, 1e-4)[["minimum_1", "minimum_2", "merged"]]
           minimum_1  minimum_2  merged
        0          1          2       2
    """
    losses = minima["loss"].to_numpy(float)
    chain_of = _chains(losses, tolerance)
    lowest = np.lexsort([losses, chain_of])
    first = np.unique(chain_of[lowest], return_index=True)[1]
    representative = minima["id"].to_numpy()[lowest[first]]
    stands_for = dict(zip(minima["id"].tolist(), representative[chain_of].tolist(), strict=True))
    joined = transition_states[["minimum_1", "minimum_2"]].to_numpy()
    unknown = sorted(set(joined.ravel().tolist()) - stands_for.keys())
    if unknown:
        raise BadInputError(f"minimum {unknown[0]}", "is not in the table", "give all minima")
    pairs = np.array([[stands_for[i] for i in pair] for pair in joined.tolist()], int)
    pairs = np.sort(pairs.reshape(-1, 2), axis=1)
    same_pair = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    renamed = transition_states.assign(
        minimum_1=pairs[:, 0], minimum_2=pairs[:, 1], degenerate=pairs[:, 0] == pairs[:, 1]
    )
    return _lowest(renamed, _chains(renamed["loss"].to_numpy(float), tolerance, same_pair))


def counts_by_tolerance(
    minima: "DataFrame",
    transition_states: "DataFrame",
    tolerances: Sequence[float] = TOLERANCES,
) -> "DataFrame":
    """Numbers of points, and means and standard deviations of AUC, by the tolerance of merging.

    Args:
        minima: e.g. from `Atlas.minima`; its AUC columns are those with ``_auc`` in their names.
        transition_states: e.g. from `Atlas.transition_states`.
        tolerances: default 1e-10 to 1e-2 by factors of ten.

    Returns:
        One row a tolerance: ``tolerance``, ``minima``, ``transition_states``,
        ``degenerate_rearrangements``, and for each AUC column its ``_mean`` and ``_sd`` over the
        merged minima, each counted once (``n - 1`` in the denominator).

    Raises:
        BadInputError: as above.

    Example:
        >>> import pandas as pd
        >>> minima = pd.DataFrame(
        ...     {"id": [1, 2, 3], "loss": [0.5, 0.9, 0.50006], "test_auc": [0.8, 0.7, 0.9]}
        ... )
        >>> states = pd.DataFrame({"id": [1], "loss": [0.95], "degenerate": False,
        ...     "minimum_1": [1], "minimum_2": [3]})
        >>> counts_by_tolerance(minima, states, [1e-5, 1e-3])["minima"].tolist()
        [3, 2]
    """
    import pandas as pd

    columns = [name for name in minima.columns if "_auc" in name]
    rows = []
    for tolerance in tolerances:
        merged = merge_minima(minima, tolerance)
        states = merge_transition_states(transition_states, minima, tolerance)
        row = {
            "tolerance": tolerance,
            "minima": len(merged),
            "transition_states": len(states),
            "degenerate_rearrangements": int(states["degenerate"].to_numpy().sum()),
        }
        for name in columns:
            row |= {f"{name}_mean": merged[name].mean(), f"{name}_sd": merged[name].std()}
        rows.append(row)
    return pd.DataFrame(rows)


def _chains(
    losses: Float[np.ndarray, " n"], tolerance: float, kind: Int[np.ndarray, " n"] | None = None
) -> Int[np.ndarray, " n"]:
    """Number of the chain of each point, by kind and ascending loss; kinds are never merged."""
    if not tolerance >= 0:
        raise BadInputError("tolerance", f"{tolerance} is negative", "use e.g. 1e-4")
    kind = np.zeros(losses.size, int) if kind is None else kind
    order = np.lexsort([losses, kind])
    apart = (np.diff(losses[order]) >= tolerance) | (np.diff(kind[order]) != 0)
    chains = np.empty(losses.size, int)
    chains[order] = np.concatenate([[0], np.cumsum(apart)])[: losses.size]
    return chains


def _lowest(points: "DataFrame", chains: Int[np.ndarray, " n"]) -> "DataFrame":
    """The lowest point of each chain, and how many it stands for."""
    counted = points.assign(chain=chains, merged=np.bincount(chains, minlength=1)[chains])
    lowest = counted.sort_values(["loss", "id"], kind="stable").drop_duplicates("chain")
    return lowest.drop(columns="chain").reset_index(drop=True)
