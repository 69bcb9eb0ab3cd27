"""Label noise: what is changed, to what, and how often."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from lossatlas.data.noise import (
    NoisyLabels,
    adversarial_noise,
    boundary_noise,
    class_conditional_noise,
    permutation_noise,
    uniform_noise,
)
from lossatlas.errors import BadInputError

UNLIKELY = 1e-3
"""Seeds are fixed, so a test that passes keeps passing; a wrong distribution has p << 1e-9."""


def even_errors(classes: int) -> np.ndarray:
    """A confusion matrix of which every class is mistaken for every other."""
    return np.full((classes, classes), 1 / classes)


def outputs_for(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(len(labels), classes))


KINDS: dict[str, Callable[[np.ndarray, int, float, int, bool], NoisyLabels]] = {
    "uniform": uniform_noise,
    "permutation": permutation_noise,
    "class-conditional": lambda labels, classes, *drawn: class_conditional_noise(
        labels, classes, even_errors(classes), *drawn
    ),
    "boundary": lambda labels, classes, fraction, *_: boundary_noise(
        labels, outputs_for(labels, classes), fraction
    ),
    "adversarial": lambda labels, classes, fraction, *_: adversarial_noise(
        labels, outputs_for(labels, classes), fraction
    ),
}
DRAWN = ("uniform", "permutation", "class-conditional")


@st.composite
def labelled(draw) -> tuple[np.ndarray, int]:
    classes = draw(st.integers(2, 6))
    labels = draw(st.lists(st.integers(0, classes - 1), max_size=60))
    return np.array(labels, int), classes


@pytest.mark.parametrize("kind", KINDS)
@given(
    data=labelled(), fraction=st.floats(0, 1), seed=st.integers(0, 2**63 - 1), common=st.booleans()
)
def test_exactly_so_many_labels_become_another_class(kind, data, fraction, seed, common):
    labels, classes = data
    before = labels.copy()
    noisy = KINDS[kind](labels, classes, fraction, seed, common)
    assert noisy.changed.sum() == round(fraction * len(labels))
    np.testing.assert_array_equal(noisy.labels != labels, noisy.changed)
    assert ((noisy.labels >= 0) & (noisy.labels < classes)).all()
    np.testing.assert_array_equal(labels, before)
    again = KINDS[kind](labels, classes, fraction, seed, common)
    np.testing.assert_array_equal(again.labels, noisy.labels)


@pytest.mark.parametrize("kind", KINDS)
@given(
    data=labelled(), fractions=st.tuples(st.floats(0, 1), st.floats(0, 1)), seed=st.integers(0, 99)
)
def test_common_random_numbers_nest_the_changes(kind, data, fractions, seed):
    labels, classes = data
    fewer, more = (KINDS[kind](labels, classes, f, seed, True) for f in sorted(fractions))
    assert (more.changed | ~fewer.changed).all()
    np.testing.assert_array_equal(more.labels[fewer.changed], fewer.labels[fewer.changed])


@pytest.mark.parametrize("kind", DRAWN)
def test_draws_for_other_fractions_and_seeds_are_independent(kind):
    labels = np.arange(1000) % 4
    first = KINDS[kind](labels, 4, 0.3, 1, False)
    for fraction, seed in ((0.5, 1), (0.3, 2)):
        other = KINDS[kind](labels, 4, fraction, seed, False)
        # 300 x 500 / 1000 or 300 x 300 / 1000 items are expected in both, not 300.
        expected = 300 * fraction
        assert abs((first.changed & other.changed).sum() - expected) < 40


def test_uniform_noise_is_uniform_over_the_other_classes():
    labels = np.repeat([0, 1, 2, 3], [9000, 500, 300, 200])
    for common in (False, True):
        noisy = uniform_noise(labels, 4, 0.9, seed=11, common_random_numbers=common)
        for own in range(4):
            others = np.delete(np.arange(4), own)
            chosen = noisy.labels[noisy.changed & (labels == own)]
            counts = [(chosen == other).sum() for other in others]
            assert stats.chisquare(counts).pvalue > UNLIKELY


def test_uniform_noise_chooses_items_uniformly():
    labels = np.zeros(20, int)
    often = sum(uniform_noise(labels, 3, 0.25, seed).changed.astype(int) for seed in range(4000))
    # Each item is chosen with probability 1/4; the counts sum to 4000 x 5 without replacement.
    spread = (often - 1000) / np.sqrt(4000 * 0.25 * 0.75 * 20 / 19)
    assert stats.chi2.sf((spread**2).sum(), 19) > UNLIKELY


def test_the_noise_is_no_copy_of_the_split():
    """Split and noise often have the same seed: their permutations must not."""
    rows = np.random.default_rng(1).permutation(1000)
    changed = uniform_noise(np.arange(1000) % 4, 4, 0.5, seed=1).changed
    shared = np.isin(np.flatnonzero(changed), rows[:500]).sum()
    assert abs(shared - 250) < 40


MATRIX = [[0.9, 0.08, 0.02, 0.0], [0.3, 0.6, 0.1, 0.0], [0.0, 0.0, 1.0, 0.0], [0.2, 0.2, 0.2, 0.4]]


def test_class_conditional_noise_at_the_rate_of_the_matrix_is_the_matrix():
    labels = np.repeat([0, 1, 2, 3], 5000)
    errors = 1 - np.diag(MATRIX)
    noisy = class_conditional_noise(labels, 4, MATRIX, errors.mean(), seed=5)
    table = np.array([np.bincount(noisy.labels[labels == own], minlength=4) for own in range(4)])
    for counts, row in zip(table, np.array(MATRIX), strict=True):
        assert (counts[row == 0] == 0).all()
        possible = row > 0
        if possible.sum() > 1:
            assert stats.chisquare(counts[possible], 5000 * row[possible]).pvalue > UNLIKELY


def test_class_conditional_noise_scales_the_rates():
    labels = np.repeat([0, 1, 2, 3], 5000)
    errors = 1 - np.diag(MATRIX)
    noisy = class_conditional_noise(labels, 4, MATRIX, errors.mean() / 2, seed=5)
    changed = np.array([noisy.changed[labels == own].sum() for own in range(4)])
    expected = 2500 * errors
    assert changed[2] == 0
    assert (np.abs(changed - expected) < 4 * np.sqrt(expected + 1)).all()


def test_permutation_noise_is_one_permutation_without_fixed_points():
    labels = np.arange(600) % 6
    seen = set()
    for seed in range(40):
        maps = []
        for fraction in (0.2, 1.0):
            noisy = permutation_noise(labels, 6, fraction, seed)
            pairs = set(zip(labels[noisy.changed], noisy.labels[noisy.changed], strict=True))
            maps.append({int(old): int(new) for old, new in pairs})
            assert len(pairs) == 6
        assert maps[0] == maps[1]
        assert sorted(maps[1].values()) == list(range(6))
        assert all(old != new for old, new in maps[1].items())
        seen.add(tuple(maps[1][old] for old in range(6)))
    assert len(seen) > 20  # of the 265 there are


def test_permutations_of_three_classes_are_equally_likely():
    first = [permutation_noise(np.arange(3), 3, 1.0, seed).labels[0] for seed in range(2000)]
    assert stats.chisquare(np.bincount(first)[1:]).pvalue > UNLIKELY


def test_boundary_noise_changes_the_smallest_margins():
    random = np.random.default_rng(3)
    outputs, labels = 3 * random.normal(size=(50, 4)), random.integers(0, 4, 50)
    noisy = boundary_noise(labels, outputs, 0.3)
    exponentials = np.exp(outputs)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    margins = []
    for row, own, new in zip(probabilities, labels, noisy.labels, strict=True):
        first, second = sorted(range(4), key=lambda k: -row[k])[:2]
        margins.append(row[first] - row[second])
        if new != own:
            assert new == (second if own == first else first)
    assert max(np.array(margins)[noisy.changed]) < min(np.array(margins)[~noisy.changed])


def test_adversarial_noise_raises_the_loss_most():
    random = np.random.default_rng(4)
    outputs, labels = random.normal(size=(6, 3)), random.integers(0, 3, 6)

    def loss(changed: np.ndarray) -> float:
        logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
        return -logs[np.arange(6), changed].mean()

    noisy = adversarial_noise(labels, outputs, 0.5)
    every = np.stack(np.meshgrid(*[range(3)] * 6), axis=-1).reshape(-1, 6)
    allowed = [other for other in every if (other != labels).sum() == 3]
    assert loss(noisy.labels) == max(loss(other) for other in allowed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform_noise(np.arange(4), 4, 1.5), "1.5 is not a fraction"),
        (lambda: uniform_noise(np.arange(4), 4, float("nan")), "nan is not a fraction"),
        (lambda: uniform_noise(np.arange(4), 3, 0.5), "a label is none of 3 classes"),
        (lambda: permutation_noise(np.zeros(4, int), 1, 0.5), "there are 1 classes"),
        (lambda: class_conditional_noise(np.arange(2), 2, [[1, 0]], 0.5), "not square"),
        (lambda: class_conditional_noise(np.arange(2), 2, [[1, 0], [2, -1]], 0.5), "negative"),
        (lambda: class_conditional_noise(np.arange(2), 2, [[1, 0], [0, 0.9]], 0.5), "sums to 0.9"),
        (lambda: class_conditional_noise(np.arange(3), 3, np.eye(2), 0.5), "2 rows"),
        (
            lambda: class_conditional_noise(np.arange(2), 2, [[1, 0], [1, 0]], 1.0),
            "only 1 are in classes",
        ),
        (lambda: boundary_noise(np.arange(3), np.zeros((2, 3)), 0.5), "do not fit 3 items"),
        (lambda: adversarial_noise(np.arange(2), np.full((2, 2), np.nan), 0.5), "do not fit"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(BadInputError, match=message):
        call()
