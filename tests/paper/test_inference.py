"""Tests, power and components of variance against simulations in which the truth is known."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from lossatlas.paper.inference import (
    component_intervals,
    draws_needed,
    equivalence,
    holm,
    power,
    spread_limit,
    t_test,
    variance_components,
)

MANY = 4000


def samples(draws, mean=0.0, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, (MANY, draws))


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=8).filter(lambda v: np.std(v) > 1e-6))
def test_the_t_test_is_that_of_scipy(values):
    found, known = t_test(values), stats.ttest_1samp(values, 0.0)
    assert found.p == pytest.approx(known.pvalue)
    limits = known.confidence_interval()
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))


@pytest.mark.parametrize("draws", [3, 10])
def test_a_difference_that_is_not_there_is_found_in_one_of_twenty(draws):
    wrong = np.mean([t_test(row).p < 0.05 for row in samples(draws)])
    assert wrong == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / MANY) ** 0.5)


@pytest.mark.parametrize("draws", [5, 20])
def test_a_mean_at_the_margin_is_called_equivalent_in_at_most_one_of_twenty(draws):
    wrong = np.mean([equivalence(row, 1.0) < 0.05 for row in samples(draws, mean=1.0)])
    assert wrong <= 0.05 + 4 * (0.05 * 0.95 / MANY) ** 0.5
    right = np.mean([equivalence(row, 3.0) < 0.05 for row in samples(draws, mean=0.1)])
    assert right > 0.9


def test_equivalence_is_two_one_sided_tests_of_scipy():
    for row in samples(6, 0.3)[:20]:
        above = stats.ttest_1samp(row, -0.8, alternative="greater").pvalue
        below = stats.ttest_1samp(row, 0.8, alternative="less").pvalue
        assert equivalence(row, 0.8) == pytest.approx(max(above, below))
    assert equivalence([0.2, 0.2], 0.3) == 0.0
    assert equivalence([0.4, 0.4], 0.3) == 1.0
    assert np.isnan(equivalence([0.1], 0.3))


@pytest.mark.parametrize(("draws", "margin"), [(4, 1.0), (12, 1.0), (20, 0.4)])
def test_the_power_is_that_of_simulations(draws, margin):
    found = np.mean([t_test(row).p < 0.05 for row in samples(draws, mean=margin, seed=3)])
    assert power(draws, margin, 1.0) == pytest.approx(found, abs=0.03)


def test_the_limit_of_a_standard_deviation_covers_as_often_as_it_says():
    covered = np.mean([spread_limit(row) >= 1.0 for row in samples(5, seed=5)])
    assert covered == pytest.approx(0.8, abs=0.03)


def test_the_draws_needed_have_the_power_and_one_less_has_not():
    pilot = [0.2, 0.9, 1.6, 0.4, 1.1]
    needed = draws_needed(pilot, 0.7)
    spread = spread_limit(pilot)
    assert power(needed, 0.7, spread) >= 0.8 > power(needed - 1, 0.7, spread)
    assert draws_needed([1.0], 0.5) is None
    assert draws_needed([1.0, 1.0], 0.5) == 2
    assert draws_needed([0.0, 1e6], 1e-3) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_by_its_definition(p):
    corrected = holm(np.array(p))
    for k, value in enumerate(p):
        lower = [other for other in p if other <= value]
        bound = max((sum(q >= other for q in p)) * other for other in lower)
        assert corrected[k] <= min(1.0, bound) + 1e-12
        assert corrected[k] >= value - 1e-12


def test_a_family_of_true_hypotheses_has_one_error_in_twenty_families():
    random = np.random.default_rng(1)
    wrong = np.mean([(holm(random.uniform(size=8)) < 0.05).any() for _ in range(MANY)])
    assert wrong == pytest.approx(0.05, abs=0.015)


TRUTHS = [(4.0, 1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 4.0, 1.0), (0.0, 0.0, 1.0), (1.0, 0.2, 1.0)]
"""Components of variance: of the data, of labels in the data, and of searches in both."""


@pytest.mark.parametrize("truth", TRUTHS[2:])
def test_components_of_variance_are_those_that_were_put_in(truth):
    random, shape = np.random.default_rng(2), (12, 8, 6)
    found = np.mean([variance_components(nested(random, shape, truth)) for _ in range(300)], axis=0)
    assert found == pytest.approx(np.array(truth), abs=0.12)


def nested(random, shape, truth):
    """Values (d, l, s) with normal effects, each within those before it."""
    effects = [
        random.normal(0, np.sqrt(variance), shape[: level + 1] + (1,) * (2 - level))
        for level, variance in enumerate(truth)
    ]
    return sum(effects)


@pytest.mark.parametrize("truth", TRUTHS)
def test_intervals_of_components_hold_the_truth_as_often_as_they_say(truth):
    random, shape, repetitions = np.random.default_rng(5), (4, 3, 2), 400
    inside = np.zeros(3)
    for _ in range(repetitions):
        low, high = component_intervals(nested(random, shape, truth), repetitions=1000)
        inside += [a <= x <= b for a, x, b in zip(low, truth, high, strict=True)]
    assert (inside / repetitions > 0.92).all(), inside / repetitions


def test_components_are_those_of_a_nested_analysis_of_variance():
    """Against sums of squares written out, for values in which the levels are far apart."""
    values = nested(np.random.default_rng(6), (4, 3, 2), (9.0, 1.0, 0.01))
    ms_searches = values.var(axis=2, ddof=1).mean()
    ms_labels = 2 * values.mean(axis=2).var(axis=1, ddof=1).mean()
    ms_data = 6 * values.mean(axis=(1, 2)).var(ddof=1)
    expected = ((ms_data - ms_labels) / 6, (ms_labels - ms_searches) / 2, ms_searches)
    assert variance_components(values) == pytest.approx(expected)
    low, high = component_intervals(values)
    assert all(a <= x <= b for a, x, b in zip(low, expected, high, strict=True))


def test_components_of_values_with_a_gap_are_not_defined():
    values = np.ones((4, 3, 2))
    values[1, 2, 0] = np.nan
    assert np.isnan(variance_components(values)).all()
    assert np.isnan(component_intervals(values)).all()
