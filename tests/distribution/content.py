"""All that an atlas says of a landscape, field by field, but not when and in which commits."""

from pathlib import Path
from typing import Any

from sqlalchemy import select

from lossatlas.atlas import Atlas, schema

TABLES = ("minimum", "transition_state", "link", "attempt", "attempt_point", "property")
TIMING = {"batch", "checksum"}
"""Which attempts are committed together is a matter of timing, and an attempt names its commit."""


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """By table, all rows in order."""
    found = {}
    with Atlas.open(path) as atlas, atlas.reading() as connection:
        for name in TABLES:
            table = schema.metadata.tables[name]
            columns = [c for c in table.c if not (name == "attempt" and c.name in TIMING)]
            query = select(*columns).order_by(*table.primary_key)
            found[name] = [tuple(map(_plain, row)) for row in connection.execute(query)]
        assert atlas.check() == ()
    return found


def _plain(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, dict) else value
