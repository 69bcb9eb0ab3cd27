"""The tables of an atlas.

They are plain SQL that SQLite and PostgreSQL both understand. The database enforces the rules of
the method as constraints: a link joins a transition state and a minimum that exist, an attempt
names points that exist, and each batch has a key of its own. Several transition states may join the
same two minima.

A transition state has one `link` for each minimum that a side of it reaches. If the path down a
side runs into another stationary point before it reaches the minimum, the link says so:

=============  =======  ==============================================
``via_index``  ``via``  the path to ``minimum``
=============  =======  ==============================================
NULL           NULL     falls straight down
1              its id   passes through that transition state
2 or more      NULL     passes through a point of that index, not kept
=============  =======  ==============================================

Below a point of index two or more the path can take any direction of a sphere; ``directions`` is
the number of directions that were tried.

Tables with keys of several columns are stored in the order of these keys, since SQLite would
otherwise keep a second table for the keys. The program that holds the write lock gives the ids
(`writing`), which ascend in the order in which rows are stored. Rows never change, except for
counters, and carry a checksum (`checksums`).
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

SCHEMA_VERSION = 3
"""Version of the tables; it is raised by one when older atlases can no longer be read as before."""

LITTLE_ENDIAN_FLOAT64 = np.dtype("<f8")
LITTLE_ENDIAN_INT64 = np.dtype("<i8")

COUNTER = {"counter": True}
"""Marks columns that change after a row is written, and that checksums therefore leave out."""

ROLES_OF_MINIMA = ("origin", "minimum", "end")
ROLES_OF_TRANSITION_STATES = ("hit", "transition-state", "conflict")
"""The role of a point in an attempt, in the order in which an attempt lists its points."""
MET = {"minimum": ("minimum", "end"), "transition_state": ("hit", "transition-state")}
"""The roles in which an attempt met a point, each of which raises its ``times_found`` by one."""

metadata = MetaData()


def _identity() -> Column:
    return Column("id", Integer, primary_key=True, autoincrement=False)


def _checksum() -> Column:
    return Column("checksum", BigInteger, nullable=False)


def _point_columns() -> list[Column]:
    """The columns that minima and transition states have in common.

    The long columns come last, so that a row can be read up to its invariants without touching
    the pages that hold its weights. The orbit size is stored as text, since it may exceed 2**63.
    """
    return [
        _identity(),
        Column("energy", Double, nullable=False, index=True),
        Column("rms_gradient", Double, nullable=False),
        Column("lowest_eigenvalue", Double, nullable=False),
        Column("log_determinant", Double),
        Column("uncertainty", Double, nullable=False),
        Column("outside", Boolean, nullable=False),
        Column("orbit_size", Text, nullable=False),
        Column("times_found", Integer, nullable=False, info=COUNTER),
        _checksum(),
        Column("lowest_eigenvalues", LargeBinary, nullable=False),
        Column("invariants", LargeBinary, nullable=False),
        Column("weights", LargeBinary, nullable=False),
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

batch = Table(
    "batch",
    metadata,
    _identity(),
    Column("key", Text, nullable=False, unique=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("attempts", Integer, nullable=False),
    _checksum(),
)

minimum = Table("minimum", metadata, *_point_columns())

transition_state = Table("transition_state", metadata, *_point_columns())

link = Table(
    "link",
    metadata,
    Column("transition_state", ForeignKey("transition_state.id"), primary_key=True),
    Column("side", Integer, primary_key=True),
    Column("minimum", ForeignKey("minimum.id"), primary_key=True, index=True),
    Column("via", ForeignKey("transition_state.id")),
    Column("via_index", Integer),
    Column("tolerance", Double),
    Column("method", Text, nullable=False),
    Column("directions", Integer),
    _checksum(),
    CheckConstraint("side IN (0, 1)", name="link_has_one_of_two_sides"),
    CheckConstraint(
        "(COALESCE(via_index, 0) = 1 AND via IS NOT NULL)"
        " OR (COALESCE(via_index, 0) <> 1 AND via IS NULL)",
        name="via_is_a_transition_state",
    ),
    CheckConstraint("via_index >= 1", name="via_is_no_minimum"),
    sqlite_with_rowid=False,
)

neighbors = Table(
    "neighbors",
    metadata,
    Column("minimum", ForeignKey("minimum.id"), primary_key=True, autoincrement=False),
    Column("candidates", LargeBinary, nullable=False),
    Column("distances", LargeBinary, nullable=False),
    _checksum(),
)

attempt = Table(
    "attempt",
    metadata,
    _identity(),
    Column("batch", ForeignKey("batch.id"), nullable=False, index=True),
    Column("round", Integer, nullable=False),
    Column("as_of", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("stream", Text),
    Column("status", String(32), nullable=False),
    Column("gradients", BigInteger, nullable=False),
    Column("hessians", BigInteger, nullable=False),
    Column("failures", JSON, nullable=False),
    Column("new_minima", Integer, nullable=False),
    Column("new_transition_states", Integer, nullable=False),
    Column("conflicts", Integer, nullable=False),
    _checksum(),
)
Index(
    "ix_attempt_stream",
    attempt.c.stream,
    sqlite_where=attempt.c.stream.is_not(None),
    postgresql_where=attempt.c.stream.is_not(None),
)


def _of_role(column: str, roles: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{role}'" for role in roles)
    return f"(role IN ({listed})) = ({column} IS NOT NULL)"


attempt_point = Table(
    "attempt_point",
    metadata,
    Column("attempt", ForeignKey("attempt.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", String(16), nullable=False),
    Column("minimum", ForeignKey("minimum.id")),
    Column("transition_state", ForeignKey("transition_state.id")),
    _checksum(),
    CheckConstraint(_of_role("minimum", ROLES_OF_MINIMA), name="role_of_a_minimum"),
    CheckConstraint(
        _of_role("transition_state", ROLES_OF_TRANSITION_STATES), name="role_of_a_transition_state"
    ),
    CheckConstraint("(minimum IS NULL) <> (transition_state IS NULL)", name="exactly_one_point"),
    sqlite_with_rowid=False,
)

property_value = Table(
    "property",
    metadata,
    Column("minimum_id", ForeignKey("minimum.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("data_hash", String(64), primary_key=True),
    Column("value", Double),
    _checksum(),
)


def ids_to_blob(ids: np.ndarray) -> bytes:
    """Encode ids as little-endian bytes, eight for each.

    Examples:
        >>> ids_to_blob(np.array([258])).hex()
        '0201000000000000'
    """
    return np.asarray(ids, LITTLE_ENDIAN_INT64).tobytes()


def to_blob(values: np.ndarray) -> bytes:
    """Encode numbers as little-endian float64 bytes.

    Examples:
        >>> to_blob(np.array([1.0])).hex()
        '000000000000f03f'
    """
    return np.asarray(values, LITTLE_ENDIAN_FLOAT64).tobytes()


def from_blob(blob: bytes) -> np.ndarray:
    """Decode a float64 vector that `to_blob` encoded; the array is read-only.

    Examples:
        >>> from_blob(to_blob(np.array([0.5, -2.0])))
        array([ 0.5, -2. ])
    """
    return np.frombuffer(blob, LITTLE_ENDIAN_FLOAT64)
