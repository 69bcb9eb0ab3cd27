"""Reduced connectivity: only weights between nodes that are close to each other are kept.

The nodes of every layer lie on a unit line at 0, 1/(N-1), ..., 1, and the distance between node
h of one layer and node i of another is (paper, eq. 5)

    d(h, i) = |(h - 1)/(H - 1) - (i - 1)/(N - 1)|,    h = 1..H, i = 1..N.

With one hidden layer each hidden node keeps its nearest inputs and its nearest outputs; all
other weights are frozen at zero, biases are all kept. A layer of a single node has no spacing:
the node sits at 0, the start of the line.

Deeper networks are not defined by the paper. The extension used here: each hidden node keeps its
nearest nodes of the layer before, and each node of the last hidden layer its nearest outputs.
With one hidden layer this is the paper's rule.

References: section V of Perspective: New Insights From Loss Function Landscapes of Neural
Networks, Mach. Learn.: Sci. Technol. 1, 023002 (2020).
"""

from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from lossatlas.errors import BadInputError

Ties = Literal["lowest", "highest"]


def nearest_neighbor_mask(
    n_in: int,
    hidden: tuple[int, ...],
    n_out: int,
    neighbors: int,
    ties: Ties = "lowest",
) -> tuple[Bool[np.ndarray, "after before"], ...]:
    """The mask of a network whose nodes are connected to their nearest neighbors only (eq. 5).

    Args:
        n_in: number of inputs.
        hidden: number of units of each hidden layer, at least one layer.
        n_out: number of outputs.
        neighbors: number of nodes of a neighboring layer to which a hidden node stays connected
            (all where that layer has fewer nodes); 0 keeps all weights.
        ties: the node that is kept of two that are equally distant. ``"lowest"`` (the default)
            keeps the one with the lower index, as in the paper, and compares distances exactly.
            ``"highest"`` is the rule of the Fortran programs, which sort by
            ``d**2 - 1e-6 * index``. In layers of hundreds of nodes that key also reorders nodes
            whose distances are close but not equal.

    Returns:
        For each weight matrix an array (receiving, sending) that is True for weights that are kept.

    Raises:
        BadInputError: if a width is below one, there is no hidden layer, the number of neighbors is
            negative, or the rule for ties is unknown.

    Examples:
        >>> masks = nearest_neighbor_mask(2, (10,), 4, neighbors=1)
        >>> [mask.shape for mask in masks]
        [(10, 2), (4, 10)]
        >>> sum(int((~mask).sum()) for mask in masks)
        40
    """
    _check(n_in, hidden, n_out, neighbors, ties)
    widths = (n_in, *hidden, n_out)
    if neighbors == 0:
        return tuple(np.ones((after, before), dtype=bool) for before, after in pairwise(widths))
    into_hidden = tuple(
        _nearest(after, before, neighbors, ties) for before, after in pairwise(widths[:-1])
    )
    return (*into_hidden, _nearest(hidden[-1], n_out, neighbors, ties).T.copy())


def _nearest(
    n_nodes: int, n_others: int, neighbors: int, ties: Ties
) -> Bool[np.ndarray, "nodes others"]:
    """(nodes, others) True where the other node is among the nearest ones of the node."""
    key = _exact_distance if ties == "lowest" else _programs_key
    order = np.argsort(key(n_nodes, n_others), axis=1, kind="stable")
    mask = np.zeros((n_nodes, n_others), dtype=bool)
    np.put_along_axis(mask, order[:, :neighbors], True, axis=1)
    return mask


def _exact_distance(n_nodes: int, n_others: int) -> Int[np.ndarray, "nodes others"]:
    """Distances of eq. (5) as multiples of a common unit: integers, so that ties are exact."""
    node_intervals, other_intervals = max(n_nodes - 1, 1), max(n_others - 1, 1)
    nodes, others = np.arange(n_nodes), np.arange(n_others)
    return np.abs(nodes[:, None] * other_intervals - others * node_intervals)


def _programs_key(n_nodes: int, n_others: int) -> np.ndarray:
    """The sorting key of the Fortran programs, with their rounding."""
    nodes = np.arange(n_nodes) / max(n_nodes - 1, 1)
    others = np.arange(n_others) / max(n_others - 1, 1)
    return (nodes[:, None] - others) ** 2 - np.arange(1, n_others + 1) * 1e-6


def _check(n_in: int, hidden: tuple[int, ...], n_out: int, neighbors: int, ties: str) -> None:
    if not hidden:
        raise BadInputError("[network] hidden", "no hidden layer", "give at least one width")
    for name, widths in (("inputs", (n_in,)), ("hidden", hidden), ("outputs", (n_out,))):
        if min(widths) < 1:
            raise BadInputError(
                f"[network] {name}", f"a width of {min(widths)}", "use at least one node a layer"
            )
    if neighbors < 0:
        raise BadInputError(
            "[network] neighbors", f"{neighbors} is negative", "use 0 for full connectivity"
        )
    check_ties(ties)


def check_ties(ties: str) -> None:
    """Refuse an unknown rule for ties.

    Args:
        ties: ``"lowest"`` or ``"highest"``.

    Raises:
        BadInputError: if it is neither.
    """
    if not isinstance(ties, str) or ties not in ("lowest", "highest"):
        raise BadInputError("[network] ties", f"{ties!r} is unknown", 'use "lowest" or "highest"')
