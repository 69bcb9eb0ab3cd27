"""Branches of a disconnectivity tree: their depths and sizes, and trees without small branches.

Every branch ends at the bottom in one minimum. It joins the branch of a lower minimum at the energy
at which the two minima are connected. The depth of a branch, which is that energy less the energy
of its minimum, is the *persistence* of the minimum (see `lossatlas.analysis.persistence`).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.analysis.tree_layout import trunks
from lossatlas.network.disconnectivity import Tree, tree_from_row


class Branches(NamedTuple):
    """The branch of every minimum, in the order of ``tree.minima``.

    Attributes:
        depth: (leaves,) energy at which the branch joins that of a lower minimum, less the energy
            of its own minimum; infinite for the lowest minimum of each component.
        minima: (leaves,) number of minima of the branch and of all branches that join it.
        joins: (leaves,) place in ``tree.minima`` of the minimum whose branch it joins; -1 if it
            joins none.
    """

    depth: Float[np.ndarray, " leaves"]
    minima: Int[np.ndarray, " leaves"]
    joins: Int[np.ndarray, " leaves"]


def branches(tree: Tree) -> Branches:
    """The depth and size of every branch of a tree.

    Args:
        tree: an exact tree, or one in levels.

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
        tree: the tree of the branches that remain.
        minima: (leaves,) for each of its minima, one plus the number of minima that were cut off
            its branch.
    """

    tree: Tree
    minima: Int[np.ndarray, " leaves"]


def cut(tree: Tree, depth: float = 0.0, smallest: int = 1) -> Cut:
    """Cut off the branches of a tree that are too shallow or have too few minima.

    The branch of the lowest minimum of each component always remains.

    Args:
        tree: an exact tree.
        depth: least depth of a branch that remains, in units of the energy; default 0.
        smallest: least number of minima of a branch that remains; default 1.

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
    # In ascending energy, so that the branch that another one joins has been dealt with before.
    for place in np.lexsort((tree.minima, tree.energy[:n])):
        if not keeps[place]:
            holder[place] = holder[found.joins[place]]
    kept = np.flatnonzero(keeps)
    gaps = tree.gaps[: kept[-1]]
    between = np.maximum.reduceat(gaps, kept[:-1]) if kept.size > 1 else gaps[:0]
    row = tree.minima[kept], between, tree.energy[:n][kept]
    return Cut(tree_from_row(*row, tree.place.size), np.bincount(holder, minlength=n)[kept])
