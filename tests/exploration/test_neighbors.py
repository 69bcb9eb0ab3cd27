"""Neighbors kept up to date are those of a search from nothing, whatever comes when."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.spatial import KDTree

from lossatlas.exploration.neighbors import (
    BLOCK,
    KEPT,
    NEIGHBORS,
    OWN,
    Candidates,
    Neighbors,
    coming_up,
)
from lossatlas.exploration.proximity_graph import FORWARD, RECENT

FEW = 128
"""Rows that are compared each with each in tests of what comes after."""


def related_rows(count: int, seed: int = 0) -> np.ndarray:
    """Rows that share most parts with earlier ones, nearly equal copies among them: (count, 24)."""
    rng = np.random.default_rng(seed)
    parts = np.zeros((count, 6, 24))
    for row in range(count):
        parts[row] = rng.normal(size=(6, 24)) if row < 8 else parts[rng.integers(row)]
        if row >= 8 and rng.random() < 0.6:
            parts[row, rng.integers(6)] = rng.normal(size=24)
        parts[row] += 10 ** rng.uniform(-5, -1) * rng.normal(size=(6, 24))
    return parts.sum(axis=1)


def in_batches(rows: np.ndarray, sizes, compared: int = FEW) -> Neighbors:
    """As they are after these rows have come in batches of these sizes, over and over."""
    near, first = Neighbors(compared), 0
    while first < len(rows):
        for size in sizes:
            near.add(rows[first : first + size])
            first += size
    return near


def assert_same(near: Neighbors, other: Neighbors) -> None:
    np.testing.assert_array_equal(near.found, other.found)
    np.testing.assert_array_equal(near.distances, other.distances)
    for one, same in zip(near.candidates(), other.candidates(), strict=True):
        np.testing.assert_array_equal(one, same)


def recall(near: Neighbors, rows: np.ndarray) -> float:
    exact = KDTree(rows).query(rows, k=NEIGHBORS + 1)[1]
    hits = (near.found[:, :, None] == exact[:, None]).any(axis=2)
    return float(hits.mean())


@pytest.fixture(scope="module")
def rows():
    return related_rows(1500)


@pytest.fixture(scope="module")
def filled(rows):
    return in_batches(rows, [len(rows)])


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
        assert_same(found[0], other)


@pytest.mark.parametrize("compared", [0, 4096])
def test_rows_at_one_place_are_neighbors_of_each_other(compared):
    near = Neighbors(compared)
    near.add(np.zeros((3, 2)))
    assert [set(row) for row in near.found.tolist()] == [{1, 2}, {0, 2}, {0, 1}]
    np.testing.assert_array_equal(near.distances, 0.0)
    near.add(np.zeros((300, 2)))
    assert near.found.min() >= 0
    np.testing.assert_array_equal(near.distances, 0.0)
    assert not (near.found == np.arange(303)[:, None]).any()


def test_nothing_has_no_neighbors():
    assert Neighbors().found.shape == (0, 0)
    near = Neighbors.restore(np.zeros((0, 3)), *Neighbors().candidates())
    assert near.found.shape == (0, 0)
    assert near.mark == 0


def test_most_are_found_without_comparing_all(rows, filled):
    assert recall(filled, rows) > 0.95
    differences = rows[filled.found] - rows[:, None]
    apart = np.linalg.norm(differences, axis=2)
    np.testing.assert_allclose(filled.distances, apart, rtol=1e-5, atol=1e-6)
    assert (np.diff(filled.distances) >= 0).all()
    assert all(len(set(row)) == NEIGHBORS for row in filled.found.tolist())
    assert not (filled.found == np.arange(len(rows))[:, None]).any()


def test_far_rows_that_come_first_hear_of_those_that_come_later():
    """Nobody counts an outlier among its nearest, so that it has to be searched for again."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([12.0 * rng.normal(size=(2 * FEW, 24)), rng.normal(size=(1200, 24))])
    near = in_batches(rows, [50])
    candidates, apart = (array.copy() for array in near.candidates())
    candidates[:, OWN:], apart[:, OWN:] = -1, np.inf
    deaf = Neighbors.restore(rows, candidates, apart, compared=FEW)
    exact = KDTree(rows).query(rows[: 2 * FEW], k=NEIGHBORS + 1)[1][:, 1:]
    assert (exact >= 2 * FEW).mean() > 0.8, "their nearest come later"
    heard, unheard = (
        (some.found[: 2 * FEW, :, None] == exact[:, None]).any(axis=2).mean()
        for some in (near, deaf)
    )
    assert heard > 0.5
    assert heard > unheard + 0.2


