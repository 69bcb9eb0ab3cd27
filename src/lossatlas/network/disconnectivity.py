"""Disconnectivity tree: which minima are connected below which energy.

Two minima lie in one superbasin at energy E if a path over transition states, none of which lies
above E, joins them. As E rises, superbasins merge, and the mergers form a tree. A minimum spanning
tree of the network determines it; Kruskal's algorithm over the sorted transition states computes it
exactly, in nearly linear time.

The tree is stored in its shortest form, a row of leaves: the minima in an order in which every
superbasin is contiguous, and between neighbors the *gap*, the lowest energy at which they are
connected. The barrier between any two minima is the largest gap between their places in the row,
and the superbasins at E are the stretches without a gap above E.

References: Becker and Karplus, J. Chem. Phys. 106, 1495 (1997); Wales, Miller and Walsh,
Nature 394, 758 (1998); section III of Perspective: New Insights From Loss Function Landscapes of
Neural Networks, Mach. Learn.: Sci. Technol. 1, 023002 (2020), refs. 50-52.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError

ROUNDING = 1e-9
"""How far a transition state may lie below one of its minima, relative to max(1, |E|), because
energies were printed with ten digits; it is then treated as if it had the energy of the minimum."""
FEW = 32
"""Below this number of pairs of minima, barriers are computed one by one."""


class Tree(NamedTuple):
    """A disconnectivity tree, whose nodes are the leaves (minima) and then the merge nodes.

    Attributes:
        minima: (leaves,) positions, in the input of `build_tree`, of the minima in the tree, in an
            order in which every superbasin is contiguous.
        gaps: (leaves - 1,) the energy at which neighbors in that order are connected, infinite if
            no path joins them.
        energy: (nodes,) energy of every node: first of the minima in that order, then of the merge
            nodes, which ascend.
        parent: (nodes,) number of the merge node above each node, -1 for a root. Every connected
            component has one root.
        place: (minima,) place of every minimum of the input in `minima`, -1 if it is left out.
        spacing: distance between the levels to which merge energies were rounded up; 0 if they are
            exact.
        top: the highest energy shown: the highest level, or the highest energy of an exact tree.

    Examples:
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> tree.minima.tolist(), tree.gaps.tolist(), tree.parent.tolist()
        ([0, 1, 2], [0.9, 0.5], [4, 3, 3, 4, -1])
        >>> tree.roots.tolist()
        [4]
    """

    minima: Int[np.ndarray, " leaves"]
    gaps: Float[np.ndarray, " leaves-1"]
    energy: Float[np.ndarray, " nodes"]
    parent: Int[np.ndarray, " nodes"]
    place: Int[np.ndarray, " minima"]
    spacing: float
    top: float

    @property
    def roots(self) -> Int[np.ndarray, " components"]:
        """The top node of every connected component; several if no path joins all minima."""
        return np.flatnonzero(self.parent < 0)


def build_tree(
    energies: Float[np.ndarray, " m"],
    transition_energies: Float[np.ndarray, " t"],
    minimum_1: Int[np.ndarray, " t"],
    minimum_2: Int[np.ndarray, " t"],
) -> Tree:
    """Build the exact disconnectivity tree of a network of minima and transition states.

    Degenerate rearrangements, which have the same minimum on both sides, join nothing and are left
    out. Of several transition states between the same minima the lowest counts. Minima that no
    transition state joins are components of their own. Transition states of equal energy that join
    the same superbasin make one node with several branches.

    Args:
        energies: (m,) energies of the minima, of which there is at least one.
        transition_energies: (t,) energies of the transition states.
        minimum_1: (t,) position in ``energies`` of the minimum on one side of each transition
            state.
        minimum_2: (t,) position of the minimum on the other side.

    Raises:
        BadInputError: if there are no minima, lengths do not match, a position is not an integer or
            does not exist, an energy is not finite, or a transition state lies below one of its
            minima.

    Examples:
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> float(barrier(tree, 0, 2)), float(barrier(tree, 1, 2))
        (0.9, 0.5)
    """
    energies = np.asarray(energies, dtype=np.float64)
    heights = np.asarray(transition_energies, dtype=np.float64)
    left, right = np.asarray(minimum_1), np.asarray(minimum_2)
    heights = _heights(energies, heights, left, right)
    joins = np.flatnonzero(left != right)
    joins = joins[np.argsort(heights[joins], kind="stable")]
    order, gaps = _kruskal(energies.size, heights[joins], left[joins], right[joins])
    return tree_from_row(order, gaps, energies[order], energies.size)


def barrier(
    tree: Tree, a: int | Int[np.ndarray, "*batch"], b: int | Int[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """The lowest energy below which minima a and b are connected.

    This is the lowest energy, over all paths, of the highest point on the path. It is the energy of
    the minimum itself for ``a == b``, and infinite if no path joins the two. In a discretized tree
    it is rounded up to a level.

    Args:
        tree: from `build_tree`, or pruned or discretized by `lossatlas.analysis.tree_layout`.
        a: position of a minimum in the input of `build_tree`, or an array of positions.
        b: position of the other minimum, or an array; the two are broadcast.

    Raises:
        BadInputError: if a minimum is not in the tree.

    Examples:
        >>> tree = build_tree(np.array([0.1, 0.2]), np.array([0.9]), np.array([0]), np.array([1]))
        >>> float(barrier(tree, 0, 1)), float(barrier(tree, 0, 0))
        (0.9, 0.1)
    """
    places_a, places_b = np.broadcast_arrays(_places(tree, a), _places(tree, b))
    start, stop = np.minimum(places_a, places_b).ravel(), np.maximum(places_a, places_b).ravel()
    highest = _highest_between(tree.gaps, start, stop)
    own = tree.energy[start]
    return np.where(start == stop, own, highest).reshape(places_a.shape)[()]


def _highest_between(gaps: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The highest of the gaps from each start up to, and without, its stop; -inf if there is none.

    The time does not depend on the lengths of many stretches: each is covered by two stretches
    whose length is a power of two, and the highest gaps of those are computed once for all.
    """
    if start.size < FEW:
        stretches = zip(start.tolist(), stop.tolist(), strict=True)
        return np.array([gaps[a:b].max(initial=-np.inf) for a, b in stretches])
    length, width = stop - start, 1
    highest = np.full(start.size, -np.inf)
    longest = int(length.max())
    highest_from = gaps  # of the stretch of `width` gaps that begins at each place
    while width <= longest:
        mine = np.flatnonzero((length >= width) & (length < 2 * width))
        first, last = highest_from[start[mine]], highest_from[stop[mine] - width]
        highest[mine] = np.maximum(first, last)
        highest_from = np.maximum(highest_from[:-width], highest_from[width:])
        width *= 2
    return highest


