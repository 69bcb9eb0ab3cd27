"""Continuing an exploration that ended: its first round, and what of its last rounds is stored.

A run is continued by one with the same seed, aim, strategies, share of draws, width and tools, and
its rounds are numbered on. The rounds that were in flight when it ended are planned once more, each
as of the attempt that it was planned from before, and the searches whose outcomes are in the log
are not made again. Therefore the rest is the same as if the run had not ended.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Select, func, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.joining import MERGED
from lossatlas.atlas.log import LogColumns
from lossatlas.exploration.catalog import AIMS
from lossatlas.exploration.stop_rules import usual_share_of_draws
from lossatlas.exploration.tried import Key

IN_FLIGHT = 2
"""Number of rounds that are in flight at any time."""


class Restart(NamedTuple):
    """The round at which an exploration begins, and what earlier runs have stored of it.

    Attributes:
        round: number of the first round to be planned.
        planned_from: for each round from this one on with an attempt in the log, the id of the
            attempt that it was planned from.
        ended_at: for each recent round with an attempt in the log, the id of its last attempt.
        before: keys of the searches of earlier rounds that were in flight when the first round was
            planned.
        parts: number of outcomes in the log of each search made since the first round was planned,
            by its key.
    """

    round: int = 0
    planned_from: Mapping[int, int] = {}
    ended_at: Mapping[int, int] = {}
    before: tuple[Key, ...] = ()
    parts: Mapping[Key, int] = {}

    def as_of(self, number: int) -> int | None:
        """Return the id of the attempt that a round is planned from; None for the end of the log.

        Args:
            number: number of a round that is planned before this run has committed anything.
        """
        if not self.planned_from or number in self.planned_from:
            return self.planned_from.get(number)
        if number - IN_FLIGHT >= max(self.ended_at):
            # All rounds before it are complete, so it is planned from all that the log contains.
            return None
        ended = [at for round_, at in self.ended_at.items() if round_ <= number - IN_FLIGHT]
        return max(ended, default=min(self.planned_from.values()))


def find_restart(atlas: Atlas, options: Mapping[str, Any], width: int, log: LogColumns) -> Restart:
    """Find the round at which an exploration begins in an atlas: that after the complete ones.

    Args:
        atlas: an open atlas.
        options: the options of the run, as the atlas stores them.
        width: width of the exploration, the number of searches in flight.
        log: the columns of all attempts in the atlas.
    """
    runs = _runs_alike(atlas, options)
    with atlas.reading() as connection:
        last = connection.execute(_attempts(runs, width, func.max(schema.attempt.c.round))).scalar()
        if last is None:
            return Restart()
        attempt = schema.attempt.c
        recent = _attempts(runs, width, attempt.id, attempt.round, attempt.as_of)
        query = recent.where(attempt.round >= last - 2 * IN_FLIGHT).order_by(attempt.id)
        rows = connection.execute(query).all()
    first = max(0, last + 1 - IN_FLIGHT)
    ended_at: dict[int, int] = {}
    for identifier, number, _ in rows:
        ended_at[number] = identifier
    planned_from = {number: as_of for _, number, as_of in rows if number >= first}
    restart = Restart(first, planned_from, ended_at)
    begun, of_round = restart.as_of(first) or 0, {row.id: row.round for row in rows}
    before, parts = [], defaultdict[Key, int](int)
    for row in range(int(np.searchsorted(log.id, begun, side="right")), len(log.id)):
        key = Key(log.strategy[row], log.origins(row), log.what[row])
        parts[key] = max(parts[key], int(log.part[row]))
        if of_round.get(int(log.id[row]), first) < first:
            before.append(key)
    return restart._replace(before=tuple(before), parts=dict(parts))


def _attempts(runs: list[int], width: int, *columns: Any) -> Select:
    """Make the statement that selects columns of the attempts of runs with a width."""
    batch = schema.attempt.join(schema.batch, schema.batch.c.id == schema.attempt.c.batch)
    query = select(*columns).select_from(batch)
    return query.where(schema.batch.c.run_id.in_(runs), schema.attempt.c.width == width)


def _runs_alike(atlas: Atlas, options: Mapping[str, Any]) -> list[int]:
    """Return the ids of the runs with the same options, whatever their stop rules were."""
    run = schema.run.c
    with atlas.reading() as connection:
        rows = connection.execute(select(run.id, run.options)).all()
    wanted = _manner(options)
    return [identifier for identifier, stored in rows if _manner(stored) == wanted]


def _manner(options: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return those options of a run that decide which searches are planned."""
    aim = options.get("aim", "all")  # older runs had no other
    ours, names = [strategy.name for strategy in AIMS[aim][0]], options.get("strategies")
    names = ours if names is None else names
    in_order = [name for name in ours if name in names] + [n for n in names if n not in ours]
    share = options.get("independent_share")
    if share is None:
        share = usual_share_of_draws(options.get("until"), aim)
    same = (options.get(name) for name in ("seed", "width", "tools", MERGED))
    return (aim, in_order, share, *same)
