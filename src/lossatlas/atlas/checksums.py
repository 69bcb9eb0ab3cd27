"""Checksums of rows, by which accidental changes of stored rows are found (see `integrity`).

A checksum is the BLAKE2b hash of the name of the table and of all values of the row in the order of
its columns. The checksum itself and counters, which change, are left out. Each value is preceded by
its kind and its length, so that different rows have different encodings. The encoding does not
depend on the kind of database.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from struct import pack
from typing import Any

from sqlalchemy import JSON, Connection, Table, Text, cast, select, type_coerce
from sqlalchemy.types import NullType

SIZE = 8
"""Number of bytes of a checksum, which is stored as one integer."""
ROWS_AT_ONCE = 500
"""Number of rows that are read together."""


def checksum(table: Table, row: Mapping[str, Any]) -> int:
    """The checksum of a row, a signed integer of 64 bits.

    Args:
        table: a table of `schema`.
        row: the values of the row by column. The checksum and counters need not be there, and
            further entries are ignored.

    Examples:
        >>> from lossatlas.atlas import schema
        >>> row = {"minimum_id": 1, "name": "test_auc", "data_hash": "", "value": 0.5}
        >>> checksum(schema.property_value, row) == checksum(schema.property_value, dict(row))
        True
        >>> changed = {**row, "value": 0.25}
        >>> checksum(schema.property_value, row) == checksum(schema.property_value, changed)
        False
    """
    begun, values = _begun(table)
    content = b"".join([_ENCODERS.get(type(v), _other)(v) for v in values(row)])
    digest = begun.copy()
    digest.update(content)
    return int.from_bytes(digest.digest(), "little", signed=True)


@cache
def covered(table: Table) -> tuple[str, ...]:
    """The names of the columns that a checksum covers, in the order of the table."""
    return tuple(c.name for c in table.c if c.name != "checksum" and not c.info.get("counter"))


def stored_rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Iterate over all rows of a table as the database stores them.

    Values are not converted, so that damaged rows can be read too; JSON is given as text.
    """
    columns = [
        (cast(c, Text) if isinstance(c.type, JSON) else type_coerce(c, NullType())).label(c.name)
        for c in table.c
    ]
    query = select(*columns).order_by(*table.primary_key)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    yield from map(dict, rows.mappings())


def fits(table: Table, row: dict[str, Any]) -> bool:
    """Whether the checksum of a row fits its values.

    Args:
        table: a table of `schema`.
        row: a row from `stored_rows`. Its JSON texts are replaced by the objects that they encode,
            if all of them are valid JSON.
    """
    texts = [c.name for c in table.c if isinstance(c.type, JSON)]
    try:
        row |= {name: json.loads(row[name]) for name in texts}
        return checksum(table, row) == row["checksum"]
    except (TypeError, ValueError):
        return False


@cache
def _begun(table: Table) -> tuple[blake2b, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """The hash state of a table before any row, and a function that takes the values of a row."""
    begun = blake2b(digest_size=SIZE, person=table.name.encode()[:16])
    return begun, itemgetter(*covered(table))


def _float(value: float) -> bytes:
    return b"f" + pack("<d", value + 0.0)  # SQLite does not keep the sign of a zero.


def _bytes(value: bytes | memoryview) -> bytes:
    return b"b%d:%b" % (len(value), value)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"s%d:%b" % (len(encoded), encoded)


_integer = b"i%d;".__mod__
_as_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"n",
    float: _float,
    int: _integer,
    bool: _integer,
    bytes: _bytes,
    str: _text,
}


def _other(value: object) -> bytes:
    """Encode a value of another type: a number of NumPy, a memoryview of a driver, or JSON."""
    for kind in (float, int, bytes, str):  # Subclasses of these, such as numpy.float64.
        if isinstance(value, kind):
            return _ENCODERS[kind](value)
    if isinstance(value, memoryview):
        return _bytes(value)
    text = _as_json(value).encode()
    return b"j%d:%b" % (len(text), text)