def superbasins(tree: Tree, energy: float) -> Int[np.ndarray, " minima"]:
    """Group minima that are connected through transition states not above an energy.

    Args:
        tree: from `build_tree`, or pruned or discretized by `lossatlas.analysis.tree_layout`.
        energy: the energy.

    Returns:
        (minima,) the number of the superbasin of every minimum of the input. Superbasins are
        numbered from 0 by the energies of their lowest minima. The number is -1 for a minimum that
        lies above the energy or is left out of the tree.

    Examples:
        >>> tree = build_tree(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> superbasins(tree, 0.6)
        array([0, 1, 1])
    """
    leaf_energy = tree.energy[: tree.minima.size]
    stretch = np.append(0, np.cumsum(tree.gaps > energy))
    below = np.flatnonzero(leaf_energy <= energy)
    by_energy = below[np.lexsort((tree.minima[below], leaf_energy[below]))]
    _, first_seen, group = np.unique(stretch[by_energy], return_index=True, return_inverse=True)
    labels = np.full(tree.place.size, -1)
    labels[tree.minima[by_energy]] = np.argsort(np.argsort(first_seen))[group]
    return labels


def tree_from_row(
    minima: Int[np.ndarray, " leaves"],
    gaps: Float[np.ndarray, " leaves-1"],
    leaf_energy: Float[np.ndarray, " leaves"],
    n_minima: int,
    levels: tuple[float, float] | None = None,
) -> Tree:
    """Make the tree that a row of leaves represents.

    Args:
        minima: (leaves,) positions of the minima in the input, in an order in which every
            superbasin is contiguous.
        gaps: (leaves - 1,) energy at which neighbors are connected, infinite if no path joins them.
        leaf_energy: (leaves,) energies of the minima.
        n_minima: number of minima in the input.
        levels: highest level and distance of levels if the gaps are levels; None if they are exact.
    """
    merge_energy, parent = _merge_nodes(gaps.tolist())
    # In order of ascending energy, children are numbered before their parents.
    by_energy = np.argsort(merge_energy, kind="stable")
    number = np.empty(by_energy.size + 1, dtype=np.int64)
    number[by_energy] = minima.size + np.arange(by_energy.size)
    number[-1] = -1
    leaf_parents, merge_parents = number[parent[: minima.size]], number[parent[minima.size :]]
    energy = np.concatenate([leaf_energy, merge_energy[by_energy]])
    place = np.full(n_minima, -1)
    place[minima] = np.arange(minima.size)
    return Tree(
        minima=minima,
        gaps=np.asarray(gaps, dtype=np.float64),
        energy=energy,
        parent=np.concatenate([leaf_parents, merge_parents[by_energy]]),
        place=place,
        spacing=levels[1] if levels else 0.0,
        top=levels[0] if levels else float(energy.max()),
    )


