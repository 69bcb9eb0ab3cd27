"""A search in the graph: keys, links, and what a walk finds."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.exploration.proximity_graph import (
    BACKWARD,
    BEAM,
    FORWARD,
    NOBODY,
    RECENT,
    ProximityGraph,
    keys_of,
    numbers_of,
    rank_in_group,
    squares_of,
)

SQUARES = st.floats(0, np.finfo(np.float32).max, width=32)


@given(st.lists(st.tuples(SQUARES, st.integers(0, 2**31 - 1)), max_size=20))
def test_keys_order_by_distance_then_number(pairs):
    squares = np.array([square for square, _ in pairs], np.float32)
    numbers = np.array([number for _, number in pairs], int)
    keys = keys_of(squares, numbers)
    np.testing.assert_array_equal(numbers_of(keys), numbers)
    np.testing.assert_array_equal(squares_of(keys), squares)
    np.testing.assert_array_equal(numbers_of(keys | 1), numbers)
    order = np.argsort(keys, kind="stable")
    np.testing.assert_array_equal(order, np.lexsort((numbers, squares)))
    assert (keys < NOBODY).all()


def test_an_empty_place_is_behind_all():
    nobody = np.array([NOBODY])
    assert numbers_of(nobody).tolist() == [-1]
    assert squares_of(nobody).tolist() == [np.inf]


@given(st.lists(st.integers(0, 5)))
def test_rank_in_group(groups):
    groups = np.sort(np.array(groups, int))
    expected = [groups[:k].tolist().count(group) for k, group in enumerate(groups)]
    assert rank_in_group(groups).tolist() == expected


def linked(rows: np.ndarray, neighbors: int) -> ProximityGraph:
    """A graph in which every row is linked to the nearest ones of its time."""
    graph = ProximityGraph(compared=0)
    graph.extend(rows)
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    apart[np.triu_indices(len(rows))] = np.inf
    order = np.argsort(apart, axis=1)[:, :neighbors]
    candidates = np.where(np.isfinite(np.take_along_axis(apart, order, axis=1)), order, -1)
    graph.link(0, candidates)
    graph.set_nearest(np.arange(len(rows)), np.full((len(rows), 10), -1))
    return graph


def test_a_walk_finds_the_nearest():
    rows = np.random.default_rng(0).normal(size=(1200, 4))
    graph = linked(rows, FORWARD)
    keys = graph.nearest(graph.rows[:20] + np.float32(0.01), 1200)
    assert keys.shape == (20, BEAM)
    exact = np.linalg.norm(rows[:20, None] + 0.01 - rows, axis=2).argsort(axis=1)[:, :10]
    np.testing.assert_array_equal(numbers_of(keys)[:, :10], exact)


@pytest.mark.parametrize("together", [2, 8, 40])
def test_a_walk_does_not_depend_on_what_else_is_searched_for(together):
    rows = np.random.default_rng(1).normal(size=(1500, 17))
    graph = linked(rows, FORWARD)
    alone = np.concatenate([graph.nearest(graph.rows[k : k + 1], 1500) for k in range(40)])
    batches = [graph.nearest(graph.rows[k : k + together], 1500) for k in range(0, 40, together)]
    np.testing.assert_array_equal(np.concatenate(batches) | 1, alone | 1)


def test_a_node_keeps_the_first_that_followed_it():
    graph = ProximityGraph()
    graph.extend(np.zeros((BACKWARD + 5, 2)))
    graph.link(0, np.full((1, 1), -1))
    graph.link(1, np.zeros((BACKWARD + 4, 1), int))
    links = graph._links[0]
    assert sorted(links[links >= 0].tolist()) == list(range(1, BACKWARD + 1))


@pytest.mark.parametrize("part", [1, 7, 40])
def test_rows_are_followed_by_those_that_had_them_among_their_nearest(part):
    """Row 0 by every third row, row 1 by three rows only, row 2 by nobody."""
    graph = ProximityGraph()
    graph.extend(np.zeros((40, 1)))
    candidates = np.full((40, FORWARD), -1)
    candidates[3::3, 0], candidates[[5, 6, 39], 1] = 0, 1
    for first in range(0, 40, part):
        graph.link(first, candidates[first : first + part])
    for since in range(41):
        later = sum(row >= since for row in range(3, 40, 3))
        followed = graph.are_followed(np.arange(3), np.full(3, since))
        assert followed.tolist() == [later >= RECENT, since <= 5 and RECENT <= 3, False]
