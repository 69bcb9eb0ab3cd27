"""Columns of tables: many rows read as arrays, weights read, properties written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

import numpy as np
from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, select

from lossatlas.atlas import contents, schema
from lossatlas.atlas.statements import insert_rows
from lossatlas.errors import BadInputError

IDS_PER_QUERY = 1000
"""Databases limit the number of parameters of a statement."""
ROWS_AT_ONCE = 1000
"""Rows that are taken apart together: more are walked by the garbage collector again and again."""

MINIMUM_COLUMNS = (
    "id",
    "loss",
    "lowest_eigenvalue",
    "orbit_size",
    "times_found",
    "rms_gradient",
)
"""The columns every table of minima begins with."""
TAKEN = (*MINIMUM_COLUMNS, "log_determinant", "outside")
"""Names that no property may have: those of columns of tables and of networks."""


def read_lists(connection: Connection, query: Select) -> list[list]:
    """All rows of a query as one list a column, in the order of the columns.

    Values are those of the driver, which makes plain tuples of them at half the cost of rows that
    can be asked for columns by name: truth values may be 0 and 1, JSON is text.
    """
    columns: list[list] = [[] for _ in query.selected_columns]
    with closing(connection.execute(query)) as result:
        assert result.cursor is not None  # the query returns rows
        while rows := result.cursor.fetchmany(ROWS_AT_ONCE):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    return columns


def read_columns(connection: Connection, query: Select) -> dict[str, np.ndarray]:
    """All rows of a query as one array a column, by name; bytes in arrays of objects.

    Values are those of the driver, as in `read_lists`.
    """
    names, columns = query.selected_columns.keys(), read_lists(connection, query)
    return {name: _array(values) for name, values in zip(names, columns, strict=True)}


def _array(values: list) -> np.ndarray:
    return np.array(values, object if values and isinstance(values[0], bytes) else None)


def read_weights(connection: Connection, table: Table, ids: Iterable[int]) -> np.ndarray:
    """(k, n) weights in the order of ``ids``; an id may occur again.

    Raises:
        BadInputError: for an unknown id.
    """
    wanted = [int(identifier) for identifier in ids]
    query = select(table.c.id, table.c.weights)
    found = {row.id: row.weights for row in _rows_of(connection, query, table, wanted)}
    _refuse_missing(table, found.keys(), wanted)
    return stack([found[identifier] for identifier in wanted])


def stack(blobs: Sequence[bytes]) -> np.ndarray:
    """(k, n) float64 of k vectors of n; (0, 0) of none; writable."""
    width = len(blobs[0]) // schema.LITTLE_ENDIAN_FLOAT64.itemsize if blobs else 0
    flat = np.frombuffer(b"".join(blobs), schema.LITTLE_ENDIAN_FLOAT64)
    return flat.astype(np.float64).reshape(len(blobs), width)


def write_property(
    connection: Connection, name: str, values: Mapping[int, float], data_hash: str
) -> None:
    """Replace the values of one column for the minima given, those of other minima stay.

    Raises:
        BadInputError: for the name of a column that is there anyway, or an unknown minimum.
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
