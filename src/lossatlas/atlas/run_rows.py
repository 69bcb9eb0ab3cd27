"""Rows of runs: when each began, with what, when it ended, and why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from lossatlas.atlas import schema


def begin(
    connection: Connection,
    options: Mapping[str, Any],
    seed: int,
    versions: Mapping[str, str],
    device: str,
) -> int:
    """Write the row of a run that begins now; its id."""
    row = {
        "options": dict(options),
        "seed": int(seed),
        "versions": dict(versions),
        "device": device,
        "start_time": _now(),
    }
    added = connection.execute(insert(schema.run), row).inserted_primary_key
    assert added is not None  # the table has an integer key
    return added[0]


def end(connection: Connection, run_id: int, reason: str) -> bool:
    """Write that a run ends now, and why; whether there is such a run."""
    ending = {"end_time": _now(), "reason": reason}
    finished = update(schema.run).where(schema.run.c.id == run_id).values(ending)
    return connection.execute(finished).rowcount == 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
