"""How complete an atlas is: what its independent draws say about points that nobody has seen.

Only independent draws are used (`exploration.independent`): quenches from random starts for minima,
climbs from uniformly chosen minima, modes and signs for transition states. What adaptive searches
find, and how often, proves nothing.

All estimates speak of the points that such draws can hit, and weigh them by how likely that is. A
minimum with a tiny basin, or a transition state that no climb from a minimum reaches, counts for
little or nothing. Other strategies find such points: if an atlas knows more than any estimate from
its draws, they are blind to the rest.
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
"""What each stream of independent draws hits, and the name of the stream."""


class Completeness(NamedTuple):
    """What one stream of independent draws says. All intervals are of 95 %.

    Attributes:
        points: ``"minima"`` or ``"transition states"``.
        draws: made, those that hit nothing included.
        hits: draws that hit a point; what follows is about these. (If none did, the probabilities
            are those of a draw to hit anything at all.)
        distinct: points hit.
        known: points that the atlas holds, whoever found them.
        singletons: points hit once.
        doubletons: points hit twice.
        coverage: probability that the next hit is a point that the stream has hit before
            (Good-Turing). What the stream has not hit has one minus this probability.
        atlas_coverage: probability that the next hit is a point that the atlas holds, whoever found
            it: the share of the later half of the hits that were no news (Clopper and Pearson
            1934).
        chao1: lower bound of the number of points that draws can hit, with its interval.
        chapman: the same by capture and recapture, between the draws of even and of odd number.
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
        """Probability that the next hit is a point the stream has not hit; `high` bounds it."""
        return Interval(1 - self.coverage.estimate, 1 - self.coverage.high, 1 - self.coverage.low)


def completeness(atlas: Readable) -> tuple[Completeness, ...]:
    """What the independent draws of an atlas say: of minima, and of transition states.

    Args:
        atlas: an open atlas.

    Returns:
        One entry for each kind of points; none for a kind that was never drawn.

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
    """The same for the draws of one stream, in their order, and the number of points in the atlas.

    Examples:
        >>> draws = [Draw(1, True), Draw(2, True), Draw(1, False), Draw(None, False)]
        >>> found = of_draws("minima", draws, known=5)
        >>> found.draws, found.hits, found.distinct, found.singletons
        (4, 3, 2, 1)
    """
    hits = [draw for draw in draws if draw.point is not None]
    counts = abundances(draw.point for draw in hits)
    even, odd = ({draw.point for draw in draws[k::2]} - {None} for k in (0, 1))
    # Draws that hit nothing hit nothing new.
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
    """How often each of the points hit was hit; None (nothing was hit) is left out.

    Examples:
        >>> abundances([4, 2, 4, None])
        array([1, 2])
    """
    return np.unique([point for point in points if point is not None], return_counts=True)[1]


def is_complete(streams: Sequence[Completeness], probability: float) -> bool:
    """Whether both kinds of points are covered with this probability, by the lower bounds.

    Each bound is that of a two-sided interval of 95 %, so it is to be too high in 1 case of 40.
    That it is looked at again and again until it suffices did not make this more frequent in
    simulations (`tests/analysis/test_abundance.py`).
    """
    return len(streams) == len(STREAMS) and all(s.coverage.low >= probability for s in streams)


def proportion(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """A probability from independent trials, with its exact interval (Clopper and Pearson 1934).

    Examples:
        >>> proportion(100, 100)
        Interval(estimate=1.0, low=0.963..., high=1.0)
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(level)
    return Interval(successes / trials, float(interval.low), float(interval.high))


def completeness_table(streams: Sequence[Completeness]) -> "DataFrame":
    """One row a stream; an interval makes three columns: ``coverage``, ``coverage_low``,
    ``coverage_high``."""
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
