"""The planner: effort goes where new points turn up, and all of a round is used."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.atlas.log import Entry
from lossatlas.exploration import planner
from lossatlas.exploration.planner import (
    FIRST_ROUND,
    ROUND,
    connected_part,
    plan_round,
    shares_of,
    yields,
)
from lossatlas.exploration.strategies import Task


def entries(strategy, attempts, minima=0, states=0, gradients=1000):
    """So many attempts alike."""
    return [
        Entry(k, strategy, (), f"{strategy} {k}", gradients, 0, minima, states)
        for k in range(attempts)
    ]


def view(components):
    """As much of a view as the planner looks at: energies ascend, components are given."""
    count = len(components)
    return SimpleNamespace(
        points=SimpleNamespace(minimum_ids=np.arange(count)),
        component=np.array(components),
        tried=set(),
        landscape=SimpleNamespace(hessian_cost=15.0),
        by_energy=lambda: np.arange(count),
    )


@pytest.fixture
def arms(monkeypatch):
    """Strategies with a given number of proposals each; independent draws without end."""

    def supply(**proposals):
        def arm(name, count):
            return lambda view: (
                Task(name, (), f"{name} {k}", lambda tools: iter(())) for k in range(count)
            )

        arms = {name: arm(name, count) for name, count in proposals.items()}
        monkeypatch.setattr(planner, "arms", lambda seed: arms)
        monkeypatch.setattr(planner, "draw_minima", lambda view, seed: arm("m", 1000)(view))
        monkeypatch.setattr(planner, "draw_saddles", lambda view, seed: arm("s", 1000)(view))

    return supply


def counted(tasks):
    return Counter(task.strategy for task in tasks)


def test_hessians_count_as_many_gradients_as_they_cost():
    log = [
        Entry(k, n, (), str(k), 100, h, 0, 1) for k in range(99) for n, h in (("a", 0), ("b", 10))
    ]
    shares = yields(log, ["a", "b"], hessian=20.0)
    assert shares["a"] / shares["b"] == pytest.approx((99 * 300 + 5e3) / (99 * 100 + 5e3))
    cheap = yields(log, ["a", "b"], hessian=1e-9)
    assert cheap["a"] == pytest.approx(cheap["b"], rel=1e-6)


def test_what_finds_more_gets_more():
    log = entries("a", 100, states=1) + entries("b", 100)
    shares = shares_of(yields(log, ["a", "b"]), connected=1.0)
    assert shares["a"] > 0.9
    assert shares["b"] == planner.FLOOR


def test_costs_count_in_evaluations():
    log = entries("dear", 200, states=1, gradients=4000) + entries("cheap", 200, states=1)
    shares = yields(log, ["dear", "cheap"])
    assert shares["cheap"] / shares["dear"] == pytest.approx(4, rel=0.1)


def test_what_has_not_been_tried_looks_attractive():
    shares = yields(entries("old", 200, states=1, gradients=10_000), ["old", "new"])
    assert shares["new"] > shares["old"]


def test_minima_are_worth_little_where_they_are_not_connected():
    log = entries("minima", 100, minima=3) + entries("states", 100, states=1)
    rich = yields(log, ["minima", "states"], worth=1.0)
    poor = yields(log, ["minima", "states"], worth=0.01)
    assert rich["minima"] > 2 * rich["states"]
    assert poor["minima"] < 0.1 * poor["states"]


@pytest.mark.parametrize(("connected", "joining"), [(1.0, 0.2), (0.5, 0.4), (0.0, 1.0)])
def test_the_less_is_connected_the_more_goes_to_joining(connected, joining):
    found = {"shortcut": 4.0, "basin-hopping": 4.0, "connect": 0.5, "gaps": 0.5, "single-ended": 1}
    shares = shares_of(found, connected)
    assert sum(shares[name] for name in planner.JOINING) == pytest.approx(joining)
    assert shares["shortcut"] == pytest.approx(max(planner.FLOOR, 0.5 * (1.0 - joining)))


def test_without_strategies_that_join_the_others_share_it_all():
    assert shares_of({"a": 3.0, "b": 1.0}, connected=0.0) == {"a": 0.75, "b": 0.25}


def test_the_connected_part_is_that_of_the_global_minimum():
    assert connected_part(view([5, 5, 5, 2])) == 0.75
    assert connected_part(view([])) == 1.0


def test_both_ways_of_connecting_are_judged_together():
    shares = yields(entries("connect", 50, states=1), ["connect", "gaps"])
    assert shares["connect"] == shares["gaps"]


def test_a_first_round_is_small(arms):
    arms(a=1000)
    assert len(plan_round(view([]), [], seed=0)) == FIRST_ROUND
    assert len(plan_round(view([0]), [], seed=0)) == ROUND


def test_what_some_cannot_use_is_shared_out_among_all_others(arms):
    """Not to the one that did best: in a drought that is mere chance."""
    arms(none=0, few=2, a=1000, b=1000)
    log = entries("none", 50, states=1) + entries("a", 200) + entries("b", 200)
    counts = counted(plan_round(view([0]), log, seed=0))
    assert counts["none"] == 0
    assert counts["few"] == 2
    assert counts["a"] == counts["b"]
    assert ROUND <= counts.total() <= ROUND + 4


def test_when_nothing_is_left_the_round_is_empty(arms):
    arms(a=0, b=0)
    assert plan_round(view([0]), [], seed=0) == []


def test_only_the_strategies_asked_for_are_used(arms):
    arms(a=1000, b=1000)
    assert set(counted(plan_round(view([0]), [], seed=0, names=["b"]))) == {"b"}


def test_independent_draws_get_their_share_whatever_they_find(arms):
    arms(a=1000)
    log = entries("a", 200, states=5) + entries("m", 200) + entries("s", 200)
    counts = counted(plan_round(view([0]), log, seed=0, independent_share=0.5))
    assert counts == {"m": ROUND // 4, "s": ROUND // 4, "a": ROUND // 2}
    alone = counted(plan_round(view([0]), log, seed=0, independent_share=1.0))
    assert alone == {"m": ROUND // 2, "s": ROUND // 2}
