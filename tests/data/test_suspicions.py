"""Suspicious data: columns that count, labels that hardly repeat, a label that is no input."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.data import dataset_from_arrays, sklearn_dataset
from lossatlas.data.columns import Columns
from lossatlas.data.suspicions import counts_rows, suspicions


@given(st.integers(5, 40), st.integers(-3, 1000), st.sampled_from([1, -1]))
def test_consecutive_whole_numbers_count(rows, start, step):
    assert counts_rows(start + step * np.arange(rows, dtype=float))


@given(st.integers(10, 40), st.sampled_from([0, 1]), st.integers(0, 99))
def test_so_do_they_in_any_order_if_there_are_many(rows, start, seed):
    column = start + np.random.default_rng(seed).permutation(rows).astype(float)
    assert counts_rows(column)
    column[3] = column[4]
    assert not counts_rows(column)


@pytest.mark.parametrize(
    "column",
    [
        [1, 2, 3, 4],  # may be so by chance
        [2, 1, 3, 4, 5],
        [0.5, 1.5, 2.5, 3.5, 4.5],
        [1, 2, 3, 4, 6],
        [1, 1, 1, 1, 1],
        [1, 2, 2, 4, 5],
        [0, 2, 4, 6, 8],
    ],
)
def test_other_columns_do_not(column):
    assert not counts_rows(np.array(column, dtype=float))


def found(labels, names=("a", "b"), columns=None):
    inputs = np.random.default_rng(1).normal(size=(len(labels), 2))
    return suspicions(dataset_from_arrays(inputs, labels, "t.csv", names), columns)


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "iris", "wine"])
def test_nothing_is_wrong_with_known_sets(name):
    assert suspicions(sklearn_dataset(name)) == []


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (["ann", "bob", "cid", "dan", "eve", "fay"], "every row is its own class"),
        ([20, 30, 40, 50, 30], "4 classes in 5 rows"),
        (np.arange(300) // 4, "75 classes in 300 rows"),
    ],
)
def test_labels_that_hardly_repeat(labels, what):
    (message,) = found(labels)
    assert message.startswith(f"t.csv: {what}; labels have to repeat")
    columns = Columns(["a", "b", "name"], 2, [0, 1], False)
    (message,) = found(labels, columns=columns)
    assert "from the last column, 'name': label = \"...\" takes" in message


@pytest.mark.parametrize(
    "labels", [["a", "b"], ["a", "b", "a"], np.arange(6) // 2, np.arange(300) // 10]
)
def test_labels_that_repeat(labels):
    assert found(labels) == []


def test_classes_that_differ_only_in_case_or_blanks():
    (message,) = found(["Cat", "cat", "dog", "dog", "cat", "Cat"])
    assert "'Cat' and 'cat' differ only in case or blanks" in message
    assert len(found(["a b", "a  b", " a b", "c", "c", "c", "c", "c"])) == 2


@pytest.mark.parametrize(
    ("names", "chosen", "expected"),
    [
        (["Class", "x", "proline"], False, True),
        (["x", "species", "z"], False, True),
        (["Class", "x", "proline"], True, False),  # the user has said so
        (["Class", "x", "target"], False, False),
        (["quality", "x", "z"], False, False),  # may well be an input
        (["a", "b", "c"], False, False),
    ],
)
def test_a_column_that_looks_like_the_label_is_read_as_an_input(names, chosen, expected):
    columns = Columns(names, 2, [0, 1], chosen)
    messages = found([0, 1, 0, 1], names[:2], columns)
    assert bool(messages) is expected
    if expected:
        assert "is read as an input" in messages[0]
        assert "takes them from another" in messages[0]
