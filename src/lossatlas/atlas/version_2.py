"""Changes to the rows of atlases of schema version 2.

Version 2 had neither neighbor lists nor the column ``link.directions``. Its ``attempt.width`` was
the number of searches of one of the two rounds in flight, where it is now that of both. All tables
are kept.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, text

from lossatlas.atlas import schema
from lossatlas.atlas.checksums import checksum, fits, stored_rows

CHANGED = {"link": ("directions",), "attempt": ("width",)}
"""The columns that change besides the checksum, by table."""
ROUNDS = 2
"""Number of rounds in flight in version 2."""
ADDED = (("link", "directions"),)
"""Tables and columns of integers that version 2 does not have."""

Changes = Iterator[tuple[str, dict[str, Any]]]
"""For each row, the name of its table, its keys (named ``old_`` and the column), and new values."""


def add_columns(connection: Connection) -> None:
    """Add the columns that version 2 does not have."""
    for table, column in ADDED:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER"))


def read_changes(connection: Connection, kept_in: str | None) -> Changes:
    """Iterate over the changes to the rows of an atlas of version 2.

    A damaged row is not changed, so that its damage can still be found.

    Args:
        connection: a connection to a database with an atlas of version 2.
        kept_in: name of the database schema that holds its tables; None for the default one.
    """
    link, attempt = (_old(schema.metadata.tables[name], kept_in) for name in CHANGED)
    for row in stored_rows(connection, link):
        if fits(link, row):
            yield "link", _changed(schema.link, row, {"directions": None})
    for row in stored_rows(connection, attempt):
        if fits(attempt, row):
            yield "attempt", _changed(schema.attempt, row, {"width": ROUNDS * row["width"]})


def _old(table: Table, kept_in: str | None) -> Table:
    """A table as version 2 defined it."""
    kept = [column for column in table.c if (table.name, column.name) not in ADDED]
    columns = (Column(c.name, c.type, primary_key=c.primary_key) for c in kept)
    return Table(table.name, MetaData(), *columns, schema=kept_in)


def _changed(table: Table, row: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    keys = {f"old_{key.name}": row[key.name] for key in table.primary_key}
    return {**keys, **changes, "checksum": checksum(table, {**row, **changes})}
