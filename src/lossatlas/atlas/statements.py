"""Writing many rows at little cost: statements that SQLAlchemy makes once and the driver runs."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import JSON, Boolean, Connection, Dialect, Insert, Table, Update, insert

from lossatlas.atlas.checksums import checksum

Row = dict[str, Any]


class _Prepared(NamedTuple):
    """A statement that changes one row, in the words of one database.

    Attributes:
        text: of the statement.
        parameters: what the driver takes for a row.
        texts: names of the columns that hold JSON, which the driver is given as text.
    """

    text: str
    parameters: Callable[[Row], Any]
    texts: tuple[str, ...]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with its checksum, which is added to it.

    Args:
        connection: of a transaction that writes.
        table: of `schema`, one with checksums.
        rows: a value for every column but the checksum.
    """
    for row in rows:
        row["checksum"] = checksum(table, row)
    run_for_each(connection, _insertion(table), rows)


def insert_stored(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows as another database has them (`checksums.stored_rows`), with their checksums.

    Args:
        connection: of a transaction that writes.
        table: of `schema`.
        rows: a value for every column, JSON as text.
    """
    flags = [column.name for column in table.c if isinstance(column.type, Boolean)]
    for row in rows if flags else ():
        row |= {name: bool(row[name]) for name in flags}  # which SQLite has as numbers
    if rows:
        prepared = _prepared(_insertion(table), connection.dialect)
        connection.exec_driver_sql(prepared.text, list(map(prepared.parameters, rows)))


def run_for_each(connection: Connection, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """Run a statement once for each row.

    Args:
        connection: of a transaction that writes.
        statement: one that is made once and kept.
        rows: its parameters by name.
    """
    if not rows:
        return
    prepared = _prepared(statement, connection.dialect)
    for name in prepared.texts:
        rows = [{**row, name: json.dumps(row[name])} for row in rows]
    connection.exec_driver_sql(prepared.text, list(map(prepared.parameters, rows)))


@lru_cache(maxsize=64)
def _insertion(table: Table) -> Insert:
    return insert(table)


@lru_cache(maxsize=64)  # as dialects are made anew for every atlas
def _prepared(statement: Insert | Update, dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    inserted = statement.table.c if isinstance(statement, Insert) else ()
    texts = tuple(column.name for column in inserted if isinstance(column.type, JSON))
    return _Prepared(str(compiled), dict if order is None else itemgetter(*order), texts)
