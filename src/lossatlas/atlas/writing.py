"""How a batch becomes rows: identity is decided for one point after the other, in the order found;
rows are collected and inserted table by table, all inside one transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Select, Table, bindparam, func, insert, select, update

from lossatlas.atlas import schema
from lossatlas.atlas.checksums import checksum
from lossatlas.atlas.matching import Known
from lossatlas.atlas.records import Attempt, Recorded
from lossatlas.errors import AtlasError, Status
from lossatlas.search.outcome import Pathway, PathwayEnd, StationaryPoint

INDEX = {"minimum": 0, "transition_state": 1}
"""The Hessian index of the points in each table."""
SIDES = (0, 1)

Row = dict[str, Any]
Ends = frozenset[frozenset[int]]
"""The minima on the two sides of a transition state; which side is which has no meaning."""


class Placed(NamedTuple):
    """A point's id, and whether it had to be added."""

    id: int
    is_new: bool


def write_batch(
    connection: Connection, run_id: int, attempts: Sequence[Attempt], key: str
) -> tuple[Recorded, ...]:
    """Store a batch that is not stored yet; what became of each attempt.

    A point counts as found once for each time it is met, also within one attempt.

    Raises:
        AtlasError: for a point of another Hessian index than its place demands, for numbers that
            are not finite, for ids of points that are not there, for a transition state without a
            minimum on one of its sides, and for a path via a transition state that is not known.
    """
    return _Batch(connection, attempts).write(run_id, key)


class _Points:
    """The points of one table that a batch meets: which are known, which it adds."""

    def __init__(self, connection: Connection, table: Table, energies: Iterable[float]) -> None:
        self.connection, self.table = connection, table
        self.known = Known(connection, table, energies)
        self.last_id = _last_id(connection, table)
        self.rows: list[Row] = []
        self.times = Counter[int]()

    def place(self, point: StationaryPoint) -> Placed:
        """Count a known point once more, or add a new one."""
        _check_point(self.table, point)
        identifier = self.known.match(point)
        if identifier is not None:
            return self.meet(identifier)
        self.last_id += 1
        self.rows.append({"id": self.last_id, **point_row(point)})
        self.known.add(self.last_id, point)
        self.times[self.last_id] += 1
        return Placed(self.last_id, True)

    def meet(self, identifier: int) -> Placed:
        """Count a known point once more."""
        self.times[identifier] += 1
        return Placed(identifier, False)

    def check(self, ids: Iterable[int]) -> None:
        """Refuse ids that attempts have from elsewhere than the atlas."""
        wanted = sorted({int(identifier) for identifier in ids} - {row["id"] for row in self.rows})
        query = select(self.table.c.id).where(self.table.c.id.in_(wanted))
        found = set(self.connection.execute(query).scalars()) if wanted else set()
        missing = [identifier for identifier in wanted if identifier not in found]
        if missing:
            kind = self.table.name.replace("_", " ")
            raise AtlasError(f"an attempt names {kind} {missing[0]}, which is not there")

    def insert(self) -> None:
        """Add the new points, and count the known ones."""
        new = [{**row, "times_found": self.times.pop(row["id"])} for row in self.rows]
        _insert(self.connection, self.table, new)
        again = [{"key": i, "more": n} for i, n in self.times.items()]
        if again:
            statement = update(self.table).where(self.table.c.id == bindparam("key"))
            found = self.table.c.times_found + bindparam("more")
            self.connection.execute(statement.values(times_found=found), again)


