"""The tables of an atlas.

Plain SQL that SQLite and PostgreSQL both understand. What the method demands is a constraint
and not a habit: a transition state has two minima that exist, in ascending order, and is
degenerate exactly if they are one. Two transition states may join the same pair of minima;
nothing here makes a pair unique.

Where the flow down one side runs into a stationary point of higher index before it reaches the
minimum, ``via_k`` and ``via_k_index`` (k = 1, 2, the side of ``minimum_k``) say so:

===============  ===============  ==============================================
``via_k_index``  ``via_k``        the path to ``minimum_k``
===============  ===============  ==============================================
NULL             NULL             falls straight down
1                its id           passes through that transition state
2 or more        NULL             passes through a point of that index, not kept
===============  ===============  ==============================================
"""

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 1
"""Raised by one whenever a stored atlas could no longer be read as before."""

LITTLE_ENDIAN_FLOAT64 = np.dtype("<f8")

metadata = MetaData()


def _point_columns() -> list[Column]:
    """What minima and transition states have in common.

    The long columns come last, so that a row can be read up to its invariants without touching
    the pages that hold its weights. An orbit may have more than 2**63 copies, hence text.
    """
    return [
        Column("energy", Double, nullable=False, index=True),
        Column("rms_gradient", Double, nullable=False),
        Column("lowest_eigenvalue", Double, nullable=False),
        Column("log_determinant", Double),
        Column("uncertainty", Double, nullable=False),
        Column("orbit_size", Text, nullable=False),
        Column("times_found", Integer, nullable=False),
        Column("lowest_eigenvalues", LargeBinary, nullable=False),
        Column("invariants", LargeBinary, nullable=False),
        Column("weights", LargeBinary, nullable=False),
    ]


def _via_columns(side: int) -> list[Column | CheckConstraint]:
    via, index = f"via_{side}", f"via_{side}_index"
    consistent = (
        f"(COALESCE({index}, 0) = 1 AND {via} IS NOT NULL)"
        f" OR (COALESCE({index}, 0) <> 1 AND {via} IS NULL)"
    )
    return [
        Column(via, ForeignKey("transition_state.id")),
        Column(index, Integer),
        CheckConstraint(consistent, name=f"{via}_is_a_transition_state"),
        CheckConstraint(f"{index} >= 1", name=f"{via}_is_no_minimum"),
    ]


meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

array = Table(
    "array",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("options", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("device", Text, nullable=False),
    Column("start_time", String(32), nullable=False),
    Column("end_time", String(32)),
    Column("reason", Text),
)

minimum = Table(
    "minimum",
    metadata,
    Column("id", Integer, primary_key=True),
    *_point_columns(),
)

transition_state = Table(
    "transition_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("minimum_1", ForeignKey("minimum.id"), nullable=False, index=True),
    Column("minimum_2", ForeignKey("minimum.id"), nullable=False, index=True),
    Column("degenerate", Boolean, nullable=False),
    *_via_columns(1),
    *_via_columns(2),
    *_point_columns(),
    CheckConstraint("minimum_1 <= minimum_2", name="minima_in_order"),
    CheckConstraint("degenerate = (minimum_1 = minimum_2)", name="degenerate_joins_one_minimum"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False, index=True),
    Column("strategy", String(64), nullable=False),
    Column("origin", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("gradients", BigInteger, nullable=False),
    Column("hessians", BigInteger, nullable=False),
    Column("failures", JSON, nullable=False),
    Column("minima", JSON, nullable=False),
    Column("transition_states", JSON, nullable=False),
    Column("new_minima", Integer, nullable=False),
    Column("new_transition_states", Integer, nullable=False),
    Column("conflicts", JSON, nullable=False),
    Column("conflict_count", Integer, nullable=False),
    Index("ix_attempt_strategy_origin", "strategy", "origin"),
)

property_value = Table(
    "property",
    metadata,
    Column("minimum_id", ForeignKey("minimum.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("data_hash", String(64), primary_key=True),
    Column("value", Double),
)


def to_blob(values: np.ndarray) -> bytes:
    """The float64 numbers of ``values`` as little-endian bytes.

    Example:
        >>> to_blob(np.array([1.0])).hex()
        '000000000000f03f'
    """
    return np.asarray(values, LITTLE_ENDIAN_FLOAT64).tobytes()


def from_blob(blob: bytes) -> np.ndarray:
    """The float64 vector written by `to_blob`, read-only.

    Example:
        >>> from_blob(to_blob(np.array([0.5, -2.0])))
        array([ 0.5, -2. ])
    """
    return np.frombuffer(blob, LITTLE_ENDIAN_FLOAT64)
