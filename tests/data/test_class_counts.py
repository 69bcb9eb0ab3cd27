"""Shares of classes against brute force, and the warning about classes without rows."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossatlas.data import Dataset
from lossatlas.data.class_counts import apportion, counts_by_class, warn_of_missing_classes
from lossatlas.errors import DataWarning


@st.composite
def bounded_classes(draw):
    sizes = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=4)))
    least = np.array([draw(st.integers(0, int(n))) for n in sizes])
    most = np.array([draw(st.integers(int(a), int(n))) for a, n in zip(least, sizes, strict=True)])
    return sizes, draw(st.integers(int(least.sum()), int(most.sum()))), least, most


def distance(sizes: np.ndarray, shares: np.ndarray, rows: int) -> float:
    present = sizes > 0
    proportional = rows * sizes / max(sizes.sum(), 1)
    return float((((shares - proportional) ** 2)[present] / sizes[present]).sum())


@given(bounded_classes())
def test_no_other_shares_are_nearer_to_the_proportions(case):
    sizes, rows, least, most = case
    shares = apportion(sizes, rows, least, most)
    assert shares.sum() == rows
    assert (least <= shares).all()
    assert (shares <= most).all()
    ranges = [range(a, b + 1) for a, b in zip(least, most, strict=True)]
    others = (np.array(other) for other in itertools.product(*ranges) if sum(other) == rows)
    best = min(distance(sizes, other, rows) for other in others)
    assert distance(sizes, shares, rows) == pytest.approx(best)


@given(bounded_classes())
def test_more_rows_take_nothing_from_a_class(case):
    sizes, rows, least, most = case
    if rows < most.sum():
        more = apportion(sizes, rows + 1, least, most)
        assert (more >= apportion(sizes, rows, least, most)).all()


def rows_of(*counts: int) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(f"class {k}" for k in range(len(counts)))
    return Dataset(np.zeros((len(labels), 1)), labels, names, "made up", ("x",))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=5).filter(any))
def test_counts_include_absent_classes(counts):
    assert counts_by_class(rows_of(*counts)).tolist() == counts


def test_nothing_is_said_where_no_class_is_missing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_missing_classes(rows_of(3, 1), rows_of(1, 9), "here", "do that")


@pytest.mark.parametrize(
    ("train", "test", "text"),
    [
        ((5, 0), (3, 3), "no training row of class 'class 1' (training: class 0 5, class 1 0; "),
        ((5, 5), (0, 3), "no test row of class 'class 0' (training: class 0 5, class 1 5; test: "),
        ((5, 0), (0, 3), "no training row of class 'class 1' and no test row of class 'class 0' ("),
        ((5, 1, 0, 0), (1, 1, 1, 1), "no training row of classes 'class 2', 'class 3' ("),
        ((1, *[0] * 40), [1] * 41, "'class 12' and 28 more (training: class 1 0, "),
    ],
)
def test_classes_counts_and_remedy_are_named(train, test, text):
    with pytest.warns(DataWarning, match=r"^here: there is .*undefined; do that$") as caught:
        warn_of_missing_classes(rows_of(*train), rows_of(*test), "here", "do that")
    assert len(caught) == 1
    assert text in str(caught[0].message)
