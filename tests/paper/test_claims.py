"""Verdicts: intervals and corrections against SciPy and brute force, rules by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.paper.cell import PILOT
from lossatlas.paper.claims import Claim, judge
from lossatlas.paper.draw_statistics import log_ratio
from lossatlas.paper.funnel_verdicts import TAUS, FunnelShares
from lossatlas.paper.inference import holm, t_test
from lossatlas.paper.published import published
from lossatlas.paper.statements import LEVELS, MNIST_LEVELS, statements


def claim(name="a", family="f", counts="") -> Claim:
    return Claim(name, "", "", "", lambda draw: draw["s", "0"][name], "log ratio", family, counts)


def draws(*values: float, name="a", **others: float):
    return [{("s", "0"): {name: value, **others}} for value in values]


def numbered(draws):
    return dict(enumerate(draws, start=1))


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


def test_verdicts_by_sign_and_size():
    made = [
        {("s", "0"): {"up": 1 + e, "down": -1 + e, "flat": 0.1 * e, "wild": 300 * e}}
        for e in (-0.01, 0.0, 0.01, 0.005)
    ]
    found = judge([claim("up"), claim("down"), claim("flat"), claim("wild")], numbered(made))
    expected = ["supported", "contradicted", "no difference", "undecided"]
    assert [verdict.verdict for verdict in found] == expected
    assert found[0].corrected == pytest.approx(4 * found[0].p, rel=0.5)
    assert all(verdict.pilot for verdict in found)


def test_each_family_is_corrected_on_its_own():
    made = numbered([{("s", "0"): {"a": v, "b": v}} for v in (1.0, 1.2, 1.1)])
    alone, together = judge([claim("a")], made), judge([claim("a"), claim("b")], made)
    apart = judge([claim("a"), claim("b", family="other")], made)
    assert alone[0].corrected == apart[0].corrected == apart[1].corrected
    assert together[0].corrected == pytest.approx(2 * alone[0].corrected)


def test_one_draw_is_not_enough():
    (found,) = judge([claim()], numbered(draws(1.0)))
    assert (found.verdict, found.values) == ("undecided", (1.0,))
    assert math.isnan(found.corrected)


def test_fresh_draws_count_alone_once_there_are_two():
    values = dict(enumerate(draws(-1.0, -1.1, -0.9), start=1))
    one = values | {PILOT + 1: draws(1.0)[0]}
    two = one | {PILOT + 2: draws(1.01)[0]}
    (pilot,), (fresh,) = judge([claim()], one), judge([claim()], two)
    assert (pilot.pilot, len(pilot.values)) == (True, 4)
    assert (fresh.pilot, fresh.values, fresh.verdict) == (False, (1.0, 1.01), "supported")


def test_draws_that_lack_a_column_or_a_number_are_left_out():
    made = [*draws(1.0, 1.1, 1.2), *draws(math.nan), {("other", "0"): {"a": 5.0}}]
    (found,) = judge([claim()], numbered(made))
    assert found.values == (1.0, 1.1, 1.2)


def test_lower_bounds_are_counted_in_the_cells_that_are_read():
    made = [*draws(1.0, ran_out=1.0), *draws(2.0, ran_out=0.0)]
    for draw in made:
        draw["unread", "0"] = {"ran_out": 1.0}
    (found,) = judge([claim(counts="minima")], numbered(made))
    assert (found.cells, found.lower_bounds) == (2, 1)


def pair(more, less):
    """A draw of two landscapes: number found, and whether there may be more."""
    return {
        ("s", key): {
            "minima": found,
            "ran_out": float(open_),
            "minima_low": found,
            "minima_high": math.inf if open_ else found,
        }
        for key, (found, open_) in {"more": more, "less": less}.items()
    }


@pytest.mark.parametrize(
    ("more", "less", "verdict"),
    [
        ((90.0, False), (9.0, False), "supported"),
        ((90.0, True), (9.0, False), "supported"),
        ((90.0, False), (9.0, True), "undecided"),
        ((90.0, True), (9.0, True), "undecided"),
        ((9.0, False), (90.0, True), "contradicted"),
        ((9.0, True), (90.0, False), "undecided"),
    ],
)
def test_counts_are_compared_only_if_their_bounds_order_them(more, less, verdict):
    ratio = log_ratio("minima", ("s", "more"), ("s", "less"))
    one = claim(counts="minima")._replace(value=ratio)
    made = [pair((more[0] + k, more[1]), (less[0] + 0.1 * k, less[1])) for k in range(4)]
    (found,) = judge([one], numbered(made))
    assert found.verdict == verdict
    assert ("order" in found.reason) == (verdict == "undecided")


def test_landscapes_computed_in_several_ways_are_not_combined():
    made = numbered(draws(1.0, 1.1, 0.9))
    ways = {number: {("s", "0"): "width 48"} for number in made}
    (alike,) = judge([claim()], made, ways)
    ways[2]["s", "0"] = "width 384"
    (mixed,) = judge([claim()], made, ways)
    assert (alike.verdict, mixed.verdict) == ("supported", "not combined")
    assert "width 48" in mixed.reason
    assert "width 384" in mixed.reason


@pytest.mark.parametrize(("level", "verdict"), [(0.9, "supported"), (0.1, "contradicted")])
def test_statements_on_funnels_have_their_own_rule(level, verdict):
    def shares(draw):
        return FunnelShares(*np.full((4, len(TAUS)), draw["s", "0"]["a"]))

    one = claim()._replace(shares=shares, center=0.5)
    made = numbered(draws(level, level + 0.02, level - 0.01))
    (found,) = judge([one], made)
    assert found.verdict == verdict
    crowd = [one, *(claim("wild", family="f") for _ in range(60))]
    for k, draw in enumerate(made.values()):
        draw["s", "0"]["wild"] = float((-1) ** k)
    found = judge(crowd, made)[0]
    assert found.verdict == ("undecided" if found.corrected >= 0.05 else verdict)


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
