"""Branches of a disconnectivity tree: their depths and sizes, and the tree without small ones.

Every minimum ends one branch, which leaves that of a lower minimum at the energy at which the two
are connected. How far the branch rises above its minimum is what is called persistence elsewhere.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.analysis.tree_layout import trunks
from lossatlas.network.disconnectivity import Tree, tree_from_row


class Branches(NamedTuple):
    """The branch of every minimum, in the order of ``tree.minima``.

    Attributes:
        depth: energy where it leaves a lower one above that of its minimum; infinite for the
            lowest minimum of each component.
        minima: how many minima it has, branches of its own included.
        joins: place of the minimum whose branch it leaves; -1 for none.
    """

    depth: Float[np.ndarray, " leaves"]
    minima: Int[np.ndarray, " leaves"]
    joins: Int[np.ndarray, " leaves"]


def branches(tree: Tree) -> Branches:
    """The branches of a tree, exact or in levels.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> found = branches(tree)
        >>> found.depth.round(1), found.minima, found.joins
        (array([inf, 0.7, 0.2]), array([3, 2, 1]), array([-1,  0,  1]))
    """
    trunk, counts = trunks(tree)
    above = np.where(tree.parent < 0, trunk, trunk[tree.parent])
    tops = np.flatnonzero((tree.parent < 0) | (above != trunk))
    n = tree.minima.size
    depth, minima, joins = np.full(n, np.inf), np.zeros(n, np.int64), np.full(n, -1)
    leaf, joined = trunk[tops], tree.parent[tops] >= 0
    minima[leaf] = counts[tops]
    depth[leaf[joined]] = tree.energy[tree.parent[tops[joined]]] - tree.energy[leaf[joined]]
    joins[leaf[joined]] = above[tops[joined]]
    return Branches(depth, minima, joins)


class Cut(NamedTuple):
    """A tree without small branches.

    Attributes:
        tree: what is left.
        minima: for each of its minima how many stand for it, those of branches that were cut off
            it included.
    """

    tree: Tree
    minima: Int[np.ndarray, " leaves"]


def cut(tree: Tree, depth: float = 0.0, smallest: int = 1) -> Cut:
    """The tree without branches that are shallower or have fewer minima.

    The lowest minimum of each component stays.

    Args:
        tree: an exact tree.
        depth: of branches that stay, at least.
        smallest: number of minima of branches that stay, at least.

    Examples:
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> left = cut(tree, smallest=2)
        >>> left.tree.minima, left.minima
        (array([0, 1]), array([1, 2]))
    """
    found = branches(tree)
    keeps = (found.joins < 0) | ((found.depth >= depth) & (found.minima >= smallest))
    n = tree.minima.size
    holder = np.arange(n)
    for place in np.lexsort((tree.minima, tree.energy[:n])):  # what it hangs on comes first
        if not keeps[place]:
            holder[place] = holder[found.joins[place]]
    kept = np.flatnonzero(keeps)
    gaps = tree.gaps[: kept[-1]]
    between = np.maximum.reduceat(gaps, kept[:-1]) if kept.size > 1 else gaps[:0]
    row = tree.minima[kept], between, tree.energy[:n][kept]
    return Cut(tree_from_row(*row, tree.place.size), np.bincount(holder, minlength=n)[kept])
