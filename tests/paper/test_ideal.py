"""The ideal AUC against populations whose probabilities are known."""

import numpy as np
import pytest
from scipy.stats import norm

from lossatlas.data import permutation_noise
from lossatlas.errors import BadInputError
from lossatlas.paper.artifacts import ARTIFACTS
from lossatlas.paper.files import compute_ideal, write_artifact
from lossatlas.paper.ideal import Neighborhoods, rank_auc, transition_matrix
from lossatlas.paper.ideal_table import from_csv, ideal_rows, to_csv, to_markdown
from lossatlas.paper.scales import QUICK

ITEMS, CLASSES = 40_000, 4


@pytest.fixture(scope="module")
def population():
    """Four classes in the plane, overlapping; half of the items are known."""
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=2 * ITEMS)
    centers = np.array([[0, 0], [1.5, 0], [0, 1.5], [1.5, 1.5]])
    inputs = centers[labels] + random.normal(size=(2 * ITEMS, 2))
    densities = np.stack([norm.pdf(inputs - center).prod(axis=1) for center in centers], axis=1)
    posterior = densities / densities.sum(axis=1, keepdims=True)
    near = Neighborhoods(inputs[:ITEMS], inputs[ITEMS:])
    return near, labels[:ITEMS], labels[ITEMS:], posterior[ITEMS:]


def test_with_clean_labels_it_is_the_auc_of_the_true_probability(population):
    near, known, clean, posterior = population
    truth = rank_auc(posterior[:, 0], clean == 0)
    found = near.ideal(known, clean)
    assert found.nearest == pytest.approx(truth, abs=0.004)
    assert found.grid == pytest.approx(truth, abs=0.006)
    assert abs(found.estimate - truth) <= max(found.error, 0.004)


UNIFORM = 1 - np.eye(CLASSES)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.74, 0.76, 0.9, 1.0])
def test_uniform_noise_leaves_the_order_or_turns_it_round(population, fraction):
    """Against the formula, which knows nothing of matrices."""
    near, known, clean, posterior = population
    share = fraction / (CLASSES - 1)
    q = share + (1 - fraction * CLASSES / (CLASSES - 1)) * posterior[:, 0]
    truth, clean_auc = rank_auc(q, clean == 0), rank_auc(posterior[:, 0], clean == 0)
    assert truth == pytest.approx(clean_auc if fraction < 0.75 else 1 - clean_auc, abs=1e-6)
    matrix = transition_matrix(fraction, UNIFORM, np.bincount(known) / len(known))
    assert near.ideal(known, clean, matrix).estimate == pytest.approx(truth, abs=0.005)


@pytest.mark.parametrize("fraction", [0.2, 0.6, 1.0])
def test_the_matrix_is_that_of_labels_that_are_changed(population, fraction):
    _, known, _, _ = population
    errors = np.zeros((CLASSES, CLASSES))
    noisy = permutation_noise(known, CLASSES, 1.0, seed=2).labels
    for number in range(CLASSES):
        errors[number, noisy[known == number][0]] = 1.0
    matrix = transition_matrix(fraction, errors, np.bincount(known) / len(known))
    given = permutation_noise(known, CLASSES, fraction, seed=2).labels
    for number in range(CLASSES):
        shares = np.bincount(given[known == number], minlength=CLASSES) / (known == number).sum()
        assert matrix[number] == pytest.approx(shares, abs=0.02)


def test_permutation_noise_is_what_the_probabilities_say(population):
    """Of class j that is always mistaken for 0, q_0 = (1 - f) p_0 + f p_j; by noisy labels too."""
    near, known, clean, posterior = population
    noisy = permutation_noise(known, CLASSES, 0.6, seed=2).labels
    mistaken = int(known[(noisy == 0) & (known != 0)][0])
    q = 0.4 * posterior[:, 0] + 0.6 * posterior[:, mistaken]
    truth = rank_auc(q, clean == 0)
    assert near.ideal(noisy, clean).estimate == pytest.approx(truth, abs=0.01)
    errors = np.roll(np.eye(CLASSES), 1, axis=1)  # 3 is taken for 0
    matrix = transition_matrix(0.6, errors, np.bincount(known) / len(known))
    q = 0.4 * posterior[:, 0] + 0.6 * posterior[:, 3]
    truth = rank_auc(q, clean == 0)
    assert near.ideal(known, clean, matrix).estimate == pytest.approx(truth, abs=0.01)


def test_no_class_can_be_changed_more_than_wholly():
    errors = np.array([[0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(BadInputError, match="more than all of a class"):
        transition_matrix(0.5, errors, np.array([0.4, 0.6]))


def test_the_estimators_are_shares_of_labels():
    known = np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [5.1, 5.0]])
    near = Neighborhoods(known, known + 0.01, nearest=2)
    labels = np.array([True, True, False, True])
    assert near.by_nearest(labels).tolist() == [1.0, 1.0, 0.5, 0.5]
    with pytest.raises(BadInputError, match="fewer than 9"):
        Neighborhoods(known, known, nearest=9)


def test_the_auc_by_counting_pairs():
    random = np.random.default_rng(1)
    scores, positive = random.integers(6, size=40).astype(float), random.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    assert rank_auc(scores, positive) == pytest.approx(np.mean(pairs))
    assert np.isnan(rank_auc(scores, np.ones(40, bool)))


def test_the_table_of_small_data_sets(tmp_path):
    """Of the quick scale: clean labels give the same for all kinds, and files say it again."""
    rows = list(ideal_rows(QUICK))
    assert [(r.kind, r.fraction) for r in rows] == [
        (kind, fraction) for kind in QUICK.kinds for fraction in QUICK.kind_errors
    ]
    clean = {row.kind: row.ideal for row in rows if row.fraction == 0}
    assert clean["permutation"].estimate == pytest.approx(clean["boundary"].estimate, abs=0.005)
    assert clean["boundary"].estimate > 0.6
    again = from_csv(to_csv(rows))
    assert [r[:3] for r in again] == [r[:3] for r in rows]
    assert [tuple(r.ideal) for r in again] == [
        pytest.approx(tuple(r.ideal), abs=1e-5) for r in rows
    ]
    text = to_markdown(again)
    assert "### D2" in text
    assert f"{clean['boundary'].estimate:.3f} ± " in text
    (table,) = [a for a in ARTIFACTS if a.kind == "ideal"]
    (tmp_path / "ideal-auc.csv").write_text(to_csv(rows[:1]))
    written = write_artifact(table, QUICK, tmp_path)
    assert [path.name for path in written] == ["ideal-auc.md", "ideal-auc.csv"]
    assert len(written[1].read_text().splitlines()) == 2
    compute_ideal(table, QUICK, tmp_path)  # what was there is kept
    assert len(written[1].read_text().splitlines()) == 2
    assert write_artifact(table, QUICK, tmp_path / "elsewhere") == []
