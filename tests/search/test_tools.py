"""Which kernels a landscape gets."""

import jax.numpy as jnp
import numpy as np
from reference_networks import small_landscape

from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.landscape import FunctionLandscape
from lossatlas.search.tools import REFRESH, default_tools


def bowl(n, **options):
    return FunctionLandscape(lambda w: jnp.vdot(w, w), -np.ones(n), np.ones(n), **options)


def test_quenches_use_hessians_as_often_as_they_can_afford(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    for landscape in (small_landscape((3,)), bowl(3), bowl(50, hessian_cost=7.5)):
        quench = default_tools(landscape).quench
        assert (quench.refresh, quench.max_step) == (REFRESH, 0.3)
    # By automatic differentiation a Hessian of 50 variables costs some 200 gradients.
    assert default_tools(bowl(50)).quench.refresh == 200
    wide = small_landscape((50,), items=30)
    assert default_tools(wide).quench.refresh == int(np.ceil(wide.hessian_cost)) > REFRESH


def test_vectorized_lanes_use_none(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    quench = default_tools(small_landscape((3,))).quench
    assert (quench.refresh, quench.max_step) == (None, 1.0)


def test_hessians_are_formed_up_to_a_thousand_weights_and_full_matrices_up_to_four_hundred():
    small, medium, large = (default_tools(bowl(n)) for n in (400, 401, 1001))
    assert (small.quench.memory, medium.quench.memory, large.quench.memory) == (None, 50, 50)
    assert isinstance(medium.polish, Polish)
    assert isinstance(large.polish, IterativePolish)


def test_lengths_are_multiples_of_the_length_scale():
    one, ten = (default_tools(bowl(2, length_scale=scale)) for scale in (1.0, 10.0))
    for name in ("pushoff", "displacement", "newton_ball"):
        assert getattr(ten, name) == 10 * getattr(one, name)
    assert ten.quench.max_step == 10 * one.quench.max_step
    assert ten.band.max_step == 10 * one.band.max_step


def test_device_calls_are_long_where_steps_are_short_and_finished_lanes_cost_nothing(monkeypatch):
    def steps(n):
        tools = default_tools(bowl(n))
        return [kernel.steps for kernel in (tools.quench, tools.polish, tools.climb, tools.flow)]

    monkeypatch.setattr("jax.default_backend", lambda: "cpu")
    small, large = steps(3), steps(201)
    assert small == [4 * number for number in large]
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    assert steps(3) == large
