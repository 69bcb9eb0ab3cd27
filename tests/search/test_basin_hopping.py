"""From a start to a certified minimum, also where the quench ends before Newton's method works."""

import jax.numpy as jnp
import numpy as np
from lane_runs import in_order, results_of

from lossatlas.errors import Status
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import RMS, quenched
from lossatlas.search.tools import default_tools

VALLEY = FunctionLandscape(lambda w: w[0] ** 2 + 1e-7 * jnp.log(jnp.cosh(w[1])), [-1, -3], [1, 3])
"""A minimum at the origin; the gradient is small all along the valley."""
START = np.array([0.0, 2.2])
QUENCH = Quench()


def test_a_quench_that_ended_too_early_goes_on():
    early = results_of(VALLEY.surface, QUENCH, [(START, RMS)])[0]
    assert early.status == Status.CONVERGED
    np.testing.assert_array_equal(early.w, START)
    polish = IterativePolish(max_evaluations=3)
    assert polish.call(VALLEY.surface, START, np.asarray(True)).status == Status.NOT_STATIONARY
    tools = default_tools(VALLEY)._replace(polish=polish, quench=QUENCH)
    certificate, cost = in_order(Engine(VALLEY.surface), [quenched(tools, START)])[0]
    assert certificate.status is Status.CONVERGED
    assert certificate.point.index == 0
    np.testing.assert_allclose(certificate.point.weights, 0.0, atol=1e-4)
    assert cost.gradients > certificate.cost.gradients


def test_what_no_quench_can_mend_is_an_outcome():
    slope = FunctionLandscape(lambda w: 1e-12 * jnp.sum(jnp.exp(w)), [-1, -1], [1, 1])
    tools = default_tools(slope)._replace(quench=QUENCH)
    certificate, _ = in_order(Engine(slope.surface), [quenched(tools, np.zeros(2))])[0]
    assert certificate.point is None
    assert certificate.status is not Status.CONVERGED
