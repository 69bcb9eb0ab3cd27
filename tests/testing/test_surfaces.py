"""Known-answer surfaces against angles, polynomials and the reference numbers."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lossatlas.testing.surfaces import (
    LJAT3_PLANAR,
    MUELLER_BROWN,
    SIX_HUMP_CAMEL,
    ljat3_cartesian,
    ljat3_cartesian_distances,
    ljat3_planar,
    ljat3_planar_distances,
)

SURFACES = [MUELLER_BROWN, SIX_HUMP_CAMEL, LJAT3_PLANAR]
coordinates = st.floats(-3.0, 3.0)


def energy_by_angles(atoms, strength=2.0):
    """Eq. (4) as printed: pair distances and the cosines of the three angles."""
    pairs = list(itertools.combinations(range(3), 2))
    r = {pair: math.dist(atoms[pair[0]], atoms[pair[1]]) for pair in pairs}
    cosines = 1.0
    for apex in range(3):
        one, other = (atoms[i] - atoms[apex] for i in range(3) if i != apex)
        cosines *= one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    triple = strength * (1 + 3 * cosines) / math.prod(r.values()) ** 3
    return sum(4 * (d**-12 - d**-6) for d in r.values()) + triple


@settings(max_examples=50, deadline=None)
@given(st.lists(coordinates, min_size=9, max_size=9), st.floats(0.0, 5.0))
def test_ljat3_equals_the_angle_form(values, strength):
    atoms = np.array(values).reshape(3, 3)
    distances = [math.dist(atoms[i], atoms[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assume(min(distances) > 0.3)
    x = jnp.array(values)
    assert float(ljat3_cartesian(x, strength)) == pytest.approx(
        energy_by_angles(atoms, strength), rel=1e-9, abs=1e-9
    )
    np.testing.assert_allclose(ljat3_cartesian_distances(x), distances, rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.5, 3.0), coordinates, coordinates)
def test_planar_and_cartesian_agree(x2, x3, y3):
    w, x = jnp.array([x2, x3, y3]), jnp.array([0, 0, 0, x2, 0, 0, x3, y3, 0])
    assume(float(ljat3_planar_distances(w).min()) > 0.3)
    assert float(ljat3_planar(w)) == pytest.approx(float(ljat3_cartesian(x)), rel=1e-12)
    np.testing.assert_array_equal(ljat3_planar_distances(w), ljat3_cartesian_distances(x))


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_known_points_are_stationary_and_of_their_index(surface):
    gradient, hessian = jax.jit(jax.grad(surface.energy)), jax.jit(jax.hessian(surface.energy))
    for point in surface.points:
        w = jnp.array(point.position)
        values = np.linalg.eigvalsh(hessian(w))
        assert float(surface.energy(w)) == pytest.approx(point.energy, abs=1e-12)
        assert np.abs(gradient(w)).max() < 1e-14 * np.abs(values).max() * len(w)
        assert (values < 0).sum() == point.hessian_index
        assert np.abs(values).min() > 0.1


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_gradient_and_hessian_are_those_of_the_energy(surface):
    # Beside every known point, the collinear geometries y3 = 0 among them.
    energy, gradient = jax.jit(surface.energy), jax.jit(jax.grad(surface.energy))
    hessian = jax.jit(jax.hessian(surface.energy))
    for point in surface.points:
        w = np.array(point.position) + 0.01
        w[-1] -= 0.01
        step = 1e-5
        for i, unit in enumerate(np.eye(len(w))):
            ahead, behind = w + step * unit, w - step * unit
            slope = (energy(ahead) - energy(behind)) / (2 * step)
            np.testing.assert_allclose(gradient(w)[i], slope, rtol=1e-6, atol=1e-6)
            bend = (gradient(ahead) - gradient(behind)) / (2 * step)
            np.testing.assert_allclose(hessian(w)[i], bend, rtol=1e-5, atol=1e-4)


def test_camel_points_are_all_there_are():
    """Stationary points are the real roots of a polynomial of degree 15."""
    x = np.polynomial.Polynomial([0, 1])
    y = -8 * x + 8.4 * x**3 - 2 * x**5
    roots = (x - 8 * y + 16 * y**3).roots()
    real = np.sort(roots[np.abs(roots.imag) < 1e-8].real)
    hessian = jax.jit(jax.hessian(SIX_HUMP_CAMEL.energy))
    signs = [np.linalg.eigvalsh(hessian(jnp.array([r, y(r)]))) < 0 for r in real]
    indices = [int(negative.sum()) for negative in signs]
    assert len(real) == 15
    assert sum((-1) ** index for index in indices) == 1
    listed = sorted(point.position[0] for point in SIX_HUMP_CAMEL.points)
    expected = [r for r, index in zip(real, indices, strict=True) if index < 2]
    np.testing.assert_allclose(listed, expected, atol=1e-9)


def test_ljat3_points_are_those_of_the_reference():
    """Energies, distances and Cartesian Hessian eigenvalues of an independent search."""
    linear, bent = [1.10876289, 1.10876289, 2.21752579], [1.131, 1.131, 1.5531]
    expected = [
        *[(-2.2190981696, linear, [1.203, 1.203, 65.706, 219.024])] * 3,
        (-2.1850988403, [1.16875232] * 3, [32.895, 32.895, 110.722]),
        *[(-1.985070, bent, [-3.539, 96.23, 107.357])] * 3,
    ]
    hessian = jax.jit(jax.hessian(ljat3_cartesian))
    for point, (energy, distances, curvatures) in zip(LJAT3_PLANAR.points, expected, strict=True):
        x2, x3, y3 = point.position
        x = jnp.array([0.0, 0, 0, x2, 0, 0, x3, y3, 0])
        values = np.linalg.eigvalsh(hessian(x))
        found = sorted(values[np.abs(values) > 1e-8])
        assert point.energy == pytest.approx(energy, abs=5e-7 if energy > -2 else 6e-11)
        places = 5e-5 if energy > -2 else 6e-9
        np.testing.assert_allclose(sorted(ljat3_cartesian_distances(x)), distances, atol=places)
        np.testing.assert_allclose(found, curvatures, atol=6e-3)


def test_the_odd_distance_tells_which_atom_is_in_the_middle_or_at_the_apex():
    opposite = {0: 2, 1: 1, 2: 0}
    points = LJAT3_PLANAR.points
    for group in (points[:3], points[4:]):
        for atom, point in enumerate(group):
            distances = np.array(ljat3_planar_distances(jnp.array(point.position)))
            assert np.argmax(distances) == opposite[atom]
