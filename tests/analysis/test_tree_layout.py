import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossatlas.analysis.tree_layout import discretize, layout, level_grid, prune, suggested_top
from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import barrier, build_tree, superbasins


@st.composite
def trees(draw):
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    n, t = draw(st.integers(1, 25)), draw(st.integers(0, 40))
    energies = random.choice([0.0, 0.1, 0.25, 0.5], n) + draw(st.sampled_from([-1.0, 0.0, 0.6]))
    left, right = random.integers(0, n, (2, t))
    heights = np.maximum(energies[left], energies[right]) + random.choice([0.1, 0.2, 0.7], t)
    return build_tree(energies, heights, left, right)


def all_barriers(tree, positions):
    return barrier(tree, positions[:, None], positions)


@given(trees(), st.integers(2, 40))
def test_levels_round_every_barrier_up_by_less_than_a_spacing(tree, n_levels):
    levels = discretize(tree, n_levels)
    assert set(levels.minima) == set(tree.minima)
    exact, rounded = all_barriers(tree, tree.minima), all_barriers(levels, tree.minima)
    np.testing.assert_array_equal(np.isinf(exact), np.isinf(rounded))
    different = np.isfinite(exact) & ~np.eye(tree.minima.size, dtype=bool)
    rise = rounded[different] - exact[different]
    assert ((rise >= 0) & (rise < levels.spacing * (1 + 1e-9))).all()
    steps = (levels.top - rounded[different]) / levels.spacing
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


@given(trees(), st.floats(-1, 2), st.floats(0.01, 0.5))
def test_levels_below_a_first_one_separate_what_joins_above(tree, first, spacing):
    leaves = tree.energy[: tree.minima.size]
    if leaves.min() > first:
        with pytest.raises(BadInputError, match="no minimum is left"):
            discretize(tree, (first, spacing))
        return
    levels = discretize(tree, (first, spacing))
    assert set(levels.minima) == set(tree.minima[leaves <= first])
    exact, rounded = all_barriers(tree, levels.minima), all_barriers(levels, levels.minima)
    np.testing.assert_array_equal(exact <= first, np.isfinite(rounded))
    np.testing.assert_array_equal(superbasins(levels, first), superbasins(tree, first))


@given(trees(), st.integers(1, 30), st.booleans(), st.sampled_from([0.15, 0.6, math.inf]))
def test_pruning_keeps_the_barriers_of_the_minima_left(tree, lowest, connected, top):
    leaves = tree.energy[: tree.minima.size]
    deepest = tree.minima[np.lexsort((tree.minima, leaves))]
    energy_of = dict(zip(tree.minima.tolist(), leaves.tolist(), strict=True))
    expected = [k for k in deepest.tolist() if energy_of[k] <= top]
    if not expected:
        return
    if connected:
        first = expected[0]
        expected = [k for k in expected if k == first or barrier(tree, first, k) <= min(top, 1e9)]
    expected = expected[:lowest]
    pruned = prune(tree, lowest=lowest, connected=connected, top=top)
    assert sorted(pruned.minima) == sorted(expected)
    exact = all_barriers(tree, pruned.minima)
    np.testing.assert_array_equal(
        np.where(exact > top, np.inf, exact), all_barriers(pruned, pruned.minima)
    )


@given(trees(), st.booleans())
def test_superbasins_are_contiguous_in_the_picture(tree, in_levels):
    tree = discretize(tree) if in_levels else tree
    placed = layout(tree)
    n = tree.minima.size
    assert sorted(placed.x[:n]) == list(range(n))
    members = [{k} for k in range(n)] + [set() for _ in range(n, tree.energy.size)]
    for node, parent in enumerate(tree.parent):
        if parent >= 0:
            members[parent] |= members[node]
    for node, leaves in enumerate(members):
        places = sorted(placed.x[list(leaves)])
        assert places[-1] - places[0] == len(leaves) - 1
        lowest = min(leaves, key=lambda k: (tree.energy[k], tree.minima[k]))
        assert placed.trunk[node] == lowest
        assert placed.x[node] == placed.x[lowest]


def test_the_lowest_minimum_of_a_funnel_is_in_the_middle():
    n = 101
    energies = np.linspace(0.0, 0.5, n)
    heights = energies[1:] + 0.3
    tree = build_tree(energies, heights, np.zeros(n - 1, int), np.arange(1, n))
    for drawn in (tree, discretize(tree)):
        placed = layout(drawn)
        assert abs(placed.x[drawn.place[0]] - (n - 1) / 2) <= 1


def test_a_long_chain_is_laid_out_without_recursion():
    n = 100_000
    tree = build_tree(np.zeros(n), np.arange(1, n), np.arange(n - 1), np.arange(1, n))
    placed = layout(tree)
    assert abs(placed.x[tree.place[0]] - n / 2) <= 1


def test_thirty_levels_cover_the_range_with_a_round_spacing():
    """The published choice: (highest transition state - lowest minimum)/29, rounded up."""
    tree = build_tree(np.array([0.85, 0.9]), np.array([1.0577]), np.array([0]), np.array([1]))
    assert level_grid(tree) == (1.0577, pytest.approx(0.008))
    assert level_grid(tree, 5) == (1.0577, pytest.approx(0.06))


def test_a_range_that_divides_evenly_is_not_rounded_further():
    tree = build_tree(np.array([0.0, 0.0]), np.array([0.87]), np.array([0]), np.array([1]))
    assert level_grid(tree)[1] == pytest.approx(0.03, rel=1e-12)


def test_a_single_minimum_can_be_discretized_and_placed():
    nothing = np.array([], int)
    tree = discretize(build_tree(np.array([0.7]), np.array([]), nothing, nothing))
    assert layout(tree).x.tolist() == [0.0]


def test_misuse_is_refused():
    nothing = np.array([], int)
    tree = build_tree(np.array([0.7]), np.array([]), nothing, nothing)
    for levels in (1, (1.0, 0.0), (np.nan, 0.1), (1.0, np.inf)):
        with pytest.raises(BadInputError, match="levels"):
            discretize(tree, levels)
    with pytest.raises(BadInputError, match="lowest=0"):
        prune(tree, lowest=0)


def star(heights) -> tuple:
    """Minima of energy 0, 0.01, 0.02, ..., each joined to the first at the given height."""
    heights = np.array(heights)
    n = heights.size
    return 0.01 * np.arange(n + 1), heights, np.zeros(n, int), np.arange(1, n + 1)


def test_the_suggested_top_leaves_out_what_lies_far_above():
    near = np.linspace(0.3, 0.5, 20)
    assert suggested_top(build_tree(*star(near))) == 0.5
    assert suggested_top(build_tree(*star([*near, 3.0]))) == 0.5
    assert suggested_top(build_tree(*star([*near, 0.6, 3.0]))) == 0.6
    assert suggested_top(build_tree(*star([0.3, 3.0]))) == 3.0


def test_no_top_is_suggested_for_a_network_in_pieces():
    energies, heights, left, right = star([0.3, 0.4])
    energies = np.append(energies, [0.1, 0.2])
    assert suggested_top(build_tree(energies, heights, left, right)) == 0.4
