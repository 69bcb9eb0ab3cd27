"""A network as the row of leaves that its picture shows from left to right.

The row holds all that a picture of the tree needs: for every minimum its loss, and between
neighbors the lowest loss at which they are connected. Superbasins, barriers, the tree with levels
or without, and the tree of some of the minima all follow from it, in time proportional to its
length, so a page that holds the row needs no program behind it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.analysis.tree_layout import layout, suggested_top
from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import barrier
from lossatlas.network.points import Network
from lossatlas.plots.tree import branch_colors


class Leaves(NamedTuple):
    """The minima from left to right.

    Attributes:
        ids: of the minima.
        losses: of the minima.
        gaps: lowest loss at which each minimum and its right neighbor are connected; infinite if
            they are not.
        columns: further values of the minima by the words for them, e.g. ``"test AUC"``; NaN where
            there is none.
        top: the highest loss that a legible picture shows at first.
    """

    ids: Int[np.ndarray, " n"]
    losses: Float[np.ndarray, " n"]
    gaps: Float[np.ndarray, " n-1"]
    columns: Mapping[str, Float[np.ndarray, " n"]]
    top: float


def leaves_of(network: Network, top: float | None = None) -> Leaves:
    """The row of a network, the lowest minimum centered among the branches of its trunk.

    Args:
        network: with one minimum or more.
        top: highest loss shown at first; by default `suggested_top`.

    Raises:
        BadInputError: the network has no minima, or none below ``top``.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.2, 0.1, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> row = leaves_of(network)
        >>> row.ids, row.gaps
        (array([1, 2, 3]), array([0.9, 0.5]))
    """
    if network.minimum_ids.size == 0:
        raise BadInputError("network", "there are no minima in it yet", "explore for longer")
    tree = network.tree
    lowest = float(network.minimum_energies.min())
    if top is not None and not top >= lowest:
        problem = f"no minimum is left, the lowest is at {lowest:.10g}"
        raise BadInputError(f"top {top:.10g}", problem, "use a higher value")
    x = layout(tree).x[: tree.minima.size]
    order = tree.minima[np.argsort(x, kind="stable")]
    return Leaves(
        network.minimum_ids[order],
        network.minimum_energies[order],
        barrier(tree, order[:-1], order[1:]),
        {words: values[order] for words, values in _columns(network).items()},
        suggested_top(tree) if top is None else top,
    )


def _columns(network: Network) -> dict[str, np.ndarray]:
    """All columns of the minima that have a value, by the words for them."""
    columns = {}
    for name in network.columns:
        try:
            values, words = branch_colors(network, name)
        except BadInputError:  # no minimum has a value
            continue
        if values is not None and words is not None:
            columns[words] = values
    return columns
