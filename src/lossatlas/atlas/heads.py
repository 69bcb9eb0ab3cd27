"""The last ids of an atlas when a batch is committed, read by one query for any batch."""

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
    """The state of an atlas to which a batch is added.

    Attributes:
        run: id of the run of the batch; None if there is no such run.
        stored_batch: id of the stored batch with the same key; None if there is none.
        minimum: last id of the minima, 0 if there are none.
        transition_state: last id of the transition states, 0 if there are none.
        batch: last id of the batches, 0 if there are none.
        attempt: last id of the attempts, 0 if there are none.
    """

    run: int | None
    stored_batch: int | None
    minimum: int
    transition_state: int
    batch: int
    attempt: int


def read_heads(connection: Connection, run_id: int, key: str) -> Heads:
    """Read the state of an atlas to which a batch is added.

    Args:
        connection: connection of the transaction that will store the batch, so that no other
            program changes this state meanwhile.
        run_id: id of the run of the batch.
        key: key of the batch.
    """
    return Heads(*connection.execute(HEADS, {"run": run_id, "key": key}).one())
