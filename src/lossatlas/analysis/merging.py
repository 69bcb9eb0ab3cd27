"""Numbers of points as a function of the tolerance within which points count as the same.

An atlas tells points apart by their invariants, so that it can hold two minima whose losses differ
by less than 1e-6. Other programs take points for the same if their losses differ by less than some
tolerance. These functions show what such a program would have found.

Merging is single linkage: points are sorted by loss, and neighbors in this order that differ by
less than the tolerance are merged. A chain of minima, each within the tolerance of the next, is
therefore merged as a whole, however far apart its ends are. The lowest of the merged points
represents them all.
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
"""Default tolerances of `counts_by_tolerance`, in units of the loss."""


def merge_points(network: Network, tolerance: float) -> Network:
    """Merge the points that a program which tells points apart only by loss takes for the same.

    Points are sorted by loss, and neighbors in this order that differ by less than the tolerance
    are merged, so that whole chains of points become one. Transition states are merged only if they
    also join the same merged minima. A transition state that joins only minima that were merged
    with each other becomes a degenerate rearrangement.

    Args:
        network: the points.
        tolerance: differences below it count as zero, in units of the loss; not negative.

    Returns:
        The network of the lowest point of each chain, with its id. The columns ``merged`` of the
        minima and of the transition states hold the number of points that each represents.

    Raises:
        BadInputError: the tolerance is negative or NaN.

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
    """Numbers of points, and means and standard deviations of AUC, for several tolerances.

    Args:
        network: the points; its AUC columns are those with ``_auc`` in their names.
        tolerances: tolerances of `merge_points`, in units of the loss; by default 1e-10 to 1e-2 by
            factors of ten.

    Returns:
        One row for each tolerance, with the columns ``tolerance``, ``minima``,
        ``transition_states`` and ``degenerate_rearrangements``, and for each AUC column its mean
        (``_mean``) and standard deviation (``_sd``, with n - 1 in the denominator) over the merged
        minima, each counted once.

    Raises:
        BadInputError: a tolerance is negative or NaN.

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
    """The number of the chain of each point, by kind and ascending loss.

    Points of different kinds never belong to one chain; by default all are of one kind.
    """
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
    """Choose the lowest point of each chain.

    Returns:
        (k,) the positions of the lowest points, ascending; (n,) the place in this list of the one
        that represents each point; (k,) the number of points that each of them represents.
    """
    order = np.lexsort([losses, chains])
    lowest = order[np.unique(chains[order], return_index=True)[1]]
    place = np.argsort(np.argsort(lowest))
    return np.sort(lowest), place[chains], np.bincount(chains)[np.argsort(lowest)]


def _kinds(
    states: Int[np.ndarray, " ends"], minima: Int[np.ndarray, " ends"], n_states: int
) -> Int[np.ndarray, " t"]:
    """A number for each transition state that is the same for those that join the same minima."""
    counts = np.bincount(states, minlength=n_states)
    sets = np.full((n_states, int(counts.max(initial=0))), -1)
    first = np.cumsum(counts) - counts
    sets[states, np.arange(states.size) - first[states]] = minima
    if not sets.size:
        return np.zeros(n_states, int)
    return np.unique(sets, axis=0, return_inverse=True)[1].ravel()


def _distinct(links: Links) -> Links:
    """Links without repeated rows, which arise if minima that one side reaches were merged."""
    ends_of_sides = np.stack(links[:3])
    new = np.append(True, (np.diff(ends_of_sides, axis=1) != 0).any(axis=0))
    return Links(*(column[new[: column.size]] for column in links))


def _chosen(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in columns.items()}


def _rows(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if weights is None else weights[rows]
