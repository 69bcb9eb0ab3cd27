"""Identity: is this stationary point one that the atlas has, up to symmetry?

What makes two points one is said in `search.identity`; here the candidates are found, by the index
on the energy.
"""

import numpy as np
from sqlalchemy import Connection, Table, bindparam, select

from lossatlas.atlas.schema import from_blob
from lossatlas.search.identity import energy_window, match
from lossatlas.search.outcome import StationaryPoint


def find_match(connection: Connection, table: Table, point: StationaryPoint) -> int | None:
    """The id of the stored point that ``point`` is a copy of; None if it is new.

    Args:
        connection: inside the transaction that will store it, so that nobody else can.
        table: ``schema.minimum`` or ``schema.transition_state``.
        point: certified; its index is the caller's business.
    """
    window = energy_window(point.energy)
    query = select(table.c.id, table.c.uncertainty, table.c.invariants).where(
        table.c.energy.between(bindparam("low"), bindparam("high"))
    )
    bounds = {"low": point.energy - window, "high": point.energy + window}
    rows = connection.execute(query, bounds).all()
    uncertainties = np.array([row.uncertainty for row in rows])
    invariants = np.array([from_blob(row.invariants) for row in rows])
    which = match(point, uncertainties, invariants)
    return None if which is None else rows[which].id
