"""Estimates of how many minima are missing in a connected set, below a loss.

An exploration with the aim "connected" also draws climbs from its main set: the minimum, mode, sign
and distance of each climb are drawn independently of what was found before
(`exploration.connected`). Such a climb passes a transition state and ends at a minimum next to the
one it began at. Consider the draws that ended below a loss: the fraction of them whose minimum the
atlas knew before estimates how much of what climbs reach is known, and how often each of these
minima was hit bounds their number from below (Chao 1984).

Draws begin at known minima and weight a minimum by how often climbs end there. The estimates
therefore concern the minima that are one climb away: they bound the missing minima from below, and
cannot show that no minimum is missing.
"""

from typing import NamedTuple

import numpy as np
from sqlalchemy import select

from lossatlas.analysis.abundance import Interval, chao1
from lossatlas.analysis.completeness import proportion
from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.log import read_log_columns
from lossatlas.errors import BadInputError

DRAWS = "independent-connected"
"""Name of the draws of climbs from the main set in the log."""
STATE = "transition_state"
"""Kind of point whose roles in an attempt (`schema.MET`) are read."""


class Missing(NamedTuple):
    """What is known, and what is missing, of a connected set of minima below a loss.

    Attributes:
        loss: the loss up to which minima count.
        connected: number of known minima up to this loss that some path joins to the lowest one.
        draws: number of climbs that were drawn from the connected set.
        hits: number of times that a climb ended at a minimum up to this loss other than the one it
            began at; one climb may hit several minima.
        distinct: number of distinct minima that were hit.
        known: fraction of the later half of the hits whose minimum the atlas knew before, with its
            95 % interval; NaN with the interval (0, 1) if there are no hits.
        chao1: lower bound of the number of minima that draws can hit, with its 95 % interval.
    """

    loss: float
    connected: int
    draws: int
    hits: int
    distinct: int
    known: Interval
    chao1: Interval


def missing_below(atlas: Atlas, loss: float) -> Missing:
    """Estimate how many minima of the connected set of an atlas are missing below a loss.

    The estimates use climbs that were drawn at random from the connected set, so they bound the
    missing minima from below and cannot show that no minimum is missing.

    Args:
        atlas: an open atlas that was explored with the aim "connected".
        loss: the loss up to which minima count; ``math.inf`` for all minima.

    Raises:
        BadInputError: the atlas has no minimum, or no climbs that were drawn in this way.

    Examples:
        >>> missing_below(atlas, 0.4)                                 # doctest: +SKIP
        Missing(loss=0.4, connected=211, draws=412, hits=175, distinct=98, ...)
    """
    network = atlas.network()
    if not len(network.minimum_ids):
        raise BadInputError(atlas.name, "it has no minima", "explore it first")
    energies, labels = network.minimum_energies, network.components
    connected = (labels == labels[int(np.argmin(energies))]) & (energies <= loss)
    draws, ends = _ends(atlas)
    if not draws:
        problem = "nothing was drawn from its connected set"
        raise BadInputError(atlas.name, problem, 'explore it with aim = "connected"')
    energy_of = dict(zip(network.minimum_ids.tolist(), energies.tolist(), strict=True))
    low = [(minimum, new) for minimum, new in ends if energy_of.get(minimum, np.inf) <= loss]
    counts = np.unique([minimum for minimum, _ in low], return_counts=True)[1]
    later = low[len(low) // 2 :]
    nan = Interval(float("nan"), 0.0, 1.0)
    known = proportion(sum(not new for _, new in later), len(later)) if later else nan
    return Missing(loss, int(connected.sum()), draws, len(low), len(counts), known, chao1(counts))


def _ends(atlas: Atlas) -> tuple[int, list[tuple[int, bool]]]:
    """The number of climbs drawn, and the minima they ended at, each with whether it was new."""
    attempt, point, link = schema.attempt.c, schema.attempt_point.c, schema.link.c
    met = (
        select(point.attempt, point.minimum, point.transition_state)
        .join(schema.attempt, attempt.id == point.attempt)
        .where(attempt.strategy == DRAWS, point.role.in_(("origin", *schema.MET[STATE])))
        .order_by(point.attempt, point.position)
    )
    log = read_log_columns(atlas)
    with atlas.reading() as connection:
        points = connection.execute(met).all()
        climbed = {row.attempt: row.transition_state for row in points if row.minimum is None}
        joined: dict[int, set[int]] = {state: set() for state in climbed.values()}
        for state, minimum in connection.execute(select(link.transition_state, link.minimum)):
            if state in joined:
                joined[state].add(minimum)
        minima = np.array(connection.scalars(select(schema.minimum.c.id)).all())
    minima.sort()
    origin = {row.attempt: row.minimum for row in points if row.minimum is not None}
    # Ids ascend in the order in which minima were found. Minima that no attempt of this atlas
    # found, such as imported ones, were there before the first attempt.
    before = len(minima) - log.new_minima.sum() + np.cumsum(log.new_minima) - log.new_minima
    first_new = dict(zip(log.id.tolist(), before.tolist(), strict=True))
    ends = [
        (minimum, bool(np.searchsorted(minima, minimum) >= first_new[one]))
        for one, state in climbed.items()
        for minimum in sorted(joined[state] - {origin[one]})
    ]
    return log.strategy.count(DRAWS), ends
