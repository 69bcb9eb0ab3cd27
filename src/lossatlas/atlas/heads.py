"""Where an atlas stands when a batch is committed: one look, whatever the batch brings."""

from typing import NamedTuple

from sqlalchemy import Connection, text

from lossatlas.atlas import schema

TABLES = (schema.minimum, schema.transition_state, schema.batch, schema.attempt)
"""The tables whose ids a batch continues."""
HEADS = text(
    'SELECT (SELECT id FROM run WHERE id = :run), (SELECT id FROM batch WHERE "key" = :key), '
    + ", ".join(f"(SELECT COALESCE(MAX(id), 0) FROM {table.name})" for table in TABLES)
)


class Heads(NamedTuple):
    """What a batch is added to.

    Attributes:
        run: the id of its run; None if there is no such run.
        stored_batch: the id of the batch with its key; None if there is none yet.
        minimum, transition_state, batch, attempt: the last id of each table, 0 for an empty one.
    """

    run: int | None
    stored_batch: int | None
    minimum: int
    transition_state: int
    batch: int
    attempt: int


def read_heads(connection: Connection, run_id: int, key: str) -> Heads:
    """Where the atlas stands.

    Args:
        connection: of the transaction that will store the batch, so that nobody else can.
        run_id: of the run of the batch.
        key: of the batch.
    """
    return Heads(*connection.execute(HEADS, {"run": run_id, "key": key}).one())
