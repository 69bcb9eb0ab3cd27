"""MINRES and Lanczos against dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.tree_util import Partial

from lossatlas.kernels.matrix_free.krylov import Matrix, lowest_modes, minres

N = 24
seeds = st.integers(0, 2**32 - 1)
SOLVE = jax.jit(lambda matrix, b: minres(lambda v: matrix @ v, b, 1e-10, 200))


def symmetric(random, values):
    vectors = np.linalg.qr(random.normal(size=(len(values), len(values))))[0]
    return (vectors * values) @ vectors.T, vectors


def unchanged(v):
    return v


def dense(matrix):
    return Matrix(Partial(jnp.matmul, jnp.asarray(matrix)), Partial(unchanged))


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_minres_solves_indefinite_systems(seed):
    random = np.random.default_rng(seed)
    values = random.choice([-1.0, 1.0], N) * random.uniform(0.1, 3.0, N)
    matrix, _ = symmetric(random, values)
    b = random.normal(size=N)
    found = SOLVE(matrix, b)
    np.testing.assert_allclose(matrix @ found.x, b, atol=1e-8)
    assert found.residual <= 1e-10
    assert found.products <= 2 * N


def test_minres_stops_at_the_residual_and_at_the_products_asked_for():
    random = np.random.default_rng(0)
    matrix, _ = symmetric(random, np.geomspace(1e-4, 1.0, N))
    b = random.normal(size=N)
    rough = minres(lambda v: matrix @ v, jnp.asarray(b), 0.1, 200)
    true = np.linalg.norm(matrix @ rough.x - b) / np.linalg.norm(b)
    assert 0.0 < rough.residual <= 0.1
    np.testing.assert_allclose(rough.residual, true, rtol=1e-8)
    assert minres(lambda v: matrix @ v, jnp.asarray(b), 1e-12, 3).products == 3


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 5))
def test_lowest_modes_are_those_of_eigh(seed, k):
    random = np.random.default_rng(seed)
    matrix, _ = symmetric(random, random.normal(size=N))
    values = np.linalg.eigvalsh(matrix)
    found = lowest_modes(dense(matrix), k, random, np.zeros((0, N)), residual=1e-6, max_basis=100)
    assert found.converged
    np.testing.assert_allclose(found.values, values[:k], rtol=1e-6)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(k), atol=1e-10)
    rest = found.vectors @ matrix - found.values[:, None] * found.vectors
    assert (np.linalg.norm(rest, axis=1) <= 2e-6 * np.abs(found.values)).all()
    np.testing.assert_allclose(found.largest, np.abs(values).max(), rtol=1e-2)


def test_lowest_modes_leave_out_what_is_known_and_find_the_copies_of_a_multiplet():
    random = np.random.default_rng(3)
    values = np.array([-2.0, -1.0, -1.0, -1.0, *np.linspace(1.0, 4.0, N - 4)])
    matrix, vectors = symmetric(random, values)
    found = lowest_modes(dense(matrix), 1, random, vectors[:, :1].T, residual=1e-8, max_basis=100)
    np.testing.assert_allclose(found.values, [-1.0])
    assert abs(found.vectors[0] @ vectors[:, 0]) < 1e-10
    # The whole space has been searched: all copies are there.
    every = lowest_modes(dense(matrix), N, random, np.zeros((0, N)), residual=1e-8, max_basis=100)
    np.testing.assert_allclose(every.values, values, atol=1e-10)


def test_lowest_modes_say_when_they_have_not_converged():
    random = np.random.default_rng(4)
    matrix, _ = symmetric(random, np.geomspace(1e-5, 1.0, 200))
    found = lowest_modes(dense(matrix), 2, random, np.zeros((0, 200)), residual=1e-3, max_basis=20)
    assert not found.converged
    assert found.products == 20
