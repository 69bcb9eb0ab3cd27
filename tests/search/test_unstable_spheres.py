"""Paths that run into saddles of index two or more: every minimum below them is an end."""

import numpy as np
import pytest
from lane_runs import in_order

from lossatlas.errors import Status
from lossatlas.kernels.dense.flow import Flow
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.search import descent, pathway
from lossatlas.search.certify import certified
from lossatlas.search.tools import N_SOFT, default_tools


def valleys(w):
    """A double well in x; at its bottoms (y, z) = 0 is a maximum of (y, z), ringed by minima.

    In the plane of each bottom E = -y^2 - 1.2 z^2 + y^4 + z^4 + 4 y^2 z^2 plus nearly a constant:
    both y and z axes carry a pair of minima, z the lower one.
    """
    x, y, z = w
    depth = 2 * x**2 - 1
    ring = y**4 + z**4 + 4 * y**2 * z**2
    return 4 * (x**2 - 1) ** 2 + 0.1 * x - depth * (y**2 + 1.2 * z**2) + ring


MIRRORS = [np.diag([1.0, a, b]) for a in (1.0, -1.0) for b in (1.0, -1.0)]


def landscape_of(symmetry, function=valleys):
    n = len(symmetry[0])
    return FunctionLandscape(function, [-2] * n, [2] * n, symmetry=np.array(symmetry))


def followed(landscape, tools=None):
    """What follows from the saddle at the origin, and the jobs of all flows."""
    tools, flows = tools or default_tools(landscape), []

    def search():
        certificate = yield from certified(tools, np.zeros(landscape.n_weights))
        assert certificate.point is not None
        paths = pathway.follow(tools, certificate.point, certificate.modes[0])
        result = None
        while True:
            try:
                asked = paths.send(result)
            except StopIteration as ended:
                return ended.value
            for request in [asked] if isinstance(asked, Request) else asked:
                flows.extend([request.job] if isinstance(request.kernel, Flow) else [])
            result = yield asked

    return in_order(Engine(landscape.surface), [search()])[0], flows


def ends_of(found):
    """By side: which of the axes y and z the minima lie on."""
    sides = {0: [], 1: []}
    for end in found.pathways[-1].ends:
        _, y, z = np.abs(end.minimum.weights)
        assert min(y, z) < 1e-6 < 0.1 < max(y, z)
        sides[end.side].append("y" if y > z else "z")
    return {side: sorted(axes) for side, axes in sides.items()}


@pytest.fixture(scope="module")
def mirrored():
    return landscape_of(MIRRORS)


def test_every_minimum_below_a_saddle_of_index_two_is_an_end(mirrored):
    found, flows = followed(mirrored)
    assert found.status is Status.CONVERGED
    assert ends_of(found) == {0: ["y", "z"], 1: ["y", "z"]}
    for end in found.pathways[-1].ends:
        assert end.via is not None
        assert end.via.index == 2
        np.testing.assert_allclose(end.via.weights[1:], 0.0, atol=1e-12)
        assert np.sign(end.via.weights[0]) == np.sign(end.minimum.weights[0])
        assert end.minimum.energy < end.via.energy
        # At least two that brought something, and eight in a row that did not.
        assert end.directions is not None
        assert end.directions >= 2 + pathway.NOTHING_NEW
    tried = {end.side: end.directions for end in found.pathways[-1].ends}
    assert len(flows) == 2 + sum(tried.values())
    starts = np.array([job[0] for job in flows[2:]])
    assert len(np.unique(starts.round(9), axis=0)) == len(starts)
    # Nothing special about them: no symmetry is left that would keep the flow anywhere.
    assert (np.abs(starts[:, 1:]) > 1e-6).all()


def test_the_ends_depend_on_no_convention(mirrored, monkeypatch):
    """Whichever the directions are, and whichever way the modes point."""
    generic, usual = np.random.default_rng, followed(mirrored)[0]
    for seed in (1, 2):
        monkeypatch.setattr(pathway.np.random, "default_rng", lambda _, s=seed: generic(s))
        assert ends_of(followed(mirrored)[0]) == ends_of(usual)


