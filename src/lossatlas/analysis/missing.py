"""What is missing in a connected set of minima, below a loss.

An exploration with the aim "connected" also draws climbs from its main set: minimum, mode, sign and
distance of each are drawn, whatever was found before (`exploration.connected`). Such a climb passes
a transition state and ends at a minimum beside the one it began at. Of the draws that ended below a
loss, the share that the atlas knew before says how much of what climbs reach is known; how often
each of these minima was hit bounds their number from below (Chao 1984).

Draws weigh a minimum by how often climbs end there, and begin at minima that are known. So the
estimates speak of what lies one climb away: they bound what is missing from below, and cannot say
that nothing is.
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
"""What the draws of climbs from the main set are called in the log."""
STATE = "transition_state"


class Missing(NamedTuple):
    """What is known and what is missing of a connected set below a loss.

    Attributes:
        loss: the loss.
        connected: minima connected to the lowest one whose loss is at most this.
        draws: climbs drawn from the main set.
        hits: minima at most this high that they ended at, beside those they began at; a draw may
            hit several.
        distinct: different ones.
        known: the share of the later half of the hits that the atlas knew before, with its 95 %
            interval; NaN without hits.
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
    """What the draws of an atlas say about its connected set below a loss.

    Args:
        atlas: explored with the aim "connected".
        loss: in units of the loss; infinite for all minima.

    Raises:
        BadInputError: if the atlas has no minimum, or no such draws.

    Examples:
        >>> missing_below(atlas, 0.4)                                 # doctest: +SKIP
        Missing(loss=0.4, connected=211, draws=412, hits=175, distinct=98, ...)
    """
    network = atlas.network()
    if not len(network.minimum_ids):
        raise BadInputError(atlas.name, "it has no minimum", "explore it first")
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
    """How many climbs were drawn; the minima that they ended at, and whether each was new."""
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
    # Ids ascend in the order in which minima were found; what no attempt found came first.
    before = len(minima) - log.new_minima.sum() + np.cumsum(log.new_minima) - log.new_minima
    first_new = dict(zip(log.id.tolist(), before.tolist(), strict=True))
    ends = [
        (minimum, bool(np.searchsorted(minima, minimum) >= first_new[one]))
        for one, state in climbed.items()
        for minimum in sorted(joined[state] - {origin[one]})
    ]
    return log.strategy.count(DRAWS), ends
