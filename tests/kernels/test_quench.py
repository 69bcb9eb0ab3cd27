"""Quenches against SciPy's minimizers and the known minima."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from lane_runs import results_of
from reference_networks import compiled, small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.search.basin_hopping import RMS
from lossatlas.testing.surfaces import LJAT3_PLANAR, MUELLER_BROWN, SIX_HUMP_CAMEL

CASES = {
    "Mueller-Brown": (MUELLER_BROWN, [-1.4, -0.3], [1.0, 1.8], 0.05, None),
    "six-hump camel": (SIX_HUMP_CAMEL, [-2.0, -1.0], [2.0, 1.0], 0.1, None),
    "six-hump camel, memory 4": (SIX_HUMP_CAMEL, [-2.0, -1.0], [2.0, 1.0], 0.1, 4),
    "LJAT3, memory 4": (LJAT3_PLANAR, [1.0, -2.3, 0.1], [1.4, 2.3, 1.4], 0.05, 4),
}


@pytest.fixture(scope="module", params=CASES)
def surface(request):
    known, low, high, max_step, memory = CASES[request.param]
    landscape = FunctionLandscape(known.energy, low, high, known.name)
    loss = jax.jit(landscape.surface.value_and_gradient)
    random = np.random.default_rng(0)
    starts = [landscape.random_start(random) for _ in range(24)]
    kernel = Quench(max_step=max_step, memory=memory, guess=1e-3)
    return known, landscape.surface, lambda w: jax.tree.map(np.asarray, loss(w)), starts, kernel


def test_quenches_end_in_the_minima_that_scipy_finds(surface):
    known, function, loss, starts, kernel = surface
    found = results_of(function, kernel, [(start, 1e-8) for start in starts])
    minima = {round(p.energy, 7) for p in known.points if p.hessian_index == 0}
    reached = set()
    for quench in found:
        assert quench.status == Status.CONVERGED
        energy, gradient = loss(quench.w)
        assert quench.energy == pytest.approx(float(energy), abs=1e-12)
        assert quench.rms_gradient == pytest.approx(np.sqrt(np.mean(gradient**2)), abs=1e-8)
        assert quench.rms_gradient <= 1e-8
        reached.add(round(float(quench.energy), 7))
    by_scipy = [
        scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15})
        for start in starts
    ]
    assert reached <= minima
    assert reached >= {round(float(r.fun), 7) for r in by_scipy} & minima


def test_from_beside_a_minimum_it_ends_there(surface):
    known, function, _, _, kernel = surface
    points = [p for p in known.points if p.hessian_index == 0]
    jobs = [(np.array(p.position) + 0.02, 1e-8) for p in points]
    for point, quench in zip(points, results_of(function, kernel, jobs), strict=True):
        assert quench.energy == pytest.approx(point.energy, abs=1e-12)


def test_a_network_is_quenched_to_the_minima_of_scipy():
    landscape = small_landscape((3,))
    loss, _ = compiled(landscape)
    random = np.random.default_rng(1)
    starts = [landscape.random_start(random) for _ in range(12)]
    options = {"gtol": 1e-9, "maxiter": 5000}
    by_scipy = {
        round(scipy.optimize.minimize(loss, w, jac=True, method="BFGS", options=options).fun, 8)
        for w in starts
    }
    evaluations = {}
    for kernel in (Quench(), Quench(memory=20), Quench(refresh=15)):
        found = results_of(landscape.surface, kernel, [(w, RMS) for w in starts])
        assert all(quench.status == Status.CONVERGED for quench in found)
        assert {round(float(quench.energy), 8) for quench in found} == by_scipy
        evaluations[kernel] = np.array([quench.evaluations for quench in found])
        hessians = np.array([quench.hessians for quench in found])
        if kernel.refresh is None:
            assert (hessians == 0).all()
        else:
            assert (hessians > 0).any()
            assert (hessians * kernel.refresh < evaluations[kernel]).all()
    assert evaluations[Quench(refresh=15)].sum() < 0.8 * evaluations[Quench()].sum()


@pytest.mark.parametrize("beyond", [0.0, jnp.nan], ids=["zero", "not finite"])
def test_a_hessian_that_says_nothing_leaves_the_matrix_as_it_is(beyond):
    """Linear outside, or with a Hessian that is not finite there; quadratic around the minimum."""

    def energy(w):
        outside = jnp.abs(w) > 1.0
        linear = jnp.abs(w) - 0.5
        return jnp.where(outside, linear, 0.5 * w**2).sum()

    class Surface(NamedTuple):
        value_and_gradient = staticmethod(jax.value_and_grad(energy))

        def rough(self):
            return self

        def without_excluded(self, v):
            return v

        def from_inner(self, x):
            return x

        def inner_hessian(self, w):
            return jnp.diag(jnp.where(jnp.abs(w) > 1.0, beyond, 1.0))

    job = np.array([8.0, 8.0]), RMS
    plain, refreshed = (
        results_of(Surface(), Quench(max_step=0.3, refresh=refresh), [job])[0]
        for refresh in (None, 10)
    )
    assert plain.status == refreshed.status == Status.CONVERGED
    assert refreshed.hessians > 2
    assert refreshed.evaluations <= plain.evaluations


def test_pairs_cannot_be_refreshed():
    with pytest.raises(ValueError, match="memory"):
        Quench(memory=4, refresh=20)


def test_steps_are_capped_and_energies_never_rise_by_more_than_allowed():
    kernel = Quench(max_step=0.05, max_rise=1e-10)
    surface = FunctionLandscape(MUELLER_BROWN.energy, [-1, -1], [1, 1]).surface
    step = jax.jit(kernel.step)
    state = step(surface, jax.jit(kernel.init)(surface, np.array([-0.5, 0.2]), RMS))
    energies, positions = [float(state.energy)], [np.asarray(state.w)]
    while state.status == Status.RUNNING:
        state = step(surface, state)
        energies.append(float(state.energy))
        positions.append(np.asarray(state.w))
    assert state.status == Status.CONVERGED
    assert np.diff(energies).max() <= 1e-10
    assert np.linalg.norm(np.diff(positions, axis=0), axis=1).max() <= 0.05 * (1 + 1e-12)


def test_limits_and_infinities_are_outcomes():
    surface = FunctionLandscape(MUELLER_BROWN.energy, [-1, -1], [1, 1]).surface
    minimum = MUELLER_BROWN.points[0].position
    starts = [(-0.5, 0.2), (1e3, 1e3), (np.nan, 0.0), minimum]
    kernel = Quench(max_evaluations=12)
    found = results_of(surface, kernel, [(np.array(start), 1e-9) for start in starts])
    assert [r.status for r in found] == [
        Status.TOO_MANY_STEPS,
        Status.NOT_FINITE,
        Status.NOT_FINITE,
        Status.CONVERGED,
    ]
    assert [int(found[k].evaluations) for k in (0, 1, 3)] == [12, 1, 1]