def test_only_rows_that_few_follow_are_searched_for_again(rows, filled):
    """Counted by brute force, among the rows of finished blocks since each row came up before."""
    nearest, missed = filled.candidates().numbers[:, :FORWARD], filled.candidates().numbers[:, OWN:]
    earlier = coming_up(np.arange(len(rows)))
    followers = np.array(
        [
            (nearest[row // 2 : row - row % BLOCK] == earlier[row]).any(axis=1).sum()
            for row in range(len(rows))
        ]
    )
    found = (missed >= 0).any(axis=1)
    assert not found[followers >= RECENT].any()
    assert found[followers < RECENT].sum() > 50
    assert (followers[2 * FEW :] >= RECENT).mean() > 0.3


@pytest.mark.parametrize("sizes", [[10], [BLOCK - 1, 3], [700, 1, 0, 29]])
def test_what_is_found_does_not_depend_on_batches(rows, filled, sizes):
    assert_same(in_batches(rows, sizes), filled)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 400), st.integers(0, 3), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_nor_does_it_for_any_rows(count, seed, sizes):
    rows = related_rows(count, seed)
    assert_same(in_batches(rows, sizes, 140), in_batches(rows, [count], 140))


@pytest.mark.parametrize("count", [1, 60, FEW, FEW + 1, 1000, 1024, 1500])
@pytest.mark.parametrize("folded", [128, 16_384])
def test_restored_and_continued_as_if_never_stopped(rows, filled, count, folded, monkeypatch):
    monkeypatch.setattr("lossatlas.exploration.neighbors.FOLDED", folded)
    before = in_batches(rows[:count], [count])
    whole = filled.candidates()
    for kept, later in zip(before.candidates(), whole, strict=True):
        np.testing.assert_array_equal(kept, later[:count])
    near = Neighbors.restore(rows[:count], *before.candidates(), compared=FEW)
    assert_same(near, before)
    near.add(rows[count : count + 10])
    known = near.candidates(count)
    assert len(known[0]) == len(rows[count : count + 10])
    part = slice(count + 10, count + 40)
    near.add(rows[part], Candidates(whole.numbers[part], whole.distances[part]))
    near.add(rows[count + 40 :])
    assert_same(near, filled)


def test_rows_whose_lists_changed_are_told(rows):
    near, sizes = Neighbors(FEW), [1, 2, 40, 90, 200, 5, 70, 300, 10, 400]
    for first, last in pairwise(np.cumsum([0, *sizes])):
        mark, before = near.mark, near.found.copy()
        near.add(rows[first:last])
        changed = set(near.changed_since(mark).tolist())
        assert set(range(first, last)) <= changed
        width = before.shape[1]
        differ = np.flatnonzero((near.found[:first, :width] != before).any(axis=1))
        assert set(differ.tolist()) <= changed
        if width == NEIGHBORS:
            assert changed == set(differ.tolist()) | set(range(first, last))
    assert len(near.changed_since(0)) == near.mark


def test_lists_cannot_be_changed_from_outside(filled):
    for array in (filled.found, filled.distances, *filled.candidates()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("shape", [(4, KEPT), (5, KEPT - 1), (5, 0)])
def test_candidates_of_other_rows_are_refused(shape):
    near = Neighbors()
    with pytest.raises(ValueError, match="for 5 rows"):
        near.add(np.zeros((5, 2)), Candidates(np.zeros(shape, int), np.zeros(shape)))
    assert near.found.shape == (0, 0)


def test_every_row_comes_up_whenever_rows_have_doubled():
    again = coming_up(np.arange(2000))
    for row in (1, 2, 3, 10, 77):
        when = np.flatnonzero(again == row)
        assert len(when) == int(np.log2(2000 / row))
        assert (np.abs(np.log2((when + 1) / row) - np.arange(1, len(when) + 1)) < 0.7).all()
