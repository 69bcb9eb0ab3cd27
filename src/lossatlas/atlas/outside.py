"""Which points lie outside of the box of a function, as it was decided when they were stored.

Points are stored as the symmetry copy that lies inside, if there is one, see
`Landscape.representative`.
"""

import numpy as np
from sqlalchemy import Connection, Table, or_, select

from lossatlas.atlas.schema import link, minimum, transition_state


def outside_flags(connection: Connection, table: Table) -> np.ndarray:
    """(points,) whether each point lies outside of the box, by ascending id.

    All False for landscapes without a box, as networks.

    Args:
        connection: inside a transaction.
        table: ``schema.minimum`` or ``schema.transition_state``.
    """
    flags = connection.execute(select(table.c.outside).order_by(table.c.id)).scalars()
    return np.array(flags.all(), bool)


def left_out_states(connection: Connection) -> np.ndarray:
    """(states,) whether a transition state is left out, by ascending id.

    One is if it lies outside of the box, or if it joins a minimum outside.
    """
    joins = select(link.c.transition_state).join(minimum, minimum.c.id == link.c.minimum)
    outside = joins.where(minimum.c.outside)
    table = transition_state.c
    query = select(or_(table.outside, table.id.in_(outside))).order_by(table.id)
    return np.array(connection.execute(query).scalars().all(), bool)
