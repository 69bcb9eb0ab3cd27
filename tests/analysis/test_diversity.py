"""Hill numbers against their definition, by enumeration and by simulation."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.abundance import discovery_curve
from lossatlas.analysis.diversity import (
    common_coverage,
    coverage_of,
    draws_of_coverage,
    hill,
    hill_numbers,
)
from lossatlas.errors import BadInputError

SAMPLES = st.lists(st.integers(1, 6), min_size=1, max_size=6).map(np.array)


def by_definition(counts):
    p = np.array(counts) / np.sum(counts)
    return [len(p), np.exp(-(p * np.log(p)).sum()), 1 / (p**2).sum()]


@settings(deadline=None)
@given(SAMPLES)
def test_of_all_draws_they_are_those_of_the_shares(counts):
    assert hill(counts) == pytest.approx(by_definition(counts))
    assert (np.diff(hill(counts)) <= 1e-9).all()


def test_of_a_part_by_all_ways_to_choose_it():
    """The frequencies are averaged over all subsets, then put into the definition."""
    counts, m = np.array([3, 2, 1]), 4
    items = np.repeat(np.arange(3), counts)
    hits = [np.bincount(items[list(chosen)], minlength=3) for chosen in combinations(range(6), m)]
    expected = {j: np.mean([(each == j).sum() for each in hits]) for j in range(1, m + 1)}
    entropy = -sum(e * j / m * np.log(j / m) for j, e in expected.items())
    simpson = sum(e * (j / m) ** 2 for j, e in expected.items())
    assert hill(counts, m) == pytest.approx([sum(expected.values()), np.exp(entropy), 1 / simpson])


@settings(deadline=None)
@given(SAMPLES)
def test_order_zero_is_the_discovery_curve(counts):
    draws = np.arange(1, counts.sum() + 1)
    curve = discovery_curve(counts, draws).expected
    assert [hill(counts, int(m))[0] for m in draws] == pytest.approx(curve)


def test_the_coverage_of_a_part_by_all_ways_to_choose_it():
    """Of the draws that are left out, the share that hits a point of the part."""
    counts, m = np.array([3, 2, 1]), 4
    items = np.repeat(np.arange(3), counts)
    shares = []
    for chosen in combinations(range(6), m):
        rest = sorted(set(range(6)) - set(chosen))
        shares.append(np.mean(np.isin(items[rest], items[list(chosen)])))
    assert len(shares) == comb(6, 4)
    assert coverage_of(counts, m) == pytest.approx(np.mean(shares))


@settings(deadline=None)
@given(SAMPLES, st.floats(0.05, 1))
def test_the_draws_of_a_coverage_have_no_more_and_one_more_has_more(counts, coverage):
    m, n = draws_of_coverage(counts, coverage), int(counts.sum())
    assert m == 1 or coverage_of(counts, m) <= coverage + 1e-9
    assert m == n or coverage_of(counts, m + 1) > coverage or coverage_of(counts, n) <= coverage


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=20).map(np.array))
def test_at_its_own_coverage_a_sample_is_whole(counts):
    n = int(counts.sum())
    assert draws_of_coverage(counts, coverage_of(counts, n)) == n


@pytest.mark.parametrize("counts", [[1, 368, 2507, 7124], [1000] * 10])
def test_coverage_that_stays_the_same_over_many_draws_does_not_thin_a_sample(counts):
    counts = np.array(counts)
    found = hill_numbers(counts, coverage_of(counts, int(counts.sum())))
    assert found.draws == counts.sum()
    assert [one.estimate for one in found.numbers] == pytest.approx(by_definition(counts))


def test_very_many_unseen_points_take_little_memory():
    """Chao1 takes 50 million to be unseen here."""
    found = hill_numbers(np.ones(10_000, int))
    assert found.numbers[0].estimate == 10_000
    assert found.numbers[0].high > 10_000


@pytest.mark.parametrize("wrong", [{"coverage": 2.0}, {"coverage": -0.1}, {"level": 1.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(BadInputError, match=next(iter(wrong))):
        hill_numbers(np.array([2, 1]), **wrong)
    with pytest.raises(BadInputError, match="samples"):
        common_coverage([])


def test_intervals_cover_the_truth_as_often_as_they_say():
    """At the coverage of the sample; the truth is the mean over many samples."""
    random = np.random.default_rng(4)
    p = 1 / np.arange(1, 41)
    p /= p.sum()
    samples = [drawn[drawn > 0] for drawn in random.multinomial(300, p, size=60)]
    coverage = 0.9
    truth = np.mean([hill(s, draws_of_coverage(s, coverage)) for s in samples], axis=0)
    covered = np.zeros(3)
    for sample in samples[:40]:
        numbers = hill_numbers(sample, coverage, seed=1).numbers
        covered += [one.low <= value <= one.high for one, value in zip(numbers, truth, strict=True)]
    assert (covered / 40 >= 0.85).all(), covered


def test_the_order_of_two_landscapes_does_not_depend_on_how_much_was_drawn():
    random = np.random.default_rng(5)
    few, many = np.full(20, 1 / 20), np.full(60, 1 / 60)
    small = random.multinomial(120, many)
    large = random.multinomial(6000, few)
    small, large = small[small > 0], large[large > 0]
    coverage = common_coverage([small, large])
    first, second = (hill_numbers(one, coverage) for one in (small, large))
    assert first.numbers[0].low > second.numbers[0].high
    assert first.coverage == pytest.approx(second.coverage, abs=0.05)


@pytest.mark.parametrize(("counts", "draws"), [([], 1), ([0, 2], 1), ([2], 0), ([2], 3)])
def test_bad_samples_are_refused(counts, draws):
    with pytest.raises(BadInputError):
        hill(np.array(counts, int), draws)
    with pytest.raises(BadInputError):
        coverage_of(np.array(counts, int), draws)
