"""Factorizations count eigenvalues, and what is called the lowest pairs are the lowest."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.kernels.factorized.inertia import factorized, lowest_pairs


def matrix_of(values, seed=0):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values),) * 2))[0]
    return (rotation * values) @ rotation.T


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31), st.floats(-2.0, 2.0))
def test_as_many_eigenvalues_lie_below_a_number_as_eigh_says(size, seed, below):
    a = np.random.default_rng(seed).normal(size=(size, size))
    values = np.linalg.eigvalsh(a + a.T)
    assert factorized(a + a.T, below).negative == (values < below).sum()


@pytest.mark.parametrize(
    "lowest",
    [
        [1e-3, 2e-3, 3e-3],  # a minimum
        [-1e-4, 5e-6, 5e-6, 5e-6, 2e-5],  # a transition state with soft multiplets
        [-1e-3] * 5 + [1e-5] * 9,  # as many equal negative ones
        [-3.0, -1e-4, 1e-5],  # one far from zero, where the inverse hardly shows it
        [*-np.linspace(0.1, 2.0, 11), 1e-3],  # more negative ones than asked for
    ],
)
def test_no_pair_is_left_out(lowest):
    values = np.concatenate([lowest, np.linspace(0.05, 20.0, 150)])
    matrix = matrix_of(values)
    pairs = lowest_pairs(matrix, factorized(matrix), 8, 1e-3)
    assert pairs.counted
    count = len(pairs.values)
    assert count >= 8
    assert pairs.values[-1] > 0
    np.testing.assert_allclose(pairs.values, np.sort(values)[:count], rtol=1e-5)
    np.testing.assert_allclose(
        matrix @ pairs.vectors, pairs.vectors * pairs.values, atol=2e-3 * abs(values[:count]).max()
    )


def test_where_all_eigenvalues_are_few_they_are_all_there():
    matrix = matrix_of(np.array([-1.0, -2.0, -0.5]))
    pairs = lowest_pairs(matrix, factorized(matrix), 8, 1e-3)
    np.testing.assert_allclose(pairs.values, [-2.0, -1.0, -0.5])
    assert pairs.counted
