"""Which kernels a landscape gets, by the number of its weights and on which device."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import small_landscape

from lossatlas.errors import BadInputError
from lossatlas.kernels.band import Band
from lossatlas.kernels.dense.climb import Climb
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.factorized.climb import FactorizedClimb
from lossatlas.kernels.factorized.flow import FactorizedFlow
from lossatlas.kernels.factorized.polish import FactorizedPolish
from lossatlas.kernels.factorized.quench import FactorizedQuench
from lossatlas.kernels.matrix_free.climb import HybridClimb
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.method import REFRESH, method_for
from lossatlas.kernels.quench import Quench
from lossatlas.landscape import FunctionLandscape


def bowl(n, **options):
    return FunctionLandscape(lambda w: jnp.vdot(w, w), -np.ones(n), np.ones(n), **options)


def dense(times):
    """The exact kernels as they were measured to work, device calls so many times as long."""
    return (
        Polish(n_modes=8, max_step=0.3, steps=8 * times),
        Climb(newton_length=1e-3, radius=1.0, max_radius=4.0, steps=8 * times),
        Flow(max_step=0.5, steps=8 * times),
    )


MATRIX_FREE = (
    IterativePolish(n_modes=8, max_step=0.3),
    HybridClimb(newton_length=0.01, radius=0.2, max_radius=0.6, max_step=0.2),
    ChebyshevFlow(max_step=0.5),
)
PAIRS = Quench(max_step=1.0, memory=50)


FACTORIZED = (
    FactorizedPolish(n_modes=8, max_step=0.3),
    FactorizedClimb(newton_length=1e-3, radius=1.0, max_radius=4.0),
    FactorizedFlow(max_step=0.5),
)


def factorized(refresh):
    return FactorizedQuench(max_step=1.0, refresh=refresh)


def refreshed(refresh, steps):
    return Quench(max_step=0.3, refresh=refresh, steps=steps)


@pytest.mark.parametrize(
    ("n", "cost", "device", "name", "quench", "parts"),
    [
        (74, None, "cpu", "dense", refreshed(296, 1200), dense(12)),
        (199, None, "cpu", "dense", refreshed(796, 1200), dense(12)),
        (200, None, "cpu", "dense", refreshed(800, 1200), dense(12)),
        (201, None, "cpu", "dense", refreshed(804, 100), dense(1)),
        (399, None, "cpu", "dense", refreshed(1596, 100), dense(1)),
        (400, None, "cpu", "dense", refreshed(1600, 100), dense(1)),
        # By automatic differentiation a Hessian costs four gradients for each weight.
        (401, None, "cpu", "dense", PAIRS, dense(1)),
        (1000, None, "cpu", "dense", PAIRS, dense(1)),
        (1001, None, "cpu", "matrix-free", PAIRS, MATRIX_FREE),
        (401, 401, "cpu", "factorized", factorized(101), FACTORIZED),
        (2000, 240, "cpu", "factorized", factorized(60), FACTORIZED),
        (10_000, 30, "cpu", "factorized", factorized(30), FACTORIZED),
        (10_001, 30, "cpu", "matrix-free", PAIRS, MATRIX_FREE),
        (74, None, "gpu", "dense", refreshed(300, 100), dense(1)),
        (200, None, "gpu", "dense", refreshed(800, 100), dense(1)),
        (201, None, "gpu", "dense", refreshed(900, 100), dense(1)),
        (400, None, "gpu", "dense", refreshed(1600, 100), dense(1)),
        (401, None, "gpu", "dense", PAIRS, dense(1)),
        (1000, None, "gpu", "dense", PAIRS, dense(1)),
        (1001, None, "gpu", "matrix-free", PAIRS, MATRIX_FREE),
        (1001, 30, "gpu", "dense", PAIRS, dense(1)),
        (8000, 30, "gpu", "dense", PAIRS, dense(1)),
        (8001, 30, "gpu", "matrix-free", PAIRS, MATRIX_FREE),
    ],
)
def test_choice_by_size_cost_and_device(monkeypatch, n, cost, device, name, quench, parts):
    monkeypatch.setattr("lossatlas.kernels.method.device", lambda: SimpleNamespace(platform=device))
    method = method_for(bowl(n) if cost is None else bowl(n, hessian_cost=cost))
    assert method.name == name
    assert method.quench == quench
    assert (method.polish, method.climb, method.flow) == parts
    steps = 12 * Band.steps if device == "cpu" and n <= 200 else Band.steps
    assert method.band == Band(max_step=0.2, steps=steps)
    accuracy = (method.flow_tolerance, method.largest_spread, method.newton_ball)
    expected = {
        "dense": ((3e-3, 3e-5), 0.2, 0.01),
        "factorized": ((3e-3, 3e-5), 0.2, 0.1),
        "matrix-free": ((1e-3, 1e-5), 0.05, 0.1),
    }
    assert accuracy == expected[name]


def test_a_family_can_be_asked_for_by_name(monkeypatch):
    monkeypatch.setattr("lossatlas.kernels.method.device", lambda: SimpleNamespace(platform="cpu"))
    small = method_for(bowl(3), "matrix-free")
    assert (small.name, small.quench) == ("matrix-free", PAIRS)
    assert (small.polish, small.climb, small.flow) == MATRIX_FREE
    factors = method_for(bowl(3), "factorized")
    assert (factors.name, factors.quench) == ("factorized", factorized(30))
    assert (factors.polish, factors.climb, factors.flow) == FACTORIZED
    large = method_for(bowl(1001), "dense")
    assert (large.name, large.quench) == ("dense", PAIRS)
    assert (large.polish, large.climb, large.flow) == dense(1)
    assert method_for(bowl(3), "dense") == method_for(bowl(3))


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(BadInputError, match=r"'sparse'.*'dense' or 'factorized' or 'matrix-free'"):
        method_for(bowl(3), "sparse")


def test_quenches_use_hessians_as_often_as_they_can_afford(monkeypatch):
    monkeypatch.setattr("lossatlas.kernels.method.device", lambda: SimpleNamespace(platform="cpu"))
    for landscape in (small_landscape((3,)), bowl(3), bowl(50, hessian_cost=7.5)):
        quench = method_for(landscape).quench
        assert (quench.refresh, quench.max_step) == (REFRESH, 0.3)
    # By automatic differentiation a Hessian of 50 variables costs some 200 gradients.
    assert method_for(bowl(50)).quench.refresh == 200
    wide = small_landscape((50,), items=30)
    assert method_for(wide).quench.refresh == int(np.ceil(wide.hessian_cost)) > REFRESH


@pytest.mark.parametrize("cost", [7.5, 25, 30, 99.5, 100, 101, 250, 1234])
def test_all_lanes_of_a_block_are_refreshed_at_the_same_step(monkeypatch, cost):
    """Lanes begin with a device call: an interval is a part of calls, or calls of an interval."""
    monkeypatch.setattr("lossatlas.kernels.method.device", lambda: SimpleNamespace(platform="gpu"))
    quench = method_for(bowl(3, hessian_cost=cost)).quench
    assert quench.refresh >= cost
    assert quench.refresh < 2 * max(cost, REFRESH)
    assert quench.steps % quench.refresh == 0 or quench.refresh % quench.steps == 0


@pytest.mark.parametrize("name", ["dense", "factorized", "matrix-free"])
def test_lengths_are_multiples_of_the_length_scale(name):
    one, ten = (method_for(bowl(2, length_scale=scale), name) for scale in (1.0, 10.0))
    for part in ("quench", "polish", "flow", "band"):
        assert getattr(ten, part).max_step == 10 * getattr(one, part).max_step
    assert ten.climb.radius == 10 * one.climb.radius
    assert ten.newton_ball == 10 * one.newton_ball
    np.testing.assert_allclose(ten.flow_tolerance, 10 * np.array(one.flow_tolerance))
