"""Counts as a function of what one takes for the same point.

An atlas tells points apart by their invariants, so that minima whose losses differ by less than
1e-6 are two. Other programs take points for the same whose losses differ by less than some
tolerance. These functions say what such a program would have found.

Merging is single linkage: points are sorted by loss, and neighbors in this order that differ by
less than the tolerance are merged. So chains form: the two ends of a row of minima, each within the
tolerance of the next, are merged, however far apart they are. Of merged points the lowest stands
for all.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError
from lossatlas.network.links import Links, ends
from lossatlas.network.points import Network

if TYPE_CHECKING:
    from pandas import DataFrame

TOLERANCES = tuple(10.0**exponent for exponent in range(-10, -1))


def merge_points(network: Network, tolerance: float) -> Network:
    """The network that a program would have found that tells points apart by their losses.

    Minima are merged that differ by less than the tolerance in loss. Transition states are merged
    that differ by less than the tolerance in loss and join the same merged minima. One that joins
    only minima that were merged becomes a degenerate rearrangement.

    Args:
        network: the points.
        tolerance: differences of losses below it are taken for zero.

    Returns:
        The lowest point of each chain, with its id, and columns ``merged`` of the minima and of
        the transition states: how many points each stands for.

    Raises:
        BadInputError: for a negative tolerance.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.5, 0.9, 0.50006]),
        ...     np.array([0.95, 0.95001]),
        ...     np.array([0, 1]),
        ...     np.array([1, 2]),
        ... )
        >>> merged = merge_points(network, 1e-4)
        >>> merged.minimum_ids, merged.columns["merged"]
        (array([1, 2]), array([2, 1]))
        >>> merged.transition_state_ids, merged.transition_state_columns["merged"]
        (array([1]), array([2]))
    """
    minima = _lowest_of_each(network.minimum_energies, _chains(network.minimum_energies, tolerance))
    kept, new_position, merged = minima
    links = network.links._replace(minimum=new_position[network.links.minimum])
    heights = network.transition_state_energies
    same_ends = _kinds(*ends(links, kept.size), heights.size)
    states, new_state, states_merged = _lowest_of_each(
        heights, _chains(heights, tolerance, same_ends)
    )
    own = states[new_state[links.transition_state]] == links.transition_state
    rows = Links(*(column[own] for column in links))
    rows = rows._replace(transition_state=new_state[rows.transition_state]).in_order()
    return Network(
        network.minimum_ids[kept],
        network.minimum_energies[kept],
        network.transition_state_ids[states],
        heights[states],
        _distinct(rows),
        {**_chosen(network.columns, kept), "merged": merged},
        {**_chosen(network.transition_state_columns, states), "merged": states_merged},
        _rows(network.minimum_weights, kept),
        _rows(network.transition_state_weights, states),
    )


def counts_by_tolerance(network: Network, tolerances: Sequence[float] = TOLERANCES) -> "DataFrame":
    """Numbers of points, and means and standard deviations of AUC, by the tolerance of merging.

    Args:
        network: the points; its AUC columns are those with ``_auc`` in their names.
        tolerances: default 1e-10 to 1e-2 by factors of ten.

    Returns:
        One row a tolerance: ``tolerance``, ``minima``, ``transition_states``,
        ``degenerate_rearrangements``, and for each AUC column its ``_mean`` and ``_sd`` over the
        merged minima, each counted once (``n - 1`` in the denominator).

    Raises:
        BadInputError: for a negative tolerance.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.5, 0.9, 0.50006]), np.array([0.95]), np.array([0]), np.array([2])
        ... )
        >>> counts_by_tolerance(network, [1e-5, 1e-3])["minima"].tolist()
        [3, 2]
    """
    import pandas as pd

    names = [name for name in network.columns if "_auc" in name]
    rows = []
    for tolerance in tolerances:
        merged = merge_points(network, tolerance)
        by_loss = np.argsort(merged.minimum_energies, kind="stable")
        row = {
            "tolerance": tolerance,
            "minima": merged.minimum_ids.size,
            "transition_states": merged.transition_state_ids.size,
            "degenerate_rearrangements": int(merged.degenerate.sum()),
        }
        for name in names:
            values = pd.Series(merged.columns[name][by_loss])
            row |= {f"{name}_mean": values.mean(), f"{name}_sd": values.std()}
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


def _lowest_of_each(
    losses: Float[np.ndarray, " n"], chains: Int[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " n"], Int[np.ndarray, " k"]]:
    """The lowest point of each chain in ascending order, which of these stands for each point, and
    how many points each of these stands for."""
    order = np.lexsort([losses, chains])
    lowest = order[np.unique(chains[order], return_index=True)[1]]
    place = np.argsort(np.argsort(lowest))
    return np.sort(lowest), place[chains], np.bincount(chains)[np.argsort(lowest)]


def _kinds(
    states: Int[np.ndarray, " ends"], minima: Int[np.ndarray, " ends"], n_states: int
) -> Int[np.ndarray, " t"]:
    """The same number for transition states with the same set of minima."""
    counts = np.bincount(states, minlength=n_states)
    sets = np.full((n_states, int(counts.max(initial=0))), -1)
    first = np.cumsum(counts) - counts
    sets[states, np.arange(states.size) - first[states]] = minima
    if not sets.size:
        return np.zeros(n_states, int)
    return np.unique(sets, axis=0, return_inverse=True)[1].ravel()


def _distinct(links: Links) -> Links:
    """Each end once, where minima that one side reaches were merged; the rows are in order."""
    ends_of_sides = np.stack(links[:3])
    new = np.append(True, (np.diff(ends_of_sides, axis=1) != 0).any(axis=0))
    return Links(*(column[new[: column.size]] for column in links))


def _chosen(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in columns.items()}


def _rows(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[rows]
