"""Descriptors are the same for copies, and tell near networks from far ones."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reference_networks import allowed_signed_swaps, small_landscape
from scipy.stats import spearmanr

LANDSCAPES = [
    *map(small_landscape, [(3,), (10,), (3, 2), (5, 5), (4, 3, 2)]),
    small_landscape((6,), neighbors=2),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LANDSCAPES), st.integers(0, 2**32 - 1))
def test_copies_have_the_same(landscape, seed):
    random = np.random.default_rng(seed)
    w = 3.0 * random.normal(size=landscape.n_weights)
    copy = allowed_signed_swaps(landscape, random)(w)
    one, other = landscape.descriptors(np.stack([w, copy]))
    np.testing.assert_allclose(one, other, atol=1e-11)


def test_a_batch_is_what_each_is_alone():
    landscape, random = LANDSCAPES[3], np.random.default_rng(0)
    w = random.normal(size=(4, landscape.n_weights))
    alone = [landscape.descriptors(w[k : k + 1])[0] for k in range(4)]
    np.testing.assert_allclose(landscape.descriptors(w), alone, rtol=1e-12)


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_the_nearer_two_networks_the_nearer_their_descriptors(landscape):
    """Networks at growing distances, each hidden among its copies."""
    random = np.random.default_rng(0)
    w = 2.0 * random.normal(size=landscape.n_weights)
    steps = np.geomspace(0.03, 3.0, 60)[:, None] * random.normal(size=(60, len(w)))
    others = np.array([allowed_signed_swaps(landscape, random)(w + step) for step in steps])
    found = np.linalg.norm(landscape.descriptors(others) - landscape.descriptors(w[None]), axis=1)
    assert spearmanr(np.linalg.norm(steps, axis=1), found).statistic > 0.95
