"""Check that everything in an atlas is as it was written, without computing with the landscape.

A program that follows the rules of the tables cannot cause what is reported here. A damaged disk, a
careless ``UPDATE`` or a deleted row can.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, Integer, Select, Table, cast, func, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.checksums import ROWS_AT_ONCE, fits, stored_rows
from lossatlas.atlas.neighbors import NOBODY

SHOWN = 20
"""Number of damaged rows of one kind that are named; further ones are only counted."""

SIZE = 8
"""Number of bytes of an id and of a distance."""
TABLES = schema.metadata.tables
NUMBERED = (schema.batch, schema.minimum, schema.transition_state, schema.attempt)
"""Tables whose ids have no gaps."""
POINT = schema.attempt_point.c


def check(connection: Connection) -> tuple[str, ...]:
    """Find everything that is wrong with the stored rows.

    It finds rows that were changed since they were written (their checksums do not fit), missing
    rows, references to rows that do not exist, transition states without a minimum on one side,
    counters that do not fit the attempts, neighbor lists that name other than earlier minima, and
    data that are missing or were changed.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.

    Returns:
        A description of each fault, in words; empty if there are none.
    """
    kinds: list[Iterable[str]] = [
        *(_orphans(connection, table) for table in TABLES.values()),
        *(_changed(connection, table) for table in TABLES.values() if "checksum" in table.c),
        *(_missing_sides(connection, side) for side in (0, 1)),
        *(_times_found(connection, kind) for kind in schema.MET),
        *(_new_points(connection, kind) for kind in schema.MET),
        *(_gaps(connection, table) for table in NUMBERED),
        _conflicts(connection),
        _batches(connection),
        _neighbors(connection),
        _arrays(connection),
    ]
    return tuple(text for kind in kinds for text in _shortened(kind))


def _shortened(texts: Iterable[str]) -> Iterator[str]:
    """The first texts, and then the number of further ones."""
    rest = iter(texts)
    yield from islice(rest, SHOWN)
    more = sum(1 for _ in rest)
    if more:
        yield f"... and {more:,} more rows of this kind"


def _name(table: Table, row: dict[str, Any]) -> str:
    """Name a row by its keys: ``attempt 7``, ``link (transition state 3, side 0, minimum 2)``."""
    keys = {column.name: row[column.name] for column in table.primary_key}
    if list(keys) == ["id"]:
        return f"{table.name.replace('_', ' ')} {keys['id']}"
    listed = ", ".join(f"{key} {value}".replace("_", " ", 1) for key, value in keys.items())
    return f"{table.name.replace('_', ' ')} ({listed})"


def _orphans(connection: Connection, table: Table) -> Iterator[str]:
    """Rows that refer to a row that does not exist; SQLite prevents these only if asked to."""
    keys = list(table.primary_key)
    for reference in table.foreign_keys:
        target = reference.column.table.alias()
        known = target.c[reference.column.name]
        child = reference.parent
        query = (
            select(*keys, child.label("refers_to"))
            .outerjoin(target, known == child)
            .where(child.is_not(None), known.is_(None))
            .order_by(*keys)
        )
        for row in connection.execute(query).mappings():
            parent = reference.column.table.name.replace("_", " ")
            name = _name(table, dict(row))
            yield f"{name}: there is no {parent} {row['refers_to']}, which it refers to"


def _changed(connection: Connection, table: Table) -> Iterator[str]:
    """Rows whose checksum does not fit their values."""
    for row in stored_rows(connection, table):
        if not fits(table, row):
            yield f"{_name(table, row)}: changed since it was written, its checksum does not fit"


def _gaps(connection: Connection, table: Table) -> Iterator[str]:
    """Missing rows of a table, which leave gaps in the ids: these are given without gaps."""
    before = 0
    for identifier in connection.execute(select(table.c.id).order_by(table.c.id)).scalars():
        if identifier != before + 1:
            missing = f"{before + 1}" if identifier == before + 2 else f"{before + 1} and more"
            yield f"{table.name.replace('_', ' ')} {missing}: it is missing"
        before = identifier


def _missing_sides(connection: Connection, side: int) -> Iterator[str]:
    state, link = schema.transition_state.c, schema.link.c
    there = select(link.side).where(link.transition_state == state.id, link.side == side)
    query = select(state.id).where(~there.exists()).order_by(state.id)
    for identifier in connection.execute(query).scalars():
        yield f"transition state {identifier}: there is no link on its side {side}"


def _times_found(connection: Connection, kind: str) -> Iterator[str]:
    table, column = TABLES[kind], POINT[kind]
    met = (
        select(column.label("point"), func.count().label("times"))
        .where(POINT.role.in_(schema.MET[kind]))
        .group_by(column)
        .subquery()
    )
    times = func.coalesce(met.c.times, 0)
    query = select(table.c.id, table.c.times_found, times).outerjoin(met, met.c.point == table.c.id)
    query = query.where(table.c.times_found != times).order_by(table.c.id)
    for identifier, stored, counted in connection.execute(query):
        name = f"{kind.replace('_', ' ')} {identifier}"
        yield f"{name}: times_found is {stored}, the attempts have met it {counted} times"


def _new_points(connection: Connection, kind: str) -> Iterator[str]:
    """Attempts whose counter of new points is wrong: a point is new to the first that met it."""
    column = POINT[kind]
    # The smallest of some integers is of no declared type to SQLite, which would then compare every
    # attempt with every other one in place of making an index.
    earliest = cast(func.min(POINT.attempt), Integer)
    first = (
        select(earliest.label("attempt"))
        .where(POINT.role.in_(schema.MET[kind]))
        .group_by(column)
        .subquery()
    )
    added = select(first.c.attempt, func.count().label("number")).group_by(first.c.attempt)
    name = "new_minima" if kind == "minimum" else "new_transition_states"
    return _counted(connection, schema.attempt, name, added)


def _conflicts(connection: Connection) -> Iterator[str]:
    number = func.count().label("number")
    counted = select(POINT.attempt, number).where(POINT.role == "conflict")
    return _counted(connection, schema.attempt, "conflicts", counted.group_by(POINT.attempt))


def _batches(connection: Connection) -> Iterator[str]:
    batch = schema.attempt.c.batch
    counted = select(batch.label("attempt"), func.count().label("number")).group_by(batch)
    return _counted(connection, schema.batch, "attempts", counted)


def _neighbors(connection: Connection) -> Iterator[str]:
    """Neighbor lists that name other than earlier minima, or have not one distance for each."""
    stored = select(schema.minimum.c.id).order_by(schema.minimum.c.id)
    ids = np.array(connection.execute(stored).scalars().all(), np.int64)
    ended = np.append(ids, NOBODY)
    table = schema.neighbors.c
    query = select(table.minimum, table.candidates, table.distances).order_by(table.minimum)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for minimum, candidates, distances in rows:
        if len(candidates) != len(distances) or len(candidates) % SIZE:
            yield f"neighbors of minimum {minimum}: there is not one distance for each of them"
            continue
        named = np.frombuffer(candidates, schema.LITTLE_ENDIAN_INT64)
        named = named[named != NOBODY]
        there = ended[np.searchsorted(ids, named)] == named
        wrong = named[~there | (named >= minimum)]
        if wrong.size:
            yield f"neighbors of minimum {minimum}: {wrong[0]} is not an earlier minimum"


def _counted(connection: Connection, table: Table, name: str, query: Select) -> Iterator[str]:
    """Rows of a table whose counter differs from the number that a query counts for their id."""
    counts = query.subquery()
    number = func.coalesce(counts.c.number, 0)
    joined = select(table.c.id, table.c[name], number).outerjoin(
        counts, counts.c.attempt == table.c.id
    )
    differ = joined.where(table.c[name] != number).order_by(table.c.id)
    for identifier, stored, counted in connection.execute(differ):
        yield f"{table.name} {identifier}: {name} is {stored}, there are {counted}"


def _arrays(connection: Connection) -> Iterator[str]:
    table, there = schema.array.c, set()
    query = select(table.sha256, table.content)
    rows = connection.execute(query, execution_options={"yield_per": 1})
    for digest, content in rows:
        there.add(digest)
        if sha256(content).hexdigest() != digest:
            yield f"array {digest[:12]}...: changed since it was written"
    for name, digest in contents.read_meta(connection)["arrays"].items():
        if digest not in there:
            yield f"array {name}: it is missing"
