"""Paths that run into saddles, where symmetry keeps the flow from falling off."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from lane_runs import in_order, results_of

from lossatlas.errors import Status
from lossatlas.kernels.dense.flow import Flow, Flowed
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.descent import _end, _Path, tighter
from lossatlas.search.pathway import follow
from lossatlas.search.tools import N_SOFT, default_tools


def valley(w):
    """A double well in x whose bottoms are ridges in the other directions: mirrors in each."""
    x, rest = w[0], w[1:]
    return (x**2 - 1) ** 2 + 0.1 * x + ((0.5 - x**2) * rest**2 + rest**4).sum()


def landscape_of(function, n):
    signs = np.array(np.meshgrid(*[[1.0, -1.0]] * (n - 1))).reshape(n - 1, -1).T
    symmetry = np.array([np.diag([1.0, *row]) for row in signs])
    return FunctionLandscape(function, [-1.5] * n, [1.5] * n, symmetry=symmetry, length_scale=0.5)


def followed_from(landscape, start, **lengths):
    """The certified saddle nearest to a start, and what follows from it."""
    tools = default_tools(landscape)._replace(**lengths)

    def search():
        certificate = yield from certified(tools, np.asarray(start, float))
        assert certificate.point is not None
        result = yield from follow(tools, certificate.point, certificate.modes[0])
        return certificate.point, result

    return in_order(Engine(landscape.surface), [search()])[0]


def test_a_path_that_runs_into_a_saddle_goes_by_way_of_it():
    landscape = landscape_of(valley, 2)
    saddle, found = followed_from(landscape, [0.0, 0.0])
    assert found.status is Status.CONVERGED
    assert len(found.pathways) == 3
    *below, own = found.pathways
    assert own.transition_state is saddle
    sides = {np.sign(end.minimum.weights[0]) for end in own.ends}
    assert sides == {1.0, -1.0}
    for end in own.ends:
        assert end.minimum.index == 0
        assert end.via is not None
        assert end.via.index == 1
        assert end.via.weights[1] == 0.0
        assert end.minimum.energy < end.via.energy < saddle.energy
        assert end.via.orbit_size == 1
        assert end.minimum.orbit_size == 2
        matching = [p for p in below if p.transition_state is end.via]
        assert len(matching) == 1
        assert all(e.via is None for e in matching[0].ends)
        ys = [abs(e.minimum.weights[1]) for e in matching[0].ends]  # copies of one minimum
        assert ys[0] == pytest.approx(ys[1])
        assert ys[1] > 0.4


def ladder(w):
    """A saddle at 0 with minima near x = -1 and x = 1, lower on the right by `tilt` times x^3."""
    x, y, tilt = w[0], w[1], 0.3
    return (x**2 - 1) ** 2 + tilt * x**3 + y**2


@pytest.mark.parametrize("tilted", [False, True])
def test_one_path_is_followed_where_a_symmetry_carries_it_over_into_the_other(tilted):
    """With the same mirror as a symmetry or not, and where it is none: the ends are the same."""

    def function(w):
        return ladder(w) if tilted else ladder(w) - 0.3 * w[0] ** 3

    mirrors = np.array([np.eye(2), np.diag([1.0, -1.0] if tilted else [-1.0, 1.0])])
    known, plain = (
        FunctionLandscape(function, [-2] * 2, [2] * 2, symmetry=symmetry, length_scale=0.5)
        for symmetry in (mirrors, None)
    )
    (_, one), (_, both) = (followed_from(land, [0.01, 0.01]) for land in (known, plain))
    energies = [
        sorted(end.minimum.energy for end in found.pathways[-1].ends) for found in (one, both)
    ]
    np.testing.assert_allclose(*energies, atol=1e-12)
    assert {end.side for end in one.pathways[-1].ends} == {0, 1}
    if tilted:
        # Not exactly: within the symmetric subspace the curvature across the path is another one.
        assert one.cost.hessians == pytest.approx(both.cost.hessians, rel=0.2)
    else:
        assert 2 * one.cost.hessians == both.cost.hessians


def test_a_path_that_runs_into_a_point_of_index_two_falls_to_a_minimum():
    landscape = landscape_of(valley, 3)
    saddle, found = followed_from(landscape, [0.0, 0.0, 0.0])
    assert found.status is Status.CONVERGED
    own = found.pathways[-1]
    assert own.transition_state is saddle
    for end in own.ends:
        assert end.via is not None
        assert end.via.index == 2
        assert end.minimum.index == 0
        assert end.minimum.orbit_size == 4
        assert np.sign(end.minimum.weights[0]) == np.sign(end.via.weights[0])


def shoulder(w):
    """A saddle at w0 = 0, minima at +-2; at +-1 the slope is nearly zero, dE/dw0 = -3e-4."""
    x = w[0]
    return x**8 / 8 - x**6 + 9.0001 / 4 * x**4 - 2.0002 * x**2 + w[1] ** 2


def test_a_path_does_not_end_on_a_shoulder():
    """Before the shoulder the Hessian is positive definite and the Newton step short."""
    landscape = landscape_of(shoulder, 2)
    _, found = followed_from(landscape, [0.0, 0.0], newton_ball=0.1)
    assert found.status is Status.CONVERGED
    ends = sorted(end.minimum.weights[0] for end in found.pathways[-1].ends)
    np.testing.assert_allclose(ends, [-2.0, 2.0], atol=1e-8)
    # This is not for nothing: the first ball was too large.
    start, tools = np.array([0.02, 0.0]), default_tools(landscape)
    job = (start, np.asarray(1e-2), np.asarray(0.1), np.eye(2), np.zeros(()))
    (flow,) = results_of(landscape.surface, tools.flow, [job])
    assert flow.status == Status.CONVERGED
    assert 0.5 < flow.w[0] < 1.0


def fork(w):
    """Between a saddle at (0, 0) and its minima lie saddles that a slight slope keeps off."""
    x, y = w
    ridge = (0.95 - x**2) * y**2 + 2 * y**4 - 0.03 * y**3
    return x**4 / 4 - x**2 / 2 + ridge + 3e-4 * y


def test_a_path_does_not_end_at_a_saddle_beside_it():
    """Where its Hessian is still positive definite, Newton's method leads to the saddle."""
    landscape = FunctionLandscape(fork, [-2, -2], [2, 2])
    _, found = followed_from(landscape, [0.0, 0.0])
    assert found.status is Status.CONVERGED
    assert len(found.pathways) == 1
    for end in found.pathways[0].ends:
        assert end.via is None
        x, y = end.minimum.weights
        # Where SciPy's LSODA leads; the other minimum beyond the saddle has y = 0.168.
        np.testing.assert_allclose([abs(x), y], [1.0218, -0.1489], atol=2e-3)


