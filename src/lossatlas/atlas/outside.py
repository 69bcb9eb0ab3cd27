"""Which points lie outside of the box of the landscape: computed from their weights.

The only place that knows how the flag comes about; everything else asks `outside_flags`. Points are
stored as the symmetry copy that lies inside, if there is one (`Landscape.representative`), so the
weights alone decide.
"""

import numpy as np
from sqlalchemy import Connection, Table, func, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.box import Box


def outside_flags(connection: Connection, table: Table) -> np.ndarray:
    """(points,) whether each point lies outside of the box, by ascending id.

    All False for landscapes without a box, as networks.

    Args:
        connection: inside a transaction.
        table: ``schema.minimum`` or ``schema.transition_state``.
    """
    box = Box.of(contents.read_meta(connection)["fingerprint"])
    if box is None:
        count = connection.execute(select(func.count(table.c.id))).scalar_one()
        return np.zeros(count, bool)
    read = read_columns(connection, select(table.c.weights).order_by(table.c.id))
    if not len(read["weights"]):
        return np.zeros(0, bool)
    return ~box.contains(stack(read["weights"].tolist()))


def left_out_states(connection: Connection, kept_minima: np.ndarray) -> np.ndarray:
    """(states,) whether a transition state is left out, by ascending id.

    One is if it lies outside of the box, or if it joins a minimum that is not kept.

    Args:
        connection: inside a transaction.
        kept_minima: ids of the minima that are not left out.
    """
    table = schema.transition_state
    flags = outside_flags(connection, table)
    if Box.of(contents.read_meta(connection)["fingerprint"]) is None:
        return flags
    query = select(table.c.minimum_1, table.c.minimum_2).order_by(table.c.id)
    ends = read_columns(connection, query)
    known = np.isin(ends["minimum_1"], kept_minima) & np.isin(ends["minimum_2"], kept_minima)
    return flags | ~known
