"""Hessian-vector products and what landscapes exclude, against the full Hessian."""

import jax
import numpy as np
import pytest
from reference_networks import small_landscape

from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
LANDSCAPES = [
    CAMEL,
    small_landscape((3,)),
    small_landscape((4, 3, 2)),
    small_landscape((5,), neighbors=1, features=3),
    small_landscape((3,), regularize_biases=False),
]


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_product_is_the_hessian_times_the_vector(landscape):
    random = np.random.default_rng(0)
    w, v = random.normal(size=(2, landscape.n_weights))
    product = jax.jit(lambda s: s.hessian_vector_product(w, v))(landscape.surface)
    hessian = jax.jit(lambda s: s.hessian(w))(landscape.surface)
    np.testing.assert_allclose(product, hessian @ v, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_without_excluded_projects_the_excluded_modes_out(landscape):
    v = np.random.default_rng(1).normal(size=landscape.n_weights)
    modes = landscape.excluded_modes
    left = landscape.surface.without_excluded(jax.numpy.asarray(v))
    np.testing.assert_allclose(left, v - modes.T @ (modes @ v), atol=1e-14)
