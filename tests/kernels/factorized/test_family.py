"""The family with factorizations finds what the one with spectra finds."""

import numpy as np
import pytest
from lane_runs import in_order, results_of, single
from reference_networks import compiled, small_landscape

from lossatlas.errors import Status
from lossatlas.kernels.factorized.climb import FactorizedClimb
from lossatlas.kernels.factorized.polish import FactorizedPolish
from lossatlas.kernels.factorized.quench import FactorizedQuench
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.certify import certified
from lossatlas.search.descent import descend
from lossatlas.search.identity import same_point
from lossatlas.search.tools import default_tools
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

LANDSCAPE = small_landscape((6,), l2=1e-3)
TOOLS = {name: default_tools(LANDSCAPE, name) for name in ("dense", "factorized")}
ENGINE = Engine(LANDSCAPE.surface, workers=1)
CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")


def run(*searches):
    return in_order(ENGINE, searches)


@pytest.fixture(scope="module")
def minima():
    random = np.random.default_rng(0)
    starts = [LANDSCAPE.random_start(random) / 5 for _ in range(4)]
    found = run(*(quenched(TOOLS["factorized"], start) for start in starts))
    return [certificate.point for certificate, _ in found if certificate.point is not None]


def test_quenches_end_at_certified_minima(minima):
    loss, hessian = compiled(LANDSCAPE)
    assert len(minima) >= 3
    for minimum in minima:
        assert np.abs(loss(minimum.weights)[1]).max() < 1e-11
        values = np.linalg.eigvalsh(hessian(minimum.weights))
        assert values[0] > 0
        np.testing.assert_allclose(minimum.lowest_eigenvalues, values[:4], rtol=1e-5)


@pytest.mark.slow
def test_climbs_and_paths_end_where_those_with_the_spectrum_do(minima):
    random = np.random.default_rng(1)
    steps = [0.5 * random.normal(size=LANDSCAPE.n_weights) for _ in range(8)]
    jobs = [(minima[k % len(minima)].weights + step, step) for k, step in enumerate(steps)]
    climbs = run(*(single(Request(TOOLS["factorized"].climb, job)) for job in jobs))
    arrived = [climb.w for climb in climbs if climb.status == Status.CONVERGED]
    assert len(arrived) >= 5
    saddles = {
        name: run(*(certified(tools, np.asarray(w)) for w in arrived))
        for name, tools in TOOLS.items()
    }
    followed = 0
    for one, other in zip(saddles["factorized"], saddles["dense"], strict=True):
        assert one.point is not None
        assert one.point.index == other.point.index == 1
        assert same_point(one.point, other.point)
        count = len(one.eigenvalues)
        np.testing.assert_allclose(one.eigenvalues, other.eigenvalues[:count], rtol=1e-5)
        for sign in (-0.02, 0.02):
            start = one.point.weights + sign * other.modes[0]
            ((there,), (expected,)) = run(*(descend(tools, [start]) for tools in TOOLS.values()))
            if expected.arrival.point is not None and expected.spread < 0.05:
                assert same_point(there.arrival.point, expected.arrival.point)
                followed += 1
    assert followed >= 5


@pytest.mark.parametrize(("products", "enough"), [(400, True), (1, False)])
def test_a_polish_may_try_products_first_and_gives_the_same(minima, products, enough):
    start = minima[0].weights + 1e-4
    kernels = (FactorizedPolish(), FactorizedPolish(products=products))
    jobs = [single(Request(kernel, (start, np.asarray(True)))) for kernel in kernels]
    expected, found = run(*jobs)
    assert found.status == expected.status == Status.CONVERGED
    assert (found.hessians == 0) == enough
    assert found.gradients > expected.gradients
    np.testing.assert_allclose(found.w, expected.w, atol=1e-9)
    few = min(4, len(found.eigenvalues), len(expected.eigenvalues))
    np.testing.assert_allclose(found.eigenvalues[:few], expected.eigenvalues[:few], rtol=1e-3)


@pytest.mark.parametrize("point", SIX_HUMP_CAMEL.points)
def test_known_points_of_any_index(point):
    start = np.array(point.position) + 1e-3
    found = FactorizedPolish().call(CAMEL.surface, start, np.asarray(False))
    assert found.status == Status.CONVERGED
    assert found.rms_gradient <= 1e-12
    assert (found.eigenvalues < 0).sum() == point.hessian_index
    np.testing.assert_allclose(found.w, point.position, atol=1e-6)


def test_a_polish_downhill_from_a_saddle_leads_to_a_minimum():
    saddle = next(point for point in SIX_HUMP_CAMEL.points if point.hessian_index == 1)
    start = np.array(saddle.position) + 1e-2
    found = FactorizedPolish().call(CAMEL.surface, start, np.asarray(True))
    assert found.status == Status.CONVERGED
    assert (found.eigenvalues > 0).all()


def test_a_degenerate_minimum_has_no_steady_curvature():
    flat = FunctionLandscape(lambda w: w[0] ** 4 + w[1] ** 2, [-1, -1], [1, 1], "flat")
    start = np.array([0.1, 0.1])
    found = FactorizedPolish(rms=1e-8).call(flat.surface, start, np.asarray(True))
    assert found.status != Status.CONVERGED or found.curvature_change > 0.5


def test_what_is_not_finite_is_said_to_be_so():
    wall = FunctionLandscape(lambda w: -np.float64(1.0) * w[0] ** 3 + w[1] ** 2, [-1, -1], [1, 1])
    far = np.array([np.inf, 0.0])
    (quench,) = results_of(wall.surface, FactorizedQuench(), [(far, 1e-7)])
    assert quench.status == Status.NOT_FINITE
    (climb,) = results_of(wall.surface, FactorizedClimb(), [(far, np.array([1.0, 0.0]))])
    assert climb.status == Status.NOT_FINITE
    polish = FactorizedPolish().call(wall.surface, far, np.asarray(False))
    assert polish.status == Status.NOT_FINITE


def test_searches_are_given_up_after_so_many_evaluations():
    start = np.array([1.2, -0.6])
    (quench,) = results_of(CAMEL.surface, FactorizedQuench(max_evaluations=40), [(start, 1e-300)])
    assert quench.status == Status.TOO_MANY_STEPS
    assert quench.hessians == 1
    (climb,) = results_of(
        CAMEL.surface, FactorizedClimb(max_hessians=2), [(start, np.array([1.0, 0.0]))]
    )
    assert (climb.status, climb.hessians) == (Status.TOO_MANY_STEPS, 2)


def test_a_landscape_of_one_weight_has_a_certificate():
    line = FunctionLandscape(lambda w: (w[0] ** 2 - 1) ** 2, [-2], [2], "line")
    found = FactorizedPolish().call(line.surface, np.array([0.9]), np.asarray(True))
    assert found.status == Status.CONVERGED
    np.testing.assert_allclose(found.w, 1.0)
    np.testing.assert_allclose(found.eigenvalues, 8.0)
    assert found.largest_eigenvalue == pytest.approx(8.0)
