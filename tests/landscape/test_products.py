"""Products of weight matrices, as they are computed on graphics cards."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import small_data

from lossatlas.landscape import NetworkLandscape, products
from lossatlas.landscape.products import FEW, product


@pytest.fixture
def as_on_a_card(monkeypatch):
    monkeypatch.setattr(products, "device", lambda: SimpleNamespace(platform="gpu"))


@pytest.mark.parametrize("columns", [1, 2, FEW, FEW + 1])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5)])
def test_products_are_those_of_numpy(columns, shape, as_on_a_card):
    random = np.random.default_rng(columns)
    matrix, tensor = random.normal(size=(4, columns)), random.normal(size=(columns, *shape))
    found = product(jnp.asarray(matrix), jnp.asarray(tensor))
    np.testing.assert_allclose(found, np.tensordot(matrix, tensor, axes=1), rtol=1e-13, atol=1e-13)
    multiplied = "dot_general" in str(jax.make_jaxpr(product)(matrix, tensor))
    assert multiplied == (columns > FEW)


@pytest.mark.parametrize("hidden", [(3,), (2, 3), (FEW + 1, 2)])
@pytest.mark.parametrize("neighbors", [0, 1])
def test_a_loss_is_the_same_on_a_card(hidden, neighbors, monkeypatch):
    landscape = NetworkLandscape(*small_data(), hidden, 1e-2, neighbors=neighbors)
    w = landscape.random_start(np.random.default_rng(0))
    surface, direction = landscape.surface, np.random.default_rng(1).normal(size=len(w))

    def everything():
        # Functions of their own, since code that was traced before would be used again.
        return [
            jax.jit(lambda x: surface.value_and_gradient(x))(w),
            jax.jit(lambda x: surface.inner_hessian(x))(w),
            jax.jit(lambda x: surface.hessian_vector_product(x, direction))(w),
        ]

    here = everything()
    monkeypatch.setattr(products, "device", lambda: SimpleNamespace(platform="gpu"))
    for one, other in zip(jax.tree.leaves(here), jax.tree.leaves(everything()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
