"""The test run checks shapes: what has the wrong one is refused, what has the right one is not."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from lossatlas.kernels import bfgs
from lossatlas.kernels.dense.flow import Flow
from lossatlas.landscape import FunctionLandscape

BOWL = FunctionLandscape(lambda w: w @ w, -np.ones(2), np.ones(2), "bowl")


def test_wrong_shapes_are_noticed():
    matrix, vector = jnp.eye(3), jnp.ones(3)
    assert bfgs.direction(matrix, vector).shape == (3,)
    for wrong in (jnp.ones(2), jnp.ones((3, 1)), jnp.ones(3, int)):
        with pytest.raises(jaxtyping.TypeCheckError):
            bfgs.direction(matrix, wrong)
    with pytest.raises(jaxtyping.TypeCheckError):
        BOWL.nearest_copy(np.zeros(2), np.zeros(3))


def test_wrong_shapes_are_noticed_in_the_job_of_a_kernel():
    zero, w = jnp.asarray(0.0), jnp.ones(2)
    assert Flow().init(BOWL.surface, w, zero, zero, jnp.eye(2), zero).w.shape == (2,)
    with pytest.raises(jaxtyping.TypeCheckError):
        Flow().init(BOWL.surface, w, jnp.zeros(1), zero, jnp.eye(2), zero)
