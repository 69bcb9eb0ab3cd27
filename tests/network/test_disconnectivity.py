import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import barrier, build_tree, superbasins


@st.composite
def networks(draw, max_minima=7):
    """Few distinct energies: ties, several transition states a pair, loops, loose minima."""
    n = draw(st.integers(1, max_minima))
    energies = np.array(draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n)), dtype=float)
    edges = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12))
    left = np.array([a for a, _ in edges], dtype=int)
    right = np.array([b for _, b in edges], dtype=int)
    rises = draw(st.lists(st.integers(0, 5), min_size=len(edges), max_size=len(edges)))
    heights = np.maximum(energies[left], energies[right]) + np.array(rises, dtype=float)
    return energies, heights, left, right


def lowest_edges(network) -> list[list[float]]:
    energies, heights, left, right = network
    lowest = [[math.inf] * energies.size for _ in energies]
    for height, a, b in zip(heights.tolist(), left, right, strict=True):
        lowest[a][b] = lowest[b][a] = min(lowest[a][b], height)
    return lowest


def brute_force_barrier(edges, a, b) -> float:
    """The minimum over all simple paths of the highest transition state."""
    others = [k for k in range(len(edges)) if k not in (a, b)]
    paths = itertools.chain.from_iterable(
        itertools.permutations(others, length) for length in range(len(others) + 1)
    )
    return min(max(edges[p][q] for p, q in itertools.pairwise((a, *path, b))) for path in paths)


@settings(deadline=None)
@given(networks())
def test_barrier_is_the_lowest_highest_transition_state_of_any_path(network):
    tree, edges = build_tree(*network), lowest_edges(network)
    n = network[0].size
    for a in range(n):
        assert barrier(tree, a, a) == network[0][a]
        for b in range(a):
            assert barrier(tree, a, b) == barrier(tree, b, a) == brute_force_barrier(edges, a, b)


@settings(deadline=None)
@given(networks(max_minima=12), st.integers(-5, 10))
def test_superbasins_are_the_connected_components_below_an_energy(network, energy):
    energies, heights, left, right = network
    labels = superbasins(build_tree(*network), energy)
    reached = np.eye(energies.size, dtype=bool)
    for a, b, height in zip(left, right, heights, strict=True):
        reached[a, b] = reached[b, a] = reached[a, b] or height <= energy
    for middle in range(energies.size):
        reached |= reached[:, [middle]] & reached[[middle]]
    assert ((labels >= 0) == (energies <= energy)).all()
    below = np.flatnonzero(labels >= 0)
    same = labels[below][:, None] == labels[below]
    np.testing.assert_array_equal(same, reached[np.ix_(below, below)])
    lowest = [energies[labels == k].min() for k in range(labels.max() + 1)]
    assert lowest == sorted(lowest)
    assert set(labels) <= {-1, *range(len(lowest))}


@given(networks(max_minima=12))
def test_nodes_form_a_forest_of_the_components(network):
    tree = build_tree(*network)
    n_leaves, nodes = tree.minima.size, np.arange(tree.energy.size)
    assert sorted(tree.minima) == list(range(network[0].size))
    np.testing.assert_array_equal(tree.energy[:n_leaves], network[0][tree.minima])
    below = nodes[tree.parent >= 0]
    assert (tree.parent[below] > below).all()
    inner = below[below >= n_leaves]
    assert (tree.energy[tree.parent[inner]] > tree.energy[inner]).all()
    children = np.bincount(tree.parent[below], minlength=tree.energy.size)
    assert (children[:n_leaves] == 0).all()
    assert (children[n_leaves:] >= 2).all()
    assert tree.roots.size == 1 + np.isinf(tree.gaps).sum()


def test_the_merge_nodes_are_the_single_linkage_clustering():
    random = np.random.default_rng(4)
    points = random.random((60, 3))
    left, right = np.triu_indices(60, k=1)
    distance = np.linalg.norm(points[left] - points[right], axis=1)
    tree = build_tree(np.zeros(60), distance, left, right)
    merges = linkage(points)[:, 2]
    np.testing.assert_allclose(tree.energy[60:], merges, rtol=1e-14)
    cut = (merges[40] + merges[41]) / 2
    clusters = fcluster(linkage(points), cut, criterion="distance")
    ours = superbasins(tree, cut)
    assert len(set(zip(clusters, ours, strict=True))) == len(set(clusters)) == len(set(ours))


def test_barriers_of_many_pairs_at_once():
    random = np.random.default_rng(5)
    energies = random.random(40)
    left, right = random.integers(0, 40, (2, 60))
    tree = build_tree(energies, 1 + random.random(60), left, right)
    a, b = np.arange(40)[:, None], np.arange(40)
    table = barrier(tree, a, b)
    assert table.shape == (40, 40)
    assert all(table[i, j] == barrier(tree, i, j) for i in range(40) for j in range(40))
    # Ultrametric inequality: no barrier exceeds the higher of the two over a third minimum.
    assert (table[:, None] <= np.maximum(table[:, :, None], table[None]) + 0.0).all()


def test_minima_that_nothing_joins_are_components():
    tree = build_tree(np.array([0.3, 0.1, 0.2]), np.array([0.9]), np.array([1]), np.array([1]))
    assert tree.roots.size == 3
    assert math.isinf(barrier(tree, 0, 1))


def test_a_long_chain_of_mergers_needs_no_recursion():
    n = 100_000
    tree = build_tree(np.zeros(n), np.arange(1, n), np.arange(n - 1), np.arange(1, n))
    assert barrier(tree, 0, n - 1) == n - 1
    assert barrier(tree, 3, 1) == 3


def test_a_transition_state_rounded_below_its_minimum_counts_as_level():
    energies = np.array([0.5, 0.5 + 2e-11])
    tree = build_tree(energies, np.array([0.5]), np.array([0]), np.array([1]))
    assert barrier(tree, 0, 1) == energies[1]
    with pytest.raises(BadInputError, match="transition state 0"):
        build_tree(energies, np.array([0.4]), np.array([0]), np.array([1]))


@pytest.mark.parametrize(
    ("energies", "heights", "left", "right", "message"),
    [
        ([], [], [], [], "no minima"),
        ([0.1], [0.2, 0.3], [0], [0], "lengths"),
        ([0.1, np.nan], [0.2], [0], [1], "NaN"),
        ([0.1, 0.1], [np.inf], [0], [1], "NaN"),
        ([0.1, 0.1], [0.2], [1], [2], "position"),
        ([0.1, 0.1], [0.2], [-1], [1], "position"),
        ([0.1, 0.1], [0.2], [0.0], [1.0], "integers"),
    ],
)
def test_misuse_is_refused(energies, heights, left, right, message):
    kind = int if not left or isinstance(left[0], int) else float
    arrays = np.array(energies, dtype=float), np.array(heights, dtype=float)
    with pytest.raises(BadInputError, match=message):
        build_tree(*arrays, np.array(left, dtype=kind), np.array(right, dtype=kind))


def test_barrier_of_an_unknown_minimum_is_refused():
    tree = build_tree(np.array([0.1]), np.array([]), np.array([], int), np.array([], int))
    for unknown in (1, -1):
        with pytest.raises(BadInputError, match="not in the tree"):
            barrier(tree, 0, unknown)
