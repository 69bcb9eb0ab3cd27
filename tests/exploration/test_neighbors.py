"""Neighbors kept up to date are those of a search from nothing."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from lossatlas.exploration.neighbors import BLOCK, NEIGHBORS, Neighbors


@pytest.mark.parametrize("batches", [(400,), (1, 1, 3, 40), (0, BLOCK + 3, 10), (1,), (NEIGHBORS,)])
def test_as_found_by_a_tree(batches):
    rows = np.random.default_rng(0).normal(size=(sum(batches), 5))
    near = Neighbors()
    for batch in np.split(rows, np.cumsum(batches)[:-1]):
        near.add(batch)
    k = min(NEIGHBORS, len(rows) - 1)
    assert near.found.shape == near.distances.shape == (len(rows), k)
    if k:
        distances, found = KDTree(rows).query(rows, k=k + 1)
        np.testing.assert_array_equal(near.found, found[:, 1:])
        np.testing.assert_allclose(near.distances, distances[:, 1:], rtol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_ties_do_not_depend_on_batches(offset):
    """On a lattice, where most distances are shared by several rows."""
    rows = offset + 0.7 * np.indices((6, 6, 6)).reshape(3, -1).T
    found = []
    for sizes in ((216,), (1,) * 216, (100, 100, 16)):
        near = Neighbors()
        for batch in np.split(rows, np.cumsum(sizes)[:-1]):
            near.add(batch)
        found.append(near)
    for other in found[1:]:
        np.testing.assert_allclose(other.distances, found[0].distances, rtol=1e-9)
        if offset == 0.0:
            np.testing.assert_array_equal(other.found, found[0].found)


def test_rows_at_one_place_are_neighbors_of_each_other():
    near = Neighbors()
    near.add(np.zeros((3, 2)))
    assert [set(row) for row in near.found.tolist()] == [{1, 2}, {0, 2}, {0, 1}]
    np.testing.assert_array_equal(near.distances, 0.0)


def test_nothing_has_no_neighbors():
    assert Neighbors().found.shape == (0, 0)
