"""Weighted rank correlations against SciPy on repeated data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import spearmanr

from lossatlas.network import Network
from lossatlas.paper.correlations import correlations, weighted_rank_correlation

ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 4)), min_size=3, max_size=8
)


@settings(deadline=None)
@given(ROWS)
def test_whole_weights_repeat_the_data(rows):
    first, second, weights = np.array(rows, float).T
    found = weighted_rank_correlation(first, second, weights)
    times = weights.astype(int)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert math.isnan(found)
        return
    expected = spearmanr(np.repeat(first, times), np.repeat(second, times)).statistic
    assert found == pytest.approx(expected)
    assert weighted_rank_correlation(first, second, 0.01 * weights) == pytest.approx(expected)


def test_minima_without_weight_or_value_do_not_count():
    x = np.array([1.0, 2.0, 3.0, 9.0])
    y = np.array([3.0, 2.0, 1.0, 9.0])
    assert weighted_rank_correlation(x, y, np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(-1)
    y[3] = np.nan
    assert weighted_rank_correlation(x, y, np.ones(4)) == pytest.approx(-1)
    assert math.isnan(weighted_rank_correlation(x[:2], y[:2], np.ones(2)))


def test_a_network_has_those_correlations_that_it_has_columns_for():
    empty = np.zeros(0, int)
    bare = Network.of_pairs(np.array([0.1, 0.2, 0.3, 0.4]), np.zeros(0), empty, empty)
    auc = {"train": np.array([4.0, 3.0, 2.0, 1.0]), "test": np.array([1.0, 2.0, 3.0, 0.0])}
    assert set(correlations(bare, auc)) == {"loss_train_correlation", "loss_test_correlation"}
    full = bare.with_columns(
        test_loss=np.array([1.0, 2.0, 3.0, 4.0]),
        log_orbit=np.array([1000.0, 1000.0, 1000.0, 0.0]),
        basin_hits=np.array([0.0, 5.0, 1.0, 2.0]),
    )
    found = correlations(full, auc | {"macro": auc["train"]})
    assert len(found) == 12
    assert found["loss_test_loss_correlation_by_basin"] == pytest.approx(1)
    assert found["loss_macro_correlation_by_orbit"] == pytest.approx(-1)
    assert found["loss_test_correlation_by_orbit"] == pytest.approx(1, abs=1e-6)
    assert found["loss_test_correlation"] < 0
