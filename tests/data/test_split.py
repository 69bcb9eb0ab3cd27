"""Training and testing rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossatlas.data import Split, dataset_from_arrays, split, split_pools
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


@pytest.mark.parametrize("mode", ["random", "ordered"])
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


def test_pools_too_small_and_unknown_mode():
    with pytest.raises(BadInputError, match="other forty: test: 41 rows asked for, 40 of 40"):
        split_pools(Split(DATA, OTHER), 10, 41, seed=0)
    with pytest.raises(BadInputError, match="unknown mode 'shuffled'"):
        split(DATA, 10, 10, seed=0, mode="shuffled")  # type: ignore[arg-type]