def test_the_same_directions_are_followed_again(mirrored):
    one, other = (followed(mirrored) for _ in range(2))
    for first, second in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(first[0], second[0])
    assert one[0].cost == other[0].cost


def test_copies_of_a_saddle_are_left_once():
    """With x and -x as copies of each other, both sides run into copies of one saddle."""

    def function(w):
        return valleys(w) - 0.1 * w[0]

    turned = [np.diag([s, *np.diag(m)[1:]]) for m in MIRRORS for s in (1.0, -1.0)]
    found, flows = followed(landscape_of(turned, function))
    assert found.status is Status.CONVERGED
    assert ends_of(found) == {0: ["y", "z"], 1: ["y", "z"]}
    (tried,) = {end.directions for end in found.pathways[-1].ends}
    assert len(flows) == 1 + tried  # the path on the other side is the mirror image of one
    vias = {end.side: end.via.weights[0] for end in found.pathways[-1].ends}
    assert abs(vias[0]) == pytest.approx(abs(vias[1]))


@pytest.mark.parametrize("lost", [0, 9])
def test_a_direction_that_is_lost_is_a_lost_link(mirrored, monkeypatch, lost):
    """What an incomplete set of directions has reached is not said to be all there is."""
    count = iter(range(100))

    def descend(tools, starts):
        descents = yield from descent.descend(tools, starts)
        if np.abs(starts[0][0]) < 0.1:  # the two paths from the transition state
            return descents
        nowhere = descents[0].arrival._replace(point=None, status=Status.NOT_STATIONARY)
        return [d._replace(arrival=nowhere) if next(count) == lost else d for d in descents]

    monkeypatch.setattr(pathway, "descend", descend)
    found, flows = followed(mirrored)
    assert found.status is Status.LOST_LINK
    assert found.pathways == ()
    assert len(flows) > 2 + lost
    assert found.cost.hessians > len(flows)


def test_all_unstable_modes_are_used_however_many_there_are():
    """Eleven, of which a certificate carries eight; the minimum lies along the others."""
    k = N_SOFT + 3

    def function(w):
        x, rest = w[0], w[1:]
        square = (rest**2).sum()
        # Along the last three the curvature is less negative, and the valley deeper.
        soft = (rest[N_SOFT:] ** 2).sum()
        depth = 2 * x**2 - 1
        return 4 * (x**2 - 1) ** 2 - depth * (square - 0.3 * soft) + square**2 - 0.9 * soft**2

    # Each group of directions is kept at zero by a symmetry of its own.
    signs = [np.r_[1.0, a * np.ones(N_SOFT), b * np.ones(3)] for a in (1, -1) for b in (1, -1)]
    landscape = landscape_of([np.diag(s) for s in signs], function)
    tools = default_tools(landscape)

    def search():
        arrival = yield from certified(tools, np.r_[1.0, np.zeros(k)])
        assert arrival.point is not None
        modes = yield from pathway._unstable_modes(arrival, arrival.point)
        return arrival, modes

    arrival, modes = in_order(Engine(landscape.surface), [search()])[0]
    assert arrival.point.index == k
    assert len(arrival.modes) == N_SOFT
    assert modes.shape == (k, k + 1)
    np.testing.assert_allclose(modes @ modes.T, np.eye(k), atol=1e-12)
    np.testing.assert_allclose(modes[:, 0], 0.0, atol=1e-9)
    direction = next(pathway._generic(modes))
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert (np.abs(direction[1:]) > 1e-3).all()


@pytest.mark.parametrize("limit", ["MAX_DEPTH", "MAX_PATHS"])
def test_a_chain_of_saddles_is_given_up_and_says_so(mirrored, monkeypatch, limit):
    monkeypatch.setattr(pathway, limit, 0)
    found, _ = followed(mirrored)
    assert (found.status, found.pathways) == (Status.LONG_CHAIN, ())
    assert found.cost.hessians > 0
