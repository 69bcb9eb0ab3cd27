"""The atlas as tables for people: DataFrames, and the counts of `status`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, Row, func, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.columns import MINIMUM_COLUMNS, read_columns
from lossatlas.atlas.failures import count_statuses, dominant_failure
from lossatlas.atlas.network import read_properties
from lossatlas.atlas.outside import left_out_states, outside_flags
from lossatlas.errors import Status
from lossatlas.network.points import Network

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
)


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
    read = read_columns(connection, query).values()
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

    ``via_k_index`` is the Hessian index of the stationary point that the path to ``minimum_k``
    runs into first (missing if none), ``via_k`` its id if it is a transition state.

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
        table.minimum_1,
        table.minimum_2,
        table.degenerate,
        table.orbit_size,
        table.times_found,
        table.rms_gradient,
        table.via_1,
        table.via_1_index,
        table.via_2,
        table.via_2_index,
    ).order_by(table.id)
    frame = _frame(connection.execute(query).all(), TRANSITION_STATE_COLUMNS)
    if outside:
        frame["outside"] = outside_flags(connection, schema.transition_state)
    else:
        frame = frame.loc[~_left_out(connection)].reset_index(drop=True)
    frame["orbit_size"] = frame["orbit_size"].map(int).astype(object)
    nullable = {name: pd.Int64Dtype() for name in frame.columns if name.startswith("via_")}
    return frame.astype({**nullable, "degenerate": bool})


def attempts(connection: Connection) -> "DataFrame":
    """One row an attempt, in the order committed; ids as tuples, failures as a dict by reason."""
    table = schema.attempt
    frame = _frame(connection.execute(select(table).order_by(table.c.id)).all(), table.c.keys())
    frame["origin"] = [tuple(map(int, text.split())) for text in frame["origin"]]
    for name in ("minima", "transition_states", "conflicts"):
        frame[name] = [tuple(ids) for ids in frame[name]]
    return frame.drop(columns="conflict_count")


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


def status(connection: Connection, network: Network) -> dict[str, Any]:
    """What the atlas holds, of JSON types; ``network`` is that of the same transaction.

    Keys: minima, transition_states, degenerate_rearrangements, components (sets of minima that
    pathways connect), outside_minima, outside_transition_states (how many of them lie outside of
    the box of a function), lowest_loss (inside it; None without minima), attempts,
    converged_attempts, dominant_failure (why most attempts failed, where little was found, else
    None; see `failures`), link_conflicts (transition states met again with other minima),
    gradients, hessians, runs, unfinished_runs (killed or still going), fingerprint, schema_version.
    """
    flags = [outside_flags(connection, t) for t in (schema.minimum, schema.transition_state)]
    energies = network.minimum_energies[~flags[0]]
    statuses = count_statuses(connection)
    failure = dominant_failure(statuses, len(network.minimum_ids))
    log = schema.attempt.c
    totals = connection.execute(
        select(
            func.count(log.id),
            func.coalesce(func.sum(log.conflict_count), 0),
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


def _left_out(connection: Connection) -> np.ndarray:
    """(states,) which transition states are left out with the minima outside of the box."""
    query = select(schema.minimum.c.id).order_by(schema.minimum.c.id)
    ids = np.array(connection.execute(query).scalars().all(), int)
    return left_out_states(connection, ids[~outside_flags(connection, schema.minimum)])
