"""Loss, gradient and Hessian against a second network and against finite differences."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reference_networks import compiled, reference_loss, reference_outputs, small_landscape

from lossatlas.landscape.architecture import Architecture, logits, unpack
from lossatlas.landscape.network_landscape import NetworkLandscape

NETWORKS = {
    "one layer": {"hidden": (3,)},
    "two layers": {"hidden": (3, 2)},
    "three layers": {"hidden": (2, 3, 2)},
    "one neighbor": {"hidden": (5,), "classes": 4, "neighbors": 1},
    "three neighbors": {"hidden": (4,), "features": 4, "classes": 4, "neighbors": 3},
    "two layers, two neighbors, free biases": {
        "hidden": (4, 3),
        "features": 3,
        "neighbors": 2,
        "regularize_biases": False,
    },
    "free biases": {"hidden": (3,), "regularize_biases": False},
}


@pytest.fixture(scope="module", params=NETWORKS, ids=str)
def network(request):
    landscape = small_landscape(**NETWORKS[request.param])
    return landscape, *compiled(landscape)


@jax.jit
def energy_alone(surface, w):
    return surface.energy(w)


def weights_of(landscape, seed, size=1.0):
    return size * np.random.default_rng(seed).normal(size=landscape.n_weights)


def test_loss_is_that_of_the_second_network(network):
    landscape, loss, _ = network
    for seed, size in ((0, 0.0), (1, 0.3), (2, 1.0), (3, 5.0), (4, 30.0)):
        w = weights_of(landscape, seed, size)
        expected = pytest.approx(reference_loss(landscape, w), rel=1e-12)
        assert loss(w)[0] == expected
        assert float(energy_alone(landscape.surface, w)) == expected


def test_gradient_and_hessian_are_those_of_automatic_differentiation(network):
    landscape, loss, hessian = network
    derivatives = jax.jit(
        lambda w: (
            jax.grad(lambda v: reference_loss(landscape, v, jnp))(w),
            jax.hessian(lambda v: reference_loss(landscape, v, jnp))(w),
        )
    )
    for seed, size in ((5, 0.1), (6, 1.0), (7, 3.0)):
        w = weights_of(landscape, seed, size)
        expected_gradient, expected_hessian = derivatives(jnp.asarray(w))
        np.testing.assert_allclose(loss(w)[1], expected_gradient, atol=1e-13)
        np.testing.assert_allclose(hessian(w), expected_hessian, atol=1e-12)


def test_gradient_and_hessian_are_those_of_finite_differences(network):
    landscape, loss, hessian = network
    w = weights_of(landscape, 8)
    gradient, curvature = loss(w)[1], hessian(w)
    step = 1e-5
    for i, unit in enumerate(np.eye(landscape.n_weights)):
        ahead, behind = loss(w + step * unit), loss(w - step * unit)
        assert gradient[i] == pytest.approx((ahead[0] - behind[0]) / (2 * step), abs=1e-9)
        np.testing.assert_allclose(curvature[i], (ahead[1] - behind[1]) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(curvature, curvature.T, atol=1e-14)


def test_outputs_are_those_of_the_second_network(network):
    landscape, _, _ = network
    weights = np.stack([weights_of(landscape, seed) for seed in range(3)])
    other = np.random.default_rng(1).normal(size=(7, landscape.inputs.shape[1]))
    batch = landscape.logits(weights, other)
    assert batch.shape == (3, 7, landscape.architecture.widths[-1])
    for w, outputs in zip(weights, batch, strict=True):
        np.testing.assert_allclose(outputs, reference_outputs(landscape, w, other), atol=1e-12)
        columns = logits(landscape.architecture, jnp.asarray(w), jnp.asarray(other.T))
        np.testing.assert_allclose(outputs, np.asarray(columns).T, atol=1e-12)
        np.testing.assert_array_equal(landscape.logits(w, other)[0], outputs)


def test_masked_weights_are_no_coordinates(network):
    landscape, _, _ = network
    architecture = landscape.architecture
    removed = 0
    if architecture.masks is not None:
        removed = sum(not kept for mask in architecture.masks for row in mask for kept in row)
    assert landscape.n_weights == architecture.n_weights == architecture.n_full - removed
    matrices, biases = unpack(architecture, jnp.ones(landscape.n_weights))
    expected = architecture.masks or [np.ones(shape, bool) for shape in architecture.matrix_shapes]
    for matrix, mask in zip(matrices, expected, strict=True):
        np.testing.assert_array_equal(matrix, np.asarray(mask, float))
    assert [len(bias) for bias in biases] == list(architecture.widths[1:])


def test_huge_weights_neither_overflow_nor_lose_the_loss():
    landscape = small_landscape((3,))
    w = 1e3 * np.random.default_rng(0).normal(size=landscape.n_weights)
    energy, gradient = compiled(landscape)[0](w)
    assert energy == pytest.approx(reference_loss(landscape, w), rel=1e-12)
    assert np.isfinite(gradient).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=3, max_size=6))
def test_number_of_weights(widths):
    architecture = Architecture(tuple(widths))
    assert architecture.n_weights == sum((a + 1) * b for a, b in pairwise(widths))


def test_the_papers_numbers_of_weights():
    counts = {(2, 10, 4): 74, (784, 10, 10): 7960, (2, 5, 5, 4): 69, (2, 4, 4, 4, 4): 72}
    assert {widths: Architecture(widths).n_weights for widths in counts} == counts
    frozen = {n: 74 - small_landscape((10,), classes=4, neighbors=n).n_weights for n in (1, 2, 3)}
    assert frozen == {1: 40, 2: 20, 3: 10}


def test_weight_order_is_that_of_the_programs():
    """w2[j,k] at (j-1) Nin + k, w1[i,j] at H Nin + (i-1) H + j, then both kinds of biases."""
    n_in, h, n_out = 2, 3, 4
    matrices, biases = unpack(Architecture((n_in, h, n_out)), jnp.arange(1.0, 26.0))
    for j in range(1, h + 1):
        for k in range(1, n_in + 1):
            assert matrices[0][j - 1, k - 1] == (j - 1) * n_in + k
        for i in range(1, n_out + 1):
            assert matrices[1][i - 1, j - 1] == h * n_in + (i - 1) * h + j
    np.testing.assert_array_equal(jnp.concatenate(biases), np.arange(19.0, 26.0))


@pytest.mark.parametrize("hidden", [(3,), (3, 2)])
def test_features_that_are_always_zero_are_left_out_and_change_nothing(hidden):
    random = np.random.default_rng(3)
    inputs = random.normal(size=(20, 5)) * [1, 0, 1, 0, 0]
    landscape = NetworkLandscape(inputs, np.arange(20) % 3, hidden=hidden, l2=1e-2)
    surface = landscape.surface
    assert surface.inputs.shape == (2, 20)
    every = surface._replace(inputs=jnp.asarray(inputs.T), seen=None)
    w, v = random.normal(size=(2, landscape.n_weights))
    derivatives = jax.jit(_derivatives)
    for found, expected in zip(derivatives(surface, w, v), derivatives(every, w, v), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        jax.jit(jax.vmap(surface.value_and_gradient))(jnp.stack([w, v]))[1][1],
        jax.jit(every.value_and_gradient)(v)[1],
        rtol=1e-12,
        atol=1e-14,
    )


def _derivatives(surface, w, v):
    energy, gradient = surface.value_and_gradient(w)
    products = surface.hessian_vector_product(w, v)
    return surface.energy(w), energy, gradient, surface.hessian(w), products