class _Batch:
    """A batch on its way into the tables."""

    def __init__(self, connection: Connection, attempts: Sequence[Attempt]) -> None:
        outcomes = [attempt.outcome for attempt in attempts]
        ways = [pathway for outcome in outcomes for pathway in outcome.pathways]
        ends = [end for pathway in ways for end in pathway.ends]
        low = [point.energy for outcome in outcomes for point in outcome.minima]
        low += [end.minimum.energy for end in ends]
        high = [pathway.transition_state.energy for pathway in ways]
        high += [end.via.energy for end in ends if end.via is not None]
        self.connection, self.attempts = connection, attempts
        self.minima = _Points(connection, schema.minimum, low)
        self.states = _Points(connection, schema.transition_state, high)
        self.links: list[Row] = []
        self.rows: list[Row] = []
        self.points: list[Row] = []
        self.ends: dict[int, Ends] = {}

    def write(self, run_id: int, key: str) -> tuple[Recorded, ...]:
        """Insert all rows."""
        number = _last_id(self.connection, schema.batch) + 1
        first = _last_id(self.connection, schema.attempt) + 1
        recorded = [
            self._attempt(first + k, number, attempt) for k, attempt in enumerate(self.attempts)
        ]
        self.minima.check(i for attempt in self.attempts for i in attempt.origins)
        self.states.check(i for attempt in self.attempts for i in attempt.outcome.hits)
        batch = {"id": number, "key": key, "run_id": run_id, "attempts": len(recorded)}
        _insert(self.connection, schema.batch, [batch])
        self.minima.insert()
        self.states.insert()
        _insert(self.connection, schema.link, self.links)
        _insert(self.connection, schema.attempt, self.rows)
        _insert(self.connection, schema.attempt_point, self.points)
        return tuple(recorded)

    def _attempt(self, identifier: int, batch: int, attempt: Attempt) -> Recorded:
        outcome = attempt.outcome
        minima = [self.minima.place(point) for point in outcome.minima]
        states = [self.states.meet(int(known)) for known in outcome.hits]
        points = [("origin", int(origin)) for origin in attempt.origins]
        points += [("minimum", placed.id) for placed in minima]
        points += [("hit", placed.id) for placed in states]
        conflicts = []
        for pathway in outcome.pathways:
            ends = [self.minima.place(end.minimum) for end in pathway.ends]
            state, agrees = self._pathway(pathway, [placed.id for placed in ends])
            minima += ends
            states.append(state)
            conflicts += [] if agrees else [state.id]
            points += [("end", placed.id) for placed in ends] + [("transition-state", state.id)]
        points += [("conflict", state) for state in conflicts]
        self.points += [
            point_of_attempt(identifier, k, role, point) for k, (role, point) in enumerate(points)
        ]
        new_minima = tuple(placed.id for placed in minima if placed.is_new)
        new_states = tuple(placed.id for placed in states if placed.is_new)
        counts = (len(new_minima), len(new_states), len(conflicts))
        self.rows.append(attempt_row(identifier, batch, attempt, counts))
        return Recorded(
            attempt=identifier,
            minima=tuple(placed.id for placed in minima),
            transition_states=tuple(placed.id for placed in states),
            new_minima=new_minima,
            new_transition_states=new_states,
            hits=len(minima) + len(states) - len(new_minima) - len(new_states),
            conflicts=tuple(conflicts),
        )

    def _pathway(self, pathway: Pathway, minima: list[int]) -> tuple[Placed, bool]:
        """The transition state, and whether a known one has the minima found for it this time."""
        rows = [
            self._link(pathway, end, minimum)
            for end, minimum in zip(pathway.ends, minima, strict=True)
        ]
        ends = _ends((row["side"], row["minimum"]) for row in rows)
        if {row["side"] for row in rows} != set(SIDES):
            energy = pathway.transition_state.energy
            raise AtlasError(
                f"a transition state (energy {energy!r}) needs a minimum on each side, 0 and 1"
            )
        state = self.states.place(pathway.transition_state)
        if not state.is_new:
            return state, ends == self._stored_ends(state.id)
        self.ends[state.id] = ends
        distinct = {(row["side"], row["minimum"]): row for row in reversed(rows)}
        self.links += [{"transition_state": state.id, **row} for row in distinct.values()]
        return state, True

    def _link(self, pathway: Pathway, end: PathwayEnd, minimum: int) -> Row:
        """The columns of a link but its transition state, which may not be placed yet."""
        row = {
            "side": int(end.side),
            "minimum": minimum,
            "via": None,
            "via_index": None,
            "tolerance": None if isnan(end.tolerance) else float(end.tolerance),
            "method": end.method,
            "directions": None if end.directions is None else int(end.directions),
        }
        if end.via is None:
            return row
        if end.via.index > 1:
            return {**row, "via_index": int(end.via.index)}
        _check_point(schema.transition_state, end.via)
        known = self.states.known.match(end.via)
        if known is None:
            raise AtlasError(
                f"a path ends via a transition state (energy {end.via.energy!r}) that the atlas "
                "does not have: list its own pathway first, in the same attempt"
            )
        return {**row, "via": known, "via_index": 1}

    def _stored_ends(self, state: int) -> Ends:
        if state not in self.ends:
            table = schema.link.c
            query = select(table.side, table.minimum).where(
                table.transition_state == bindparam("state")
            )
            rows = self.connection.execute(query, {"state": state})
            self.ends[state] = _ends((side, minimum) for side, minimum in rows)
        return self.ends[state]


