"""Estimates of what is unseen, against samples from distributions that are known completely."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.abundance import chao1, chapman, coverage, discovery_curve
from lossatlas.errors import BadInputError

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(np.array)
DISTRIBUTIONS = {
    "11 equal": np.ones(11),
    "100 equal": np.ones(100),
    "500 equal": np.ones(500),
    "geometric": 0.9 ** np.arange(200),
    "steep geometric": 0.7 ** np.arange(100),
    "power law": 1 / np.arange(1, 301.0) ** 2,
    "common and rare": np.append(np.ones(10), np.full(100, 0.01)),
    "one rare": np.array([1, 0.015]),
    "one very rare": np.array([1, 0.002]),
    "log-normal": np.exp(2 * np.random.default_rng(1).normal(size=200)),
}
"""Probabilities, up to a factor."""


def samples(name: str, n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (k,), and counts (size, k) of samples of n draws each."""
    p = DISTRIBUTIONS[name] / DISTRIBUTIONS[name].sum()
    return p, np.random.default_rng(n).multinomial(n, p, size)


@pytest.mark.parametrize("n", [20, 100, 400, 2000])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_lower_bound_of_the_coverage_holds(name, n):
    """Nominally in 97.5 % of the samples; three standard errors of 400 samples below is 95.2 %."""
    p, drawn = samples(name, n, 400)
    held = [coverage(x[x > 0]).low <= p[x > 0].sum() + 1e-12 for x in drawn]
    assert np.mean(held) > 0.952


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if "11" not in name])
def test_the_interval_of_the_coverage_holds(name):
    """Nominally in 95 % of the samples; three standard errors below is 91.7 %."""
    p, drawn = samples(name, 400, 400)
    held = []
    for x in drawn:
        estimate = coverage(x[x > 0])
        held.append(estimate.low - 1e-12 <= p[x > 0].sum() <= estimate.high + 1e-12)
    assert np.mean(held) > 0.917


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_good_turing_is_right_on_average(name):
    """The mean of f_1 / n is the mean unseen probability of n - 1 draws, exactly."""
    n = 100
    p, drawn = samples(name, n, 4000)
    estimates = np.array([1 - coverage(x[x > 0]).estimate for x in drawn])
    expected = (p * (1 - p) ** (n - 1)).sum()
    assert abs(estimates.mean() - expected) < 4 * estimates.std() / len(drawn) ** 0.5 + 1e-12


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_waiting_until_the_bound_suffices_does_not_make_it_wrong_more_often(name):
    """Draws by the dozen until at least 99 % are covered: in 2.5 % of the cases they are not.

    Three standard errors of 60 cases above that are 8.5 %.
    """
    p = DISTRIBUTIONS[name] / DISTRIBUTIONS[name].sum()
    random = np.random.default_rng(3)
    wrong = []
    for _ in range(60):
        x = random.multinomial(372, p)
        while (x == 1).sum() >= 0.01 * x.sum() or coverage(x[x > 0]).low < 0.99:
            x += random.multinomial(12, p)
        wrong.append(p[x == 0].sum() > 0.01)
    assert np.mean(wrong) < 0.085


@pytest.mark.parametrize("n", [100, 400, 2000])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_chao1_is_a_lower_bound(name, n):
    """Its lower end is above the truth in 2.5 % of the samples nominally; it is approximate."""
    p, drawn = samples(name, n, 400)
    assert np.mean([chao1(x[x > 0]).low > len(p) for x in drawn]) < 0.06


@pytest.mark.parametrize(
    ("name", "n"), [("11 equal", 33), ("100 equal", 150), ("100 equal", 500), ("500 equal", 900)]
)
def test_chao1_is_the_number_of_equal_points_and_its_interval_holds(name, n):
    p, drawn = samples(name, n, 400)
    estimates = [chao1(x[x > 0]) for x in drawn]
    # It is somewhat too high for small numbers.
    assert np.mean([e.estimate for e in estimates]) == pytest.approx(len(p), rel=0.06)
    assert np.mean([e.low <= len(p) <= e.high for e in estimates]) > 0.917


def test_chao1_of_a_sample_worked_by_hand():
    """S = 8, n = 25, f_1 = 3, f_2 = 2: 8 + 24/25 * 9/4."""
    counts = np.array([9, 6, 3, 2, 2, 1, 1, 1])
    assert chao1(counts).estimate == pytest.approx(8 + 0.96 * 9 / 4)
    # f_1 = 3, f_2 = 0: 4 + 13/14 * 3 * 2 / 2
    assert chao1(np.array([11, 1, 1, 1])).estimate == pytest.approx(4 + 13 / 14 * 3)


