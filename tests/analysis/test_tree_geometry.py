"""Pictures of trees, from two to a hundred thousand leaves: nothing crosses, nothing overlaps."""

import numpy as np
import pytest

from lossatlas.analysis.tree_layout import discretize, layout, trunks
from lossatlas.network.disconnectivity import Tree, build_tree
from lossatlas.plots.tree import _lines


def shaped(kind: str, n: int) -> Tree:
    """Trees of several shapes: one funnel, a chain of branches, a star, a bush of equal halves."""
    random = np.random.default_rng(n)
    left = np.arange(1, n)
    if kind == "funnel":
        right = (left * random.random(n - 1) ** 2).astype(int)
    elif kind == "star":
        right = np.zeros(n - 1, int)
    else:
        right = left - 1 if kind == "chain" else left // 2
    energies = 0.1 * random.random(n) if kind == "bush" else np.sort(random.random(n))
    heights = np.maximum(energies[left], energies[right])
    heights = heights + (np.log2(n + 1) - np.log2(left) if kind == "bush" else 0.5 * left / n)
    return build_tree(energies, np.full(n - 1, 2.0) if kind == "star" else heights, left, right)


@pytest.mark.parametrize("kind", ["funnel", "chain", "star", "bush"])
@pytest.mark.parametrize("n", [2, 3, 17, 1000, 100_000])
@pytest.mark.parametrize("in_levels", [False, True])
def test_branches_stand_apart_and_the_lowest_minimum_in_the_middle(kind, n, in_levels):
    tree = shaped(kind, n)
    tree = discretize(tree) if in_levels else tree
    placed = layout(tree)
    np.testing.assert_array_equal(np.sort(placed.x[:n]), np.arange(n))
    # What hangs below a node takes a stretch of its own, as wide as it has leaves.
    low, high = placed.x.copy(), placed.x.copy()
    for node, above in enumerate(tree.parent.tolist()):
        if above >= 0:
            low[above], high[above] = min(low[above], low[node]), max(high[above], high[node])
    counts = trunks(tree)[1]
    np.testing.assert_array_equal(high - low + 1, counts)
    # Branches are hung on either side in turn: the sides differ by one branch at most.
    lowest = int(np.argmin(tree.energy[:n]))
    sides = placed.x[lowest], n - 1 - placed.x[lowest]
    hung = tree.parent >= 0
    hung[hung] = placed.trunk[tree.parent[hung]] == placed.trunk[lowest]
    hung &= placed.trunk != placed.trunk[lowest]
    assert abs(sides[0] - sides[1]) <= counts[hung].max(initial=1)


@pytest.mark.parametrize("kind", ["funnel", "chain", "star", "bush"])
@pytest.mark.parametrize("n", [2, 3, 40, 120])
@pytest.mark.parametrize("in_levels", [False, True])
def test_no_line_crosses_another(kind, n, in_levels):
    """Each slanted line against each vertical one, and against each other."""
    tree = shaped(kind, n)
    placed = layout(discretize(tree) if in_levels else tree)
    slants, drops = _lines(placed)
    slants = slants[slants[:, 0, 0] != slants[:, 1, 0]]
    (x0, y0), (x1, y1) = slants[:, 0].T[:, :, None], slants[:, 1].T[:, :, None]
    x, top, bottom = drops[:, 0, 0], drops[:, 0, 1], drops[:, 1, 1]
    inside = (x > np.minimum(x0, x1)) & (x < np.maximum(x0, x1))
    with np.errstate(divide="ignore", invalid="ignore"):
        at = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    assert not (inside & (at < top - 1e-9) & (at > bottom + 1e-9)).any()
