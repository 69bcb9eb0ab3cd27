"""Where what an atlas holds comes from: its runs and what each added, and who met a point."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from lossatlas.atlas import schema, tables
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from pandas import DataFrame

ADDED = ("attempts", "minima", "transition_states", "gradients", "hessians")
"""What a run added: attempts, new points, and what they cost."""
MET = ("attempt", "role", "run", "seed", "start_time", "strategy", "what", "status", "version")
"""Columns of `met`."""


def runs(connection: Connection) -> "DataFrame":
    """One row a run: what `Atlas.runs` has, its id as ``run``, and what it added (`ADDED`)."""
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
    """One row for each time that an attempt met a point, the first is that which found it.

    Raises:
        BadInputError: if there is no such point, or none or two are asked for.
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
