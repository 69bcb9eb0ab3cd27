"""Columns of tables: read many rows as arrays, read weights, and write properties of minima."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.statements import insert_rows
from lossatlas.errors import BadInputError

IDS_PER_QUERY = 1000
"""Number of ids in one statement, since databases limit the parameters of a statement."""
ROWS_AT_ONCE = 1000
"""Number of rows that are turned into columns together. With many more, Python's garbage collector
would visit all of them repeatedly."""

MINIMUM_COLUMNS = (
    "id",
    "loss",
    "lowest_eigenvalue",
    "orbit_size",
    "times_found",
    "rms_gradient",
)
"""The columns with which every table of minima begins."""
TAKEN = (*MINIMUM_COLUMNS, "log_determinant", "outside")
"""Names of the columns of tables and of networks, which no property may have."""


def read_lists(
    connection: Connection, query: Select, parameters: Mapping[str, Any] | None = None
) -> list[list]:
    """Read all rows of a query as one list for each column, in the order of the columns.

    Values are those of the driver: booleans may be 0 and 1, and JSON is text. Its plain tuples take
    half the time of SQLAlchemy's rows.

    Args:
        connection: a connection to the atlas.
        query: the query.
        parameters: values of the parameters of the query by name; default none.
    """
    columns: list[list] = [[] for _ in query.selected_columns]
    with closing(connection.execute(query, parameters)) as result:
        assert result.cursor is not None  # A query that returns rows has a cursor.
        while rows := result.cursor.fetchmany(ROWS_AT_ONCE):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    return columns


def read_columns(
    connection: Connection, query: Select, parameters: Mapping[str, Any] | None = None
) -> dict[str, np.ndarray]:
    """Read all rows of a query as one array for each column, by the name of the column.

    Arguments and values are those of `read_lists`. Bytes are kept in arrays of objects.
    """
    names, columns = query.selected_columns.keys(), read_lists(connection, query, parameters)
    return {name: _array(values) for name, values in zip(names, columns, strict=True)}


def _array(values: list) -> np.ndarray:
    return np.array(values, object if values and isinstance(values[0], bytes) else None)


def read_weights(connection: Connection, table: Table, ids: Iterable[int]) -> np.ndarray:
    """Read the weights of points.

    Args:
        connection: a connection to the atlas.
        table: ``schema.minimum`` or ``schema.transition_state``.
        ids: ids of the k points; an id may occur more than once.

    Returns:
        (k, n) weights in the order of the ids.

    Raises:
        BadInputError: an id is not in the table.
    """
    wanted = [int(identifier) for identifier in ids]
    query = select(table.c.id, table.c.weights)
    found = {row.id: row.weights for row in _rows_of(connection, query, table, wanted)}
    _refuse_missing(table, found.keys(), wanted)
    return stack([found[identifier] for identifier in wanted])


def stack(blobs: Sequence[bytes]) -> np.ndarray:
    """Decode k stored vectors of n numbers as a writable (k, n) float64 array; (0, 0) for none."""
    width = len(blobs[0]) // schema.LITTLE_ENDIAN_FLOAT64.itemsize if blobs else 0
    flat = np.frombuffer(b"".join(blobs), schema.LITTLE_ENDIAN_FLOAT64)
    return flat.astype(np.float64).reshape(len(blobs), width)


def write_property(
    connection: Connection, name: str, values: Mapping[int, float], data_hash: str
) -> None:
    """Replace the values of a property for the given minima; other minima keep theirs.

    Args:
        connection: a connection of a transaction that writes.
        name: name of the property.
        values: the value of each minimum, by its id; NaN is stored as NULL.
        data_hash: hash of the data from which the property was computed; empty if from none.

    Raises:
        BadInputError: every atlas has a column of this name, or a minimum is not in the atlas.
    """
    if name in TAKEN:
        raise BadInputError(f"property {name}", "is a column of every atlas", "use another name")
    table = schema.property_value
    wanted = [int(identifier) for identifier in values]
    query = select(schema.minimum.c.id)
    found = {row.id for row in _rows_of(connection, query, schema.minimum, wanted)}
    _refuse_missing(schema.minimum, found, wanted)
    old = delete(table).where(
        table.c.minimum_id == bindparam("key"),
        table.c.name == name,
        table.c.data_hash == data_hash,
    )
    rows = [
        {"minimum_id": key, "name": name, "data_hash": data_hash, "value": _or_null(value)}
        for key, value in zip(wanted, values.values(), strict=True)
    ]
    if rows:
        connection.execute(old, [{"key": key} for key in wanted])
        written = contents.read_meta(connection).get(contents.PROPERTIES_WRITTEN, 0)
        contents.replace_meta(connection, contents.PROPERTIES_WRITTEN, written + 1)
        insert_rows(connection, table, rows)


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _rows_of(
    connection: Connection, query: Select, table: Table, ids: Sequence[int]
) -> Iterator[Row]:
    distinct = sorted(set(ids))
    for start in range(0, len(distinct), IDS_PER_QUERY):
        some = distinct[start : start + IDS_PER_QUERY]
        yield from connection.execute(query.where(table.c.id.in_(some)))


def _refuse_missing(table: Table, found: Iterable[int], wanted: Iterable[int]) -> None:
    missing = sorted(set(wanted) - set(found))
    if missing:
        kind = table.name.replace("_", " ")
        shown = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        raise BadInputError(f"{kind} {shown}", "not in the atlas", "use ids that it lists")
