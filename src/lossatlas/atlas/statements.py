"""Writing many rows at little cost: statements that SQLAlchemy makes once and the driver runs."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import JSON, Connection, Dialect, Table, insert

from lossatlas.atlas.checksums import checksum

Row = dict[str, Any]


class _Insertion(NamedTuple):
    """The statement that inserts one row, in the words of one database.

    Attributes:
        text: of the statement.
        order: names of the columns in the order of its parameters; None if it has them by name.
        texts: names of the columns that hold JSON, which the driver is given as text.
    """

    text: str
    order: tuple[str, ...] | None
    texts: tuple[str, ...]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with its checksum.

    Args:
        connection: of a transaction that writes.
        table: of `schema`, one with checksums.
        rows: a value for every column but the checksum.
    """
    if not rows:
        return
    statement = _insertion(table, connection.dialect)
    parameters = [_parameters(statement, {**row, "checksum": checksum(table, row)}) for row in rows]
    connection.exec_driver_sql(statement.text, parameters)


@lru_cache(maxsize=64)  # as dialects are made anew for every atlas
def _insertion(table: Table, dialect: Dialect) -> _Insertion:
    compiled = insert(table).compile(dialect=dialect)
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    texts = tuple(column.name for column in table.c if isinstance(column.type, JSON))
    return _Insertion(str(compiled), order, texts)


def _parameters(statement: _Insertion, row: Row) -> tuple[Any, ...] | Mapping[str, Any]:
    for name in statement.texts:
        row[name] = json.dumps(row[name])
    return row if statement.order is None else tuple(map(row.__getitem__, statement.order))
