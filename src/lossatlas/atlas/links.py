"""Which minima the stored transition states join."""

import numpy as np
from sqlalchemy import Connection, func, select

from lossatlas.atlas.columns import read_columns
from lossatlas.atlas.schema import transition_state
from lossatlas.network.links import Links


def read_links(connection: Connection, after: int = 0) -> Links:
    """The links of transition states by ids, ascending by transition state, side and minimum.

    Args:
        connection: to the atlas, within a transaction.
        after: only those of transition states with a larger id. Links never change.
    """
    table = transition_state.c
    sides = []
    for side, minimum, index in (
        (0, table.minimum_1, table.via_1_index),
        (1, table.minimum_2, table.via_2_index),
    ):
        columns = table.id, minimum.label("minimum"), func.coalesce(index, 0).label("via_index")
        read = read_columns(connection, select(*columns).where(table.id > after))
        rows = [read[name].astype(np.int64) for name in ("id", "minimum", "via_index")]
        sides.append(Links(rows[0], np.full(rows[0].size, side), *rows[1:]))
    return Links(*(np.concatenate(parts) for parts in zip(*sides, strict=True))).in_order()
