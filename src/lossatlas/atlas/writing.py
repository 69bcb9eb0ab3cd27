"""Store runs, and turn a batch of attempts into rows, inside one transaction.

Points are compared with the stored ones in the order in which they were found. The rows are
collected, and then inserted table by table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isnan
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, insert, text, update

from lossatlas.atlas import schema
from lossatlas.atlas.heads import Heads
from lossatlas.atlas.matching import Known
from lossatlas.atlas.records import Attempt, Recorded
from lossatlas.atlas.rows import Row, attempt_row, check_point, point_of_attempt, point_row
from lossatlas.atlas.statements import insert_rows, run_for_each
from lossatlas.errors import AtlasError
from lossatlas.search.outcome import Pathway, PathwayEnd, StationaryPoint

SIDES = (0, 1)
STATES_AT_ONCE = 100
"""Number of transition states whose ends are read together."""
NAMES = ("side", "minimum", "via_index", "directions")
"""The columns of a link from which the ends of its transition state follow."""
ENDS = text(
    f"SELECT transition_state, {', '.join(NAMES)} FROM link WHERE transition_state IN "
    f"({', '.join(f':state_{k}' for k in range(STATES_AT_ONCE))})"
)
FOUND_AGAIN = {
    table.name: update(table)
    .where(table.c.id == bindparam("key"))
    .values(times_found=table.c.times_found + bindparam("more"))
    for table in (schema.minimum, schema.transition_state)
}

Side = frozenset[int] | None
"""The minima on one side of a transition state. None if the path runs into a saddle of index two or
more below which an earlier version stored a single minimum, so that the others are not known."""
Ends = tuple[Side, ...]
"""The two sides of a transition state, whose order has no meaning."""


class Placed(NamedTuple):
    """A point that was recognized or added.

    Attributes:
        id: its id.
        is_new: whether it was added.
    """

    id: int
    is_new: bool


def insert_run(
    connection: Connection,
    options: Mapping[str, Any],
    seed: int,
    versions: Mapping[str, str],
    device: str,
) -> int:
    """Store a run that begins now, with the arguments of `Atlas.start_run`; return its id."""
    row = {
        "options": dict(options),
        "seed": int(seed),
        "versions": dict(versions),
        "device": device,
        "start_time": _now(),
    }
    added = connection.execute(insert(schema.run), row).inserted_primary_key
    assert added is not None  # The table has an integer key.
    return added[0]


def end_run(connection: Connection, run_id: int, reason: str) -> bool:
    """Store that a run ends now, and why; return False if there is no such run."""
    ending = {"end_time": _now(), "reason": reason}
    finished = update(schema.run).where(schema.run.c.id == run_id).values(ending)
    return connection.execute(finished).rowcount == 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write_batch(
    connection: Connection, heads: Heads, attempts: Sequence[Attempt], key: str
) -> tuple[Recorded, ...]:
    """Store a batch that is not stored yet.

    Each time that a point is met counts for its ``times_found``, also within one attempt.

    Args:
        connection: a connection of a transaction that writes.
        heads: the last ids of the atlas in this transaction.
        attempts: the attempts, in the order in which they are to be stored.
        key: key of the batch.

    Returns:
        The receipt of each attempt.

    Raises:
        AtlasError: a point has the wrong Hessian index or numbers that are not finite, an attempt
            names a point that does not exist, a transition state has no minimum on one of its
            sides, or a path leads via a transition state that is not known.
    """
    return _Batch(connection, heads, attempts).write(key)


class _Points:
    """The points of one table that a batch meets, both known and new ones."""

    def __init__(self, known: Known, table: Table, last_id: int) -> None:
        self.known, self.table, self.last_id = known, table, last_id
        self.rows: list[Row] = []
        self.times = Counter[int]()

    def place(self, point: StationaryPoint) -> Placed:
        """Count the point once more if it is known, and add it otherwise."""
        check_point(self.table, point)
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
        """Refuse ids that do not exist; ids are given without gaps, up to the last one."""
        missing = [identifier for identifier in ids if not 0 < identifier <= self.last_id]
        if missing:
            kind = self.table.name.replace("_", " ")
            raise AtlasError(f"an attempt names {kind} {min(missing)}, which is not there")

    def write(self, connection: Connection) -> None:
        """Insert the new points, and raise the counters of the known ones."""
        new = [{**row, "times_found": self.times.pop(row["id"])} for row in self.rows]
        insert_rows(connection, self.table, new)
        again = [{"key": i, "more": n} for i, n in self.times.items()]
        run_for_each(connection, FOUND_AGAIN[self.table.name], again)


class _Batch:
    """A batch while it is written: the rows that were made from its attempts so far."""

    def __init__(self, connection: Connection, heads: Heads, attempts: Sequence[Attempt]) -> None:
        outcomes = [attempt.outcome for attempt in attempts]
        ways = [pathway for outcome in outcomes for pathway in outcome.pathways]
        ends = [end for pathway in ways for end in pathway.ends]
        low = [point.energy for outcome in outcomes for point in outcome.minima]
        low += [end.minimum.energy for end in ends]
        high = [pathway.transition_state.energy for pathway in ways]
        high += [end.via.energy for end in ends if end.via is not None]
        self.connection, self.heads, self.attempts = connection, heads, attempts
        minima = Known(connection, schema.minimum, low)
        states = Known(connection, schema.transition_state, high)
        self.minima = _Points(minima, schema.minimum, heads.minimum)
        self.states = _Points(states, schema.transition_state, heads.transition_state)
        self.links: list[Row] = []
        self.rows: list[Row] = []
        self.points: list[Row] = []
        self.ends = read_ends(connection, states.ids())

    def write(self, key: str) -> tuple[Recorded, ...]:
        """Insert all rows of the batch; return the receipt of each attempt."""
        number, first = self.heads.batch + 1, self.heads.attempt + 1
        recorded = [
            self._attempt(first + k, number, attempt) for k, attempt in enumerate(self.attempts)
        ]
        self.minima.check(i for attempt in self.attempts for i in attempt.origins)
        self.states.check(i for attempt in self.attempts for i in attempt.outcome.hits)
        batch = {"id": number, "key": key, "run_id": self.heads.run, "attempts": len(recorded)}
        insert_rows(self.connection, schema.batch, [batch])
        self.minima.write(self.connection)
        self.states.write(self.connection)
        insert_rows(self.connection, schema.link, self.links)
        insert_rows(self.connection, schema.attempt, self.rows)
        insert_rows(self.connection, schema.attempt_point, self.points)
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
        """Place a transition state; also tell whether the minima found agree with stored ones."""
        rows = [
            self._link(pathway, end, minimum)
            for end, minimum in zip(pathway.ends, minima, strict=True)
        ]
        ends = ends_of_rows(rows)
        if {row["side"] for row in rows} != set(SIDES):
            energy = pathway.transition_state.energy
            raise AtlasError(
                f"a transition state (energy {energy!r}) needs a minimum on each side, 0 and 1"
            )
        state = self.states.place(pathway.transition_state)
        if not state.is_new:
            return state, agree(self.ends[state.id], ends)
        self.ends[state.id] = ends
        distinct = {(row["side"], row["minimum"]): row for row in reversed(rows)}
        self.links += [{"transition_state": state.id, **row} for row in distinct.values()]
        return state, True

    def _link(self, pathway: Pathway, end: PathwayEnd, minimum: int) -> Row:
        """The columns of a link without its transition state, which may have no id yet."""
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
        check_point(schema.transition_state, end.via)
        known = self.states.known.match(end.via)
        if known is None:
            raise AtlasError(
                f"a path ends via a transition state (energy {end.via.energy!r}) that the atlas "
                "does not have: list its own pathway first, in the same attempt"
            )
        return {**row, "via": known, "via_index": 1}


def read_ends(connection: Connection, states: Sequence[int]) -> dict[int, Ends]:
    """Read the stored ends of transition states, by their ids."""
    links: dict[int, list[Sequence]] = {state: [] for state in states}
    for first in range(0, len(states), STATES_AT_ONCE):
        some = states[first : first + STATES_AT_ONCE]
        padded = [*some, *[0] * (STATES_AT_ONCE - len(some))]  # No transition state has the id 0.
        named = {f"state_{k}": state for k, state in enumerate(padded)}
        for state, *row in connection.execute(ENDS, named):
            links[state].append(row)
    return {state: _ends(found) for state, found in links.items()}


def ends_of_rows(rows: Iterable[Mapping[str, Any]]) -> Ends:
    """The ends of a transition state that follow from the rows of its links."""
    return _ends(tuple(row[name] for name in NAMES) for row in rows)


def _ends(links: Iterable[Sequence]) -> Ends:
    """The ends that follow from links, each given by the values of the columns `NAMES`."""
    sides: dict[int, set[int]] = {side: set() for side in SIDES}
    chosen = set()
    for side, minimum, index, directions in links:
        sides.setdefault(side, set()).add(minimum)
        if index is not None and index > 1 and directions is None:
            chosen.add(side)
    return tuple(None if side in chosen else frozenset(sides[side]) for side in sides)


def agree(stored: Ends, found: Ends) -> bool:
    """Whether the sides that were found are those stored, as far as the stored ones are known."""
    return any(
        all(one is None or one == other for one, other in zip(stored, order, strict=True))
        for order in (found, found[::-1])
    )
