"""Branches of trees, against the definitions on barriers."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.branches import branches, cut
from lossatlas.analysis.tree_layout import discretize, suggested_top
from lossatlas.network.disconnectivity import barrier, build_tree


def random_tree(n: int, seed: int, separate: int = 0):
    random = np.random.default_rng(seed)
    energies = np.sort(random.random(n))
    left = np.arange(1, n)[: max(n - 1 - separate, 0)]
    right = (left * random.random(left.size)).astype(int)
    heights = np.maximum(energies[left], energies[right]) + random.exponential(0.3, left.size)
    return build_tree(energies, heights, left, right)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 14), st.integers(0, 10_000), st.integers(0, 3))
def test_a_branch_ends_where_a_lower_minimum_can_be_reached(n, seed, separate):
    tree = random_tree(n, seed, separate)
    found = branches(tree)
    energies = tree.energy[:n]
    for place in range(n):
        others = [k for k in range(n) if energies[k] < energies[place]]
        climbs = [float(barrier(tree, tree.minima[place], tree.minima[k])) for k in others]
        lowest = min(climbs, default=np.inf)
        expected = lowest - energies[place]
        assert found.depth[place] == pytest.approx(expected)
        if np.isfinite(lowest):
            within = [
                k
                for k in range(n)
                if k == place or barrier(tree, tree.minima[place], tree.minima[k]) < lowest
            ]
            assert found.minima[place] == len(within)
            assert energies[found.joins[place]] < energies[place]
        else:
            assert found.joins[place] == -1


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(0, 10_000),
    st.integers(0, 3),
    st.floats(0, 1),
    st.integers(1, 6),
)
def test_what_is_cut_off_is_counted_and_barriers_stay(n, seed, separate, depth, smallest):
    tree = random_tree(n, seed, separate)
    found = branches(tree)
    left = cut(tree, depth, smallest)
    assert left.minima.sum() == n
    stays = (found.joins < 0) | ((found.depth >= depth) & (found.minima >= smallest))
    assert set(left.tree.minima) == set(tree.minima[stays])
    for a in left.tree.minima:
        for b in left.tree.minima:
            if a != b:
                assert barrier(left.tree, a, b) == barrier(tree, a, b)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(0, 10_000),
    st.integers(0, 3),
    st.sampled_from([0.1, 0.6, 0.9, 1]),
)
def test_the_suggested_top_is_found_by_climbing_from_the_lowest_minimum(n, seed, separate, part):
    tree = random_tree(n, seed, separate)
    tree = discretize(tree, (float(tree.energy.max()), 0.1)) if seed % 2 else tree
    energies = tree.energy[: tree.minima.size]
    lowest = tree.minima[np.argmin(energies)]
    joins = np.array([float(barrier(tree, lowest, k)) for k in tree.minima])
    enough = [e for e in sorted(set(joins)) if (joins <= e).sum() >= part * energies.size]
    expected = tree.top
    if enough and np.isfinite(enough[0]):
        limit = energies.min() + 2 * (enough[0] - energies.min())
        if (np.isfinite(joins) & (joins > limit)).any():
            expected = max(e for e in joins if e <= max(limit, enough[0]))
    assert suggested_top(tree, part) == expected
