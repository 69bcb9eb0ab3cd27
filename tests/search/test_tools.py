"""Which kernels a landscape gets."""

import jax.numpy as jnp
import numpy as np
from reference_networks import small_landscape

from lossatlas.landscape import FunctionLandscape
from lossatlas.optimize.iterative import IterativePolish
from lossatlas.optimize.newton import Polish
from lossatlas.search.tools import REFRESH, default_tools


def bowl(n, **options):
    return FunctionLandscape(lambda w: jnp.vdot(w, w), -np.ones(n), np.ones(n), **options)


def test_quenches_use_hessians_where_these_are_cheap():
    assert default_tools(small_landscape((3,))).quench.refresh == REFRESH
    assert default_tools(bowl(3)).quench.refresh == REFRESH
    # By automatic differentiation a Hessian of 50 variables costs some 200 gradients.
    assert default_tools(bowl(50)).quench.refresh is None


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
