"""The planner: effort goes where new points still turn up.

The yield of a strategy is what it has found lately per unit of cost, costs counted in evaluations,
never in seconds: what is planned depends on the atlas alone. Where few of the minima are connected
to the global minimum, what is missing is connections. So a new transition state counts one, a new
minimum as much as the part of the minima that is connected; a part of a round, the square of the
part that is not, is kept for the strategies that join; and the rest is shared out in proportion to
the yields, with a floor so that none is written off for ever. Independent draws get a fixed share,
whatever they find, and so do strategies whose record says so. No strategy is known by name: what
matters here are fields of its record.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.exploration.fold import Recent
from lossatlas.exploration.tasks import Propose, Strategy, Stream, Task, take
from lossatlas.exploration.tried import Tried
from lossatlas.exploration.view import View

FLOOR = 0.04
"""Smallest share of a round."""
BLIND, EARLY, PER_MINIMUM = 12, 24, 8
"""Searches in a round before any minimum is known, in the first ones after that, and for each
minimum known: more from the same few minima would mostly find the same, however wide the machine
is."""


class Planned(NamedTuple):
    """A task, and of what stream of independent draws it is one (None if of none)."""

    task: Task
    stream: Stream | None


class Agenda(NamedTuple):
    """A strategy, and what proposes its searches in one exploration."""

    strategy: Strategy
    propose: Propose


def begin(strategies: Sequence[Strategy]) -> tuple[Agenda, ...]:
    """The agendas of an exploration that begins or is continued."""
    return tuple(Agenda(strategy, strategy.begin()) for strategy in strategies)


def plan_round(
    view: View, agendas: Sequence[Agenda], independent_share: float, size: int
) -> list[Planned]:
    """The tasks of the next round; empty if there is nothing left to try.

    Args:
        view: the atlas as committed.
        agendas: of the strategies to use.
        independent_share: part of the round for independent draws, shared out among the strategies
            that draw.
        size: searches in a round, as soon as enough minima are known.
    """
    size = _size(size, len(view.minimum_ids))
    draws = [agenda for agenda in agendas if agenda.strategy.draws is not None]
    planned: list[Planned] = []
    for agenda in draws:
        wanted = int(np.ceil(independent_share * size / len(draws)))
        tasks = take(proposals(agenda, view), wanted, view.tried)
        planned += [Planned(task, agenda.strategy.draws) for task in tasks]
    adaptive = [agenda for agenda in agendas if agenda.strategy.draws is None]
    if independent_share == 1.0 or not adaptive:
        return planned
    for agenda in adaptive:
        if agenda.strategy.share is not None:
            wanted = int(np.ceil(agenda.strategy.share * size))
            planned += [Planned(t, None) for t in take(proposals(agenda, view), wanted, view.tried)]
    adaptive = [agenda for agenda in adaptive if agenda.strategy.share is None]
    strategies = [agenda.strategy for agenda in adaptive]
    connected = view.connected_part()
    found = yields(view.recent, strategies, connected, view.landscape.hessian_cost)
    joining = [strategy.name for strategy in strategies if strategy.joins]
    shares = shares_of(found, connected, joining)
    offers = {agenda.strategy.name: proposals(agenda, view) for agenda in adaptive}
    tasks = _share_out(offers, shares, size - len(planned), view.tried)
    return planned + [Planned(task, None) for task in tasks]


def _size(size: int, minima: int) -> int:
    """Searches in a round, when so many minima are known; at most `size`.

    Examples:
        >>> [_size(384, minima) for minima in (0, 1, 10, 1000)]
        [12, 24, 80, 384]
        >>> [_size(24, minima) for minima in (0, 1, 10, 1000)]
        [12, 24, 24, 24]
    """
    if minima == 0:
        return max(1, min(size // 2, BLIND))
    return min(size, max(EARLY, PER_MINIMUM * minima))


def proposals(agenda: Agenda, view: View) -> Iterator[Task]:
    """What a strategy proposes.

    Raises:
        BadInputError: if a search carries the name of another strategy, with which it would be
            judged.
    """
    strategy = agenda.strategy
    for task in agenda.propose(view):
        if task.key.strategy != strategy.logged:
            problem = f"proposes a search of the name {task.key.strategy!r}"
            remedy = f"use {strategy.logged!r} as strategy of its keys"
            raise BadInputError(f"strategy {strategy.name}", problem, remedy)
        yield task


def _share_out(
    offers: dict[str, Iterator[Task]], shares: dict[str, float], count: int, tried: Tried
) -> list[Task]:
    """About so many tasks; what some strategies cannot use is shared out among the others."""
    tasks: list[Task] = []
    willing = dict(shares)
    while willing and len(tasks) < count:
        left, total = count - len(tasks), sum(willing.values())
        for name, share in list(willing.items()):
            wanted = int(np.ceil(share / total * left))
            new = take(offers[name], wanted, tried)
            tasks += new
            if len(new) < wanted:
                del willing[name]
    return tasks


def shares_of(
    found: Mapping[str, float], connected: float, joining: Sequence[str] = ()
) -> dict[str, float]:
    """Share of a round for each strategy, summing to about one.

    Args:
        found: by each strategy, new points per gradient (`yields`).
        connected: the part of the minima that is connected to the global minimum.
        joining: names of the strategies that join minima to it.

    Examples:
        >>> shares_of({"basin-hopping": 3.0, "gaps": 1.0}, connected=0.5, joining=["gaps"])
        {'basin-hopping': 0.5625, 'gaps': 0.4375}
    """
    # Squared: where half is connected, what else there is still finds more for its cost.
    reserved = (1.0 - connected) ** 2 if joining else 0.0
    total = sum(found.values())
    shares = {name: (1.0 - reserved) * score / total for name, score in found.items()}
    for name in joining:
        shares[name] += reserved / len(joining)
    return {name: max(FLOOR, share) for name, share in shares.items()}


def yields(
    recent: Mapping[str, Recent],
    strategies: Sequence[Strategy],
    worth: float = 1.0,
    hessian: float = 15.0,
) -> dict[str, float]:
    """New points per gradient that each strategy has found lately.

    Args:
        recent: what the last attempts of each strategy, by its name in the log, found and cost.
        strategies: those asked for; the result is by their names.
        worth: of a new minimum, that of a new transition state being one.
        hessian: cost of a Hessian with its spectrum, in gradients.
    """
    found = {}
    for strategy in strategies:
        last = recent.get(strategy.logged, Recent())
        gain = worth * last.new_minima + last.new_transition_states
        cost = last.gradients + hessian * last.hessians
        # One point for nothing, so that a strategy nobody has tried looks attractive.
        found[strategy.name] = (gain + 1.0) / (cost + 5e3)
    return found
