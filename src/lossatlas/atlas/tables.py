"""The atlas as tables for people: DataFrames, and the counts of `status`."""

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
"""Columns of the table that are shown otherwise: a key, and ids in place of a count."""
COLUMN_OF = {
    "origin": "origin",
    "minimum": "minima",
    "end": "minima",
    "hit": "transition_states",
    "transition-state": "transition_states",
    "conflict": "conflicts",
}
"""Which column of the attempts lists the points of each role."""


def minima(connection: Connection, *, outside: bool = False) -> "DataFrame":
    """One row a minimum by ascending id: id, loss, lowest_eigenvalue, orbit_size (Python int),
    times_found, rms_gradient, then the properties by name.

    A property is NaN where it was not computed, and shown only if the data it was computed from
    are those that the atlas holds now.

    Args:
        connection: inside a transaction.
        outside: also minima outside of the box of a function, and a column ``outside`` that says
            which they are.
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
    """One row a transition state by ascending id; ``minimum_1``, ``minimum_2`` are ids.

    They are the usual two ends: of each side the minimum of the lowest id; ``ends`` says how many
    there are. ``via_k_index`` is the Hessian index of the stationary point that the path to
    ``minimum_k`` runs into first (missing if none), ``via_k`` its id if it is a transition state.
    A transition state that has lost its links (see `Atlas.check`) has missing values.

    Args:
        connection: inside a transaction.
        outside: also transition states outside of the box of a function, or that join a minimum
            there, and a column ``outside`` that says which lie outside themselves.
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
    """The usual two ends of every transition state by its id."""
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
    """Ids of the transition states that paths run into, by transition state, side, minimum."""
    table = schema.link.c
    query = select(table.transition_state, table.side, table.minimum, table.via)
    rows = connection.execute(query.where(table.via.is_not(None)))
    return {(state, side, minimum): via for state, side, minimum, via in rows}


def attempts(connection: Connection) -> "DataFrame":
    """One row an attempt, in the order committed; ids as tuples, failures as a dict by reason.

    ``origin`` are the minima it started from, ``minima`` and ``transition_states`` the points it
    met in order, ``batch`` is the key of its batch.
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
    """The points that every attempt met, in order, for each column of `attempts`."""
    table = schema.attempt_point.c
    point = func.coalesce(table.minimum, table.transition_state)
    query = select(table.role, table.attempt, point).order_by(table.attempt, table.position)
    points: dict[str, dict[int, list[int]]] = {name: {} for name in COLUMN_OF.values()}
    for role, attempt, identifier in connection.execute(query):
        points[COLUMN_OF[role]].setdefault(attempt, []).append(identifier)
    return points


def runs(connection: Connection) -> "DataFrame":
    """One row a run: its options, seed, versions, device, UTC times, seconds, reason of its end.

    A run that was killed has no end time.
    """
    import pandas as pd

    table = schema.run
    frame = _frame(connection.execute(select(table).order_by(table.c.id)).all(), table.c.keys())
    for name in ("start_time", "end_time"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    frame["seconds"] = (frame["end_time"] - frame["start_time"]).dt.total_seconds()
    return frame


def status(connection: Connection, reading: Reading) -> dict[str, Any]:
    """What the atlas holds, of JSON types; ``reading`` is of the network in the same transaction.

    Keys: minima, transition_states, degenerate_rearrangements, components (sets of minima that
    pathways connect), outside_minima, outside_transition_states (how many of them lie outside of
    the box of a function), lowest_loss (inside it; None without minima), attempts,
    converged_attempts, dominant_failure (why most attempts failed, where little was found, else
    None; see `failures`), link_conflicts (transition states met again with other minima),
    gradients, hessians, runs, unfinished_runs (killed or still going), fingerprint, schema_version.
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
