"""How complete an atlas is: estimates of the unseen points from its independent draws.

Only independent draws are used (`exploration.independent`). For minima these are quenches from
random starts; for transition states they are climbs from minima, modes and signs that are chosen
uniformly. How often adaptive searches find a point depends on what was found before, so it cannot
be used for such estimates.

All estimates concern the points that independent draws can hit, each weighted by the probability of
hitting it. A minimum with a tiny basin, or a transition state that no climb from a minimum reaches,
counts for little or nothing. Other strategies find such points: an atlas that holds more points
than the estimates from its draws shows that the draws miss the rest.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int
from sqlalchemy import func, select

from lossatlas.analysis.abundance import LEVEL, Interval, chao1, chapman, coverage
from lossatlas.atlas import schema
from lossatlas.atlas.database import Readable
from lossatlas.atlas.log import MINIMA, SADDLES, Draw, read_draws

if TYPE_CHECKING:
    from pandas import DataFrame

STREAMS = {"minima": MINIMA, "transition states": SADDLES}
"""The stream of independent draws of each kind of points, as the log names it."""


class Completeness(NamedTuple):
    """Estimates from one stream of independent draws; all intervals have a level of 95 %.

    Attributes:
        points: kind of the points, ``"minima"`` or ``"transition states"``.
        draws: number of draws, including those that hit no point.
        hits: number of draws that hit a point. All estimates are about these. If no draw hit a
            point, one minus `coverage` estimates the probability that a draw hits any point.
        distinct: number of distinct points that were hit.
        known: number of points of this kind that the atlas holds, found by any strategy.
        singletons: number of points that were hit exactly once.
        doubletons: number of points that were hit exactly twice.
        coverage: probability that the next hit is a point that the stream has hit before
            (Good-Turing). All points that it has not hit have one minus this probability together.
        atlas_coverage: probability that the next hit is a point that the atlas holds, found by any
            strategy: the fraction of the later half of the hits that the atlas already knew
            (interval of Clopper and Pearson 1934).
        chao1: lower bound of the number of points that draws can hit, with its interval.
        chapman: lower bound of the same number by capture and recapture, with every other draw in
            one sample and the remaining draws in the other.

    Examples:
        >>> found = of_draws("minima", [Draw(1, True), Draw(1, False), Draw(1, False)], known=1)
        >>> found.distinct, found.singletons, found.coverage.estimate
        (1, 0, 1.0)
    """

    points: str
    draws: int
    hits: int
    distinct: int
    known: int
    singletons: int
    doubletons: int
    coverage: Interval
    atlas_coverage: Interval
    chao1: Interval
    chapman: Interval

    @property
    def unseen(self) -> Interval:
        """Probability that the next hit is a point that the stream has not hit before."""
        return Interval(1 - self.coverage.estimate, 1 - self.coverage.high, 1 - self.coverage.low)


def completeness(atlas: Readable) -> tuple[Completeness, ...]:
    """Estimate from its independent draws how complete an atlas is.

    Args:
        atlas: an open atlas.

    Returns:
        One entry for minima and one for transition states; a kind of points for which no draws
        were made has no entry.

    Examples:
        >>> for stream in completeness(atlas):                       # doctest: +SKIP
        ...     print(stream.points, stream.distinct, stream.coverage)
        minima 11 Interval(estimate=1.0, low=0.991..., high=1.0)
        transition states 29 Interval(estimate=0.998..., low=0.985..., high=1.0)
    """
    streams = {points: read_draws(atlas, stream) for points, stream in STREAMS.items()}
    tables = {"minima": schema.minimum, "transition states": schema.transition_state}
    with atlas.reading() as connection:
        known = {
            points: connection.execute(select(func.count(table.c.id))).scalar_one()
            for points, table in tables.items()
        }
    return tuple(of_draws(name, draws, known[name]) for name, draws in streams.items() if draws)


def of_draws(points: str, draws: Sequence[Draw], known: int) -> Completeness:
    """Estimate the completeness from the draws of one stream.

    Args:
        points: kind of the points, ``"minima"`` or ``"transition states"``.
        draws: the draws in the order in which they were made, at least one.
        known: number of points of this kind that the atlas holds.

    Examples:
        >>> draws = [Draw(1, True), Draw(2, True), Draw(1, False), Draw(None, False)]
        >>> found = of_draws("minima", draws, known=5)
        >>> found.draws, found.hits, found.distinct, found.singletons
        (4, 3, 2, 1)
    """
    hits = [draw for draw in draws if draw.point is not None]
    counts = abundances(draw.point for draw in hits)
    even, odd = ({draw.point for draw in draws[k::2]} - {None} for k in (0, 1))
    # If no draw hit a point, none hit a new one, and all draws bound the probability of that.
    telling = hits or draws
    later = telling[len(telling) // 2 :]
    return Completeness(
        points=points,
        draws=len(draws),
        hits=len(hits),
        distinct=len(counts),
        known=known,
        singletons=int((counts == 1).sum()),
        doubletons=int((counts == 2).sum()),
        coverage=coverage(counts if hits else np.array([len(draws)])),
        atlas_coverage=proportion(sum(not draw.is_new for draw in later), len(later)),
        chao1=chao1(counts),
        chapman=chapman(len(even), len(odd), len(even & odd)),
    )


def abundances(points: Iterable[int | None]) -> Int[np.ndarray, " k"]:
    """How often each point was hit; None stands for a draw that hit no point and is left out.

    Examples:
        >>> abundances([4, 2, 4, None])
        array([1, 2])
    """
    return np.unique([point for point in points if point is not None], return_counts=True)[1]


def is_complete(streams: Sequence[Completeness], probability: float) -> bool:
    """Whether the coverage of both kinds of points has at least this probability as lower bound.

    Each bound is the lower end of a two-sided interval of 95 %, so it should be too high in 1 case
    of 40. An exploration tests the bounds repeatedly until they suffice; in simulations this did
    not make them too high more often (`tests/analysis/test_abundance.py`).
    """
    return len(streams) == len(STREAMS) and all(s.coverage.low >= probability for s in streams)


def proportion(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """A probability from independent trials, with its exact interval (Clopper and Pearson 1934).

    Args:
        successes: number of trials that succeeded.
        trials: number of trials, at least one.
        level: confidence level of the interval, between 0 and 1; default 0.95.

    Examples:
        >>> proportion(100, 100)
        Interval(estimate=1.0, low=0.963..., high=1.0)
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(level)
    return Interval(successes / trials, float(interval.low), float(interval.high))


def completeness_table(streams: Sequence[Completeness]) -> "DataFrame":
    """Turn the entries of `completeness` into a table.

    Args:
        streams: the entries, one for each kind of points.

    Returns:
        One row for each entry, with its attributes as columns. An interval takes three
        columns, its estimate (``coverage``) and its ends (``coverage_low``, ``coverage_high``).

    Examples:
        >>> draws = [Draw(1, True), Draw(2, True), Draw(1, False)]
        >>> table = completeness_table([of_draws("minima", draws, known=5)])
        >>> table[["points", "draws", "distinct", "known"]].to_dict("records")
        [{'points': 'minima', 'draws': 3, 'distinct': 2, 'known': 5}]
    """
    import pandas as pd

    rows = []
    for stream in streams:
        row: dict[str, object] = {}
        for name, value in stream._asdict().items():
            if isinstance(value, Interval):
                row |= {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
            else:
                row[name] = value
        rows.append(row)
    return pd.DataFrame(rows)
