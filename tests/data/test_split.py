"""Training and testing rows."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.data import Split, dataset_from_arrays, split, split_pools
from lossatlas.data.regression import regression_from_arrays
from lossatlas.errors import BadInputError

ROWS = 40
DATA = dataset_from_arrays(np.arange(ROWS)[:, None] * 1.0, np.arange(ROWS) % 2, "forty")
OTHER = dataset_from_arrays(100.0 + DATA.inputs, DATA.labels, "other forty")


def values(data):
    return data.inputs[:, 0].tolist()


@given(st.integers(21, 30), st.integers(1, 10), st.integers(0, 99))
def test_random_rows_are_disjoint_and_keep_their_labels(train, test, seed):
    parts = split(DATA, train, test, seed)
    assert (len(parts.train), len(parts.test)) == (train, test)
    assert len(set(values(parts.train) + values(parts.test))) == train + test
    for part in parts:
        assert np.array_equal(part.inputs[:, 0] % 2, part.labels)


def test_seed_decides_and_testing_rows_do_not_move_training_rows():
    first = split(DATA, 10, 5, seed=3)
    assert values(first.train) == values(split(DATA, 10, 30, seed=3).train)
    assert values(first.train) != values(split(DATA, 10, 5, seed=4).train)


def test_ordered_rows():
    parts = split(DATA, 10, 5, seed=3, mode="ordered")
    assert values(parts.train) == list(range(10))
    assert values(parts.test) == list(range(10, 15))


@pytest.mark.parametrize("mode", ["random", "stratified", "ordered"])
def test_pools_are_not_mixed(mode):
    train, test = split_pools(Split(DATA, OTHER), 30, 40, 1, mode)
    assert set(values(train)) <= set(values(DATA))
    assert sorted(values(test)) == sorted(values(OTHER))
    if mode == "ordered":
        assert values(train) == list(range(30))


def test_pool_choices_do_not_depend_on_each_other():
    pools = Split(DATA, OTHER)
    first, second = split_pools(pools, 10, 5, 1), split_pools(pools, 20, 5, 1)
    assert values(first.train) == values(second.train)[:10]
    assert values(first.test) == values(second.test)


@pytest.mark.parametrize(
    ("train", "test", "text"),
    [
        (41, 1, "forty: train: 41 rows asked for, 39 of 40 are left"),
        (30, 11, "train: 30 rows asked for, 29 of 40"),
        (1, 60, "0 of 40"),
        (0, 5, "train: 0 rows"),
        (5, 0, "test: 0 rows"),
        (1, 5, "the 1 training rows all have class"),
    ],
)
def test_counts_that_cannot_be_met(train, test, text):
    with pytest.raises(BadInputError, match=text):
        split(DATA, train, test, seed=0)


@st.composite
def labelled_rows(draw):
    """Rows of at least two of each class, in any order, and how many to train and test on."""
    counts = draw(st.lists(st.integers(2, 12), min_size=2, max_size=5))
    labels = draw(st.permutations(np.repeat(np.arange(len(counts)), counts).tolist()))
    data = dataset_from_arrays(np.arange(len(labels))[:, None] * 1.0, np.array(labels), "rows")
    train = draw(st.integers(len(counts), len(labels) - len(counts)))
    return data, train, draw(st.integers(len(counts), len(labels) - train))


@given(labelled_rows(), st.integers(0, 99))
def test_a_stratified_split_has_rows_of_every_class(case, seed):
    data, train, test = case
    parts = split(data, train, test, seed, "stratified")
    assert (len(parts.train), len(parts.test)) == (train, test)
    assert len(set(values(parts.train) + values(parts.test))) == train + test
    sizes = np.bincount(data.labels)
    for part in parts:
        assert (np.bincount(part.labels, minlength=len(sizes)) >= 1).all()
        assert np.array_equal(data.labels[part.inputs[:, 0].astype(int)], part.labels)
    again = split(data, train, len(sizes), seed, "stratified")
    assert values(again.train) == values(parts.train)


@given(labelled_rows(), st.integers(0, 99))
def test_stratified_pools_have_rows_of_every_class(case, seed):
    data, train, test = case
    parts = split_pools(Split(data, data), train, test, seed, "stratified")
    assert (len(parts.train), len(parts.test)) == (train, test)
    for part in parts:
        assert len(np.unique(part.labels)) == len(data.classes)
        assert len(set(values(part))) == len(part)


def test_a_stratified_split_keeps_the_proportions():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    data = dataset_from_arrays(np.arange(1000)[:, None] * 1.0, labels, "sorted")
    train, test = split(data, 100, 200, seed=5, mode="stratified")
    assert np.bincount(train.labels).tolist() == [60, 30, 10]
    assert np.bincount(test.labels).tolist() == [120, 60, 20]
    assert values(train) != sorted(values(train))  # the classes are mixed
    other = split(data, 100, 200, seed=6, mode="stratified")
    assert set(values(other.train)) != set(values(train))


def test_stratified_splits_that_cannot_be():
    with pytest.raises(BadInputError, match=r"train: .* each of the 2 classes, 1 are asked for"):
        split(DATA, 1, 10, seed=0, mode="stratified")
    with pytest.raises(BadInputError, match=r"test: .* ask for at least 2 rows"):
        split(DATA, 10, 1, seed=0, mode="stratified")
    with pytest.raises(BadInputError, match=r"other forty: test: .* at least 2 rows"):
        split_pools(Split(DATA, OTHER), 10, 1, seed=0, mode="stratified")
    lonely = dataset_from_arrays([[0.0]] * 5, ["a", "b", "b", "c", "c"], "five")
    with pytest.raises(BadInputError, match="five: split: class 'a' has a single row"):
        split(lonely, 3, 2, seed=0, mode="stratified")


def test_pools_too_small_and_unknown_mode():
    with pytest.raises(BadInputError, match="other forty: test: 41 rows asked for, 40 of 40"):
        split_pools(Split(DATA, OTHER), 10, 41, seed=0)
    with pytest.raises(BadInputError, match="unknown mode 'shuffled'"):
        split(DATA, 10, 10, seed=0, mode="shuffled")  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers_first", [True, False])
def test_numbers_have_no_classes_to_draw_from(numbers_first):
    numbers = regression_from_arrays(DATA.inputs, DATA.inputs, "numbers")
    with pytest.raises(BadInputError, match="numbers: split: numbers have no classes"):
        split(numbers, 10, 5, 0, "stratified")
    pools = (numbers, DATA) if numbers_first else (DATA, numbers)
    with pytest.raises(BadInputError, match="numbers: split: numbers have no classes"):
        split_pools(pools, 10, 5, 0, "stratified")


def test_pools_of_numbers_are_drawn_at_random():
    numbers = regression_from_arrays(DATA.inputs, DATA.inputs, "numbers")
    parts = split_pools((numbers, numbers), 10, 40, 0)
    assert sorted(values(parts.test)) == values(numbers)
