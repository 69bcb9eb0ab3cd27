"""The spectrum to steer by, against that of the exact Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import hessian_of, inner_hessian_of, small_landscape

from lossatlas.kernels.dense.spectrum import rough_spectrum, spectrum
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.testing.surfaces import MUELLER_BROWN


def test_a_networks_spectrum_is_right_to_single_precision():
    landscape = small_landscape((3,))
    w = jnp.asarray(landscape.random_start(np.random.default_rng(0)))
    hessian = np.asarray(hessian_of(landscape.surface, w))
    exact = np.linalg.eigvalsh(hessian)
    values, vectors = map(np.asarray, jax.jit(rough_spectrum)(landscape.surface, w))
    assert values.dtype == vectors.dtype == np.float64
    everything = np.sort(np.append(values, landscape.excluded_curvatures))
    np.testing.assert_allclose(everything, exact, atol=1e-5 * np.abs(exact).max())
    assert np.abs(landscape.excluded_modes @ vectors).max() < 1e-14
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-5)
    residual = hessian @ vectors - vectors * values
    assert np.abs(residual).max() < 1e-5 * np.abs(exact).max()


def test_what_can_be_steered_by_in_single_precision():
    """Curvatures as soft as lambda must stand out from the noise of the largest, and of inputs."""
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(50, 2)), np.arange(50) % 3
    for scale, l2, largest, enough in (
        (1.0, 1e-4, 20.0, True),
        (1.0, 1e-4, 200.0, False),
        (1.0, 1e-6, 20.0, False),
        (30.0, 1e-4, 20.0, False),
    ):
        surface = NetworkLandscape(scale * inputs, labels, (3,), l2).surface
        assert bool(surface.rough_will_do(jnp.asarray(largest))) is enough


def test_where_soft_eigenvalues_would_drown_the_hessian_is_exact():
    """Inputs in the thousands, little regularization: the largest is 1e7 times the softest."""
    random = np.random.default_rng(1)
    inputs, labels = 3000.0 * random.normal(size=(60, 2)), random.integers(3, size=60)
    landscape = NetworkLandscape(inputs, labels, (3,), 1e-6)
    w = jnp.asarray(1e-3 * random.normal(size=landscape.n_weights))
    exact = np.linalg.eigvalsh(np.asarray(inner_hessian_of(landscape.surface, w)))
    rough = np.linalg.eigvalsh(np.asarray(inner_hessian_of(landscape.surface.rough(), w)))
    values, _ = jax.jit(rough_spectrum)(landscape.surface, w)
    noise = 1e-14 * np.abs(exact).max()
    np.testing.assert_allclose(values, exact, atol=noise)
    assert np.abs(rough - exact).max() > 1e3 * noise, "single precision would not have done"


def test_a_users_function_is_not_rounded():
    landscape = FunctionLandscape(MUELLER_BROWN.energy, [-1.5, -0.5], [1.2, 2.0])
    w = jnp.array([0.3, 0.7])
    values, _ = rough_spectrum(landscape.surface, w)
    exact = np.linalg.eigvalsh(np.asarray(hessian_of(landscape.surface, w)))
    np.testing.assert_allclose(values, exact, rtol=1e-12)


def dense(landscape, w):
    return np.asarray(landscape.symmetrizer(w) @ np.eye(landscape.n_weights))


@pytest.mark.parametrize("hidden", [(5,), (4, 3)])
def test_with_a_symmetrizer_the_spectrum_is_that_inside_and_the_rest_comes_last(hidden):
    random = np.random.default_rng(0)
    landscape = NetworkLandscape(random.normal(size=(40, 2)), np.arange(40) % 3, hidden, 1e-3)
    w = landscape.random_start(random) / 3
    for layer in landscape.symmetry.layers:  # two units equal, one zero
        equal = layer.positions[:2]
        w[equal[1]] = w[equal[0]]
    w = landscape.symmetrizer(w) @ w
    hessian = np.asarray(hessian_of(landscape.surface, w))
    onto = dense(landscape, w)
    shift = landscape.excluded_modes
    onto = onto - shift.T @ shift @ onto
    basis = np.linalg.svd(onto)[0][:, : round(np.trace(onto))]
    inside = np.linalg.eigvalsh(basis.T @ hessian @ basis)
    values, vectors = map(
        np.asarray, jax.jit(spectrum)(landscape.surface, w, landscape.symmetrizer(w))
    )
    assert 0 < len(inside) < len(values)
    np.testing.assert_allclose(values[: len(inside)], inside, atol=1e-12)
    assert (values[len(inside) :] >= inside[-1]).all()
    np.testing.assert_allclose(
        np.linalg.norm(basis.T @ vectors[:, : len(inside)], axis=0), 1.0, atol=1e-7
    )


def test_modes_outside_come_last_however_negative():
    """A dense symmetrizer, one of whose own vectors is a sequence of whole numbers."""
    onto = 0.5 * (np.eye(2) + np.array([[-0.6, 0.8], [0.8, 0.6]]))
    along, across = np.array([1.0, 2.0]) / 5**0.5, np.array([2.0, -1.0]) / 5**0.5
    surface = FunctionLandscape(
        lambda w: 0.5 * (1e-6 * (w @ along) ** 2 - (w @ across) ** 2), [-1, -1], [1, 1]
    ).surface
    values, vectors = spectrum(surface, jnp.zeros(2), onto)
    np.testing.assert_allclose(values, [1e-6, 1.0], atol=1e-9)
    np.testing.assert_allclose(np.abs(vectors[:, 0]), along, atol=1e-9)