def _ends(links: Iterable[tuple[int, int]]) -> Ends:
    sides: dict[int, set[int]] = {side: set() for side in SIDES}
    for side, minimum in links:
        sides.setdefault(side, set()).add(minimum)
    return frozenset(frozenset(minima) for minima in sides.values())


def point_row(point: StationaryPoint) -> Row:
    """A point as the columns that both tables share, found once; without its id and checksum."""
    return {
        "energy": float(point.energy),
        "rms_gradient": float(point.rms_gradient),
        "lowest_eigenvalue": float(point.lowest_eigenvalues[0]),
        "log_determinant": None if isnan(point.log_determinant) else float(point.log_determinant),
        "uncertainty": float(point.uncertainty),
        "outside": bool(point.outside),
        "orbit_size": str(int(point.orbit_size)),
        "times_found": 1,
        "lowest_eigenvalues": schema.to_blob(point.lowest_eigenvalues),
        "invariants": schema.to_blob(point.invariants),
        "weights": schema.to_blob(point.weights),
    }


def attempt_row(identifier: int, batch: int, attempt: Attempt, counts: tuple[int, int, int]) -> Row:
    """An attempt as columns, without its checksum.

    Args:
        identifier: its id.
        batch: id of its batch.
        attempt: the attempt.
        counts: how many minima and transition states it added, how many links it contradicted.
    """
    outcome = attempt.outcome
    return {
        "id": identifier,
        "batch": batch,
        "round": int(attempt.round),
        "as_of": int(attempt.as_of),
        "width": int(attempt.width),
        "strategy": attempt.strategy,
        "what": attempt.what,
        "part": int(attempt.part),
        "stream": attempt.stream,
        "status": Status(outcome.status).name,
        "gradients": int(outcome.cost.gradients),
        "hessians": int(outcome.cost.hessians),
        "failures": {Status(status).name: int(n) for status, n in outcome.failures.items()},
        "new_minima": counts[0],
        "new_transition_states": counts[1],
        "conflicts": counts[2],
    }


def point_of_attempt(attempt: int, position: int, role: str, point: int) -> Row:
    """A row of ``attempt_point`` without its checksum."""
    is_minimum = role in schema.ROLES_OF_MINIMA
    return {
        "attempt": attempt,
        "position": position,
        "role": role,
        "minimum": point if is_minimum else None,
        "transition_state": None if is_minimum else point,
    }


def _check_point(table: Table, point: StationaryPoint) -> None:
    if point.index != INDEX[table.name]:
        raise AtlasError(
            f"a point of Hessian index {point.index} (energy {point.energy!r}) "
            f"is no {table.name.replace('_', ' ')}"
        )
    numbers = (point.energy, point.rms_gradient, point.uncertainty)
    vectors = (point.weights, point.invariants, point.lowest_eigenvalues)
    if not (all(map(isfinite, numbers)) and all(np.isfinite(v).all() for v in vectors)):
        raise AtlasError(f"a point of energy {point.energy!r} has numbers that are not finite")


def _last_id(connection: Connection, table: Table) -> int:
    return connection.execute(_last_id_query(table)).scalar_one()


@cache
def _last_id_query(table: Table) -> Select:
    return select(func.coalesce(func.max(table.c.id), 0))


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows with their checksums."""
    if rows:
        connection.execute(
            insert(table), [{**row, "checksum": checksum(table, row)} for row in rows]
        )
