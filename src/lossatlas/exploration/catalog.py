"""The strategies that come with the program, and which of them, or of a user's own, are used."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lossatlas.errors import BadInputError
from lossatlas.exploration import independent, random_starts, strategies
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

DRAWS = (
    Strategy(independent.MINIMA, independent.DrawMinima, draws="minima"),
    Strategy(independent.SADDLES, independent.DrawSaddles, draws="saddles"),
)
"""The independent draws of both streams."""


def chosen(asked: Sequence[str | Strategy] | None = None) -> tuple[Strategy, ...]:
    """The strategies of an exploration, independent draws of both streams among them.

    Args:
        asked: names of ours, or records of a user's own; None for all of ours. Draws of ours are
            added for a stream that none of them draws.

    Raises:
        BadInputError: for an unknown name, one that is there twice, two strategies that draw from
            one stream, and if there is none.

    Examples:
        >>> [strategy.name for strategy in chosen(["connect"])]
        ['connect', 'independent-minima', 'independent-saddles']
    """
    if isinstance(asked, str):
        raise _unusable(f"{asked!r} is a text, not a list")
    found = STRATEGIES if asked is None else _in_order(list(map(_strategy, asked)))
    if not found:
        raise _unusable("none is given")
    drawn = {strategy.draws for strategy in found}
    found += tuple(strategy for strategy in DRAWS if strategy.draws not in drawn)
    names = Counter(strategy.name for strategy in found)
    streams = Counter(strategy.draws for strategy in found if strategy.draws is not None)
    for name, count in names.items():
        if count > 1:
            raise _unusable(f"{name} is there {count} times")
    for stream, count in streams.items():
        if count > 1:
            raise _unusable(f"{count} of them draw {stream}")
    return found


def _in_order(asked: list[Strategy]) -> tuple[Strategy, ...]:
    """Ours before others: in whatever order they are asked for, the exploration is the same."""
    ours = [s for known in STRATEGIES for s in asked if s is known]
    return (*ours, *(strategy for strategy in asked if strategy not in ours))


def _strategy(asked: Any) -> Strategy:
    if isinstance(asked, Strategy):
        return asked
    for strategy in STRATEGIES:
        if strategy.name == asked:
            return strategy
    raise _unusable(f"{asked} is unknown")


def _unusable(problem: str) -> BadInputError:
    known = ", ".join(strategy.name for strategy in STRATEGIES)
    remedy = f"use some of {known}, or a Strategy of your own"
    return BadInputError("explore: strategies", problem, remedy)
