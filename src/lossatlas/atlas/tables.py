"""The atlas as tables for its users: DataFrames, and the counts of `status`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.columns import MINIMUM_COLUMNS, read_lists
from lossatlas.atlas.failures import count_statuses, dominant_failure
from lossatlas.atlas.links import read_links, usual_ends
from lossatlas.atlas.network import Reading, read_properties
from lossatlas.atlas.outside import left_out_states, outside_flags
from lossatlas.errors import Status

if TYPE_CHECKING:
    from pandas import DataFrame

TRANSITION_STATE_COLUMNS = (
    "id",
    "loss",
    "curvature",
    "minimum_1",
    "minimum_2",
    "degenerate",
    "orbit_size",
    "times_found",
    "rms_gradient",
    "via_1",
    "via_1_index",
    "via_2",
    "via_2_index",
    "ends",
)
ATTEMPT_COLUMNS = (
    "id",
    "batch",
    "run_id",
    "round",
    "as_of",
    "width",
    "stream",
    "strategy",
    "origin",
    "what",
    "part",
    "status",
    "gradients",
    "hessians",
    "failures",
    "minima",
    "transition_states",
    "new_minima",
    "new_transition_states",
    "conflicts",
)
OTHERWISE = ("batch", "conflicts")
"""Columns that are not shown as stored: ``batch`` is shown as a key, ``conflicts`` as ids."""
COLUMN_OF = {
    "origin": "origin",
    "minimum": "minima",
    "end": "minima",
    "hit": "transition_states",
    "transition-state": "transition_states",
    "conflict": "conflicts",
}
"""The column of the table of attempts that lists the points of each role."""


def minima(connection: Connection, *, outside: bool = False) -> "DataFrame":
    """A table with one row for each minimum, in ascending order of the ids.

    `Atlas.minima` describes its columns.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.
        outside: whether to show minima outside of the box of a function too, with a column
            ``outside``; default False.
    """
    import pandas as pd

    table = schema.minimum.c
    query = select(
        table.id,
        table.energy,
        table.lowest_eigenvalue,
        table.orbit_size,
        table.times_found,
        table.rms_gradient,
    ).order_by(table.id)
    read = read_lists(connection, query)
    frame = pd.DataFrame(dict(zip(MINIMUM_COLUMNS, read, strict=True)))
    frame["orbit_size"] = frame["orbit_size"].map(int).astype(object)
    properties = read_properties(connection, frame["id"].to_numpy(np.int64))
    frame = frame.assign(**properties)
    flags = outside_flags(connection, schema.minimum)
    if outside:
        return frame.assign(outside=flags)
    return frame.loc[~flags].reset_index(drop=True)


def transition_states(connection: Connection, *, outside: bool = False) -> "DataFrame":
    """A table with one row for each transition state, in ascending order of the ids.

    `Atlas.transition_states` describes its columns.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.
        outside: whether to show transition states that lie outside of the box of a function, or
            join a minimum there, too, with a column ``outside``; default False.
    """
    import pandas as pd

    table = schema.transition_state.c
    query = select(
        table.id,
        table.energy,
        table.lowest_eigenvalue,
        table.orbit_size,
        table.times_found,
        table.rms_gradient,
    ).order_by(table.id)
    names = ("id", "loss", "curvature", "orbit_size", "times_found", "rms_gradient")
    frame = _frame(connection.execute(query).all(), names)
    frame["orbit_size"] = frame["orbit_size"].map(int).astype(object)
    ends = _ends(connection)
    complete = len(ends) == len(frame)
    frame = frame.merge(ends, on="id", how="left")
    if complete:
        frame = frame.astype({"minimum_1": int, "minimum_2": int, "ends": int, "degenerate": bool})
    nullable = {name: pd.Int64Dtype() for name in frame.columns if name.startswith("via_")}
    frame = frame.astype(nullable).loc[:, list(TRANSITION_STATE_COLUMNS)]
    if outside:
        return frame.assign(outside=outside_flags(connection, schema.transition_state))
    return frame.loc[~left_out_states(connection)].reset_index(drop=True)


def _ends(connection: Connection) -> "DataFrame":
    """A table of two ends of every transition state, by its id (see `usual_ends`)."""
    import pandas as pd

    links = read_links(connection)
    ends = usual_ends(links)
    columns: dict[str, Any] = {"id": ends.id, "minimum_1": ends.minimum_1}
    columns |= {"minimum_2": ends.minimum_2, "degenerate": ends.degenerate, "ends": ends.number}
    vias = _vias(connection)
    for side, rows in ((1, ends.row_1), (2, ends.row_2)):
        places = zip(*(column[rows].tolist() for column in links[:3]), strict=True)
        columns[f"via_{side}"] = [vias.get(place) for place in places]
        columns[f"via_{side}_index"] = [index or None for index in links.via_index[rows].tolist()]
    return pd.DataFrame(columns)


def _vias(connection: Connection) -> dict[tuple[int, int, int], int]:
    """The transition state that each path runs into, by transition state, side and minimum."""
    table = schema.link.c
    query = select(table.transition_state, table.side, table.minimum, table.via)
    rows = connection.execute(query.where(table.via.is_not(None)))
    return {(state, side, minimum): via for state, side, minimum, via in rows}


def attempts(connection: Connection) -> "DataFrame":
    """A table with one row for each attempt, in the order in which they were stored.

    `Atlas.attempts` describes its columns.
    """
    table = schema.attempt.c
    stored = [table[name] for name in ATTEMPT_COLUMNS if name in table and name not in OTHERWISE]
    query = select(schema.batch.c.key.label("batch"), schema.batch.c.run_id, *stored)
    query = query.join(schema.batch, schema.batch.c.id == table.batch).order_by(table.id)
    rows = connection.execute(query)
    frame = _frame(rows.all(), list(rows.keys()))
    for name, points in _points_of_attempts(connection).items():
        frame[name] = [tuple(points.get(identifier, ())) for identifier in frame["id"].tolist()]
    return frame.loc[:, list(ATTEMPT_COLUMNS)]


def _points_of_attempts(connection: Connection) -> dict[str, dict[int, list[int]]]:
    """The points of every attempt, in order, for each column of `attempts` that lists points."""
    table = schema.attempt_point.c
    point = func.coalesce(table.minimum, table.transition_state)
    query = select(table.role, table.attempt, point).order_by(table.attempt, table.position)
    points: dict[str, dict[int, list[int]]] = {name: {} for name in COLUMN_OF.values()}
    for role, attempt, identifier in connection.execute(query):
        points[COLUMN_OF[role]].setdefault(attempt, []).append(identifier)
    return points


def runs(connection: Connection) -> "DataFrame":
    """A table with one row for each run; `Atlas.runs` describes its columns."""
    import pandas as pd

    table = schema.run
    frame = _frame(connection.execute(select(table).order_by(table.c.id)).all(), table.c.keys())
    for name in ("start_time", "end_time"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    frame["seconds"] = (frame["end_time"] - frame["start_time"]).dt.total_seconds()
    return frame


def status(connection: Connection, reading: Reading) -> dict[str, Any]:
    """The counts of an atlas as a dictionary of JSON types.

    Args:
        connection: a connection to the atlas.
        reading: the network of points as it was read in the same transaction.

    Returns:
        These entries: ``minima``, ``transition_states``, ``degenerate_rearrangements`` and
        ``components`` (sets of minima that pathways connect) count points; ``outside_minima`` and
        ``outside_transition_states`` count those that lie outside of the box of a function;
        ``lowest_loss`` is the lowest loss inside of the box, or None without minima; ``attempts``
        and ``converged_attempts`` count searches; ``dominant_failure`` is the reason why most
        attempts failed, if they found nothing or little, or None (see `Failure.fields`);
        ``link_conflicts`` counts how often a known transition state was found to join other minima;
        ``gradients`` and ``hessians`` count evaluations; ``runs`` and ``unfinished_runs`` (killed
        or still in progress) count runs; ``fingerprint`` and ``schema_version`` identify the atlas.
    """
    network, flags = reading.network, (reading.outside_minima, reading.outside_states)
    energies = network.minimum_energies[~flags[0]]
    statuses = count_statuses(connection)
    failure = dominant_failure(statuses, len(network.minimum_ids))
    log = schema.attempt.c
    totals = connection.execute(
        select(
            func.count(log.id),
            func.coalesce(func.sum(log.conflicts), 0),
            func.coalesce(func.sum(log.gradients), 0),
            func.coalesce(func.sum(log.hessians), 0),
        )
    ).one()
    ended = select(func.count(schema.run.c.id), func.count(schema.run.c.end_time))
    run_count, finished = connection.execute(ended).one()
    stored = contents.read_meta(connection)
    return {
        "minima": len(network.minimum_ids),
        "transition_states": len(network.transition_state_ids),
        "degenerate_rearrangements": int(network.degenerate.sum()),
        "components": int(network.components.max(initial=-1)) + 1,
        "outside_minima": int(flags[0].sum()),
        "outside_transition_states": int(flags[1].sum()),
        "lowest_loss": float(energies.min()) if len(energies) else None,
        "attempts": int(totals[0]),
        "converged_attempts": statuses.get(Status.CONVERGED, 0),
        "dominant_failure": None if failure is None else failure.fields(),
        "link_conflicts": int(totals[1]),
        "gradients": int(totals[2]),
        "hessians": int(totals[3]),
        "runs": run_count,
        "unfinished_runs": run_count - finished,
        "fingerprint": stored["fingerprint"],
        "schema_version": stored["schema_version"],
    }


def _frame(rows: Sequence[Row], columns: Sequence[str]) -> "DataFrame":
    import pandas as pd

    return pd.DataFrame([tuple(row) for row in rows], columns=list(columns))
