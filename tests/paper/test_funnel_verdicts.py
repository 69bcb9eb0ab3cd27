"""The rule for funnels on landscapes whose funnels are known: how often it errs."""

from collections import Counter

import numpy as np
import pytest
from synthetic_funnels import synthetic, thinned

from lossatlas.analysis import funnels_at
from lossatlas.paper.funnel_verdicts import (
    TAU,
    TAUS,
    FunnelShares,
    funnel_shares,
    funnel_verdict,
)

EXPERIMENTS, DRAWS = 60, 5


def experiment(random, second):
    """The verdict from a few draws of which three tenths of the transition states are missing."""
    draws = []
    for _ in range(DRAWS):
        known = thinned(synthetic(random, second), 0.7, random)
        draws.append(funnel_shares(known, thinned(known, 0.97, random)))
    return funnel_verdict(draws)


@pytest.mark.parametrize(("second", "truth"), [(0.0, "supported"), (0.7, "contradicted")])
def test_verdicts_with_a_part_of_the_transition_states(second, truth):
    random = np.random.default_rng(7)
    found = Counter(experiment(random, second) for _ in range(EXPERIMENTS))
    wrong = EXPERIMENTS - found[truth] - found["undecided"]
    assert wrong <= 0.05 * EXPERIMENTS, found
    assert found["undecided"] <= 0.2 * EXPERIMENTS, found


def test_with_all_transition_states_the_funnels_are_those_that_were_made():
    random = np.random.default_rng(3)
    (one,) = funnels_at(synthetic(random, 0.0), TAUS[[TAU]])
    (two,) = funnels_at(synthetic(random, 0.7), TAUS[[TAU]])
    assert one.low == one.high == one.share > 0.85
    assert two.rivals >= 1
    assert 0.15 < two.share < 0.45


def shares(low, high=None, before=None, share=None):
    k = len(TAUS)
    values = (low, low if high is None else high, before or low, share or low)
    return FunnelShares(*(np.full(k, value) for value in values))


@pytest.mark.parametrize(
    ("draws", "verdict"),
    [
        ([shares(0.9), shares(0.93), shares(0.88)], "supported"),
        ([shares(0.1), shares(0.12), shares(0.08)], "contradicted"),
        ([shares(0.1)], "undecided"),
        ([shares(0.1, high=0.9), shares(0.12, high=0.95), shares(0.08, high=0.9)], "undecided"),
        ([shares(low, before=0.2) for low in (0.1, 0.12, 0.08)], "undecided"),
        ([shares(0.1), shares(0.9), shares(0.3)], "undecided"),
    ],
)
def test_the_rule_case_by_case(draws, verdict):
    assert funnel_verdict(draws) == verdict


def test_one_sign_is_needed_for_all_thresholds_from_ten_percent():
    rising = np.array([0.1, 0.4, 0.6, 0.8, 0.9, 0.95])
    draws = [FunnelShares(*(rising + shift for _ in range(4))) for shift in (0.0, 0.01, 0.02)]
    assert funnel_verdict(draws) == "undecided"
    rising[1] = 0.55
    draws = [FunnelShares(*(rising + shift for _ in range(4))) for shift in (0.0, 0.01, 0.02)]
    assert funnel_verdict(draws) == "supported"
