"""More than 1000 weights: everything without spectra, and the same answers on a small network."""

import csv

import jax
import numpy as np
import pytest
from lane_runs import in_order
from sklearn.datasets import load_digits

from lossatlas.errors import Status
from lossatlas.kernels.dense.climb import Climb
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.factorized.climb import FactorizedClimb
from lossatlas.kernels.factorized.flow import FactorizedFlow
from lossatlas.kernels.factorized.polish import FactorizedPolish
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.certify import certified
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import single_ended


def digits():
    """[64, 20, 10], 1510 weights, 200 items."""
    inputs, labels = load_digits(return_X_y=True)
    return NetworkLandscape(inputs[:200] / 16.0, labels[:200], (20,), 1e-2)


def spectrum(landscape, w):
    return np.linalg.eigvalsh(np.asarray(jax.jit(lambda s, v: s.hessian(v))(landscape.surface, w)))


def test_tools_by_size():
    large, small = default_tools(digits()), default_tools(digits_of_three_units())
    kinds = [type(kernel) for kernel in (large.polish, large.climb, large.flow)]
    assert kinds == [FactorizedPolish, FactorizedClimb, FactorizedFlow]
    kinds = [type(kernel) for kernel in (small.polish, small.climb, small.flow)]
    assert kinds == [Polish, Climb, Flow]


def digits_of_three_units():
    inputs, labels = load_digits(return_X_y=True)
    return NetworkLandscape(inputs[:50] / 16.0, labels[:50], (3,), 1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["factorized", "matrix-free"])
def test_minimum_transition_state_and_links_of_a_digits_network(method):
    landscape = digits()
    tools = default_tools(landscape, method)
    engine = Engine(landscape.surface)
    start = landscape.random_start(np.random.default_rng(0))
    certificate, cost = in_order(engine, [quenched(tools, start)])[0]
    minimum = certificate.point
    assert minimum.index == 0
    assert minimum.rms_gradient <= 1e-12
    assert np.isnan(minimum.log_determinant)
    assert (cost.hessians == 0) == (method == "matrix-free")
    assert 0 < cost.gradients < 10_000
    exact = spectrum(landscape, minimum.weights)
    np.testing.assert_allclose(minimum.lowest_eigenvalues, exact[:4], rtol=1e-3)

    attempt = in_order(engine, [single_ended(tools, minimum.weights, 0, 1)])[0]
    assert attempt.status is Status.CONVERGED
    pathway = attempt.pathways[-1]
    exact = spectrum(landscape, pathway.transition_state.weights)
    assert (exact < 0).sum() == 1
    np.testing.assert_allclose(pathway.transition_state.lowest_eigenvalues[0], exact[0], rtol=1e-3)
    ends = [end.minimum.energy for end in pathway.ends]
    assert max(ends) < pathway.transition_state.energy
    assert np.abs(np.array(ends) - minimum.energy).min() < 1e-9


@pytest.mark.slow
def test_links_of_the_programs_landscape_agree_with_gradient_flow(shared):
    """One path of these passes near a saddle, one ends at a saddle of a symmetric subspace."""
    chosen = [0, 3, 5, 13, 28]
    folder = shared / "peer" / "d2"
    rows = np.loadtxt(folder / "MLPdata")
    landscape = NetworkLandscape(rows[:, 1:], rows[:, 0].astype(int), (10,), 1e-4)
    exact = default_tools(landscape)
    tools = exact._replace(polish=IterativePolish(n_modes=8), flow=ChebyshevFlow())
    saddles = np.fromfile(folder / "points.ts", "<f8").reshape(-1, landscape.n_weights)
    with (folder / "flow.csv").open() as file:
        table = list(csv.DictReader(file))

    def search(w):
        certificate = yield from certified(tools, w)
        followed = yield from follow(tools, certificate.point, certificate.modes[0])
        return certificate.point, followed

    found = in_order(Engine(landscape.surface), [search(saddles[k]) for k in chosen])
    for k, (point, followed) in zip(chosen, found, strict=True):
        assert point.index == 1
        assert point.lowest_eigenvalues[0] == pytest.approx(float(table[k]["curvature"]), rel=0.01)
        assert followed.status is Status.CONVERGED
        ends = sorted(end.minimum.energy for end in followed.pathways[-1].ends)
        flow = sorted(float(table[k][f"flow_minimum_{side}"]) for side in (1, 2))
        np.testing.assert_allclose(ends, flow, atol=2e-9)