def test_a_path_that_does_not_end_is_a_lost_link():
    landscape = landscape_of(valley, 2)
    tools = default_tools(landscape)
    tools = tools._replace(flow=replace(tools.flow, max_hessians=3))

    def search():
        certificate = yield from certified(tools, np.zeros(2))
        return (yield from follow(tools, certificate.point, certificate.modes[0]))

    found = in_order(Engine(landscape.surface), [search()])[0]
    assert found.status is Status.LOST_LINK
    assert found.pathways == ()
    assert found.cost.hessians >= 6


@pytest.mark.parametrize(
    ("function", "start", "status"),
    [
        (lambda w: (w[0] ** 2 - 1) ** 2 + 1e-9 * w[1] ** 2, [1.01, 0.1], Status.UNDECIDED),
        (lambda w: w[0] + w[1] ** 2, [0.0, 0.0], Status.NOT_STATIONARY),
        (lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, [1.01, 0.1], Status.CONVERGED),
    ],
)
def test_certificates_of_doubtful_points(function, start, status):
    landscape = FunctionLandscape(function, [-2, -1], [2, 1])
    tools = default_tools(landscape)
    certificate = in_order(Engine(landscape.surface), [certified(tools, np.array(start))])[0]
    assert certificate.status is status
    assert (certificate.point is not None) == (status is Status.CONVERGED)


@pytest.mark.parametrize(
    ("spreads", "status", "tolerances"),
    [
        ([0.01], Status.CONVERGED, []),
        ([0.21, 0.01], Status.CONVERGED, [3e-3 * 10**-0.25]),
        ([0.9, 0.01], Status.CONVERGED, [3e-3 * 10**-1.25]),
        ([0.9, 0.21, 0.9, 0.9], Status.CONVERGED, [3e-3 * 10**-e for e in (1.25, 1.5, 2.0)]),
        ([1e6, 0.9], Status.CONVERGED, [3e-5]),
        ([np.inf, 0.01], Status.CONVERGED, [3e-5]),
        ([0.9], Status.TOO_MANY_STEPS, []),
    ],
)
def test_a_path_that_may_have_strayed_is_followed_again_more_tightly(spreads, status, tolerances):
    landscape = FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1])
    tools, start = default_tools(landscape), np.array([0.5, 0.0])
    path = _Path(tools, start, np.eye(2))
    flows = [Flowed(np.zeros(2), 0.0, spread, 0.0, 1, 1, status) for spread in spreads]
    descent, asked = answered(landscape, _end(path, flows.pop(0)), flows)
    arrival, tolerance, spread, cost = descent
    assert tolerance == pytest.approx([tools.flow_tolerance[0], *tolerances][-1])
    assert spread == spreads[-1]
    assert arrival.status is status
    polish = 1 if status is Status.CONVERGED else 0  # of one Hessian
    assert cost.hessians == len(spreads) + polish
    assert [float(job[1]) for job in asked] == pytest.approx(tolerances)
    assert flows == []


