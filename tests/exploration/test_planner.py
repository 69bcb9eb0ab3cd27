"""The planner: effort goes where new points turn up, and all of a round is used."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.exploration import planner
from lossatlas.exploration.catalog import STRATEGIES
from lossatlas.exploration.components import Components
from lossatlas.exploration.fold import Recent
from lossatlas.exploration.planner import begin, plan_round, shares_of, yields
from lossatlas.exploration.tasks import Key, Strategy, Task
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import View

ROUND = 24

ROUND = 24


def log(**entries):
    """The last attempts of strategies: of each so many alike, found and cost."""
    return {
        name: Recent(*(number * each for each in (minima, states, gradients, hessians)))
        for name, (number, minima, states, gradients, hessians) in entries.items()
    }


def attempts(number, minima=0, states=0, gradients=1000, hessians=0):
    return number, minima, states, gradients, hessians


def named(*names, **fields):
    return [supply(name, 0, **fields) for name in names]


def supply(name, count, **fields):
    """A strategy with so many proposals."""

    def propose(view):
        for k in range(count):
            yield Task(Key(name, (), f"{name} {k}"), lambda tools: iter(()))

    return Strategy(name, propose, **fields)


def view(minima, recent=None):
    """As much of a view as the planner looks at: so many minima, all connected."""
    return SimpleNamespace(
        minimum_ids=np.arange(minima),
        tried=Tried(),
        recent=recent or {},
        landscape=SimpleNamespace(hessian_cost=15.0),
        connected_part=lambda: 1.0,
    )


def planned(view, strategies, share=0.0):
    return plan_round(view, begin(strategies), share, ROUND)


def counted(planned):
    return Counter(each.task.key.strategy for each in planned)


def test_hessians_count_as_many_gradients_as_they_cost():
    recent = log(a=attempts(99, states=1, gradients=100), b=attempts(99, 0, 1, 100, hessians=10))
    shares = yields(recent, named("a", "b"), hessian=20.0)
    assert shares["a"] / shares["b"] == pytest.approx((99 * 300 + 5e3) / (99 * 100 + 5e3))
    cheap = yields(recent, named("a", "b"), hessian=1e-9)
    assert cheap["a"] == pytest.approx(cheap["b"], rel=1e-6)


def test_what_finds_more_gets_more():
    recent = log(a=attempts(100, states=1), b=attempts(100))
    shares = shares_of(yields(recent, named("a", "b")), connected=1.0)
    assert shares["a"] > 0.9
    assert shares["b"] == planner.FLOOR


def test_costs_count_in_evaluations():
    recent = log(dear=attempts(200, states=1, gradients=4000), cheap=attempts(200, states=1))
    shares = yields(recent, named("dear", "cheap"))
    assert shares["cheap"] / shares["dear"] == pytest.approx(4, rel=0.1)


def test_what_has_not_been_tried_looks_attractive():
    recent = log(old=attempts(200, states=1, gradients=10_000))
    shares = yields(recent, named("old", "new"))
    assert shares["new"] > shares["old"]


def test_minima_are_worth_little_where_they_are_not_connected():
    recent = log(minima=attempts(100, minima=3), states=attempts(100, states=1))
    rich = yields(recent, named("minima", "states"), worth=1.0)
    poor = yields(recent, named("minima", "states"), worth=0.01)
    assert rich["minima"] > 2 * rich["states"]
    assert poor["minima"] < 0.1 * poor["states"]


JOINING = [strategy.name for strategy in STRATEGIES if strategy.joins]


@pytest.mark.parametrize(("connected", "joining"), [(1.0, 0.2), (0.5, 0.4), (0.0, 1.0)])
def test_the_less_is_connected_the_more_goes_to_joining(connected, joining):
    found = {"shortcut": 4.0, "basin-hopping": 4.0, "connect": 0.5, "gaps": 0.5, "single-ended": 1}
    shares = shares_of(found, connected, JOINING)
    assert sorted(JOINING) == ["connect", "gaps", "single-ended"]
    assert sum(shares[name] for name in JOINING) == pytest.approx(joining)
    assert shares["shortcut"] == pytest.approx(max(planner.FLOOR, 0.5 * (1.0 - joining)))


def test_without_strategies_that_join_the_others_share_it_all():
    assert shares_of({"a": 3.0, "b": 1.0}, connected=0.0) == {"a": 0.75, "b": 0.25}


def test_the_connected_part_is_that_of_the_lowest_minimum_inside():
    components = Components()
    components.add([True, False, True, True])
    components.join(1, 2)
    seen = SimpleNamespace(components=components, minima_inside=np.array([0, 2, 3]), lowest=2)
    assert View.connected_part(seen) == pytest.approx(1 / 3)
    components.join(3, 1)
    assert View.connected_part(seen) == pytest.approx(2 / 3)
    assert View.connected_part(SimpleNamespace(lowest=-1)) == 1.0


def test_strategies_of_one_name_in_the_log_are_judged_together():
    both = [supply("connect", 0), supply("gaps", 0, log_name="connect")]
    shares = yields(log(connect=attempts(50, states=1)), both)
    assert shares["connect"] == shares["gaps"] > yields({}, both)["gaps"]


def test_a_first_round_is_small():
    assert len(planned(view(0), [supply("a", 1000)])) == ROUND // 2
    assert len(planned(view(1), [supply("a", 1000)])) == ROUND
    assert len(plan_round(view(0), begin([supply("a", 9)]), 0.0, 1)) == 1


def test_what_some_cannot_use_is_shared_out_among_all_others():
    """Not to the one that did best: in a drought that is mere chance."""
    recent = log(none=attempts(50, states=1), a=attempts(200), b=attempts(200))
    some = [supply(name, n) for name, n in (("none", 0), ("few", 2), ("a", 1000), ("b", 1000))]
    counts = counted(planned(view(1, recent), some))
    assert counts["none"] == 0
    assert counts["few"] == 2
    assert counts["a"] == counts["b"]
    assert ROUND <= counts.total() <= ROUND + 4


def test_when_nothing_is_left_the_round_is_empty():
    assert planned(view(1), [supply("a", 0), supply("b", 0)]) == []


def test_independent_draws_get_their_share_whatever_they_find():
    some = [supply("a", 1000), supply("m", 99, draws="minima"), supply("s", 99, draws="saddles")]
    recent = log(a=attempts(200, states=5), m=attempts(200), s=attempts(200))
    half = planned(view(1, recent), some, share=0.5)
    assert counted(half) == {"m": ROUND // 4, "s": ROUND // 4, "a": ROUND // 2}
    streams = {each.task.key.strategy: each.stream for each in half}
    assert streams == {"a": None, "m": "minima", "s": "saddles"}
    alone = counted(planned(view(1, recent), some, share=1.0))
    assert alone == {"m": ROUND // 2, "s": ROUND // 2}


def test_a_fixed_share_is_given_whatever_is_found_and_the_rest_goes_to_others():
    recent = log(poor=attempts(200), rich=attempts(200, states=5))
    chosen = [supply("poor", 1000, share=0.25), supply("rich", 1000)]
    assert counted(planned(view(99, recent), chosen)) == {
        "poor": ROUND // 4,
        "rich": ROUND * 3 // 4,
    }
    chosen = [supply("poor", 2, share=0.25), supply("rich", 1000)]
    assert counted(planned(view(99, recent), chosen)) == {"poor": 2, "rich": ROUND - 2}