@pytest.mark.parametrize(("name", "n"), [("11 equal", 15), ("100 equal", 150)])
def test_capture_and_recapture_of_equal_points(name, n):
    p, first = samples(name, n, 300)
    second = np.random.default_rng(7).multinomial(n, p, 300)
    estimates = [
        chapman(int((a > 0).sum()), int((b > 0).sum()), int(((a > 0) & (b > 0)).sum()))
        for a, b in zip(first, second, strict=True)
    ]
    assert np.mean([e.estimate for e in estimates]) == pytest.approx(len(p), rel=0.03)
    assert np.mean([e.low <= len(p) <= e.high for e in estimates]) > 0.917


@pytest.mark.parametrize("name", ["geometric", "power law", "common and rare", "log-normal"])
def test_capture_and_recapture_of_unequal_points_is_too_low(name):
    p, first = samples(name, 200, 200)
    second = np.random.default_rng(7).multinomial(200, p, 200)
    seen = [(a > 0, b > 0) for a, b in zip(first, second, strict=True)]
    low = [chapman(int(a.sum()), int(b.sum()), int((a & b).sum())).low for a, b in seen]
    assert np.mean([bound <= len(p) for bound in low]) > 0.975


def test_the_interval_of_recapture_by_counting_all_cases():
    """All ways to draw 3 and 2 of N points: how often do so many coincide?"""

    def tails(total: int, both: int) -> tuple[float, float]:
        first = set(range(3))
        common = [len(first & set(pair)) for pair in combinations(range(total), 2)]
        return np.mean(np.array(common) <= both), np.mean(np.array(common) >= both)

    for both in (1, 2):
        found = chapman(3, 2, both, level=0.8)
        possible = [n for n in range(5 - both, 60) if min(tails(n, both)) > 0.1]
        assert (found.low, found.high) == (possible[0], possible[-1])
    assert chapman(3, 2, 0).high == math.inf


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_intervals_hold_their_estimates(counts):
    covered, number = coverage(counts), chao1(counts)
    assert 0 <= covered.low <= covered.estimate <= covered.high <= 1
    assert counts.size <= number.low <= number.estimate <= number.high


@settings(max_examples=40, deadline=None)
@given(COUNTS)
def test_discovery_curves_rise_to_what_was_found(counts):
    curve = discovery_curve(counts)
    assert (curve.draws[0], curve.draws[-1]) == (0, counts.sum())
    assert curve.expected[0] == pytest.approx(0, abs=1e-9)
    assert curve.expected[-1] == pytest.approx(counts.size)
    assert (np.diff(curve.expected) > -1e-9).all()
    assert (np.diff(curve.expected, 2) < 1e-6).all() or counts.sum() > 100  # uneven numbers
    assert (curve.low <= curve.expected).all()
    assert (curve.expected <= curve.high).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data())
def test_discovery_curves_are_means_over_all_subsets(counts, data):
    draws = np.repeat(np.arange(len(counts)), counts)
    m = data.draw(st.integers(1, len(draws)))
    brute = np.mean([len(set(chosen)) for chosen in combinations(draws.tolist(), m)])
    assert discovery_curve(np.array(counts), np.array([m])).expected[0] == pytest.approx(brute)


def test_the_interval_of_a_discovery_curve_holds_for_new_samples():
    p, drawn = samples("log-normal", 600, 300)
    truth = (1 - (1 - p) ** 200).sum()
    curves = [discovery_curve(x[x > 0], np.array([200])) for x in drawn]
    assert np.mean([c.expected[0] for c in curves]) == pytest.approx(truth, rel=0.01)
    # The interval is that of S(200) itself, which scatters more than its mean is uncertain.
    assert np.mean([c.low[0] <= truth <= c.high[0] for c in curves]) > 0.95


def test_no_draws_say_nothing():
    nothing = np.zeros(0, int)
    assert coverage(nothing) == (0, 0, 1)
    assert chao1(nothing) == (0, 0, math.inf)
    assert discovery_curve(nothing).expected.tolist() == [0]


@pytest.mark.parametrize("estimate", [coverage, chao1, discovery_curve])
def test_what_is_refused(estimate):
    with pytest.raises(BadInputError, match="counts"):
        estimate(np.array([1, 0]))
    with pytest.raises(BadInputError, match="level"):
        estimate(np.array([1, 2]), level=1.0)


def test_impossible_captures_are_refused():
    with pytest.raises(BadInputError, match="3 points in both"):
        chapman(2, 4, 3)
    with pytest.raises(BadInputError, match="level"):
        chapman(2, 4, 1, level=0)
    with pytest.raises(BadInputError, match="draws"):
        discovery_curve(np.array([2, 1]), np.array([4]))
