"""Periodic coordinates: translations are copies, whatever the group does besides."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.errors import BadInputError
from lossatlas.landscape import FunctionLandscape, Landscape
from lossatlas.landscape.periodicity import keeps_periods, translations

TURN = 2.0 * np.pi
QUARTERS = np.array([np.linalg.matrix_power([[0, -1], [1, 0]], k) for k in range(4)], float)
MIRROR = np.array([np.diag([s, t, 1.0]) for s in (1.0, -1.0) for t in (1.0, -1.0)])


def chain(w):
    """One set of minima in each period, none of them on a mirror."""
    return jnp.cos(w[0]) + jnp.cos(w[1]) + 0.3 * jnp.cos(2 * w[0] + 1)


def lattice(w):
    """Periods 1 and 1, and the rotations of the square."""
    return -jnp.sum(jnp.cos(TURN * w)) + 0.1 * jnp.cos(TURN * (w[0] + w[1])) * jnp.cos(
        TURN * (w[0] - w[1])
    )


def mixed(w):
    """Two angles of different periods and a length; even in both angles."""
    return jnp.cos(w[0]) + jnp.cos(3.0 * w[1]) * (1.0 + w[2] ** 2) + (w[2] ** 2 - 1.0) ** 2


CHAIN = FunctionLandscape(chain, [-4, -4], [4, 4], "chain", period=[TURN, TURN])
LATTICE = FunctionLandscape(
    lattice, [0, 0], [1, 1], "lattice", period=[1, 1], symmetry=QUARTERS, length_scale=0.3
)
MIXED = FunctionLandscape(
    mixed, [-3, -1, -2], [3, 1, 2], "mixed", period=[TURN, TURN / 3, None], symmetry=MIRROR
)
ALL = [CHAIN, LATTICE, MIXED]

points = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array)
shifts = st.lists(st.integers(-50, 50), min_size=3, max_size=3).map(np.array)


def shifted(landscape, w, turns):
    """w moved by whole periods along the periodic coordinates."""
    period = np.where(np.isfinite(landscape.period), landscape.period, 0.0)
    return w + turns[: len(w)] * period


def brute_force(landscape, w, reach=2):
    """All copies of w within some periods."""
    steps = [
        range(-reach, reach + 1) if np.isfinite(period) else (0,) for period in landscape.period
    ]
    moves = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, len(w))
    return np.concatenate(
        [[shifted(landscape, c, m) for m in moves] for c in landscape.symmetry.copies(w)]
    )


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
def test_it_is_a_landscape(landscape):
    assert isinstance(landscape, Landscape)


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
@settings(max_examples=60, deadline=None)
@given(w=points, turns=shifts, which=st.integers(0, 3))
def test_copies_have_equal_invariants(landscape, w, turns, which):
    w = w[: landscape.n_weights]
    copy = shifted(landscape, landscape.symmetry.copies(w)[which % landscape.symmetry.order], turns)
    np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-12)
    np.testing.assert_allclose(
        landscape.descriptors(copy[None]), landscape.descriptors(w[None]), atol=1e-12
    )
    assert landscape.orbit_size(copy) == landscape.orbit_size(w)
    assert landscape.inside(copy[None]) == landscape.inside(w[None])


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
@pytest.mark.parametrize("noise", [1e-9, 1e-12, 1e-15])
def test_invariants_are_steady_at_the_ends_of_a_period(landscape, noise):
    """At -pi + noise and pi - noise, and where a group element brings a point back by a period."""
    n = landscape.n_weights
    half = np.where(np.isfinite(landscape.period), landscape.period / 2, 0.7)
    base = landscape.invariants(half)
    for signs in np.stack(np.meshgrid(*[(1.0, -1.0)] * n), axis=-1).reshape(-1, n):
        near = np.where(np.isfinite(landscape.period), signs, 1.0) * (half - noise)
        np.testing.assert_allclose(landscape.invariants(near), base, atol=4 * noise)


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
@settings(max_examples=40, deadline=None)
@given(w=points)
def test_invariants_have_a_slope_of_one_or_more(landscape, w):
    """No two different points nearby are taken for one."""
    w = w[: landscape.n_weights]
    images = brute_force(landscape, w)
    gaps = np.sort(np.linalg.norm(images - w, axis=1))
    alone = gaps[gaps > 1e-9].min(initial=np.inf) > 1e-3 and (gaps <= 1e-9).sum() == 1
    for direction in np.eye(len(w)) if alone else ():
        gap = landscape.invariants(w + 1e-6 * direction) - landscape.invariants(w)
        assert np.linalg.norm(gap) > (1 - 1e-4) * 1e-6


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
@settings(max_examples=40, deadline=None)
@given(w=points, target=points)
def test_nearest_copy_is_the_nearest(landscape, w, target):
    w, target = w[: landscape.n_weights], target[: landscape.n_weights]
    found = landscape.nearest_copy(w, target)
    reach = 8 if landscape is LATTICE else 2
    distances = np.linalg.norm(brute_force(landscape, w, reach) - target, axis=1)
    assert np.linalg.norm(found - target) == pytest.approx(distances.min(), abs=1e-12)
    np.testing.assert_allclose(landscape.invariants(found), landscape.invariants(w), atol=1e-12)


@pytest.mark.parametrize("landscape", ALL, ids=lambda x: x.name)
@settings(max_examples=40, deadline=None)
@given(w=st.lists(st.integers(-4, 4), min_size=3, max_size=3).map(np.array))
def test_orbits_are_counted_modulo_translations(landscape, w):
    """Points on mirrors and rotation axes among them."""
    period = np.where(np.isfinite(landscape.period), landscape.period, 1.0)
    w = w[: landscape.n_weights] * period / 4
    phases = np.exp(2j * np.pi * landscape.symmetry.copies(w) / period)
    described = np.where(np.isfinite(landscape.period), phases, landscape.symmetry.copies(w))
    assert landscape.orbit_size(w) == len({tuple(np.round(c, 9) + 0.0) for c in described})


def test_neighbors_are_images_and_translations_nearest_first():
    w = np.array([0.1, 0.02, 0.5])
    copies = MIXED.neighbor_copies(w)
    distances = [np.linalg.norm(copy - w) for copy in copies]
    assert distances == sorted(distances)
    assert distances[0] == pytest.approx(0.04)  # the mirror image of the second coordinate
    assert min(np.linalg.norm(copy - w - [TURN, 0, 0]) for copy in copies) < 1e-12
    assert min(np.linalg.norm(copy - w - [0, TURN / 3, 0]) for copy in copies) < 1e-12
    for copy in copies:
        np.testing.assert_allclose(MIXED.invariants(copy), MIXED.invariants(w), atol=1e-12)


def test_translations_leave_out_their_opposites():
    moves = translations(np.array([1.0, np.inf, 2.0]))
    expected = {(1, 0, 0), (0, 0, 2), (1, 0, 2), (1, 0, -2)}
    assert {tuple(map(int, move)) for move in moves} == expected
    assert translations(np.full(3, np.inf)).shape == (0, 3)
    assert translations(np.ones(60)).shape == (60, 60)


def test_a_representative_lies_in_the_box():
    far = np.array([0.5 + 10 * TURN, 0.3 - 2 * TURN, 1.5])
    np.testing.assert_allclose(MIXED.representative(far), [0.5, 0.3, 1.5], atol=1e-12)
    inside = np.array([-0.5, 0.3, 1.5])
    np.testing.assert_array_equal(MIXED.representative(inside), inside)
    assert MIXED.inside(np.array([far, inside, [0, 0, 2.5]])).tolist() == [True, True, False]


def test_an_image_in_the_box_stands_for_a_point_beside_it():
    """Half of the plane is in the box, and the mirror images of the other half."""
    half = FunctionLandscape(
        lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2,
        [0, -2],
        [2, 2],
        "half",
        symmetry=np.stack([np.eye(2), np.diag([-1.0, 1.0])]),
    )
    np.testing.assert_array_equal(half.representative(np.array([-1.0, 0.5])), [1.0, 0.5])
    assert half.inside(np.array([[-1.0, 0.5], [-1.0, 3.0]])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("group", "period", "kept"),
    [
        (QUARTERS, [1, 1], True),
        (QUARTERS, [1, 2], False),
        (QUARTERS, [1, np.inf], False),
        (-np.eye(2)[None], [1, np.inf], True),
        (np.array([[[0.6, -0.8], [0.8, 0.6]]]), [1, 1], False),
    ],
)
def test_groups_must_take_periods_to_periods(group, period, kept):
    assert keeps_periods(group, np.array(period, float)) == kept


@pytest.mark.parametrize(
    ("function", "period", "symmetry", "problem"),
    [
        (chain, [6.28, TURN], None, "changes when coordinate 0 changes by 6.28"),
        (chain, [TURN, 6.2831853], None, "coordinate 1"),
        (chain, [np.pi, TURN], None, "coordinate 0"),
        (chain, [TURN, TURN, TURN], None, "3 periods for 2"),
        (chain, [TURN, 0], None, "positive"),
        (lambda w: w @ w, [TURN, None], None, "coordinate 0"),
        (lambda w: jnp.cos(TURN * w[0]) + jnp.cos(TURN * w[1]), [1, 2], QUARTERS, "whole periods"),
    ],
)
def test_periods_that_the_function_does_not_have_are_refused(function, period, symmetry, problem):
    with pytest.raises(BadInputError, match=problem) as caught:
        FunctionLandscape(function, [-1, -1], [1, 1], "mine", period=period, symmetry=symmetry)
    assert caught.value.where in ("mine: period", "mine: symmetry")


def test_a_multiple_of_the_period_is_one_too():
    double = FunctionLandscape(chain, [-4, -4], [4, 4], "double", period=[2 * TURN, TURN])
    assert double.fingerprint() != CHAIN.fingerprint()
    assert double.orbit_size(np.zeros(2)) == 1
