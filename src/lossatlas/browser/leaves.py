"""A network as the row of leaves that its disconnectivity graph shows from left to right.

The row holds everything that a picture of the tree needs: the loss of every minimum, and the lowest
loss at which it is connected to its right neighbor. Superbasins, barriers, the tree with or without
levels, and the tree of some of the minima all follow from the row, in time proportional to its
length. A page that holds the row therefore needs no program behind it.
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
    """The minima of a tree from left to right.

    Attributes:
        ids: (n,) ids of the minima.
        losses: (n,) losses of the minima.
        gaps: (n - 1,) lowest loss at which each minimum is connected to its right neighbor;
            infinite if it is not.
        columns: (n,) further values of the minima, by the name that is shown, such as
            ``"test AUC"``; NaN for a minimum without a value.
        top: the highest loss that the picture shows at first.
    """

    ids: Int[np.ndarray, " n"]
    losses: Float[np.ndarray, " n"]
    gaps: Float[np.ndarray, " n-1"]
    columns: Mapping[str, Float[np.ndarray, " n"]]
    top: float


def leaves_of(network: Network, top: float | None = None) -> Leaves:
    """The row of leaves of a network, with the branches of the tree on both sides of its trunk.

    Args:
        network: the points, with at least one minimum.
        top: highest loss that is shown at first; by default it is chosen so that the picture is
            legible (`suggested_top`).

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
    """All columns in which some minimum has a value, by the names that are shown."""
    columns = {}
    for name in network.columns:
        try:
            values, words = branch_colors(network, name)
        except BadInputError:  # No minimum has a value in this column.
            continue
        if values is not None and words is not None:
            columns[words] = values
    return columns
