"""The contract of strategies: ours keep it, and each way to break it is noticed."""

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from lossatlas.errors import Status
from lossatlas.exploration import ExploreOptions, Key, Strategy, Task
from lossatlas.exploration.catalog import chosen
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.search import Cost, Outcome, quench
from lossatlas.testing import check_strategy, explored_view, six_hump_camel


@pytest.fixture(scope="module")
def view():
    """Of a small network, explored by few strategies to save compilation."""
    random = np.random.default_rng(5)
    landscape = NetworkLandscape(
        random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3
    )
    few = ["basin-hopping", "single-ended"]
    return explored_view(landscape, ExploreOptions(transition_states=5, strategies=few, seed=4))


NOTHING_HERE = {"connect", "gaps", "untrap", "shortcut"}
"""Strategies that may find nothing to do in the view."""


@pytest.mark.parametrize("strategy", chosen(), ids=lambda strategy: strategy.name)
def test_ours_keep_the_contract(strategy, view):
    looked_at = check_strategy(strategy, view, searches=1)
    assert looked_at > 0 or strategy.name in NOTHING_HERE


def from_minimum(w, tools):
    return (yield from quench(tools, w))


def proposals(view):
    """Each minimum quenched, which ends where it began."""
    for position in view.by_energy():
        key = Key("again", view.ids(position), "quench")
        yield Task(key, partial(from_minimum, view.weights[position]))


def test_a_strategy_is_tried_on_a_landscape():
    camel = FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
    assert check_strategy(Strategy("again", proposals), camel) > 0


def one(key, search=None):
    """A strategy's proposals: one task."""
    return lambda view: iter([Task(key(view), partial(from_minimum, view.weights[0]))])


counter = itertools.count()


def changes_the_view(view):
    view.weights.flags.writeable = True
    view.weights[0] += 1.0
    yield from proposals(view)


def by_chance(view):
    yield Task(Key("again", (), f"draw {np.random.integers(10**9)}"), from_minimum)


def for_ever(view):
    while True:
        yield Task(Key("again", (), "once more"), partial(from_minimum, view.weights[0]))


def hands_over(what, tools):
    return what
    yield


def wrong_energy(w, tools):
    outcome = yield from quench(tools, w)
    minima = tuple(point._replace(energy=point.energy + 1e-3) for point in outcome.minima)
    return outcome._replace(minima=minima)


def other_every_time(tools):
    return Outcome(Status.NO_CANDIDATE, Cost(next(counter)))
    yield


def searches(search):
    return lambda view: iter([Task(Key("again", (), "it"), search(view))])


class ForgetsWhereItWas:
    """Proposes one minimum the less each time it is asked."""

    def __init__(self):
        self.passed = 0

    def __call__(self, view):
        self.passed += 1
        return itertools.islice(proposals(view), self.passed, None)


def two_parts(view):
    return (task._replace(parts=2) for task in proposals(view))


BROKEN = {
    "another agenda each time": ("stable", ForgetsWhereItWas),
    "fewer outcomes than it says": ("searches", two_parts),
    "the name of another": ("tasks", one(lambda v: Key("connect", (), "x"))),
    "positions for ids": ("tasks", one(lambda v: Key("again", (10**6,), "x"))),
    "ids of NumPy": ("tasks", one(lambda v: Key("again", (v.points.minimum_ids[0],), "x"))),
    "a number for a text": ("tasks", one(lambda v: Key("again", (), 3))),
    "a plain tuple": ("tasks", one(lambda v: ("again", (), "x"))),
    "no task": ("tasks", lambda view: iter([Key("again", (), "x")])),
    "nothing that can be called": ("tasks", searches(lambda v: 3)),
    "one key for all": (
        "unique",
        lambda view: (task._replace(key=Key("again", (), "it")) for task in proposals(view)),
    ),
    "by chance": ("stable", by_chance),
    "a view that is changed": ("stable", changes_the_view),
    "the same for ever": ("tried", for_ever),
    "a lambda": ("pickle", searches(lambda v: lambda tools: from_minimum(v.weights[0], tools))),
    "no outcome": ("searches", searches(lambda v: partial(hands_over, "a minimum"))),
    "an energy that is not true": (
        "searches",
        searches(lambda v: partial(wrong_energy, v.weights[0])),
    ),
    "another outcome each time": ("searches", searches(lambda v: other_every_time)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_contract_is_noticed(name, view):
    rule, propose = BROKEN[name]
    own = replace(view, weights=view.weights.copy())
    with pytest.raises(AssertionError, match=r"strategy again breaks \d of 6 rules:\n") as found:
        check_strategy(Strategy("again", propose), own)
    assert f"\n  {rule}: " in str(found.value)


def test_a_strategy_without_proposals_says_so(view):
    assert check_strategy(Strategy("nothing", lambda view: iter(())), view) == 0
