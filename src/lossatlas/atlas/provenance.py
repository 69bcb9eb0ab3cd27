"""The history of an atlas: what each of its runs added, and which attempts met a point."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from lossatlas.atlas import schema, tables
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from pandas import DataFrame

ADDED = ("attempts", "minima", "transition_states", "gradients", "hessians")
"""Columns of `runs` with what a run added: attempts, new points, gradients and Hessians."""
MET = ("attempt", "role", "run", "seed", "start_time", "strategy", "what", "status", "version")
"""Columns of the table that `met` returns."""


def runs(connection: Connection) -> "DataFrame":
    """A table with one row for each run: the columns of `Atlas.runs`, and what it added.

    The id of the run is in the column ``run``; the further columns are ``attempts``, ``minima``,
    ``transition_states``, ``gradients`` and ``hessians``.
    """
    import pandas as pd

    attempt, batch = schema.attempt.c, schema.batch.c
    sums = (attempt.new_minima, attempt.new_transition_states, attempt.gradients, attempt.hessians)
    query = select(batch.run_id, func.count(), *map(func.sum, sums)).join_from(
        schema.attempt, schema.batch, batch.id == attempt.batch
    )
    added = {run: row for run, *row in connection.execute(query.group_by(batch.run_id))}
    frame = tables.runs(connection).rename(columns={"id": "run"})
    counts = [[int(n or 0) for n in added.get(run, [0] * len(ADDED))] for run in frame["run"]]
    new = pd.DataFrame(counts, columns=list(ADDED), index=frame.index)
    return pd.concat([frame, new], axis=1)


def met(
    connection: Connection, *, minimum: int | None = None, transition_state: int | None = None
) -> "DataFrame":
    """A table with one row for each time that an attempt met a point; the first one found it.

    Args:
        connection: a connection to the atlas.
        minimum: id of the minimum, or None if a transition state is given.
        transition_state: id of the transition state, or None if a minimum is given.

    Raises:
        BadInputError: no attempt met such a point, or not exactly one point is given.
    """
    import pandas as pd

    asked = {"minimum": minimum, "transition_state": transition_state}
    given = {kind: identifier for kind, identifier in asked.items() if identifier is not None}
    if len(given) != 1:
        raise BadInputError("history", "give a minimum or a transition state", "leave one out")
    ((kind, identifier),) = given.items()
    point, attempt, batch, run = (
        schema.metadata.tables[name].c for name in ("attempt_point", "attempt", "batch", "run")
    )
    columns = (attempt.id, point.role, run.id, run.seed, run.start_time)
    query = (
        select(*columns, attempt.strategy, attempt.what, attempt.status, run.versions)
        .join(schema.attempt, attempt.id == point.attempt)
        .join(schema.batch, batch.id == attempt.batch)
        .join(schema.run, run.id == batch.run_id)
        .where(point[kind] == identifier, point.role.in_(schema.MET[kind]))
        .order_by(attempt.id, point.position)
    )
    rows = connection.execute(query).all()
    if not rows:
        problem = f"there is no {kind.replace('_', ' ')} {identifier}"
        raise BadInputError("history", problem, "use an id that the atlas lists")
    plain = [(*row[:-1], row[-1].get("lossatlas", "")) for row in rows]
    return pd.DataFrame(plain, columns=list(MET))
