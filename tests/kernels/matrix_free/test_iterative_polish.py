"""Polish and certificate by products against those with the exact Hessian."""

import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import results_of
from reference_networks import compiled, small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

POLISH = IterativePolish()
CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")


@pytest.mark.parametrize("point", SIX_HUMP_CAMEL.points)
def test_known_points_of_any_index(point):
    found = POLISH.call(CAMEL.surface, np.array(point.position) + 1e-3, np.asarray(False))
    assert found.status == Status.CONVERGED
    assert found.rms_gradient <= 1e-12
    assert (found.eigenvalues < 0).sum() == point.hessian_index
    np.testing.assert_allclose(found.w, point.position, atol=1e-6)


def test_a_minimum_of_a_network_has_the_spectrum_of_eigh_but_for_the_excluded_modes():
    landscape = small_landscape((6,), l2=1e-2)
    loss, hessian = compiled(landscape)
    start = 0.5 * landscape.random_start(np.random.default_rng(0))
    quench = results_of(landscape.surface, Quench(), [(start, 1e-5)])[0]
    found = results_of(landscape.surface, POLISH, [(quench.w, np.asarray(True))])[0]
    assert found.status == Status.CONVERGED
    np.testing.assert_allclose(loss(found.w)[1], 0.0, atol=1e-12)
    modes, full = landscape.excluded_modes, hessian(found.w)
    values = np.linalg.eigvalsh(full + 100.0 * modes.T @ modes)
    found_lowest = len(found.eigenvalues)
    assert 0 < found_lowest < landscape.n_weights
    np.testing.assert_allclose(found.eigenvalues[0], values[0], rtol=1e-4)
    for value, mode in zip(found.eigenvalues, found.modes, strict=True):
        assert np.linalg.norm(full @ mode - value * mode) <= 2e-3 * abs(value)
    np.testing.assert_allclose(modes @ found.modes.T, 0.0, atol=1e-8)
    assert np.linalg.norm(loss(found.w)[1]) / values[0] <= 1.01 * found.newton_length
    assert found.largest_eigenvalue == pytest.approx(np.linalg.eigvalsh(full)[-1], rel=1e-2)


def quadratic(values):
    scale = jnp.asarray(values)
    n = len(values)
    return FunctionLandscape(lambda w: 0.5 * jnp.sum(scale * w**2), [-1.0] * n, [1.0] * n)


def test_every_copy_of_a_negative_multiplet_counts():
    """A Krylov space holds one vector of a multiplet; the confirming runs find the others."""
    values = np.concatenate([[-1.0] * 3, np.linspace(0.5, 2.0, 197)])
    found = POLISH.call(quadratic(values).surface, np.zeros(200), np.asarray(False))
    assert found.status == Status.CONVERGED
    assert (found.eigenvalues < 0).sum() == 3
    np.testing.assert_allclose(np.sort(found.eigenvalues)[:3], -1.0, rtol=1e-5)
    np.testing.assert_allclose(
        np.abs(found.modes[:3, :3] @ found.modes[:3, :3].T), np.eye(3), atol=1e-4
    )


def test_more_modes_are_computed_until_one_is_positive():
    values = np.concatenate([-np.linspace(1.0, 3.0, 11), np.linspace(0.5, 2.0, 60)])
    found = POLISH.call(quadratic(values).surface, np.zeros(71), np.asarray(False))
    assert (found.eigenvalues < 0).sum() == 11
    assert (found.eigenvalues > 0).any()


def test_newton_s_method_gives_up_where_it_was_begun_too_early():
    """On the way down a bump gradients grow for long; from the end of a quench they should not."""
    bump = FunctionLandscape(lambda w: w[0] ** 2 - jnp.exp(-((w[1] / 9) ** 2)), [-1, -30], [1, 30])
    start = np.array([0.0, 20.0])
    assert POLISH.call(bump.surface, start, np.asarray(True)).status == Status.NOT_STATIONARY
    quickly, slowly = (
        kernel.call(bump.surface, start, np.asarray(True)).gradients
        for kernel in (POLISH, IterativePolish(max_evaluations=5))
    )
    assert quickly <= 1.5 * slowly


def test_what_cannot_be_certified_is_undecided():
    kernel = IterativePolish(max_basis=20)
    values = np.geomspace(1e-7, 1.0, 300)
    found = kernel.call(quadratic(values).surface, np.zeros(300), np.asarray(False))
    assert found.status == Status.UNDECIDED


def test_failures_of_newtons_method_have_their_status():
    values = np.linspace(1.0, 2.0, 10)
    far = quadratic(values)
    once = IterativePolish(max_evaluations=1).call(far.surface, np.ones(10), np.asarray(True))
    assert once.status == Status.NOT_STATIONARY
    lost = POLISH.call(far.surface, np.full(10, np.inf), np.asarray(True))
    assert lost.status == Status.NOT_FINITE
