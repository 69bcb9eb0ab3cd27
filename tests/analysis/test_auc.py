from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import roc_auc_score

from lossatlas.analysis.auc import class_auc, macro_auc, rank_auc, threshold_auc
from lossatlas.errors import BadInputError


def pair_count(scores, positive) -> float:
    wins = pairs = 0.0
    for score, is_positive in zip(scores, positive, strict=True):
        for other, other_positive in zip(scores, positive, strict=True):
            if is_positive and not other_positive:
                pairs += 1
                wins += 1.0 if score > other else 0.5 if score == other else 0.0
    return wins / pairs


def programs_rule(scores, positive) -> float:
    """The rule written out: every threshold, every item."""
    rates = []
    for k in range(101):
        called = [p > k / 100 for p in scores]
        true_positives = sum(c and y for c, y in zip(called, positive, strict=True))
        false_positives = sum(c and not y for c, y in zip(called, positive, strict=True))
        rates.append(
            (
                true_positives / max(sum(positive), 1),
                false_positives / max(len(positive) - sum(positive), 1),
            )
        )
    return sum((t1 + t0) * abs(f1 - f0) / 2 for (t0, f0), (t1, f1) in pairwise(rates))


# Few distinct values make ties; exact hundredths fall on the thresholds.
TIED_SCORES = st.lists(
    st.one_of(st.sampled_from([0.0, 0.29, 0.57, 0.58, 1.0]), st.floats(0, 1)),
    min_size=2,
    max_size=30,
)


@st.composite
def scored_items(draw):
    scores = draw(TIED_SCORES)
    size = len(scores)
    positive = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    positive[0], positive[-1] = True, False
    return np.array(scores), np.array(positive)


@given(scored_items())
def test_rank_auc_is_the_share_of_pairs_in_order(items):
    scores, positive = items
    assert rank_auc(scores, positive) == pytest.approx(pair_count(scores, positive), abs=1e-15)


@given(scored_items())
def test_threshold_auc_is_the_rule_written_out(items):
    scores, positive = items
    expected = programs_rule(scores.tolist(), positive.tolist())
    assert threshold_auc(scores, positive) == pytest.approx(expected, abs=1e-14)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), levels=st.integers(1, 50))
def test_rank_auc_equals_scikit_learn(seed, levels):
    random = np.random.default_rng(seed)
    scores = random.integers(0, levels, (3, 200)).astype(float)
    positive = random.random(200) < 0.3
    expected = [roc_auc_score(positive, row) for row in scores]
    np.testing.assert_allclose(rank_auc(scores, positive), expected, atol=1e-14)


def test_rank_auc_is_invariant_under_increasing_maps_and_reflects():
    random = np.random.default_rng(1)
    scores, positive = random.standard_normal((2, 5, 100)), random.random(100) < 0.5
    area = rank_auc(scores, positive)
    assert area.shape == (2, 5)
    np.testing.assert_array_equal(rank_auc(np.arctan(scores), positive), area)
    np.testing.assert_allclose(rank_auc(-scores, positive), 1 - area, atol=1e-15)


def test_the_two_rules_are_close_for_smooth_scores():
    random = np.random.default_rng(2)
    positive = random.random(2000) < 0.4
    scores = 1 / (1 + np.exp(-random.standard_normal((4, 2000)) - positive))
    assert np.abs(rank_auc(scores, positive) - threshold_auc(scores, positive)).max() < 2.5e-3


@pytest.mark.parametrize("area", [rank_auc, threshold_auc])
@pytest.mark.parametrize("everywhere", [True, False])
def test_one_class_only_has_no_auc(area, everywhere):
    assert np.isnan(area(np.full((3, 4), 0.5), np.full(4, everywhere))).all()


def test_class_and_macro_auc_equal_scikit_learn():
    random = np.random.default_rng(3)
    logits = random.standard_normal((6, 4, 300))
    labels = random.integers(0, 4, 300)
    logits[:, labels, np.arange(300)] += 0.7
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for k in range(4):
        expected = [roc_auc_score(labels == k, p[k]) for p in probabilities]
        np.testing.assert_allclose(class_auc(probabilities, labels, k), expected, atol=1e-14)
    macro = [roc_auc_score(labels, p.T, multi_class="ovr", average="macro") for p in probabilities]
    np.testing.assert_allclose(macro_auc(probabilities, labels), macro, atol=1e-14)
    np.testing.assert_array_equal(
        class_auc(probabilities, labels, 2, rule="threshold"),
        threshold_auc(probabilities[:, 2], labels == 2),
    )


def test_macro_auc_is_undefined_where_a_class_is_absent():
    probabilities = np.full((2, 3, 4), 1 / 3)
    assert np.isnan(macro_auc(probabilities, np.array([0, 1, 1, 0]))).all()


def test_misuse_is_refused():
    probabilities, labels = np.full((2, 3, 4), 1 / 3), np.array([0, 1, 2, 0])
    with pytest.raises(BadInputError, match="put the items last"):
        rank_auc(probabilities[:, 0].T, labels == 0)
    with pytest.raises(BadInputError, match="booleans"):
        rank_auc(probabilities[:, 0], labels)
    with pytest.raises(BadInputError, match="NaN"):
        rank_auc(np.full((1, 4), np.nan), labels == 0)
    with pytest.raises(BadInputError, match="in \\[0, 1\\]"):
        threshold_auc(np.full((1, 4), 1.5), labels == 0)
    with pytest.raises(BadInputError, match="no class"):
        class_auc(probabilities, labels, positive_class=3)
    with pytest.raises(BadInputError, match="unknown"):
        class_auc(probabilities, labels, rule="mean")
    with pytest.raises(BadInputError, match="class without"):
        class_auc(probabilities, labels + 1)
    with pytest.raises(BadInputError, match="classes, items"):
        class_auc(probabilities, labels[:3])
