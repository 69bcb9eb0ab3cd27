"""Strategies: what they propose, and that they propose nothing twice."""

import ast
import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from engine_tools import returned

from lossatlas.errors import BadInputError, Status
from lossatlas.exploration import planner
from lossatlas.exploration.catalog import DRAWS, STRATEGIES, chosen
from lossatlas.exploration.planner import Agenda, proposals
from lossatlas.exploration.strategies import Rearrange
from lossatlas.exploration.tasks import Key, Strategy, Task, take
from lossatlas.exploration.tried import Tried
from lossatlas.search.outcome import Cost, Outcome


def view(minima):
    """As much of a view as these strategies look at: minima 7, 8 ..., the last one the lowest."""
    return SimpleNamespace(
        inside=np.ones(minima, bool),
        minimum_energies=-np.arange(float(minima)),
        weights=np.arange(3.0 * minima).reshape(minima, 3),
        tried=Tried(),
        ids=lambda *positions: tuple(int(p) + 7 for p in positions),
    )


def taken(view, count):
    return take(Rearrange()(view), count, view.tried)


def test_rearrangements_begin_with_the_nearest_copy_of_the_lowest_minimum():
    assert [task.key[1:] for task in taken(view(2), 3)] == [
        ((8,), "copy 0"),
        ((7,), "copy 0"),
        ((8,), "copy 1"),
    ]


def test_a_minimum_without_so_many_copies_has_no_rearrangement():
    (task,) = taken(view(1), 1)
    assert task.key == ("degenerate", (7,), "copy 0")
    tools = SimpleNamespace(landscape=SimpleNamespace(neighbor_copies=lambda w: []))
    assert returned(task.search(tools)) == Outcome(Status.NO_CANDIDATE, Cost())


def propose(view):
    yield Task(Key("mine", (7, 8)), lambda tools: iter(()))


MINE = Strategy("mine", propose)


def test_ours_come_in_one_order_and_draws_are_added():
    names = [strategy.name for strategy in STRATEGIES]
    assert chosen() == (*STRATEGIES, *DRAWS)
    assert chosen(names[::-1]) == chosen(names) == chosen()
    assert chosen([MINE, "connect"]) == (STRATEGIES[2], MINE, *DRAWS)


def test_draws_of_a_user_stand_in_place_of_ours():
    own = Strategy("of-mine", propose, draws="saddles")
    assert chosen(["connect", own]) == (STRATEGIES[2], own, DRAWS[0])


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ([], "no strategy is given"),
        (["untrap", "anneal"], "anneal is unknown"),
        ("connect", "'connect' is a text instead of a list"),
        ([3], "3 is unknown"),
        (["gaps", "gaps"], "gaps is given 2 times"),
        ([MINE, MINE], "mine is given 2 times"),
        ([MINE, Strategy("connect", propose), "connect"], "connect is given 2 times"),
        (
            [Strategy(n, propose, draws="minima") for n in "ab"],
            "2 strategies make the independent draws of minima",
        ),
    ],
)
def test_strategies_that_cannot_be_used_are_refused(asked, problem):
    with pytest.raises(
        BadInputError, match=r"use some of basin-hopping, .*, or a Strategy"
    ) as found:
        chosen(asked)
    assert found.value.problem == problem


@pytest.mark.parametrize("change", [{"name": ""}, {"name": "x" * 65}, {"log_name": ""}])
def test_names_fit_into_an_atlas(change):
    with pytest.raises(BadInputError, match="use 1 to 64"):
        Strategy(**{"name": "mine", "propose": propose, **change})


def test_only_minima_and_saddles_are_drawn():
    with pytest.raises(BadInputError, match="strategy mine: draws: 'paths' cannot be drawn"):
        Strategy("mine", propose, draws="paths")


def names_of(strategy):
    agenda = Agenda(strategy, strategy.begin())
    return [task.key.strategy for task in proposals(agenda, view(1))]


def test_a_search_under_the_name_of_another_strategy_is_refused():
    assert names_of(MINE) == ["mine"]
    assert names_of(Strategy("other", propose, log_name="mine")) == ["mine"]
    words = "strategy other: it proposes a search with the strategy 'mine' in its key"
    with pytest.raises(BadInputError, match=words):
        names_of(Strategy("other", propose))


def test_every_exploration_has_an_agenda_of_its_own():
    assert MINE.begin() is propose
    rearrange = Strategy("degenerate", Rearrange)
    assert rearrange.begin() is not rearrange.begin()


def test_the_planner_knows_no_strategy_by_name():
    tree = ast.parse(inspect.getsource(planner))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert texts.isdisjoint(strategy.name for strategy in (*STRATEGIES, *DRAWS))
