"""Verdicts: intervals and corrections against SciPy and brute force, rules by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lossatlas.paper.claims import Claim, holm, judge, t_test
from lossatlas.paper.published import published
from lossatlas.paper.statements import LEVELS, MNIST_LEVELS, statements


def claim(name="a", needed=3, counts=False) -> Claim:
    return Claim(name, "", "", "", lambda draw: draw["s", "0"][name], needed, counts)


def draws(*values: float, name="a", **others: float):
    return [{("s", "0"): {name: value, **others}} for value in values]


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12).filter(lambda v: np.std(v) > 1e-3))
def test_t_interval_as_scipy_has_it(values):
    expected = stats.ttest_1samp(values, 0.0)
    interval = expected.confidence_interval(0.95)
    mean, low, high, p = t_test(values)
    assert mean == pytest.approx(np.mean(values))
    assert (low, high, p) == pytest.approx((interval.low, interval.high, expected.pvalue))


def test_t_interval_of_few_or_equal_values():
    assert all(math.isnan(x) for x in t_test([]))
    assert t_test([2.0])[0] == 2.0
    assert math.isnan(t_test([2.0])[3])
    assert t_test([2.0, 2.0]) == (2.0, 2.0, 2.0, 0.0)
    assert t_test([0.0, 0.0])[3] == 1.0


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """By definition: the largest Bonferroni p-value of all sets of statements with this one."""
    numbers = range(len(p_values))
    sets = [s for k in numbers for s in itertools.combinations(numbers, k + 1)]
    expected = [
        max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if k in s) for k in numbers
    ]
    assert holm(np.array(p_values)).tolist() == pytest.approx(expected)


def test_verdicts_by_sign_and_by_number_of_draws():
    made = [
        {("s", "0"): {"up": 1 + e, "down": -1 + e, "flat": e, "few": 1 + e}}
        for e in (-0.01, 0.0, 0.01, 0.005)
    ]
    family = [claim("up"), claim("down"), claim("flat"), claim("few", needed=5)]
    found = judge(family, made)
    expected = ["supported", "contradicted", "undecided", "undecided"]
    assert [verdict.verdict for verdict in found] == expected
    # Only the three with draws enough are corrected for.
    assert found[0].corrected == pytest.approx(3 * found[0].p, rel=0.5)
    assert math.isnan(found[3].corrected)
    assert found[3].p < 0.05


def test_draws_that_lack_a_column_or_a_number_are_left_out():
    made = [*draws(1.0, 1.1, 1.2), *draws(math.nan), {("other", "0"): {"a": 5.0}}]
    (found,) = judge([claim()], made)
    assert found.values == (1.0, 1.1, 1.2)


def test_lower_bounds_are_counted_in_the_cells_that_are_read():
    made = [*draws(1.0, ran_out=1.0), *draws(2.0, ran_out=0.0)]
    for draw in made:
        draw["unread", "0"] = {"ran_out": 1.0}
    (found,) = judge([claim(counts=True)], made)
    assert (found.cells, found.lower_bounds) == (2, 1)


def of_the_paper(*studies: str) -> dict:
    return {(study, column): published(study, column) for study in studies for column in LEVELS}


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("D1: more minima with more label errors", 1),
        ("D2: more minima with more label errors", 1),
        ("D1: more minima at 100 % than at 50 %", 1),
        ("D2: more minima at 100 % than at 50 %", -1),
        ("D1: more transition states at 100 % than at 50 %", -1),
        ("D2: the lowest loss rises from 50 to 100 %", -1),
        ("D1: the lowest loss rises from 50 to 100 %", 1),
        ("D1: at 10 % testing AUC is above training AUC", -1),
        ("D2: at 10 % testing AUC is above training AUC", 1),
        ("D1: at 50 % testing AUC is above training AUC", 1),
        ("D2: training AUC of the global minimum falls from 50 to 100 %", -1),
        ("D1: without errors training AUC is above testing AUC", 1),
        ("D1: the correct part is classified better than test data", 1),
        ("D1: the variance of the testing AUC grows with label errors", 1),
        ("D2: with only wrong labels testing AUC is worse than chance", 1),
    ],
)
def test_statements_on_the_tables_of_the_paper(name, sign):
    """Its own tables bear out its sentences, but for the contradictions that are known."""
    (statement,) = [s for s in statements() if s.name == name]
    assert np.sign(statement.value(of_the_paper("noise-d1", "noise-d2"))) == sign
    assert ("the paper's Table" in statement.remark) == (sign < 0)


def test_statements_on_mnist_of_the_paper():
    printed = {c: published("mnist", c) for c in MNIST_LEVELS}
    numbers = {
        ("mnist-nearest", c): {f"rank_{name}": value for name, value in column.items()}
        for c, column in printed.items()
    }
    found = {}
    for statement in statements():
        if statement.name.startswith("MNIST") and "good" not in statement.name:
            found[statement.name] = statement.value(numbers)
    assert len(found) == 4
    assert min(found.values()) > 0


def test_names_of_statements_are_different():
    names = [statement.name for statement in statements()]
    assert len(set(names)) == len(names)
