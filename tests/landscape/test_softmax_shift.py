"""Inner coordinates: orthonormal, without the softmax shift, with the Hessian of all weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import inner_hessian_of

from lossatlas.landscape import NetworkLandscape, network_hessian
from lossatlas.landscape.softmax_shift import contrasts, from_inner, n_inner, to_inner

random = np.random.default_rng(0)
INPUTS, LABELS = random.normal(size=(40, 3)), np.arange(40) % 4
NETWORKS = {
    "one layer": {"hidden": (4,)},
    "two classes": {"hidden": (4,), "two": True},
    "three layers": {"hidden": (3, 4, 2)},
    "masked": {"hidden": (6,), "neighbors": 2},
    "few shifts": {"hidden": (6, 5), "neighbors": 3},
    "free biases": {"hidden": (4,), "regularize_biases": False},
}


@pytest.fixture(params=NETWORKS, scope="module")
def landscape(request):
    options = dict(NETWORKS[request.param])
    labels = LABELS % 2 if options.pop("two", False) else LABELS
    return NetworkLandscape(INPUTS, labels, options.pop("hidden"), 1e-2, **options)


def test_contrasts_are_orthonormal_and_sum_to_zero():
    for outputs in (2, 3, 10):
        table = contrasts(outputs)
        np.testing.assert_allclose(table.T @ table, np.eye(outputs - 1), atol=1e-14)
        np.testing.assert_allclose(table.sum(axis=0), 0.0, atol=1e-14)


def test_inner_coordinates_span_what_the_excluded_modes_do_not(landscape):
    architecture, modes = landscape.architecture, landscape.excluded_modes
    table = np.asarray(from_inner(architecture, jnp.eye(n_inner(architecture))))
    both = np.concatenate([table.T, modes])
    np.testing.assert_allclose(both @ both.T, np.eye(landscape.n_weights), atol=1e-14)
    w = random.normal(size=landscape.n_weights)
    np.testing.assert_allclose(to_inner(architecture, jnp.asarray(w)), table.T @ w, atol=1e-14)


def test_the_inner_hessian_is_the_hessian_without_the_excluded_curvatures(landscape):
    surface = landscape.surface
    automatic = jax.jit(jax.hessian(surface.energy))
    for scale in (0.1, 2.0):
        w = jnp.asarray(scale * random.normal(size=landscape.n_weights))
        full = np.asarray(automatic(w))
        table = np.asarray(
            from_inner(landscape.architecture, jnp.eye(n_inner(landscape.architecture)))
        )
        inner = np.asarray(inner_hessian_of(surface, w))
        np.testing.assert_allclose(inner, table.T @ full @ table, atol=1e-12)
        spectrum = np.sort(np.append(np.linalg.eigvalsh(inner), landscape.excluded_curvatures))
        np.testing.assert_allclose(spectrum, np.linalg.eigvalsh(full), atol=1e-12)


def test_items_in_chunks_that_do_not_divide_them_make_the_same_hessian(monkeypatch):
    landscape = NetworkLandscape(INPUTS, LABELS, (4, 3), 1e-2)
    w = jnp.asarray(random.normal(size=landscape.n_weights))
    whole = np.asarray(inner_hessian_of(landscape.surface, w))
    for fewest in (7, 13, 39):
        monkeypatch.setattr(network_hessian, "FEWEST", fewest)
        monkeypatch.setattr(network_hessian, "CACHED", 0)
        again = jax.jit(landscape.surface.inner_hessian)  # not compiled before for these chunks
        np.testing.assert_allclose(again(w), whole, atol=1e-14)
