"""From a disconnectivity tree to coordinates: choose minima, round to levels, place branches.

The usual picture shows superbasins at equally spaced levels: the energy at which superbasins merge
is rounded up to the next level, and the branches below a node are slanted lines that end one level
further down.

Every branch is a vertical trunk that ends in the lowest minimum of its superbasin. Other branches
hang left or right of the trunk, each on the side that is narrower so far, so that the lowest
minimum of all ends up in the middle (the CENTREGMIN option of disconnectionDPS).

Reference: disconnectionDPS, http://www-wales.ch.cam.ac.uk/software.html.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import Tree, tree_from_row
from lossatlas.network.points import Network


class Layout(NamedTuple):
    """A tree and the horizontal positions of its nodes.

    Attributes:
        tree: the tree that is laid out, exact or in levels.
        x: (nodes,) horizontal position of every node. Leaves lie at the integers from 0 to
            leaves - 1, and a node at which superbasins merge lies above the lowest minimum of its
            superbasin.
        trunk: (nodes,) place in ``tree.minima`` of the lowest minimum of the superbasin of every
            node.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> placed = layout(
        ...     build_tree(np.array([0.1, 0.2]), np.array([0.5]), np.array([0]), np.array([1]))
        ... )
        >>> sorted(placed.x.tolist())
        [0.0, 0.0, 1.0]
    """

    tree: Tree
    x: Float[np.ndarray, " nodes"]
    trunk: Int[np.ndarray, " nodes"]


def prune(
    tree: Tree,
    *,
    lowest: int | None = None,
    connected: bool = False,
    top: float = math.inf,
) -> Tree:
    """The tree of some of the minima; barriers between them do not change.

    Paths through minima that are left out still count.

    Args:
        tree: the tree to prune.
        lowest: number of minima to keep, the lowest ones (the first ones, if energies are equal);
            default all.
        connected: whether to keep only the minima that are connected to the lowest minimum of the
            tree; default False.
        top: highest energy of the tree. Minima above it are left out, and superbasins that merge
            only above it stay separate. The default is infinity.

    Raises:
        BadInputError: no minimum is left.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> sorted(prune(tree, lowest=2).minima.tolist()), prune(tree, top=0.6).roots.size
        ([0, 1], 2)
    """
    row = _kept(tree, lowest=lowest, connected=connected, top=top)
    if row.minima.size == tree.minima.size and np.array_equal(row.gaps, tree.gaps):
        return tree
    levels = (min(tree.top, top), tree.spacing) if tree.spacing else None
    return tree_from_row(*row, tree.place.size, levels)


class _Row(NamedTuple):
    """The leaves of a tree from left to right, as `tree_from_row` takes them.

    Attributes:
        minima: (leaves,) positions of the minima.
        gaps: (leaves - 1,) barriers between neighbors; infinite between components.
        energies: (leaves,) energies of the minima.
    """

    minima: Int[np.ndarray, " leaves"]
    gaps: Float[np.ndarray, " leaves-1"]
    energies: Float[np.ndarray, " leaves"]


def _kept(tree: Tree, *, lowest: int | None, connected: bool, top: float) -> _Row:
    """The leaves that `prune` keeps, with the barriers between them."""
    leaf_energy = tree.energy[: tree.minima.size]
    by_energy = np.lexsort((tree.minima, leaf_energy))
    gaps = np.where(tree.gaps > top, np.inf, tree.gaps)
    keep = leaf_energy <= top
    if connected:
        component = np.append(0, np.cumsum(np.isinf(gaps)))
        keep &= component == component[by_energy[0]]
    if lowest is not None:
        keep[by_energy[keep[by_energy]][max(lowest, 0) :]] = False
    kept = np.flatnonzero(keep)
    if kept.size == 0:
        given = {"lowest": lowest, "top": None if top == math.inf else top}
        raise BadInputError(
            ", ".join(f"{name}={value}" for name, value in given.items() if value is not None),
            "no minimum is left",
            f"keep at least one; the lowest has energy {leaf_energy.min():.10g}",
        )
    # A barrier is the largest gap on the way, also across the minima left out.
    between = np.maximum.reduceat(gaps[: kept[-1]], kept[:-1]) if kept.size > 1 else gaps[:0]
    return _Row(tree.minima[kept], between, leaf_energy[kept])


def discretize(tree: Tree, levels: int | tuple[float, float] = 30) -> Tree:
    """Round the energies at which superbasins merge up to equally spaced levels.

    Disconnectivity graphs are usually drawn in this way.

    Args:
        tree: an exact tree.
        levels: number of levels, at least two; default 30. The first level is at the highest energy
            of the tree, and the spacing is the range down to the lowest minimum divided by
            ``levels - 1``, rounded up to one significant figure. Instead of a number, a pair
            ``(first, spacing)`` gives the energy of the first level and the spacing; minima above
            the first level are then left out, and superbasins that merge only above it stay
            separate.

    Raises:
        BadInputError: there are fewer than two levels, the first level is not finite, the spacing
            is not finite and positive, or no minimum lies below the first level.

    Examples:
        >>> from lossatlas.network.disconnectivity import barrier, build_tree
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2]), np.array([0.51]), np.array([0]), np.array([1])
        ... )
        >>> float(barrier(discretize(tree, (1.0, 0.25)), 0, 1))
        0.75
    """
    first, spacing = levels if isinstance(levels, tuple) else level_grid(tree, levels)
    if not (math.isfinite(first) and 0 < spacing < math.inf):
        raise BadInputError(
            "levels", f"first level {first}, spacing {spacing}", "use finite, positive spacing"
        )
    row = _kept(tree, lowest=None, connected=False, top=first)
    return _in_levels(row, tree.place.size, first, spacing)


def _in_levels(row: _Row, n_minima: int, first: float, spacing: float) -> Tree:
    joined = np.isfinite(row.gaps)
    steps = np.floor((first - row.gaps[joined]) / spacing)
    # The quotient may be rounded up to the next integer, but no level may lie below the barrier
    # that it stands for.
    steps -= first - steps * spacing < row.gaps[joined]
    gaps = row.gaps.copy()
    gaps[joined] = first - steps * spacing
    return tree_from_row(row.minima, gaps, row.energies, n_minima, (first, spacing))


def shown_tree(network: Network, levels: int = 30, top: float | None = None) -> Tree:
    """The tree of a network as a picture shows it: up to an energy, with barriers at levels.

    Args:
        network: the points, with at least one minimum.
        levels: number of levels to which barriers are rounded up (see `discretize`), at least two;
            0 keeps the exact barriers. The default is 30.
        top: highest energy that is shown; by default `suggested_top`.

    Raises:
        BadInputError: no minimum is left, there is a single level, or the network has no tree.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2]), np.array([0.51]), np.array([0]), np.array([1])
        ... )
        >>> shown_tree(network, levels=0, top=0.3).roots.size
        2
    """
    tree = network.tree
    top = suggested_top(tree) if top is None else top
    if not levels:
        return prune(tree, top=top)
    row = _kept(tree, lowest=None, connected=False, top=top)
    first, spacing = _grid(_highest(row), float(row.energies.min()), levels)
    return _in_levels(row, tree.place.size, first, spacing)


def _highest(row: _Row) -> float:
    """The highest energy of the tree of a row."""
    joined = row.gaps[np.isfinite(row.gaps)]
    return float(max(row.energies.max(), joined.max(initial=-math.inf)))


def level_grid(tree: Tree, levels: int = 30) -> tuple[float, float]:
    """The first level and the spacing with which some number of levels covers a tree.

    Args:
        tree: an exact tree.
        levels: number of levels, at least two; default 30.

    Returns:
        Energy of the first level, and the spacing (see `discretize`).

    Raises:
        BadInputError: there are fewer than two levels.
    """
    return _grid(tree.top, float(tree.energy.min()), levels)


def _grid(top: float, lowest: float, levels: int) -> tuple[float, float]:
    if levels < 2:
        raise BadInputError("levels", f"{levels} is less than two", "use e.g. 30")
    span = top - lowest
    if span == 0:
        span = max(1.0, abs(top))  # For a single minimum any spacing will do.
    spacing = span / (levels - 1)
    unit = 10.0 ** math.floor(math.log10(spacing))
    return top, math.ceil(spacing / unit * (1 - 1e-12)) * unit


def suggested_top(tree: Tree, coverage: float = 0.9) -> float:
    """An energy below which a picture of a tree is legible, although a few minima lie far above.

    Start from the lowest energy at which the given fraction of the minima is in the superbasin of
    the lowest minimum. Then go on to the highest energy at which further minima join this
    superbasin, but at most to twice the height above the lowest minimum.

    Args:
        tree: an exact tree.
        coverage: fraction of the minima that the superbasin has to contain; default 0.9.

    Returns:
        The energy. It is the top of the tree if no minima join the superbasin above it, or if the
        superbasin never contains the given fraction of the minima.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> energies, heights = np.array([0.1, 0.2, 3.0]), np.array([0.4, 3.5])
        >>> tree = build_tree(energies, heights, np.array([0, 1]), np.array([1, 2]))
        >>> suggested_top(tree, coverage=0.6)
        0.4
    """
    energies = tree.energy[: tree.minima.size]
    place = int(np.lexsort((tree.minima, energies))[0])
    # The energies at which each other minimum joins the superbasin of the lowest one.
    joins = np.concatenate(
        [np.maximum.accumulate(tree.gaps[:place][::-1]), np.maximum.accumulate(tree.gaps[place:])]
    )
    joins = np.sort(joins[np.isfinite(joins)])
    # An index into the sorted energies; the lowest minimum is in its superbasin from the start.
    wanted = math.ceil(coverage * energies.size - 1e-9) - 2
    if wanted >= joins.size:
        return tree.top
    first = joins[wanted] if wanted >= 0 else energies[place]
    limit = energies[place] + 2 * (first - energies[place])
    higher = joins[joins > limit]
    below = joins[joins <= limit]
    return float(below[-1] if below.size else first) if higher.size else tree.top


def layout(tree: Tree) -> Layout:
    """Place the nodes of a tree from left to right, in time proportional to their number.

    Superbasins are contiguous and never overlap. Components that are not connected stand side by
    side, with the one of the lowest minimum in the middle.

    Args:
        tree: the tree to draw, exact or in levels.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> tree = build_tree(
        ...     np.array([0.2, 0.1, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> placed = layout(tree)
        >>> placed.tree.minima[np.argsort(placed.x[:3])]
        array([0, 1, 2])
    """
    trunk, n_leaves = trunks(tree)
    offset = _offsets(tree, trunk, n_leaves)
    x = np.zeros(tree.energy.size)
    parent = tree.parent.tolist()
    for node in range(tree.energy.size - 1, -1, -1):  # Parents have higher numbers than children.
        x[node] = offset[node] + (x[parent[node]] if parent[node] >= 0 else 0.0)
    return Layout(tree, x - x.min(), trunk)


def trunks(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """The place of the lowest minimum of every node of a tree, and its number of leaves."""
    n = tree.minima.size
    # Ranks of the leaves by energy (and by position, if energies are equal) are cheap to compare.
    by_energy = np.lexsort((tree.minima, tree.energy[:n]))
    lowest = np.full(tree.energy.size, n)
    lowest[by_energy] = np.arange(n)
    ranks, counts = lowest.tolist(), [1] * n + [0] * (tree.energy.size - n)
    for node, parent in enumerate(tree.parent.tolist()):
        if parent >= 0:
            ranks[parent] = min(ranks[parent], ranks[node])
            counts[parent] += counts[node]
    return by_energy[ranks], np.array(counts)


def _offsets(tree: Tree, trunk: np.ndarray, n_leaves: np.ndarray) -> list[float]:
    """Horizontal position of every node relative to its parent.

    The position of a root is relative to the component with the lowest minimum.
    """
    n_nodes = tree.energy.size
    # All components hang on one more node, which is above all others.
    parent = np.where(tree.parent < 0, n_nodes, tree.parent)
    trunk_energy = tree.energy[trunk]
    position = tree.minima[trunk]
    goes_on = np.ones(n_nodes, dtype=bool)  # False for the child that continues the trunk.
    first = np.lexsort((position, trunk_energy, parent))
    goes_on[first[np.unique(parent[first], return_index=True)[1]]] = False
    # Wide branches are placed first, close to the trunk; among equally wide ones the deepest.
    siblings = np.lexsort((position, trunk_energy, -n_leaves, goes_on, parent))
    left, right = [0.5] * (n_nodes + 1), [0.5] * (n_nodes + 1)
    offset = [0.0] * n_nodes
    for node, above, is_branch in zip(
        siblings.tolist(), parent[siblings].tolist(), goes_on[siblings].tolist(), strict=True
    ):
        width = left[node] + right[node]
        if not is_branch:
            left[above], right[above] = left[node], right[node]
        elif left[above] < right[above]:
            offset[node] = -(left[above] + right[node])
            left[above] += width
        else:
            offset[node] = right[above] + left[node]
            right[above] += width
    return offset
