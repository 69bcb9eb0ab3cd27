"""Labels: markers of missing ones, and the numbers of classes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from lossatlas.errors import BadInputError
from lossatlas.labels import is_missing, missing_labels, numbered


@pytest.mark.parametrize("marker", sorted(STR_NA_VALUES))
@pytest.mark.parametrize("write", [str, str.lower, str.upper, lambda text: f" {text} "])
def test_what_pandas_reads_as_missing_is_missing(marker, write):
    assert is_missing(write(marker))


@pytest.mark.parametrize("marker", ["?", "-", "--", "None", "NONE", "(null)", "\\N", "#DIV/0!"])
def test_so_are_markers_of_data_sets_databases_and_spreadsheets(marker):
    assert is_missing(marker)
    with pytest.raises(BadInputError, match=r"row 1 .*stands for a missing label \(2 in all\)"):
        numbered(np.array(["a", marker, "b", marker]), "tiny")


@pytest.mark.parametrize("name", ["nancy", "no", "0", "false", "unknown", "other", "+", "#ff0000"])
def test_names_of_classes_are_not_missing(name):
    assert not is_missing(name)


def test_plus_and_minus_are_classes():
    assert not missing_labels(["+", "-", "+"]).any()
    assert missing_labels(["+", "-", "?"]).tolist() == [False, False, True]
    assert missing_labels(["a", "-", "b"]).tolist() == [False, True, False]


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_are_numbered_in_their_order_and_can_be_mapped_back(values):
    for labels in (np.array(values), np.array(values, float)):
        numbers, classes = numbered(labels, "tiny")
        assert [int(classes[number]) for number in numbers] == values
        assert list(map(int, classes)) == sorted(set(values))


@given(st.integers(2, 12), st.randoms(use_true_random=False))
def test_numbers_without_gaps_stay_as_they_are(classes, random):
    values = [*range(classes), *range(classes)]
    random.shuffle(values)
    numbers, names = numbered(np.array(values, np.uint8), "tiny")
    assert numbers.tolist() == values
    assert names == tuple(map(str, range(classes)))


@pytest.mark.parametrize(
    ("labels", "problem", "remedy"),
    [
        (np.array([0.0, 1.5]), "1.5 is not a whole number", "a loss for numbers"),
        (np.array([0.0, np.inf]), "inf is not a whole number", "remove the row"),
        (np.array([0.0, np.nan]), "the label is missing", "remove the row"),
        (np.array([0.0, 1e300]), "too large", "small numbers or texts"),
        (np.array([0, 2**63], np.uint64), "too large", "small numbers or texts"),
        (np.array([b"a", b"\xff"]), "not UTF-8", "dtype str"),
        (np.array([1j, 0]), "complex128", "whole number or text"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64", "whole number or text"),
    ],
)
def test_what_is_no_label(labels, problem, remedy):
    with pytest.raises(BadInputError) as caught:
        numbered(labels, "tiny")
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
