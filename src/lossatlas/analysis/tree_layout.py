"""From a disconnectivity tree to coordinates: choose minima, round to levels, place branches.

The usual picture shows superbasins at equally spaced levels: every merger is rounded up to the
next level, and branches leave a node of one level along slanted lines that end one level below.

Every branch is a vertical trunk that ends in the lowest minimum of its superbasin. Other branches
hang alternately left and right of the trunk, always on the side that is narrower so far, so that
the lowest minimum of all ends up in the middle (the CENTREGMIN option of disconnectionDPS).

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
        x: of every node; leaves lie at the integers 0..leaves-1, merge nodes above the lowest
            minimum of their superbasin.
        trunk: for every node the place of that lowest minimum in ``tree.minima``.
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
    """The tree of some of the minima; paths through the others still count.

    Args:
        tree: the tree to prune.
        lowest: keep only so many minima, the lowest ones (ties by position).
        connected: keep only minima connected to the lowest minimum of the tree.
        top: drop minima above this energy, and separate what is joined only above it.

    Raises:
        BadInputError: no minimum is left.
    """
    row = _kept(tree, lowest=lowest, connected=connected, top=top)
    if row.minima.size == tree.minima.size and np.array_equal(row.gaps, tree.gaps):
        return tree
    levels = (min(tree.top, top), tree.spacing) if tree.spacing else None
    return tree_from_row(*row, tree.place.size, levels)


class _Row(NamedTuple):
    """Leaves of a tree, as `tree_from_row` takes them."""

    minima: Int[np.ndarray, " leaves"]
    gaps: Float[np.ndarray, " leaves-1"]
    energies: Float[np.ndarray, " leaves"]


def _kept(tree: Tree, *, lowest: int | None, connected: bool, top: float) -> _Row:
    """What `prune` keeps."""
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
    """The tree with merge energies rounded up to equally spaced levels, as it is usually drawn.

    Args:
        tree: an exact tree.
        levels: how many levels: the first at the highest energy of the tree, the spacing the
            range down to the lowest minimum over ``levels - 1``, rounded up to one significant
            figure. Or ``(first, spacing)``: minima above the first level are left out, and what is
            joined only above it is separate.

    Raises:
        BadInputError: fewer than two levels, a spacing that is not positive, or no minimum below
            the first level.

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
    # The quotient may round up to the next integer: never let a level fall below the merge.
    steps -= first - steps * spacing < row.gaps[joined]
    gaps = row.gaps.copy()
    gaps[joined] = first - steps * spacing
    return tree_from_row(row.minima, gaps, row.energies, n_minima, (first, spacing))


def shown_tree(network: Network, levels: int = 30, top: float | None = None) -> Tree:
    """What a picture shows of the tree of a network: up to an energy, merged at levels.

    Args:
        network: at least one minimum.
        levels: number of levels that barriers are rounded up to (see `discretize`); 0: exact.
        top: the highest energy shown; by default `suggested_top`.

    Raises:
        BadInputError: no minimum is left, one level, or a network that has no tree.

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
    """First level and spacing that cover a tree with so many levels (see `discretize`)."""
    return _grid(tree.top, float(tree.energy.min()), levels)


def _grid(top: float, lowest: float, levels: int) -> tuple[float, float]:
    if levels < 2:
        raise BadInputError("levels", f"{levels} is less than two", "use e.g. 30")
    span = top - lowest
    if span == 0:
        span = max(1.0, abs(top))  # a single minimum: any spacing will do
    spacing = span / (levels - 1)
    unit = 10.0 ** math.floor(math.log10(spacing))
    return top, math.ceil(spacing / unit * (1 - 1e-12)) * unit


def suggested_top(tree: Tree, coverage: float = 0.9) -> float:
    """An energy below which the picture is legible although a few minima lie far above.

    From the lowest energy at which a share ``coverage`` of the minima is in the superbasin of
    the lowest minimum, go on to higher mergers up to twice as far above that minimum. Returns the
    top of the tree where that takes in everything, or where so many are never connected.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> energies, heights = np.array([0.1, 0.2, 3.0]), np.array([0.4, 3.5])
        >>> tree = build_tree(energies, heights, np.array([0, 1]), np.array([1, 2]))
        >>> suggested_top(tree, coverage=0.6)
        0.4
    """
    energies = tree.energy[: tree.minima.size]
    place = int(np.lexsort((tree.minima, energies))[0])
    # Where each minimum joins the superbasin of the lowest one.
    joins = np.concatenate(
        [np.maximum.accumulate(tree.gaps[:place][::-1]), np.maximum.accumulate(tree.gaps[place:])]
    )
    joins = np.sort(joins[np.isfinite(joins)])
    wanted = math.ceil(coverage * energies.size - 1e-9) - 2  # the lowest is there by itself
    if wanted >= joins.size:
        return tree.top
    first = joins[wanted] if wanted >= 0 else energies[place]
    limit = energies[place] + 2 * (first - energies[place])
    higher = joins[joins > limit]
    below = joins[joins <= limit]
    return float(below[-1] if below.size else first) if higher.size else tree.top


def layout(tree: Tree) -> Layout:
    """Horizontal positions of all nodes, in time proportional to their number.

    Superbasins are contiguous and never overlap; unconnected components stand side by side, the
    one with the lowest minimum in the middle.

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
    for node in range(tree.energy.size - 1, -1, -1):  # parents have higher numbers
        x[node] = offset[node] + (x[parent[node]] if parent[node] >= 0 else 0.0)
    return Layout(tree, x - x.min(), trunk)


def trunks(tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """For every node the place of its lowest minimum, and its number of leaves."""
    n = tree.minima.size
    # Rank of every leaf by energy, ties by position in the input: cheap to compare.
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
    """Position of every node relative to its parent (of a root: to the lowest component)."""
    n_nodes = tree.energy.size
    parent = np.where(tree.parent < 0, n_nodes, tree.parent)  # one node above all components
    trunk_energy = tree.energy[trunk]
    position = tree.minima[trunk]
    goes_on = np.ones(n_nodes, dtype=bool)  # False for the child that continues the trunk
    first = np.lexsort((position, trunk_energy, parent))
    goes_on[first[np.unique(parent[first], return_index=True)[1]]] = False
    # Wide branches close to the trunk, among equals the deepest.
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
