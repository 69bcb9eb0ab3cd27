"""What is computed at checkpoints, against slow algorithms that are plainly right."""

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.exploration.checkpoint import (
    DUE,
    GROWTH,
    Checkpoint,
    Picture,
    depths,
    last_due,
    lowest_paths,
)
from lossatlas.network.links import Edges


@st.composite
def pictures(draw):
    """Random networks: some minima outside, transition states with up to four ends, tried pairs."""
    m, t = draw(st.integers(1, 25)), draw(st.integers(0, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    states, one, other = [], [], []
    for state in range(t):
        # Near positions are joined more often, so that there are long paths.
        first = random.integers(m)
        ends = {int(first), *(first + random.integers(-3, 4, size=random.integers(1, 4))).tolist()}
        ends = sorted(end for end in ends if 0 <= end < m)
        pairs = [(a, b) for a in ends for b in ends if a < b]
        states += [state] * len(pairs)
        one += [a for a, _ in pairs]
        other += [b for _, b in pairs]
    k = min(4, m - 1)
    apart = random.random((m, m))
    apart += apart.T
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, :k]
    tried = random.integers(m, size=(random.integers(1, 2 * m), 2))
    return Picture(
        energies=random.random(m),
        inside=random.random(m) < draw(st.sampled_from([0.5, 0.9, 1.0])),
        neighbors=near,
        distances=np.take_along_axis(apart, near, axis=1),
        edges=Edges(*(np.array(column, np.int64) for column in (states, one, other))),
        heights=1.0 + random.random(t),
        tried=tried[tried[:, 0] != tried[:, 1]],
    )


def joined(picture):
    """By pair of minima the lowest transition state that joins them."""
    lowest = {}
    for state, a, b in zip(*picture.edges, strict=True):
        height = float(picture.heights[state])
        for pair in ((int(a), int(b)), (int(b), int(a))):
            lowest[pair] = min(height, lowest.get(pair, np.inf))
    return lowest


def minimax(picture, root):
    """The barrier from each minimum to the root."""
    heights, barrier = joined(picture), {int(root): -np.inf}
    queue = [(-np.inf, int(root))]
    while queue:
        height, here = heapq.heappop(queue)
        if height > barrier[here]:
            continue
        for (a, b), step in heights.items():
            if a == here and max(height, step) < barrier.get(b, np.inf):
                barrier[b] = max(height, step)
                heapq.heappush(queue, (barrier[b], b))
    return np.array([barrier.get(k, np.inf) for k in range(len(picture.energies))])


@given(pictures())
@settings(deadline=None, max_examples=60)
def test_no_path_climbs_higher_than_it_has_to(picture):
    if not picture.inside.any():
        return
    root, heights = picture.order[0], joined(picture)
    paths = lowest_paths(picture)
    np.testing.assert_array_equal(paths.barrier, minimax(picture, root))
    for begin in np.flatnonzero(np.isfinite(paths.barrier)):
        path = walk(paths.before, begin)
        steps = [heights[step] for step in pairwise(path)]
        assert path[-1] == root
        assert paths.depth[begin] == len(steps)
        assert max(steps, default=-np.inf) == paths.barrier[begin]
        if steps:
            assert len(path) - 1 - paths.top[begin] == int(np.argmax(steps))


def walk(before, begin):
    path = [int(begin)]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return path


@given(pictures())
@settings(deadline=None, max_examples=60)
def test_shortcuts_by_walking_every_path(picture):
    if not picture.inside.any():
        return
    before, heights, expected = lowest_paths(picture).before, joined(picture), {}
    for begin in picture.order[::-1]:
        path = walk(before, begin)
        if len(path) < 4:
            continue
        top = int(np.argmax([heights[step] for step in pairwise(path)]))
        for first in sorted(range(len(path) - 2), key=lambda k: abs(k - top)):
            for apart in (2, 3):
                if first + apart < len(path):
                    expected.setdefault((path[first], path[first + apart]))
    inside = [pair for pair in expected if picture.inside[list(pair)].all()]
    assert list(map(tuple, Checkpoint.of(picture).shortcuts.tolist())) == inside


@given(pictures())
@settings(deadline=None, max_examples=60)
def test_the_trapped_by_their_barriers(picture):
    order, energies = picture.order, picture.energies
    if len(order) < 3:
        return
    barrier = minimax(picture, order[0])

    def ratio(k):
        above = energies[k] - energies[order[0]]
        return (barrier[k] - energies[k]) / above if np.isfinite(barrier[k]) else -1.0

    expected = []
    for k in sorted(order[1:], key=lambda k: -ratio(k)):
        lower = [n for n in picture.neighbors[k] if picture.inside[n] and energies[n] < energies[k]]
        expected += [(k, n) for n in lower[:1]]
    assert list(map(tuple, Checkpoint.of(picture).trapped.tolist())) == expected


@given(pictures())
@settings(deadline=None, max_examples=60)
def test_gaps_by_walking_from_every_unconnected_minimum(picture):
    order = picture.order
    if len(order) < 3:
        return
    before, label = cheapest_ways(picture, int(order[0])), components(picture)
    expected = {}
    for begin in order:
        if label[begin] != label[order[0]]:
            for here, there in pairwise(walk(before, begin)):
                if label[here] != label[there]:
                    expected.setdefault((there, here))
    assert list(map(tuple, Checkpoint.of(picture).gaps.tolist())) == list(expected)
    closed = {tuple(sorted(pair)) for pair in picture.tried.tolist()}
    assert closed.isdisjoint(tuple(sorted(pair)) for pair in expected)


def cheapest_ways(picture, root):
    """The next minimum on the cheapest way to the root, by Dijkstra's algorithm; -1 for none."""
    m, label = len(picture.energies), components(picture)
    closed = {tuple(sorted(pair)) for pair in picture.tried.tolist()}
    cost = {}
    for a in range(m):
        for b, apart in zip(picture.neighbors[a].tolist(), picture.distances[a], strict=True):
            inside = picture.inside[a] and picture.inside[b]
            if inside and label[a] != label[b] and (min(a, b), max(a, b)) not in closed:
                cost[a, b] = cost[b, a] = min(apart**2, cost.get((a, b), np.inf))
    cost |= dict.fromkeys(joined(picture), 1e-12)
    spent, before, queue = {root: 0.0}, np.full(m, -1), [(0.0, root)]
    while queue:
        total, here = heapq.heappop(queue)
        for (a, b), more in cost.items():
            if a == here and total + more < spent.get(b, np.inf):
                spent[b], before[b] = total + more, here
                heapq.heappush(queue, (spent[b], b))
    return before


def components(picture):
    label = np.arange(len(picture.energies))
    for _ in label:
        for _, a, b in zip(*picture.edges, strict=True):
            label[[a, b]] = min(label[a], label[b])
    return label


def test_a_checkpoint_is_due_when_the_log_has_grown_by_a_twentieth():
    assert DUE[:5] == (0, 1, 2, 3, 4)
    steps = np.diff(DUE[: np.searchsorted(DUE, 10**9)])
    attempts = np.array(DUE[: len(steps)])
    assert (steps == np.maximum(1, attempts // GROWTH)).all()
    for attempt in (0, 1, 39, 40, 41, 999, 123_456, 2**62):
        assert last_due(attempt) == max(due for due in DUE if due <= attempt)


@pytest.mark.parametrize("length", [1, 2, 50_000])
def test_long_paths_take_no_longer(length):
    """A chain of minima: the number of doublings counts, not that of steps."""
    before = np.arange(-1, length - 1)
    assert (depths(before) == np.arange(length)).all()


def test_without_a_minimum_inside_nothing_is_listed():
    none = np.zeros((2, 1), int)
    edges = Edges(*(np.array([k]) for k in (0, 0, 1)))
    picture = Picture(np.zeros(2), np.zeros(2, bool), 1 - none, 1.0 + none, edges, np.ones(1), none)
    assert [len(pairs) for pairs in Checkpoint.of(picture, 7)[1:]] == [0, 0, 0]
