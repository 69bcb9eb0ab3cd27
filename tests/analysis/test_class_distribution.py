"""The class distribution of a training set, counted item by item."""

import numpy as np
import pytest

from lossatlas.analysis.class_distribution import class_distribution
from lossatlas.atlas import Atlas, Problem
from lossatlas.data.noise import uniform_noise
from lossatlas.errors import BadInputError

CLASSES = ["a", "b", "c", "absent"]


def test_counts_before_and_after_the_noise():
    clean = np.random.default_rng(1).integers(0, 3, 100)
    noisy = uniform_noise(clean, 4, 0.4, seed=2)
    arrays = {
        "train_labels": noisy.labels,
        "train_clean_labels": clean,
        "train_changed": noisy.changed,
    }
    table = class_distribution(Problem({}, {"classes": CLASSES}, arrays))
    assert table["class"].tolist() == CLASSES
    pairs = list(zip(clean.tolist(), noisy.labels.tolist(), strict=True))
    for number, row in table.iterrows():
        assert row["before"] == sum(old == number for old, _ in pairs)
        assert row["changed"] == sum(old == number != new for old, new in pairs)
        assert row["after"] == sum(new == number for _, new in pairs)
    assert table["changed"].sum() == 40


def test_without_noise_nothing_is_changed():
    labels = np.array([0, 2, 2, 1])
    table = class_distribution(Problem({}, {"classes": CLASSES}, {"train_labels": labels}))
    assert table["before"].tolist() == table["after"].tolist() == [1, 1, 2, 0]
    assert table["changed"].tolist() == [0, 0, 0, 0]


def test_a_landscape_without_data_has_none():
    with pytest.raises(BadInputError, match="no labels"):
        class_distribution(Problem({"function": "mine"}))


def test_an_atlas_has_that_of_its_problem(tmp_path):
    problem = Problem({"a": "b"}, {"classes": CLASSES}, {"train_labels": np.array([0, 2, 2, 1])})
    with Atlas.create(tmp_path / "some.atlas", problem) as atlas:
        assert class_distribution(atlas).equals(class_distribution(problem))
