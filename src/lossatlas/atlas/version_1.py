"""Read atlases of schema version 1, and turn their rows into rows of the present version.

Version 1 stored two minima in the row of each transition state and the points of an attempt as
JSON, and had neither batches nor checksums. What it did not record becomes 0 or empty: the rounds
of attempts, the log from which they were planned, and the tolerances and methods of paths.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import JSON, Connection, Select, TableClause, column, func, select, table

from lossatlas.atlas import contents, schema
from lossatlas.atlas.rows import point_of_attempt
from lossatlas.box import Box

REPLACED = ("attempt", "property", "transition_state", "minimum")
"""The tables that the present version defines differently, in an order in which they can be
dropped."""
WIDTH = 48
"""Number of searches that version 1 had in flight: two rounds of 24."""
IDS_AT_ONCE = 1000
STREAM_OF = {"independent-minima": "minima", "independent-saddles": "saddles"}
"""The stream of independent draws that each strategy made."""
QUENCH = re.compile(r"(.*) quench (\d+)")
"""The names that basin-hopping gave to the quenches of a chain."""
POINT = (
    "id",
    "energy",
    "rms_gradient",
    "lowest_eigenvalue",
    "log_determinant",
    "uncertainty",
    "orbit_size",
    "times_found",
    "lowest_eigenvalues",
    "invariants",
    "weights",
)
LINKS = ("minimum_1", "minimum_2", "via_1", "via_1_index", "via_2", "via_2_index")
ATTEMPT = (
    "id",
    "run_id",
    "strategy",
    "origin",
    "detail",
    "status",
    "gradients",
    "hessians",
    "new_minima",
    "new_transition_states",
    "conflict_count",
)
LISTS = ("failures", "minima", "transition_states", "conflicts")
PROPERTY = ("minimum_id", "name", "data_hash", "value")

Rows = Iterator[tuple[str, dict[str, Any]]]
"""Rows of the present version without checksums, each with the name of its table, in order."""


def read_rows(connection: Connection, kept_in: str | None) -> Rows:
    """Iterate over the rows of all replaced and new tables, in an order in which they can be added.

    Args:
        connection: a connection to a database with an atlas of version 1.
        kept_in: name of the database schema that holds its tables; None for the default one.
    """
    tables = {
        "minimum": (*POINT,),
        "transition_state": (*POINT, *LINKS),
        "attempt": (*ATTEMPT, *LISTS),
        "property": PROPERTY,
    }
    old = {
        name: table(
            name, *(column(c, JSON() if c in LISTS else None) for c in names), schema=kept_in
        )
        for name, names in tables.items()
    }
    box = Box.of(contents.read_meta(connection)["fingerprint"])
    for row in _pages(connection, old["minimum"], "id"):
        yield "minimum", _point(row, box)
    yield from _states(connection, old["transition_state"], box)
    runs = connection.execute(select(schema.run.c.id).order_by(schema.run.c.id)).scalars()
    counted = select(old["attempt"].c.run_id, func.count()).group_by(old["attempt"].c.run_id)
    counts = {run: number for run, number in connection.execute(counted)}
    numbers = {run: number for number, run in enumerate(runs.all(), start=1)}
    for run, number in numbers.items():
        key = f"schema version 1, run {run}"
        row = {"id": number, "key": key, "run_id": run, "attempts": counts.get(run, 0)}
        yield "batch", row
    for row in _pages(connection, old["attempt"], "id"):
        yield "attempt", attempt_row(row, numbers[row["run_id"]])
        yield from (("attempt_point", point) for point in attempt_points(row))
    for row in _pages(connection, old["property"], "minimum_id"):
        yield "property", row


def _states(connection: Connection, old: TableClause, box: Box | None) -> Rows:
    """All transition states first, and then their links, which may lead via any of them."""
    for row in _pages(connection, old, "id"):
        yield "transition_state", _point(row, box)
    columns = select(*(old.c[name] for name in ("id", *LINKS)))
    for row in _pages(connection, old, "id", columns):
        yield from (("link", link) for link in links(row))


def _pages(
    connection: Connection, old: TableClause, key: str, query: Select | None = None
) -> Iterator[dict[str, Any]]:
    """Iterate over rows by ascending id, in parts, so that not all are in memory at once."""
    query = select(old) if query is None else query
    last = connection.execute(select(func.coalesce(func.max(old.c[key]), 0))).scalar_one()
    for first in range(1, last + 1, IDS_AT_ONCE):
        some = query.where(old.c[key].between(first, first + IDS_AT_ONCE - 1))
        for row in connection.execute(some.order_by(*list(old.c)[:3])).mappings().all():
            yield dict(row)


def _point(row: dict[str, Any], box: Box | None) -> dict[str, Any]:
    weights = schema.from_blob(row["weights"])[None]
    outside = box is not None and not box.contains(weights)[0]
    return {**{name: row[name] for name in POINT}, "outside": bool(outside)}


def links(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The two links of a transition state of version 1.

    Examples:
        >>> row = dict(id=4, minimum_1=1, minimum_2=2, via_1=None, via_2=3)
        >>> row |= dict(via_1_index=None, via_2_index=1)
        >>> [(link["side"], link["minimum"], link["via"]) for link in links(row)]
        [(0, 1, None), (1, 2, 3)]
    """
    for side in (0, 1):
        yield {
            "transition_state": row["id"],
            "side": side,
            "minimum": row[f"minimum_{side + 1}"],
            "via": row[f"via_{side + 1}"],
            "via_index": row[f"via_{side + 1}_index"],
            "tolerance": None,
            "method": "",
            "directions": None,
        }


def what_and_part(strategy: str, detail: str) -> tuple[str, int]:
    """Split the detail of an attempt of version 1 into the name of the search and its part.

    Examples:
        >>> what_and_part("basin-hopping", "chain 3 quench 2")
        ('chain 3', 2)
        >>> what_and_part("single-ended", "mode 2 + x1")
        ('mode 2 + x1', 1)
    """
    quench = QUENCH.fullmatch(detail) if strategy == "basin-hopping" else None
    return (quench[1], int(quench[2])) if quench else (detail, 1)


def attempt_row(row: dict[str, Any], batch: int) -> dict[str, Any]:
    """An attempt of version 1 as a row of the present version, without its checksum."""
    what, part = what_and_part(row["strategy"], row["detail"])
    kept = ("id", "strategy", "status", "gradients", "hessians", "failures")
    return {
        **{name: row[name] for name in (*kept, "new_minima", "new_transition_states")},
        "batch": batch,
        "round": 0,
        "as_of": 0,
        "width": WIDTH,
        "what": what,
        "part": part,
        "stream": STREAM_OF.get(row["strategy"]),
        "conflicts": row["conflict_count"],
    }


def attempt_points(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The points of an attempt of version 1.

    It listed the minima of no pathway first and two minima for each pathway last.
    """
    minima, states = row["minima"], row["transition_states"]
    pathways = min(len(minima) // 2, len(states))
    lone, hits = len(minima) - 2 * pathways, len(states) - pathways
    points = [("origin", int(text)) for text in row["origin"].split()]
    points += [("minimum", point) for point in minima[:lone]]
    points += [("hit", point) for point in states[:hits]]
    for k in range(pathways):
        points += [("end", point) for point in minima[lone + 2 * k : lone + 2 * k + 2]]
        points += [("transition-state", states[hits + k])]
    points += [("conflict", point) for point in row["conflicts"]]
    for position, (role, point) in enumerate(points):
        yield point_of_attempt(row["id"], position, role, point)
