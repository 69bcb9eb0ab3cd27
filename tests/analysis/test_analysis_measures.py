"""Measures of predictions against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from lossatlas.analysis import measures
from lossatlas.analysis.auc import rank_auc

RANDOM = np.random.default_rng(5)
LOGITS, LABELS = RANDOM.normal(size=(4, 60, 3)).round(1), RANDOM.integers(3, size=60)
OUTPUTS, TARGETS = RANDOM.normal(size=(4, 60, 2)), RANDOM.normal(size=(60, 2))


def test_accuracies_are_those_of_scikit_learn():
    chosen = LOGITS.argmax(axis=2)
    expected = [metrics.accuracy_score(LABELS, c) for c in chosen]
    np.testing.assert_allclose(measures.accuracy(LOGITS, LABELS), expected)
    expected = [metrics.balanced_accuracy_score(LABELS, c) for c in chosen]
    np.testing.assert_allclose(measures.balanced_accuracy(LOGITS, LABELS), expected)
    np.testing.assert_array_equal(
        measures.confusion_matrix(LOGITS[0], LABELS), metrics.confusion_matrix(LABELS, chosen[0])
    )


def test_errors_are_those_of_scikit_learn():
    expected = [metrics.r2_score(TARGETS, y) for y in OUTPUTS]
    np.testing.assert_allclose(measures.r2(OUTPUTS, TARGETS), expected)
    expected = [metrics.mean_squared_error(TARGETS, y) ** 0.5 for y in OUTPUTS]
    np.testing.assert_allclose(measures.root_mean_squared_error(OUTPUTS, TARGETS), expected)
    assert np.isnan(measures.r2(OUTPUTS, np.ones_like(TARGETS))).all()


def test_the_roc_curve_is_that_of_scikit_learn():
    scores, positive = LOGITS[0, :, 0], LABELS == 0  # rounded, so that there are ties
    curve = measures.roc_curve(scores, positive)
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_rate, false)
    np.testing.assert_allclose(curve.true_rate, true)
    area = np.trapezoid(curve.true_rate, curve.false_rate)
    assert area == pytest.approx(float(rank_auc(scores, positive)))
