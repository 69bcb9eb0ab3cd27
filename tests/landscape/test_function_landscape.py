"""A user's own function: box, symmetry group, identity, refusals."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.data.ljat3_energy import ljat3_planar
from lossatlas.errors import BadInputError
from lossatlas.landscape import FunctionLandscape, Landscape, Surface, UnitSymmetry
from lossatlas.testing.surfaces import LJAT3_PLANAR, SIX_HUMP_CAMEL, six_hump_camel

MIRRORS = np.array([np.diag([sx, sx, sy]) for sx in (1.0, -1.0) for sy in (1.0, -1.0)])
LJAT3 = FunctionLandscape(
    ljat3_planar, [0.9, -2.5, 0.1], [1.6, 2.5, 1.6], "LJAT3", symmetry=MIRRORS, length_scale=0.1
)
CAMEL = FunctionLandscape(
    six_hump_camel, [-2.5, -1.5], [2.5, 1.5], "camel", symmetry=np.stack([np.eye(2), -np.eye(2)])
)
coordinates = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(
    lambda values: np.where(np.abs(values) < 1e-3, 0.0, values)
)


def test_it_is_a_landscape():
    assert isinstance(LJAT3, Landscape)
    assert isinstance(LJAT3.surface, Surface)
    assert LJAT3.n_weights == 3
    assert LJAT3.excluded_modes.shape == (0, 3)


def test_surface_is_the_function_and_its_derivatives():
    w = jnp.array([1.1, 0.4, 0.9])
    both = jax.jit(LJAT3.surface.value_and_gradient)
    energy, gradient = both(w)
    hessian = jax.jit(LJAT3.surface.hessian)(w)
    assert float(LJAT3.surface.energy(w)) == pytest.approx(float(energy), rel=1e-14)
    assert float(energy) == pytest.approx(float(ljat3_planar(w)), rel=1e-14)
    step = 1e-5
    for i, unit in enumerate(step * np.eye(3)):
        ahead, behind = (both(w + sign * unit) for sign in (1, -1))
        assert float(gradient[i]) == pytest.approx(float(ahead[0] - behind[0]) / (2 * step))
        np.testing.assert_allclose(hessian[i], (ahead[1] - behind[1]) / (2 * step), rtol=1e-6)


def test_surface_is_a_pytree_without_recompilation():
    calls = []

    @jax.jit
    def energy(surface, w):
        calls.append(1)
        return surface.energy(w)

    again = FunctionLandscape(six_hump_camel, [-1, -1], [1, 1], "other box")
    for surface in (CAMEL.surface, again.surface):
        energy(surface, jnp.ones(2))
    assert len(calls) == 1


@settings(max_examples=60, deadline=None)
@given(coordinates, st.integers(0, 3))
def test_copies_have_equal_invariants(w, which):
    copy = MIRRORS[which] @ w
    np.testing.assert_allclose(LJAT3.invariants(copy), LJAT3.invariants(w), atol=1e-15)
    np.testing.assert_array_equal(LJAT3.nearest_copy(copy, w), w)


@settings(max_examples=60, deadline=None)
@given(coordinates, coordinates)
def test_nearest_copy_is_the_nearest(w, target):
    found = LJAT3.nearest_copy(w, target)
    distances = np.linalg.norm(MIRRORS @ w - target, axis=1)
    assert np.linalg.norm(found - target) == pytest.approx(distances.min(), abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(coordinates)
def test_orbit_is_the_number_of_different_copies(w):
    different = {tuple(np.round(copy, 9) + 0.0) for copy in MIRRORS @ w}
    assert LJAT3.orbit_size(w) == len(different)
    assert len(LJAT3.neighbor_copies(w)) >= len(different) - 1
    for copy in LJAT3.neighbor_copies(w):
        assert np.linalg.norm(copy - w) > 1e-4


def test_orbits_of_known_points():
    """Linear arrangements lie on the mirror y3 = 0."""
    sizes = [LJAT3.orbit_size(np.array(point.position)) for point in LJAT3_PLANAR.points]
    assert sizes == [2, 2, 2, 4, 4, 4, 4]
    sizes = [CAMEL.orbit_size(np.array(point.position)) for point in SIX_HUMP_CAMEL.points]
    assert sizes == [2] * 6 + [1] + [2] * 6


def test_invariants_of_different_points_differ():
    points = [LJAT3.invariants(np.array(point.position)) for point in LJAT3_PLANAR.points]
    for k, point in enumerate(points):
        for other in points[:k]:
            assert np.linalg.norm(point - other) > 0.1
    w = np.array([1.0, 0.3, 0.7])
    for direction in np.eye(3):
        gap = LJAT3.invariants(w + 1e-5 * direction) - LJAT3.invariants(w)
        assert np.linalg.norm(gap) == pytest.approx(1e-5, rel=1e-6)


def test_invariants_are_steady_on_a_mirror():
    """Rounding errors of a coordinate that is zero do not choose another copy."""
    w = np.array(LJAT3_PLANAR.points[0].position)
    base = LJAT3.invariants(w)
    for noise in (1e-9, -1e-9, 1e-12, -1e-12):
        moved = LJAT3.invariants(w + noise * np.eye(3)[2])
        np.testing.assert_allclose(moved, base, atol=2e-9)


def test_symmetrizer_projects_onto_the_mirror():
    np.testing.assert_allclose(
        LJAT3.symmetrizer(np.array(LJAT3_PLANAR.points[0].position)), np.diag([1.0, 1.0, 0.0])
    )
    np.testing.assert_array_equal(LJAT3.symmetrizer(np.array([1.0, 0.5, 0.5])), np.eye(3))
    np.testing.assert_array_equal(CAMEL.symmetrizer(np.zeros(2)), np.zeros((2, 2)))


def test_random_starts_lie_in_the_box_and_depend_on_the_seed_only():
    starts = np.stack([LJAT3.random_start(np.random.default_rng(seed)) for seed in range(200)])
    assert (starts >= LJAT3.low).all()
    assert (starts <= LJAT3.high).all()
    assert (np.ptp(starts, axis=0) > 0.9 * (LJAT3.high - LJAT3.low)).all()
    np.testing.assert_array_equal(starts[3], LJAT3.random_start(np.random.default_rng(3)))


@pytest.mark.parametrize(
    ("function", "low", "high", "problem"),
    [
        (six_hump_camel, [1, 1], [-1, 2], "corners"),
        (six_hump_camel, [1, 1], [1, 2], "corners"),
        (six_hump_camel, [-1, -1], [1, 1, 1], "corners"),
        (six_hump_camel, -1.0, 1.0, "corners"),
        (six_hump_camel, [np.nan, -1], [1, 1], "corners"),
        (lambda w: w, [-1, -1], [1, 1], "returns"),
        (lambda w: jnp.nan * w[0], [-1, -1], [1, 1], "returns"),
        (lambda w: w.astype(jnp.float32).sum(), [-1, -1], [1, 1], "returns"),
        (lambda w: (w > 0).sum(), [-1, -1], [1, 1], "returns"),
    ],
)
def test_bad_input_is_refused(function, low, high, problem):
    with pytest.raises(BadInputError, match=problem) as caught:
        FunctionLandscape(function, low, high, "mine")
    assert caught.value.where == "mine"


@pytest.mark.parametrize(
    ("low", "options"),
    [
        ([-1, -1], {"length_scale": 0.0}),
        ([-1, -1], {"length_scale": -1.0}),
        ([-1, -1], {"symmetry": np.eye(2)}),
        ([-1, -1], {"symmetry": np.stack([np.eye(2), 2 * np.eye(2)])}),
        ([-1, -1], {"symmetry": np.stack([np.eye(2), np.diag([1.0, -1.0])])}),
        ([-1, -1], {"symmetry": -np.eye(2)[None]}),
        ([-1, -1], {"hessian_cost": 0.0}),
        ([-1, -1], {"hessian_cost": np.nan}),
    ],
    ids=[
        "no length",
        "negative length",
        "no group",
        "stretched",
        "no symmetry",
        "no identity",
        "no cost",
        "cost not a number",
    ],
)
def test_other_bad_input_is_refused(low, options):
    with pytest.raises(BadInputError):
        FunctionLandscape(six_hump_camel, low, [1, 1], "camel", **options)


def test_fingerprint_changes_with_name_and_box():
    base = FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel").fingerprint()
    assert base == FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel").fingerprint()
    others = [
        FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "other"),
        FunctionLandscape(six_hump_camel, [-2, -1.5], [2, 1], "camel"),
        FunctionLandscape(six_hump_camel, [-2, -1], [2.5, 1], "camel"),
    ]
    assert all(other.fingerprint() != base for other in others)


def test_fingerprint_changes_with_the_symmetry():
    plain = FunctionLandscape(six_hump_camel, CAMEL.low, CAMEL.high, "camel")
    assert plain.fingerprint() != CAMEL.fingerprint()


def ring(w):
    return (w**4 - w**2).sum() + 0.3 * (w * jnp.roll(w, 1)).sum()


def ring_of_squares(w):
    return (w**4 - w**2).sum() + 0.3 * (w**2 * jnp.roll(w, 1) ** 2).sum()


def all_pairs(w):
    return (w**4 - w**2).sum() + 0.3 * w.sum() ** 2


def all_pairs_of_squares(w):
    return (w**4 - w**2).sum() + 0.3 * (w**2).sum() ** 2


@pytest.mark.parametrize("turning", [False, True])
@pytest.mark.parametrize("units", [4, 5])
def test_units_on_a_ring_cannot_all_be_exchanged(units, turning):
    symmetry = UnitSymmetry([(np.arange(units)[:, None], turning)])
    box = -2 * np.ones(units), 2 * np.ones(units)
    cyclic, whole = (ring_of_squares, all_pairs_of_squares) if turning else (ring, all_pairs)
    with pytest.raises(BadInputError, match="exchanging units of layer 0 changes E"):
        FunctionLandscape(cyclic, *box, "ring", symmetry=symmetry)
    accepted = FunctionLandscape(whole, *box, "all pairs", symmetry=symmetry)
    assert accepted.symmetry.order == math.factorial(units) * (2**units if turning else 1)