@given(st.floats(1e-4, 1e-2), st.floats(1.0, 1e12, exclude_min=True))
def test_the_next_tolerance_is_tighter_by_what_brings_the_spread_within_the_limit(first, excess):
    tightest = 0.01 * first
    found = tighter(first, excess, tightest)
    assert tightest <= found <= first / 10**0.25 * (1 + 1e-12)
    if found > tightest * (1 + 1e-9):
        # The spread goes as the 0.63rd power of the tolerance; half a notch is 17 % of it.
        assert excess * (found / first) ** 0.625 < 0.7 * 1.21
    assert tighter(first, excess * (1 + 1e-3), tightest) <= found * (1 + 1e-12)


def answered(landscape, search, flows):
    """A path with prepared answers for its flows, polishes in earnest: what `_end` returns, and the
    jobs of the flows asked for."""
    asked = []
    try:
        request = next(search)
        while True:
            if isinstance(request.kernel, Flow):
                asked.append(request.job)
                answer = flows.pop(0)
            else:
                (answer,) = results_of(landscape.surface, request.kernel, [request.job])
            request = search.send(answer)
    except StopIteration as ended:
        return ended.value, asked


def test_a_path_is_continued_with_its_deviation_and_its_spread_counts_as_a_whole():
    """Stopped too early, then arrived; but on the first leg it may have strayed by 0.09, or 0.9."""
    landscape = FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1])
    tools, start, early = default_tools(landscape), np.array([0.9, 0.0]), np.array([0.5, 0.0])
    there = Flowed(np.zeros(2), 0.0, 0.02, 0.0, 1, 1, Status.CONVERGED)
    for spread, again in ((0.09, 0), (0.9, 1)):
        first = Flowed(early, 0.07, spread, 0.01, 1, 1, Status.CONVERGED)
        search = _end(_Path(tools, start, np.eye(2)), first)
        descent, asked = answered(landscape, search, [there])
        assert descent.arrival.point is not None
        expected = tools.flow_tolerance[0] if again == 0 else tighter(3e-3, 4.5, 3e-5)
        assert descent.tolerance == pytest.approx(expected)
        w, tolerance, ball, _, deviation = asked[0]
        if again:  # not even certified, but followed again from the start
            assert (tolerance, deviation) == (descent.tolerance, 0.0)
            np.testing.assert_array_equal(w, start)
        else:
            assert (tolerance, deviation) == (tools.flow_tolerance[0], 0.07)
            assert ball == pytest.approx(0.1 * tools.newton_ball)
            np.testing.assert_array_equal(w, early)


def test_what_may_have_strayed_on_the_second_leg_is_followed_again_from_the_start():
    landscape = FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1])
    tools, start = default_tools(landscape), np.array([0.9, 0.0])
    first = Flowed(np.array([0.5, 0.0]), 0.0, 0.0, 0.01, 1, 1, Status.CONVERGED)
    second = Flowed(np.zeros(2), 0.0, 0.9, 0.0, 1, 1, Status.CONVERGED)
    there = second._replace(spread=0.0)
    search = _end(_Path(tools, start, np.eye(2)), first)
    _, asked = answered(landscape, search, [second, there])
    first_tolerance, tightest = tools.flow_tolerance
    again = tighter(first_tolerance, 0.9 / tools.largest_spread, tightest)
    assert [job[1] for job in asked] == [first_tolerance, again]
    np.testing.assert_array_equal(asked[1][0], start)


def test_a_saddle_beside_the_path_is_not_hidden_by_saddles_of_other_symmetry():
    """Eight negative modes outside the subspace, all that a certificate has, and one inside."""

    def function(w):
        return fork(w[:2]) + (w[2:] ** 4 - 3 * w[2:] ** 2).sum()

    k = N_SOFT
    onto = np.diag([1.0, 1.0] + k * [0.0])
    landscape = FunctionLandscape(function, [-2] * (k + 2), [2] * (k + 2))
    tools = default_tools(landscape)
    start = np.array([0.8, -3e-3] + k * [0.0])
    path = _Path(tools, start, onto)
    (flow,) = results_of(landscape.surface, tools.flow, [path.request(1e-5).job])

    def search():
        return (yield from _end(path, flow))

    arrival = in_order(Engine(landscape.surface), [search()])[0].arrival
    assert arrival.point is not None
    x, y = arrival.point.weights[:2]
    np.testing.assert_allclose([abs(x), y], [1.0218, -0.1489], atol=2e-3)
