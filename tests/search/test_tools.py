"""What a search is given: the method that suits the landscape, and lengths scaled to it."""

import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.kernels.method import method_for
from lossatlas.landscape import FunctionLandscape
from lossatlas.search.tools import default_tools


def bowl(n, **options):
    return FunctionLandscape(lambda w: jnp.vdot(w, w), -np.ones(n), np.ones(n), **options)


@pytest.mark.parametrize("n", [3, 401, 1001])
@pytest.mark.parametrize("name", [None, "dense", "factorized", "matrix-free"])
def test_kernels_are_those_of_the_method(n, name):
    landscape = bowl(n)
    tools, method = default_tools(landscape, name), method_for(landscape, name)
    for field in ("quench", "polish", "climb", "flow", "band"):
        assert getattr(tools, field) == getattr(method, field)
    for field in ("flow_tolerance", "largest_spread", "newton_ball"):
        assert getattr(tools, field) == getattr(method, field)


def test_an_unknown_method_is_refused():
    with pytest.raises(BadInputError, match="method"):
        default_tools(bowl(3), "exact")


def test_lengths_are_multiples_of_the_length_scale():
    one, ten = (default_tools(bowl(2, length_scale=scale)) for scale in (1.0, 10.0))
    for name in ("pushoff", "displacement", "newton_ball"):
        assert getattr(ten, name) == 10 * getattr(one, name)
