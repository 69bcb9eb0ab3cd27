"""Which points lie outside of the box of a function, as was decided when they were stored.

If a symmetry copy of a point lies inside of the box, that copy is the one that is stored (see
`Landscape.representative`).
"""

import numpy as np
from sqlalchemy import Connection, Table, or_, select

from lossatlas.atlas.schema import link, minimum, transition_state


def outside_flags(connection: Connection, table: Table) -> np.ndarray:
    """Whether each point lies outside of the box; False for landscapes without a box.

    Args:
        connection: a connection to the atlas.
        table: ``schema.minimum`` or ``schema.transition_state``.

    Returns:
        (points,) booleans in ascending order of the ids.
    """
    flags = connection.execute(select(table.c.outside).order_by(table.c.id)).scalars()
    return np.array(flags.all(), bool)


def left_out_states(connection: Connection) -> np.ndarray:
    """Whether each transition state is left out of tables and trees.

    It is left out if it lies outside of the box, or if it joins a minimum outside of the box.

    Returns:
        (states,) booleans in ascending order of the ids.
    """
    joins = select(link.c.transition_state).join(minimum, minimum.c.id == link.c.minimum)
    outside = joins.where(minimum.c.outside)
    table = transition_state.c
    query = select(or_(table.outside, table.id.in_(outside))).order_by(table.id)
    return np.array(connection.execute(query).scalars().all(), bool)
