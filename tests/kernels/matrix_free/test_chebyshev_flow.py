"""The Runge-Kutta-Chebyshev flow: its order, its stability, and where it leads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lane_runs import results_of

from lossatlas.errors import Status
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow, Coefficients
from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")


def rkc_step(slope, y, h, stages):
    """One step of dy/dt = slope(y), written out from the formulas of the paper."""
    table = Coefficients(jnp.int32(stages))
    start = slope(y)
    before, now = y, y + table.first * h * start
    for j in range(2, stages + 1):
        nu, mu, here, at_start = table.stage(jnp.int32(j))
        following = (1 - mu - nu) * y + mu * now + nu * before
        before, now = now, following + h * (here * slope(now) + at_start * start)
    return now


@pytest.mark.parametrize("stages", [2, 3, 7])
def test_second_order(stages):
    """dy/dt = cos(t) y^2 made autonomous; the exact solution is 1 / (1 - sin t)."""

    def slope(y):
        return jnp.stack([jnp.ones(()), jnp.cos(y[0]) * y[1] ** 2])

    errors = []
    for steps in (20, 40, 80):
        step = jax.jit(lambda y, h=0.5 / steps: rkc_step(slope, y, h, stages))
        y = jnp.array([0.0, 1.0])
        for _ in range(steps):
            y = step(y)
        errors.append(abs(float(y[1]) - 1 / (1 - np.sin(0.5))))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.2)


@pytest.mark.parametrize("stages", [2, 5, 20, 150])
def test_stable_up_to_the_limit_that_the_number_of_stages_assumes(stages):
    limit = ((stages - 1) ** 2 - 1) / 1.54 if stages > 2 else 1.0
    z = jnp.linspace(-limit, 0.0, 801)
    growth = rkc_step(lambda y: z * y, jnp.ones(801), 1.0, stages)
    assert np.abs(growth).max() <= 1.0 + 1e-12
    assert np.abs(np.asarray(growth)[z < -2]).max(initial=0.0) < 0.98


def starts():
    """Both sides of each saddle of the camel."""
    found = []
    for point in SIX_HUMP_CAMEL.points:
        if point.hessian_index == 1:
            w = np.array(point.position)
            mode = np.linalg.eigh(np.asarray(CAMEL.surface.hessian(jnp.asarray(w))))[1][:, 0]
            found += [w + 0.02 * mode, w - 0.02 * mode]
    return found


BALL, ZERO = np.asarray(0.1), np.zeros(())


def jobs(tolerance):
    return [(w, np.asarray(tolerance), np.asarray(1e-3), np.eye(2), ZERO) for w in starts()]


def test_leads_where_the_exact_flow_leads():
    ours = results_of(CAMEL.surface, ChebyshevFlow(), jobs(1e-3))
    theirs = results_of(CAMEL.surface, Flow(), jobs(1e-4))
    for a, b in zip(ours, theirs, strict=True):
        assert a.status == b.status == Status.CONVERGED
        np.testing.assert_allclose(a.w, b.w, atol=5e-3)
        assert a.hessians == 0 < a.gradients


def trough(stiffness):
    """A valley along the first axis with the minimum at 0, between steep walls."""
    return FunctionLandscape(
        lambda w: 0.5 * (1e-3 * w[0] ** 2 + stiffness * w[1] ** 2), [-3, -3], [3, 3], "trough"
    )


TROUGH = trough(1.0)
WELLS = FunctionLandscape(
    lambda w: 0.25 * (w[0] ** 2 - 1) ** 2 + 0.5 * w[1] ** 2, [-2, -2], [2, 2], "wells"
)


def test_stiff_directions_cost_their_square_root():
    """Explicit steps of Euler's method would cost 10,000 times more at 10,000 times stiffness."""
    costs = []
    for landscape in (TROUGH, trough(1e4)):
        job = (np.array([2.0, 0.5]), np.asarray(1e-3), BALL, np.eye(2), ZERO)
        found = results_of(landscape.surface, ChebyshevFlow(max_stages=2000), [job])[0]
        assert found.status == Status.CONVERGED
        assert np.linalg.norm(found.w) < 0.11
        costs.append(int(found.gradients))
    assert costs[1] < 300 * costs[0]


def test_stays_in_the_symmetric_subspace_and_ends_there():
    """Between the two minima of w0 lies a saddle that the subspace w0 = 0 cannot leave."""
    onto = np.diag([0.0, 1.0])
    found = results_of(
        WELLS.surface,
        ChebyshevFlow(),
        [(np.array([1e-9, 1.0]), np.asarray(1e-3), BALL, onto, ZERO)],
    )[0]
    assert found.status == Status.CONVERGED
    assert found.w[0] == 0.0
    assert 0 < abs(found.w[1]) < 0.1


def test_reports_how_far_it_may_have_strayed():
    """Started beside the ridge, the path runs down to the saddle before it turns away."""
    near, far = (
        results_of(
            WELLS.surface,
            ChebyshevFlow(),
            [(np.array([x, 1.5]), np.asarray(1e-3), BALL, np.eye(2), ZERO)],
        )[0]
        for x in (1e-3, 0.5)
    )
    assert near.status == far.status == Status.CONVERGED
    assert near.w[0] > 0.9
    assert near.spread > 3 * far.spread


def test_gives_up_at_the_limit_and_where_the_function_ends():
    job = (np.array([2.0, 0.5]), np.asarray(1e-3), BALL, np.eye(2), ZERO)
    kernel = ChebyshevFlow(max_gradients=60)
    assert results_of(TROUGH.surface, kernel, [job])[0].status == Status.TOO_MANY_STEPS
    lost = (np.array([np.inf, 0.5]), np.asarray(1e-3), BALL, np.eye(2), ZERO)
    found = results_of(TROUGH.surface, ChebyshevFlow(), [lost])[0]
    assert found.status == Status.NOT_FINITE
