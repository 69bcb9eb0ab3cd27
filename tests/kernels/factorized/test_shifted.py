"""The shifted inverse, and the spectrum that its Krylov space shows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_networks import inner_hessian_of, small_landscape

from lossatlas.kernels.factorized import shifted as module
from lossatlas.kernels.factorized.shifted import (
    floor,
    reduced_spectrum,
    rough_hessian,
    shifted_inverse,
    solved,
    walls,
)

LANDSCAPE = small_landscape((6,), l2=1e-2)
SURFACE = LANDSCAPE.surface
W = jnp.asarray(LANDSCAPE.random_start(np.random.default_rng(3)))


hessian_and_norm = jax.jit(rough_hessian)


def inverted(hessian, norm, shift):
    """Compiled anew, since tests change constants of the module."""
    return jax.jit(lambda *x: shifted_inverse(*x))(hessian, norm, shift)


def basis_and_values():
    """Eigenpairs of the exact Hessian outside the excluded modes."""
    values, vectors = np.linalg.eigh(inner_hessian_of(SURFACE, W))
    return values, np.asarray(SURFACE.from_inner(jnp.asarray(vectors)))


@pytest.mark.parametrize("leaf", [512, 4])
def test_solutions_are_those_of_the_shifted_hessian(monkeypatch, leaf):
    monkeypatch.setattr(module, "LEAF", leaf)
    values, vectors = basis_and_values()
    inverse = inverted(*hessian_and_norm(SURFACE, W), jnp.asarray(1.5 * abs(values[0])))
    assert not inverse.raised
    v = jnp.asarray(np.random.default_rng(0).normal(size=(len(W), 3)))
    shift = float(inverse.shift)
    expected = vectors @ ((vectors.T @ v) / (values + shift)[:, None])
    np.testing.assert_allclose(solved(SURFACE, inverse, v), expected, rtol=1e-3, atol=1e-3)
    stiff = (values / (values + shift)) ** 3
    slope = vectors.T @ v[:, 0]
    np.testing.assert_allclose(
        walls(SURFACE, inverse, v[:, 0]), vectors @ (stiff / values * slope), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(
        floor(SURFACE, inverse, v[:, 0]), vectors @ ((1 - stiff) * slope), rtol=1e-3, atol=1e-3
    )


def test_a_shift_is_raised_until_the_hessian_is_positive_definite():
    values, _ = basis_and_values()
    assert values[0] < 0
    hessian, norm = hessian_and_norm(SURFACE, W)
    inverse = inverted(hessian, norm, jnp.asarray(1e-3 * abs(values[0])))
    assert inverse.raised
    assert -values[0] < inverse.shift < -4.1 * values[0]
    assert jnp.isfinite(inverse.lower).all()
    assert not jnp.isfinite(inverted(hessian * jnp.nan, norm, norm).lower).all()


def test_the_soft_modes_and_functions_of_the_hessian_are_in_the_krylov_space():
    values, vectors = basis_and_values()
    hessian, norm = hessian_and_norm(SURFACE, W)
    inverse = inverted(hessian, norm, jnp.asarray(1.5 * abs(values[0])))
    seeds = jnp.asarray(np.random.default_rng(0).normal(size=(len(W), 2)))
    found, modes = jax.jit(lambda: reduced_spectrum(SURFACE, W, hessian, inverse, (seeds, 9)))()
    np.testing.assert_allclose(found[:2], values[:2], rtol=1e-3)
    assert abs(vectors[:, 0] @ modes[:, 0]) == pytest.approx(1.0, abs=1e-5)
    decayed = vectors @ (np.exp(-0.5 * values) * (vectors.T @ seeds[:, 0]))
    np.testing.assert_allclose(
        modes @ (jnp.exp(-0.5 * found) * (modes.T @ seeds[:, 0])), decayed, atol=1e-3
    )


def test_where_the_space_is_exhausted_the_rest_is_zero():
    hessian, norm = hessian_and_norm(SURFACE, W)
    inverse = inverted(hessian, norm, jnp.asarray(0.5))
    seeds = jnp.asarray(np.random.default_rng(0).normal(size=(len(W), 4)))
    found, modes = jax.jit(lambda: reduced_spectrum(SURFACE, W, hessian, inverse, (seeds, 20)))()
    values, _ = basis_and_values()
    used = np.linalg.norm(modes, axis=0) > 0.5
    assert used.sum() == len(values) < 80
    np.testing.assert_allclose(np.sort(found[used]), values, atol=1e-4 * abs(values).max())
    assert (found[~used] >= found[used].max()).all()
