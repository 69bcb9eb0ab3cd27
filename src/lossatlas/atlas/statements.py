"""Write and look up many rows quickly, by statements compiled once that the driver runs."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Dialect,
    Insert,
    Table,
    TextClause,
    Update,
    insert,
)

from lossatlas.atlas.checksums import checksum

Row = dict[str, Any]


class _Prepared(NamedTuple):
    """A statement in the SQL of one kind of database.

    Attributes:
        text: text of the statement.
        parameters: function from values by name to the parameters that the driver expects.
        texts: names of the columns with JSON, which the driver needs as text.
    """

    text: str
    parameters: Callable[[Mapping[str, Any]], Any]
    texts: tuple[str, ...]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows with their checksums, which are added to the given rows.

    Args:
        connection: a connection of a transaction that writes.
        table: a table of `schema` with checksums.
        rows: rows with a value for every column but the checksum.
    """
    for row in rows:
        row["checksum"] = checksum(table, row)
    run_for_each(connection, _insertion(table), rows)


def insert_stored(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows as another database stores them (`checksums.stored_rows`), with their checksums.

    Args:
        connection: a connection of a transaction that writes.
        table: a table of `schema`.
        rows: rows with a value for every column, and JSON as text.
    """
    flags = [column.name for column in table.c if isinstance(column.type, Boolean)]
    for row in rows if flags else ():
        row |= {name: bool(row[name]) for name in flags}  # SQLite stores booleans as numbers.
    if rows:
        prepared = _prepared(_insertion(table), connection.dialect)
        connection.exec_driver_sql(prepared.text, list(map(prepared.parameters, rows)))


def run_for_each(connection: Connection, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """Run a statement once for each row.

    Args:
        connection: a connection of a transaction that writes.
        statement: the statement. It has to be the same object in each call, since its compiled form
            is cached.
        rows: the parameters of the statement by name, for each row.
    """
    if not rows:
        return
    prepared = _prepared(statement, connection.dialect)
    for name in prepared.texts:
        rows = [{**row, name: json.dumps(row[name])} for row in rows]
    connection.exec_driver_sql(prepared.text, list(map(prepared.parameters, rows)))


def rows_of(
    connection: Connection, statement: TextClause, values: Mapping[str, Any]
) -> Iterable[Any]:
    """Read the rows of a query whose values need no conversion, which may be very many.

    Args:
        connection: a connection to the atlas.
        statement: the query. It has to be the same object in each call, since its compiled form is
            cached.
        values: the parameters of the query by name.
    """
    prepared = _prepared(statement, connection.dialect)
    return connection.exec_driver_sql(prepared.text, prepared.parameters(values))


@lru_cache(maxsize=64)
def _insertion(table: Table) -> Insert:
    return insert(table)


@lru_cache(maxsize=256)  # Bounded, because every open atlas has a dialect of its own.
def _prepared(statement: Insert | Update | TextClause, dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    order = compiled.positiontup
    inserted = statement.table.c if isinstance(statement, Insert) else ()
    texts = tuple(column.name for column in inserted if isinstance(column.type, JSON))
    return _Prepared(str(compiled), dict if order is None else itemgetter(*order), texts)
