"""The strategies that come with the program, and which of them, or of a user's own, are used."""

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
"""Those used unless others are asked for."""

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
"""Those used with the aim "connected": one connected set of minima is grown from within."""

DRAWS = (
    Strategy(independent.MINIMA, independent.DrawMinima, draws="minima"),
    Strategy(independent.SADDLES, independent.DrawSaddles, draws="saddles"),
)
"""The independent draws of both streams."""

CONNECTED_DRAWS = (
    DRAWS[0],
    Strategy(connected.CONNECTED_DRAWS, connected.DrawConnected, draws="connected"),
)
"""Those of the aim "connected": climbs begin at minima of the main set only."""

AIMS: dict[str, tuple[tuple[Strategy, ...], tuple[Strategy, ...]]] = {
    "all": (STRATEGIES, DRAWS),
    "connected": (CONNECTED, CONNECTED_DRAWS),
}
"""For each aim of an exploration its strategies, and its independent draws."""


def chosen(asked: Sequence[str | Strategy] | None = None, aim: str = "all") -> tuple[Strategy, ...]:
    """The strategies of an exploration, independent draws of both streams among them.

    Args:
        asked: names of ours, or records of a user's own; None for all of ours. Draws of ours are
            added for a stream that none of them draws.
        aim: whose strategies they are, a key of `AIMS`.

    Raises:
        BadInputError: for an unknown name, one that is there twice, two strategies that draw from
            one stream, and if there is none.

    Examples:
        >>> [strategy.name for strategy in chosen(["connect"])]
        ['connect', 'independent-minima', 'independent-saddles']
    """
    if isinstance(asked, str):
        raise _unusable(f"{asked!r} is a text, not a list")
    ours, draws = AIMS[aim]
    found = ours if asked is None else _in_order([_strategy(one, ours) for one in asked], ours)
    if not found:
        raise _unusable("none is given")
    drawn = {strategy.draws for strategy in found}
    found += tuple(strategy for strategy in draws if strategy.draws not in drawn)
    names = Counter(strategy.name for strategy in found)
    streams = Counter(strategy.draws for strategy in found if strategy.draws is not None)
    for name, count in names.items():
        if count > 1:
            raise _unusable(f"{name} is there {count} times")
    for stream, count in streams.items():
        if count > 1:
            raise _unusable(f"{count} of them draw {stream}")
    return found


def _in_order(asked: list[Strategy], known: tuple[Strategy, ...]) -> tuple[Strategy, ...]:
    """Ours before others: in whatever order they are asked for, the exploration is the same."""
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
