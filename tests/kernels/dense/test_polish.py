"""Newton polishing and the spectrum it certifies with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import results_of
from reference_networks import compiled, reference_loss, scipy_minimum, small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.dense.polish import Polish
from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import LJAT3_PLANAR, MUELLER_BROWN, SIX_HUMP_CAMEL

UP, DOWN = np.asarray(False), np.asarray(True)


@pytest.mark.parametrize(
    "known", [MUELLER_BROWN, SIX_HUMP_CAMEL, LJAT3_PLANAR], ids=lambda known: known.name
)
def test_points_of_any_index_are_reached_from_beside_them(known):
    n = len(known.points[0].position)
    surface = FunctionLandscape(known.energy, [0.5] * n, [2.0] * n).surface
    random = np.random.default_rng(0)
    jobs = [(np.array(p.position) + 1e-3 * random.normal(size=n), UP) for p in known.points]
    # Rounding alone leaves more than 1e-12 where curvatures are in the thousands.
    kernel = Polish(rms=1e-11, target=1e-12, n_modes=2)
    hessian = jax.jit(jax.hessian(known.energy))
    for point, found in zip(known.points, results_of(surface, kernel, jobs), strict=True):
        assert found.status == Status.CONVERGED
        assert found.energy == pytest.approx(point.energy, abs=1e-11)
        np.testing.assert_allclose(found.w, point.position, atol=1e-11)
        values, vectors = np.linalg.eigh(hessian(jnp.asarray(found.w)))
        np.testing.assert_allclose(found.eigenvalues, values, rtol=1e-9, atol=1e-9)
        assert (found.eigenvalues < 0).sum() == point.hessian_index
        assert found.largest_eigenvalue == np.abs(found.eigenvalues).max()
        overlaps = np.abs(found.modes @ vectors[:, :2])
        np.testing.assert_allclose(overlaps, np.eye(2), atol=1e-6)


def test_a_network_is_polished_to_rounding_error():
    landscape = small_landscape((3,))
    loss, hessian = compiled(landscape)
    exact = scipy_minimum(landscape.random_start(np.random.default_rng(1)), loss, hessian)
    noise = np.random.default_rng(2).normal(size=(6, landscape.n_weights))
    jobs = [(exact + 1e-3 * direction, UP) for direction in noise]
    reference = hessian(exact)
    for found in results_of(landscape.surface, Polish(n_modes=3), jobs):
        assert found.status == Status.CONVERGED
        assert found.rms_gradient <= 1e-15
        assert found.newton_length < 1e-11
        assert found.hessians <= 3
        assert found.hessians < found.gradients < 30
        np.testing.assert_allclose(found.w, exact, atol=1e-11)
        assert found.energy == pytest.approx(reference_loss(landscape, exact), rel=1e-13)
        spectrum = np.sort(np.append(found.eigenvalues, landscape.excluded_curvatures))
        np.testing.assert_allclose(spectrum, np.linalg.eigvalsh(reference), atol=1e-11)
        residual = reference @ found.modes.T - found.modes.T * found.eigenvalues[:3]
        np.testing.assert_allclose(residual, 0.0, atol=1e-10)


def test_downhill_leads_away_from_a_saddle_and_newton_to_it():
    known = MUELLER_BROWN
    surface = FunctionLandscape(known.energy, [-1, -1], [1, 1]).surface
    saddle = np.array(known.points[3].position)
    kernel = Polish(rms=1e-10, target=1e-12, max_step=0.1)
    start = saddle + 0.01
    up, down = results_of(surface, kernel, [(start, UP), (start, DOWN)])
    assert up.status == down.status == Status.CONVERGED
    assert (up.eigenvalues < 0).sum() == 1
    assert (down.eigenvalues < 0).sum() == 0
    np.testing.assert_allclose(up.w, saddle, atol=1e-10)
    assert round(float(down.energy), 8) in {round(p.energy, 8) for p in known.points[:3]}


def test_spectrum_and_gradient_belong_to_the_point_returned():
    surface = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-1, -1], [1, 1]).surface
    kernel = Polish(max_hessians=2)
    jobs = [(np.array([1.0, 0.3]), UP), (np.array([np.inf, 0.0]), UP)]
    found, infinite = results_of(surface, kernel, jobs)
    assert infinite.status == Status.NOT_FINITE
    assert found.status == Status.NOT_STATIONARY
    assert found.hessians == 2
    w = jnp.asarray(found.w)
    gradient = np.asarray(jax.jit(jax.grad(SIX_HUMP_CAMEL.energy))(w))
    hessian = np.asarray(jax.jit(jax.hessian(SIX_HUMP_CAMEL.energy))(w))
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(hessian), rtol=1e-12)
    assert found.rms_gradient == pytest.approx(np.sqrt(np.mean(gradient**2)), rel=1e-12)
    step = np.linalg.norm(np.linalg.solve(hessian, gradient))
    assert found.newton_length == pytest.approx(step, rel=1e-10)


@pytest.mark.parametrize("downhill", [UP, DOWN], ids=["newton", "downhill"])
def test_all_steps_with_one_spectrum_stay_within_the_cap(downhill):
    n = 3
    surface = FunctionLandscape(LJAT3_PLANAR.energy, [0.5] * n, [2.0] * n).surface
    random = np.random.default_rng(0)
    starts = [
        np.array(p.position) + random.uniform(-0.15, 0.15, n)
        for p in LJAT3_PLANAR.points
        for _ in range(100)
    ]
    kernel = Polish(max_step=0.1, max_hessians=2)
    found = results_of(surface, kernel, [(start, downhill) for start in starts])
    moved = np.linalg.norm([p.w - start for p, start in zip(found, starts, strict=True)], axis=1)
    assert 0.05 < np.nanmax(moved) <= 0.1 * (1 + 1e-12)


def test_below_the_tolerance_it_goes_on_to_rounding_error():
    surface = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1]).surface
    random = np.random.default_rng(0)
    jobs = [
        (np.array(p.position) + random.uniform(-0.1, 0.1, 2), UP)
        for p in SIX_HUMP_CAMEL.points
        for _ in range(100)
    ]
    for found in results_of(surface, Polish(), jobs):
        assert found.status == Status.CONVERGED
        assert found.rms_gradient < 1e-14


@pytest.mark.parametrize("wrong", ["a vector", "a value"])
def test_a_spectrum_that_is_wrong_certifies_nothing(monkeypatch, wrong):
    """As batched libraries have given it: of one lane, for some points."""
    landscape = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1])
    eigh = jnp.linalg.eigh

    def broken(matrix):
        values, vectors = eigh(matrix)
        if wrong == "a value":
            return values * (1 + 1e-8), vectors
        turned = jnp.array([[1.0, 1e-6], [-1e-6, 1.0]])
        return values, vectors @ turned

    monkeypatch.setattr(jnp.linalg, "eigh", broken)
    position = next(p.position for p in SIX_HUMP_CAMEL.points if p.hessian_index == 0)
    kernel = Polish(n_modes=2, max_hessians=len(wrong) + 50)  # compiled for this test alone
    (found,) = results_of(landscape.surface, kernel, [(np.array(position), UP)])
    assert found.status == Status.WRONG_SPECTRUM
