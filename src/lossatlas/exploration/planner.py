"""The planner: it shares out the searches of a round by what each strategy has found lately.

The yield of a strategy is what its last attempts have found per unit of cost. Costs are counted in
evaluations, never in seconds, so that what is planned depends on the atlas alone. Where few of the
minima are connected to the global minimum, connections are missing, not minima. Therefore a new
transition state counts one, and a new minimum counts as much as the part c of the minima that is
connected. The part (1 - c)^2 of a round is reserved for the strategies that join minima, and the
rest is shared out in proportion to the yields. No share is smaller than `FLOOR`, so that every
strategy is tried again from time to time. Independent draws get a fixed share whatever they find,
and so do strategies whose record says so. The planner knows no strategy by name, only the fields of
its record.
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
"""Smallest share of a round that a strategy gets, before it turns out whether it can use it."""
BLIND, EARLY, PER_MINIMUM = 12, 24, 8
"""Largest numbers of searches in a round: before any minimum is known, in the first rounds after
that, and for each known minimum. More searches from the same few minima would mostly find the same
points, however many lanes there are."""


class Planned(NamedTuple):
    """A search of a round.

    Attributes:
        task: the search and its name.
        stream: the stream of independent draws that it belongs to; None if it is not a draw.
    """

    task: Task
    stream: Stream | None


class Agenda(NamedTuple):
    """A strategy in one exploration.

    Attributes:
        strategy: the record of the strategy.
        propose: the function that proposes its searches in this exploration.
    """

    strategy: Strategy
    propose: Propose


def begin(strategies: Sequence[Strategy]) -> tuple[Agenda, ...]:
    """Make the agendas of an exploration that begins or is continued."""
    return tuple(Agenda(strategy, strategy.begin()) for strategy in strategies)


def plan_round(
    view: View, agendas: Sequence[Agenda], independent_share: float, size: int
) -> list[Planned]:
    """Plan the next round.

    Args:
        view: the atlas as committed.
        agendas: the agendas of the strategies in use.
        independent_share: part of the round that consists of independent draws, from 0 to 1; the
            strategies that draw share it equally.
        size: number of searches in a round as soon as enough minima are known.

    Returns:
        The searches of the round; empty if no strategy proposes any.

    Raises:
        BadInputError: if a strategy proposes a search with the name of another strategy.
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
    """Return the number of searches in a round, at most `size`, when so many minima are known.

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
    """Yield the tasks that a strategy proposes in a view.

    Args:
        agenda: the strategy and the function that proposes its searches.
        view: the atlas as committed.

    Raises:
        BadInputError: if the key of a task has the name of another strategy, with which it would be
            judged.
    """
    strategy = agenda.strategy
    for task in agenda.propose(view):
        if task.key.strategy != strategy.logged:
            problem = f"it proposes a search with the strategy {task.key.strategy!r} in its key"
            remedy = f"use {strategy.logged!r} as the strategy of its keys"
            raise BadInputError(f"strategy {strategy.name}", problem, remedy)
        yield task


def _share_out(
    offers: dict[str, Iterator[Task]], shares: dict[str, float], count: int, tried: Tried
) -> list[Task]:
    """Take about `count` tasks; what one strategy cannot use is shared out among the others."""
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
    """Return the share of a round for each strategy; the shares add up to about one.

    Args:
        found: new points per gradient that each strategy has found (`yields`), by its name.
        connected: part of the minima that is connected to the global minimum, from 0 to 1.
        joining: names of the strategies that join minima to the global minimum; default none.

    Examples:
        >>> shares_of({"basin-hopping": 3.0, "gaps": 1.0}, connected=0.5, joining=["gaps"])
        {'basin-hopping': 0.5625, 'gaps': 0.4375}
    """
    # The square, because where half is connected the other strategies still find more per cost.
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
    """Return the number of new points per gradient that each strategy has found lately.

    Args:
        recent: what the last attempts of each strategy found and cost, by its name in the log.
        strategies: the strategies in question; the result is ordered by their names.
        worth: value of a new minimum, where that of a new transition state is one; default 1.
        hessian: cost of a Hessian with its spectrum, in gradients; default 15.
    """
    found = {}
    for strategy in strategies:
        last = recent.get(strategy.logged, Recent())
        gain = worth * last.new_minima + last.new_transition_states
        cost = last.gradients + hessian * last.hessians
        # One point and 5,000 gradients are added, so that an untried strategy looks attractive.
        found[strategy.name] = (gain + 1.0) / (cost + 5e3)
    return found
