"""Atlases of schema version 2: what has changed in their rows.

Version 2 had neither neighbor lists nor ``link.directions``, and called the searches of one of the
two rounds in flight the width of an exploration. All tables stay where they are.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, text

from lossatlas.atlas import schema
from lossatlas.atlas.checksums import checksum, fits, stored_rows

CHANGED = {"link": ("directions",), "attempt": ("width",)}
"""The tables some of whose columns change, and which, besides the checksum."""
ROUNDS = 2
"""Rounds in flight."""
ADDED = (("link", "directions"),)
"""Columns that version 2 does not have, all of them of integers."""

Changes = Iterator[tuple[str, dict[str, Any]]]
"""Tables by name, and of a row its keys, named ``old_`` and the column, and what changes."""


def add_columns(connection: Connection) -> None:
    """Add the columns that version 2 does not have."""
    for table, column in ADDED:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER"))


def read_changes(connection: Connection, kept_in: str | None) -> Changes:
    """What changes in the rows of an atlas of version 2.

    A row that was damaged stays as it is, so that it is still found to be.

    Args:
        connection: to a database with an atlas of version 2.
        kept_in: name of the database schema that its tables are in, None for the usual one.
    """
    link, attempt = (_old(schema.metadata.tables[name], kept_in) for name in CHANGED)
    for row in stored_rows(connection, link):
        if fits(link, row):
            yield "link", _changed(schema.link, row, {"directions": None})
    for row in stored_rows(connection, attempt):
        if fits(attempt, row):
            yield "attempt", _changed(schema.attempt, row, {"width": ROUNDS * row["width"]})


def _old(table: Table, kept_in: str | None) -> Table:
    """A table as version 2 had it."""
    kept = [column for column in table.c if (table.name, column.name) not in ADDED]
    columns = (Column(c.name, c.type, primary_key=c.primary_key) for c in kept)
    return Table(table.name, MetaData(), *columns, schema=kept_in)


def _changed(table: Table, row: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    keys = {f"old_{key.name}": row[key.name] for key in table.primary_key}
    return {**keys, **changes, "checksum": checksum(table, {**row, **changes})}