def join_energies(
    transition_energies: Float[np.ndarray, " t"],
    floor: Float[np.ndarray, " t"],
    names: Int[np.ndarray, " t"],
) -> Float[np.ndarray, " t"]:
    """The energies at which transition states join their minima.

    They are the energies of the transition states, raised to those of their minima where rounding
    has put them below.

    Args:
        transition_energies: (t,) energies of the transition states.
        floor: (t,) the highest energy among the minima that each of them joins.
        names: (t,) numbers of the transition states for messages.

    Raises:
        BadInputError: if a transition state lies below one of its minima by more than `ROUNDING`.
    """
    buried = transition_energies < floor - ROUNDING * np.maximum(1, np.abs(floor))
    if buried.any():
        k = int(np.flatnonzero(buried)[0])
        raise BadInputError(
            f"transition state {names[k]}",
            f"energy {transition_energies[k]:.12g} is below that of its minimum, {floor[k]:.12g}",
            "correct the link or leave it out",
        )
    return np.maximum(transition_energies, floor)


def _places(tree: Tree, positions: int | np.ndarray) -> np.ndarray:
    positions = np.asarray(positions)
    inside = (positions >= 0) & (positions < tree.place.size)
    places = tree.place[np.where(inside, positions, 0)]
    missing = ~inside | (places < 0)
    if missing.any():
        raise BadInputError(
            "barrier",
            f"minimum {positions[missing][0]} is not in the tree",
            "use one of tree.minima",
        )
    return places


def _heights(
    energies: np.ndarray, transition_energies: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Check the input of `build_tree`, and compute the energies at which minima are joined."""
    if energies.size == 0:
        raise BadInputError("energies", "no minima", "give at least one")
    if not transition_energies.shape == left.shape == right.shape:
        raise BadInputError(
            "transition states", "arrays of different lengths", "give one entry each"
        )
    if left.dtype.kind not in "iu" or right.dtype.kind not in "iu":
        raise BadInputError("minimum_1, minimum_2", "not integers", "use positions in energies")
    if not (np.isfinite(energies).all() and np.isfinite(transition_energies).all()):
        raise BadInputError("energies", "NaN or infinite", "leave such points out")
    if left.size and not (
        min(left.min(), right.min()) >= 0 and max(left.max(), right.max()) < energies.size
    ):
        raise BadInputError(
            "minimum_1, minimum_2", "not a position in energies", f"use 0 to {energies.size - 1}"
        )
    floor = np.maximum(energies[left], energies[right])
    return join_energies(transition_energies, floor, np.arange(floor.size))


def _kruskal(
    n_minima: int, heights: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join superbasins, each of which is a linked row of minima, along sorted transition states."""
    root = list(range(n_minima))
    last = list(range(n_minima))  # for each root the last minimum of its row
    following, gap_after = [-1] * n_minima, [math.inf] * n_minima
    remaining = n_minima - 1
    for height, a, b in zip(heights.tolist(), left.tolist(), right.tolist(), strict=True):
        while root[a] != a:
            root[a] = a = root[root[a]]
        while root[b] != b:
            root[b] = b = root[root[b]]
        if a != b:
            root[b] = a
            following[last[a]], gap_after[last[a]] = b, height
            last[a] = last[b]
            remaining -= 1
            if remaining == 0:
                break
    order = []
    for start in range(n_minima):
        k = start if root[start] == start else -1
        while k >= 0:
            order.append(k)
            k = following[k]
    row = np.array(order)
    return row, np.array(gap_after)[row[:-1]]


def _merge_nodes(gaps: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Compute the merge nodes in one pass over the row, with a stack of nodes that are still open.

    Returns the energies of the merge nodes, and the parents of leaves and merge nodes, each the
    number of a merge node or -1.
    """
    n = len(gaps) + 1
    leaf_parent, merge_parent, merge_energy = [-1] * n, [], []
    open_nodes: list[int] = []
    top = -1  # the last of the open nodes
    for leaf, gap in enumerate([*gaps, math.inf]):
        below = -1  # the topmost node that is closed at this gap, or -1 for the leaf itself
        while top >= 0 and merge_energy[top] < gap:
            if below < 0:
                leaf_parent[leaf] = top
            else:
                merge_parent[below] = top
            below = open_nodes.pop()
            top = open_nodes[-1] if open_nodes else -1
        if gap == math.inf:
            continue
        if top < 0 or merge_energy[top] > gap:
            top = len(merge_energy)
            open_nodes.append(top)
            merge_energy.append(gap)
            merge_parent.append(-1)
        if below < 0:
            leaf_parent[leaf] = top
        else:
            merge_parent[below] = top
    return np.array(merge_energy), np.array(leaf_parent + merge_parent, dtype=np.int64)
