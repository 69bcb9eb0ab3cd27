"""The two models of the inverse Hessian against the textbook formulas."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lossatlas.kernels import bfgs, lbfgs

N = 6
FULL_UPDATE, FULL_DIRECTION = jax.jit(bfgs.update), jax.jit(bfgs.direction)
PAIRS_UPDATE, PAIRS_DIRECTION = jax.jit(lbfgs.update), jax.jit(lbfgs.direction)
seeds = st.integers(0, 2**32 - 1)


def enlarged(inverse, s, y):
    """H times s.y / y.H.y where that enlarges it."""
    return max(1.0, (s @ y) / (y @ inverse @ y)) * inverse


def textbook(inverse, s, y):
    """(1 - rho s y^T) H (1 - rho y s^T) + rho s s^T"""
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ inverse @ left.T + rho * np.outer(s, s)


def pairs(random, count):
    """Steps and gradient changes of a random convex quadratic."""
    root = random.normal(size=(N, N))
    hessian = root @ root.T + np.eye(N)
    steps = random.normal(size=(count, N))
    return [(s, hessian @ s) for s in steps], hessian


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 10))
def test_full_matrix_is_the_textbook_one(seed, count):
    random = np.random.default_rng(seed)
    taken, _ = pairs(random, count)
    model = bfgs.init(np.zeros(N), 0.1)
    expected = 0.1 * np.eye(N)
    for s, y in taken:
        model = FULL_UPDATE(model, s, y)
        expected = textbook(enlarged(expected, s, y), s, y)
    np.testing.assert_allclose(model, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(model @ y, s, atol=1e-8)
    g = random.normal(size=N)
    np.testing.assert_allclose(FULL_DIRECTION(model, g), -expected @ g, rtol=1e-7, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_from_a_spectrum_negative_curvatures_are_turned_around_and_flat_ones_bounded(seed):
    random = np.random.default_rng(seed)
    vectors = np.linalg.qr(random.normal(size=(N, N)))[0]
    values = np.array([-2.0, -0.5, 1e-9, 0.1, 1.0, 5.0])
    model = np.asarray(jax.jit(bfgs.from_spectrum)(values, vectors))
    sizes = np.array([2.0, 0.5, bfgs.FLATTEST * 5.0, 0.1, 1.0, 5.0])
    np.testing.assert_allclose(vectors.T @ model @ vectors, np.diag(1 / sizes), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 8))
def test_limited_memory_is_the_textbook_one_of_the_last_pairs(seed, count):
    random, memory = np.random.default_rng(seed), 4
    taken, _ = pairs(random, count)
    model = lbfgs.init(np.zeros(N), memory, 0.1)
    for s, y in taken:
        model = PAIRS_UPDATE(model, s, y)
    s, y = taken[-1]
    expected = (s @ y) / (y @ y) * np.eye(N)
    for s, y in taken[-memory:]:
        expected = textbook(expected, s, y)
    g = random.normal(size=N)
    np.testing.assert_allclose(PAIRS_DIRECTION(model, g), -expected @ g, rtol=1e-8, atol=1e-10)


def test_without_pairs_both_go_down_the_gradient():
    g = np.arange(1.0, N + 1)
    np.testing.assert_allclose(FULL_DIRECTION(bfgs.init(g, 0.1), g), -0.1 * g)
    np.testing.assert_allclose(PAIRS_DIRECTION(lbfgs.init(g, 3, 0.1), g), -0.1 * g)


def test_pairs_without_positive_curvature_are_skipped():
    random = np.random.default_rng(0)
    taken, _ = pairs(random, 3)
    full, limited = bfgs.init(np.zeros(N), 0.1), lbfgs.init(np.zeros(N), 3, 0.1)
    for bad in ((taken[0][0], -taken[0][1]), (np.zeros(N), np.zeros(N))):
        for model, update in ((full, FULL_UPDATE), (limited, PAIRS_UPDATE)):
            jax.tree.map(np.testing.assert_array_equal, model, update(model, *bad))
    for s, y in taken:
        full, limited = FULL_UPDATE(full, s, y), PAIRS_UPDATE(limited, s, y)
    for model, update in ((full, FULL_UPDATE), (limited, PAIRS_UPDATE)):
        bad = (taken[0][0], -taken[0][1])
        jax.tree.map(np.testing.assert_array_equal, model, update(model, *bad))


def test_full_matrix_learns_a_quadratic():
    """With exact line searches n steps suffice, where nothing is enlarged."""
    random = np.random.default_rng(1)
    _, hessian = pairs(random, 0)
    model, w = bfgs.init(np.zeros(N), 100.0), random.normal(size=N)
    for _ in range(N):
        gradient = hessian @ w
        step = np.array(FULL_DIRECTION(model, gradient))
        step *= -(step @ gradient) / (step @ hessian @ step)
        model, w = FULL_UPDATE(model, step, hessian @ step), w + step
    assert np.abs(w).max() < 1e-8
    np.testing.assert_allclose(model @ hessian, np.eye(N), atol=1e-6)
