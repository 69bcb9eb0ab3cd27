"""Read the receipt of a batch that was committed before."""

from sqlalchemy import Connection, func, select

from lossatlas.atlas import schema
from lossatlas.atlas.records import Committed, Recorded

POINT = schema.attempt_point.c


def read_receipt(connection: Connection, batch: int) -> Committed:
    """The receipt that `Atlas.commit` returned for the batch with this id.

    A point was new to the attempt that met it first.
    """
    ids = select(schema.attempt.c.id).where(schema.attempt.c.batch == batch)
    attempts = connection.execute(ids.order_by(schema.attempt.c.id)).scalars().all()
    minima = _points(connection, batch, "minimum")
    states = _points(connection, batch, "transition_state")
    conflicts = _points(connection, batch, "transition_state", ("conflict",))
    new_minima = _new(connection, "minimum", minima)
    new_states = _new(connection, "transition_state", states)
    return Committed(
        tuple(
            Recorded(
                attempt=identifier,
                minima=(met := tuple(minima.get(identifier, ()))),
                transition_states=(found_states := tuple(states.get(identifier, ()))),
                new_minima=(low := new_minima.get(identifier, ())),
                new_transition_states=(high := new_states.get(identifier, ())),
                hits=len(met) + len(found_states) - len(low) - len(high),
                conflicts=tuple(conflicts.get(identifier, ())),
            )
            for identifier in attempts
        )
    )


def _points(
    connection: Connection, batch: int, kind: str, roles: tuple[str, ...] | None = None
) -> dict[int, list[int]]:
    """The points that each attempt of a batch lists in some roles; by default those it met."""
    query = (
        select(POINT.attempt, POINT[kind])
        .join(schema.attempt, schema.attempt.c.id == POINT.attempt)
        .where(schema.attempt.c.batch == batch, POINT.role.in_(roles or schema.MET[kind]))
        .order_by(POINT.attempt, POINT.position)
    )
    points: dict[int, list[int]] = {}
    for attempt, point in connection.execute(query):
        points.setdefault(attempt, []).append(point)
    return points


def _new(
    connection: Connection, kind: str, points: dict[int, list[int]]
) -> dict[int, tuple[int, ...]]:
    """The points among these that each attempt added."""
    column, wanted = POINT[kind], sorted({point for met in points.values() for point in met})
    first: dict[int, int] = {}
    for start in range(0, len(wanted), 1000):
        some = wanted[start : start + 1000]
        query = select(column, func.min(POINT.attempt)).where(
            column.in_(some), POINT.role.in_(schema.MET[kind])
        )
        first |= {point: attempt for point, attempt in connection.execute(query.group_by(column))}
    return {
        attempt: tuple(point for point in dict.fromkeys(met) if first[point] == attempt)
        for attempt, met in points.items()
    }
