"""The built-in strategies, and the choice among them and strategies that users write."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lossatlas.errors import BadInputError
from lossatlas.exploration import connected, independent, random_starts, strategies
from lossatlas.exploration.strategies import SINGLE_ENDED
from lossatlas.exploration.tasks import Strategy

STRATEGIES = (
    Strategy(strategies.BASIN_HOPPING, strategies.FindMinima),
    Strategy(strategies.SINGLE_ENDED, strategies.ClimbFromMinima, joins=True),
    Strategy(strategies.CONNECT, strategies.JoinUnconnected, joins=True),
    # Both ways of joining components make the same bands and are judged together.
    Strategy("gaps", strategies.BridgeGaps, joins=True, log_name=strategies.CONNECT),
    Strategy(strategies.UNTRAP, strategies.FreeTrapped),
    Strategy(strategies.SHORTCUT, strategies.ShortenPaths),
    Strategy(strategies.DEGENERATE, strategies.Rearrange),
    Strategy(random_starts.PERTURBED, random_starts.LookAround),
    Strategy(random_starts.MIRRORS, random_starts.LookOnMirrors),
    Strategy(random_starts.BETWEEN, random_starts.LookBetween),
)
"""The strategies that are used with the aim "all" unless others are chosen."""

CONNECTED = (
    Strategy(connected.CLIMB_CONNECTED, connected.ClimbConnected, log_name=SINGLE_ENDED),
    Strategy(connected.WITHIN, connected.BandsWithin),
    Strategy(connected.OUTWARD, connected.BandsOutward),
    Strategy(
        connected.FIND_LOWEST, connected.FindLowest, log_name=strategies.BASIN_HOPPING, share=0.35
    ),
    Strategy(connected.BRIDGE, connected.BridgeToLowest, share=0.05),
    Strategy(connected.GROW_ISLAND, connected.GrowLowestIsland, log_name=SINGLE_ENDED, share=0.05),
)
"""The strategies of the aim "connected", which grow one connected set of minima from within."""

DRAWS = (
    Strategy(independent.MINIMA, independent.DrawMinima, draws="minima"),
    Strategy(independent.SADDLES, independent.DrawSaddles, draws="saddles"),
)
"""The strategies that make the independent draws of the aim "all", one for each stream."""

CONNECTED_DRAWS = (
    DRAWS[0],
    Strategy(connected.CONNECTED_DRAWS, connected.DrawConnected, draws="connected"),
)
"""The strategies that make the independent draws of the aim "connected".

Their climbs begin only at minima of the main set, the connected set that is grown.
"""

AIMS: dict[str, tuple[tuple[Strategy, ...], tuple[Strategy, ...]]] = {
    "all": (STRATEGIES, DRAWS),
    "connected": (CONNECTED, CONNECTED_DRAWS),
}
"""Maps each aim of an exploration to its strategies and to those that make independent draws."""


def chosen(asked: Sequence[str | Strategy] | None = None, aim: str = "all") -> tuple[Strategy, ...]:
    """Return the strategies of an exploration, those that make independent draws included.

    Args:
        asked: names of built-in strategies, or `Strategy` records that a user wrote; None, the
            default, for all built-in strategies of the aim. For each stream of independent draws
            that none of them makes, the built-in strategy that makes it is added.
        aim: aim of the exploration, a key of `AIMS`.

    Returns:
        The strategies: built-in ones first in their usual order, then those of the user.

    Raises:
        BadInputError: if a name is unknown or occurs twice, if two strategies draw from one stream,
            if no strategy is given, or if `asked` is a single text instead of a list.

    Examples:
        >>> [strategy.name for strategy in chosen(["connect"])]
        ['connect', 'independent-minima', 'independent-saddles']
    """
    if isinstance(asked, str):
        raise _unusable(f"{asked!r} is a text instead of a list")
    ours, draws = AIMS[aim]
    found = ours if asked is None else _in_order([_strategy(one, ours) for one in asked], ours)
    if not found:
        raise _unusable("no strategy is given")
    drawn = {strategy.draws for strategy in found}
    found += tuple(strategy for strategy in draws if strategy.draws not in drawn)
    names = Counter(strategy.name for strategy in found)
    streams = Counter(strategy.draws for strategy in found if strategy.draws is not None)
    for name, count in names.items():
        if count > 1:
            raise _unusable(f"{name} is given {count} times")
    for stream, count in streams.items():
        if count > 1:
            raise _unusable(f"{count} strategies make the independent draws of {stream}")
    return found


def _in_order(asked: list[Strategy], known: tuple[Strategy, ...]) -> tuple[Strategy, ...]:
    """Put built-in strategies first, in their usual order, in whatever order they were given."""
    ours = [s for one in known for s in asked if s is one]
    return (*ours, *(strategy for strategy in asked if strategy not in ours))


def _strategy(asked: Any, known: tuple[Strategy, ...]) -> Strategy:
    if isinstance(asked, Strategy):
        return asked
    for strategy in known:
        if strategy.name == asked:
            return strategy
    raise _unusable(f"{asked} is unknown", known)


def _unusable(problem: str, ours: tuple[Strategy, ...] = STRATEGIES) -> BadInputError:
    known = ", ".join(strategy.name for strategy in ours)
    remedy = f"use some of {known}, or a Strategy of your own"
    return BadInputError("explore: strategies", problem, remedy)
