"""The Hessian of wide networks, as large matrix products."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import inner_hessian_of

from lossatlas.landscape import NetworkLandscape, wide_hessian as module
from lossatlas.landscape.network_hessian import data_hessian


def landscape(features, hidden, classes, dark=0):
    random = np.random.default_rng(features + hidden)
    inputs = random.normal(size=(30, features))
    inputs[:, :dark] = 0.0
    labels = np.arange(30) % classes
    return NetworkLandscape(inputs, labels, (hidden,), 1e-3, classes=classes)


@pytest.mark.parametrize(
    ("features", "hidden", "classes", "dark"),
    [
        pytest.param(2, 7, 4, 0, marks=pytest.mark.slow),
        (1, 4, 2, 0),
        pytest.param(9, 3, 3, 0, marks=pytest.mark.slow),
        (9, 3, 3, 4),
    ],
)
def test_equals_the_sums_over_pairs_of_nodes(monkeypatch, features, hidden, classes, dark):
    some = landscape(features, hidden, classes, dark)
    w = jnp.asarray(some.random_start(np.random.default_rng(1)) / 5)
    exact = jax.jit(partial(data_hessian, some.architecture))
    expected = exact(jnp.asarray(some.inputs.T), some.surface.targets, w)
    for items in (2000, 30, 8):  # the last: chunks that are filled up
        monkeypatch.setattr(module, "ITEMS", items)
        surface = some.surface
        wide = jax.jit(partial(module.wide_hessian, some.architecture))
        found = wide(surface.inputs, surface.targets, w, surface.seen)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_a_wide_network_uses_it_and_agrees_with_products_of_the_hessian():
    wide = landscape(2, module.WIDEST, 3)
    assert module.is_wide(wide.architecture)
    assert not module.is_wide(landscape(2, module.WIDEST - 1, 3).architecture)
    surface, random = wide.surface, np.random.default_rng(0)
    w = jnp.asarray(wide.random_start(random) / 5)
    v = surface.without_excluded(jnp.asarray(random.normal(size=wide.n_weights)))
    product = jax.jit(lambda s, w, v: s.hessian_vector_product(w, v))(surface, w, v)
    hessian = jax.jit(lambda s, w: s.hessian(w))(surface, w)
    np.testing.assert_allclose(hessian @ v, product, rtol=0, atol=1e-12)
    rough = jax.jit(lambda s, w: s.inner_hessian(w))(surface.rough(), w)
    exact = inner_hessian_of(surface, w)
    assert rough.dtype == jnp.float32
    np.testing.assert_allclose(rough, exact, rtol=0, atol=1e-5 * jnp.abs(exact).max())
