"""How the results of searches become rows: inside one transaction, in the order found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, bindparam, insert, select, update

from lossatlas.atlas import schema
from lossatlas.atlas.log import detail_of
from lossatlas.atlas.matching import find_match
from lossatlas.atlas.records import Attempt, Recorded
from lossatlas.errors import AtlasError, Status
from lossatlas.search.outcome import Pathway, PathwayEnd, StationaryPoint

INDEX = {"minimum": 0, "transition_state": 1}
"""The Hessian index of the points in each table."""


class Placed(NamedTuple):
    """A point's id, and whether it had to be added."""

    id: int
    is_new: bool


class Link(NamedTuple):
    """One side of a transition state, as its columns."""

    minimum: int
    via: int | None
    via_index: int | None


def write_attempt(connection: Connection, run_id: int, attempt: Attempt) -> Recorded:
    """Store one attempt with its points.

    A point counts as found once for each time it is met, also within one attempt.

    Raises:
        AtlasError: for a point of another Hessian index than its place demands, for numbers that
            are not finite, and for a path via a transition state that is not known yet.
    """
    outcome = attempt.outcome
    lone = [_place(connection, schema.minimum, point) for point in outcome.minima]
    minima, conflicts = list(lone), []
    states = [_count_again(connection, schema.transition_state, known) for known in outcome.hits]
    for pathway in outcome.pathways:
        ends = [_place(connection, schema.minimum, end.minimum) for end in pathway.ends]
        state, agrees = _place_pathway(connection, pathway, (ends[0].id, ends[1].id))
        minima += ends
        states.append(state)
        if not agrees:
            conflicts.append(state.id)
    return _write_row(connection, run_id, attempt, (minima, states, conflicts))


def _place(connection: Connection, table: Table, point: StationaryPoint, **columns: Any) -> Placed:
    """Count a known point once more, or add a new one."""
    _check_point(table, point)
    known = find_match(connection, table, point)
    if known is None:
        row = {**point_row(point), **columns}
        added = connection.execute(insert(table), row).inserted_primary_key
        assert added is not None  # the tables have integer keys
        return Placed(added[0], True)
    return _count_again(connection, table, known)


def _count_again(connection: Connection, table: Table, known: int) -> Placed:
    again = update(table).where(table.c.id == bindparam("known"))
    found = connection.execute(again.values(times_found=table.c.times_found + 1), {"known": known})
    if found.rowcount != 1:
        raise AtlasError(f"an attempt claims to have met point {known} again, which is not there")
    return Placed(known, False)


def _place_pathway(
    connection: Connection, pathway: Pathway, minima: tuple[int, int]
) -> tuple[Placed, bool]:
    """The transition state, and whether a known one has the minima found for it this time."""
    sides = zip(minima, pathway.ends, strict=True)
    low, high = sorted(
        (_link(connection, minimum, end) for minimum, end in sides), key=lambda link: link.minimum
    )
    table = schema.transition_state
    placed = _place(
        connection,
        table,
        pathway.transition_state,
        minimum_1=low.minimum,
        minimum_2=high.minimum,
        degenerate=low.minimum == high.minimum,
        via_1=low.via,
        via_2=high.via,
        via_1_index=low.via_index,
        via_2_index=high.via_index,
    )
    if placed.is_new:
        return placed, True
    pair = select(table.c.minimum_1, table.c.minimum_2).where(table.c.id == bindparam("known"))
    stored = connection.execute(pair, {"known": placed.id}).one()
    return placed, tuple(stored) == (low.minimum, high.minimum)


def _link(connection: Connection, minimum: int, end: PathwayEnd) -> Link:
    if end.via is None:
        return Link(minimum, None, None)
    if end.via.index > 1:
        return Link(minimum, None, int(end.via.index))
    _check_point(schema.transition_state, end.via)
    known = find_match(connection, schema.transition_state, end.via)
    if known is None:
        raise AtlasError(
            f"a path ends via a transition state (energy {end.via.energy!r}) that the atlas does "
            "not have: list its own pathway first, in the same attempt"
        )
    return Link(minimum, known, 1)


def point_row(point: StationaryPoint) -> dict[str, Any]:
    """A point as the columns that both tables share, found once."""
    return {
        "energy": float(point.energy),
        "rms_gradient": float(point.rms_gradient),
        "lowest_eigenvalue": float(point.lowest_eigenvalues[0]),
        "log_determinant": None
        if np.isnan(point.log_determinant)
        else float(point.log_determinant),
        "uncertainty": float(point.uncertainty),
        "orbit_size": str(int(point.orbit_size)),
        "times_found": 1,
        "lowest_eigenvalues": schema.to_blob(point.lowest_eigenvalues),
        "invariants": schema.to_blob(point.invariants),
        "weights": schema.to_blob(point.weights),
    }


def _check_point(table: Table, point: StationaryPoint) -> None:
    if point.index != INDEX[table.name]:
        raise AtlasError(
            f"a point of Hessian index {point.index} (energy {point.energy!r}) "
            f"is no {table.name.replace('_', ' ')}"
        )
    numbers = (point.energy, point.rms_gradient, point.uncertainty)
    vectors = (point.weights, point.invariants, point.lowest_eigenvalues)
    if not all(np.isfinite(values).all() for values in (np.array(numbers), *vectors)):
        raise AtlasError(f"a point of energy {point.energy!r} has numbers that are not finite")


def _write_row(
    connection: Connection,
    run_id: int,
    attempt: Attempt,
    found: tuple[Sequence[Placed], Sequence[Placed], Sequence[int]],
) -> Recorded:
    minima, states, conflicts = found
    outcome = attempt.outcome
    new_minima = tuple(point.id for point in minima if point.is_new)
    new_states = tuple(point.id for point in states if point.is_new)
    row = {
        "run_id": run_id,
        "strategy": attempt.strategy,
        "origin": origin_text(attempt.origins),
        "detail": detail_of(attempt.what, attempt.part),
        "status": Status(outcome.status).name,
        "gradients": int(outcome.cost.gradients),
        "hessians": int(outcome.cost.hessians),
        "failures": {Status(status).name: int(count) for status, count in outcome.failures.items()},
        "minima": [point.id for point in minima],
        "transition_states": [point.id for point in states],
        "new_minima": len(new_minima),
        "new_transition_states": len(new_states),
        "conflicts": list(conflicts),
        "conflict_count": len(conflicts),
    }
    added = connection.execute(insert(schema.attempt), row).inserted_primary_key
    assert added is not None  # the table has an integer key
    return Recorded(
        attempt=added[0],
        minima=tuple(row["minima"]),
        transition_states=tuple(row["transition_states"]),
        new_minima=new_minima,
        new_transition_states=new_states,
        hits=len(minima) + len(states) - len(new_minima) - len(new_states),
        conflicts=tuple(conflicts),
    )


def origin_text(origin: Sequence[int]) -> str:
    """The ids an attempt started from, as one sortable and groupable text.

    Example:
        >>> origin_text((12, 7))
        '12 7'
    """
    return " ".join(str(int(identifier)) for identifier in origin)
