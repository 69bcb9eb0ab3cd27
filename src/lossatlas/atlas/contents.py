"""The tables ``meta`` and ``array``, which hold the schema version of an atlas and its problem."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, inspect, select

from lossatlas.atlas import schema
from lossatlas.atlas.records import (
    Problem,
    array_from_bytes,
    array_hash,
    array_to_bytes,
    check_json,
    differences,
)
from lossatlas.errors import AtlasError, BadInputError, OtherLandscapeError

COMMON = {"meta", "array", "run", "minimum", "transition_state", "attempt", "property"}
"""Tables that atlases of every schema version have."""
ENTRIES = {"schema_version", "fingerprint", "specification", "arrays"}
"""Entries of the table ``meta`` that every atlas has."""
PROPERTIES_WRITTEN = "properties_written"
"""Entry of ``meta`` that counts how often properties were written; absent before the first time."""
TEST_PREFIX = "test"
"""Prefix of the names of testing data, which are not part of the landscape and may be replaced."""
NOISE = "label noise"
"""The part of a fingerprint that describes label noise. Only studies add it: a landscape knows its
labels, but not where they come from."""


def version_of(connection: Connection, name: str) -> int | None:
    """The schema version of the atlas in a database; None for an empty database.

    Raises:
        AtlasError: a newer lossatlas wrote the atlas, or an entry that all atlases have is missing.
        BadInputError: the database holds tables of another program, which are left untouched.
    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    stored = read_meta(connection) if set(tables) >= COMMON else {}
    version = stored.get("schema_version")
    if version is None:
        raise BadInputError(name, "holds the data of another program", "give another path")
    missing = sorted(ENTRIES - stored.keys())
    if missing:
        raise AtlasError(f"{name}: is damaged, its entry {missing[0]} is missing; restore a copy")
    if version > schema.SCHEMA_VERSION:
        raise AtlasError(
            f"{name}: written by a newer lossatlas (schema version {version}, this one reads up "
            f"to {schema.SCHEMA_VERSION}); upgrade lossatlas"
        )
    return version


def write_new(connection: Connection, problem: Problem) -> None:
    """Create all tables of an atlas and store its problem."""
    schema.metadata.create_all(connection)
    values = {
        "schema_version": schema.SCHEMA_VERSION,
        "fingerprint": problem.fingerprint,
        "specification": problem.specification,
        "arrays": _store_arrays(connection, problem),
    }
    connection.execute(
        insert(schema.meta), [{"key": key, "value": value} for key, value in values.items()]
    )


def adopt(connection: Connection, problem: Problem, name: str) -> None:
    """Continue an atlas with a problem of the same landscape, which may have new testing data.

    A problem that consists of a fingerprint alone changes nothing.

    Raises:
        OtherLandscapeError: the landscape is another one; the message names what differs.
    """
    hashes = check_same(connection, problem, name)
    stored = read_meta(connection)
    if not hashes and not problem.specification:
        return
    if hashes != stored["arrays"] or problem.specification != stored["specification"]:
        replace_problem(connection, problem)


def replace_problem(connection: Connection, problem: Problem) -> None:
    """Store the data and the specification of a problem in place of those of the atlas."""
    hashes = _store_arrays(connection, problem)
    replace_meta(connection, "arrays", hashes)
    replace_meta(connection, "specification", problem.specification)
    kept = sorted(set(hashes.values()))
    connection.execute(delete(schema.array).where(schema.array.c.sha256.not_in(kept)))


def check_same(connection: Connection, problem: Problem, name: str) -> dict[str, str]:
    """Make sure that an atlas holds the landscape of a problem.

    Returns:
        The hash of each array of the problem, by its name.

    Raises:
        OtherLandscapeError: the landscape is another one; the message names what differs.
    """
    stored = read_meta(connection)
    different = differences(stored["fingerprint"], problem.fingerprint)
    hashes = {key: array_hash(values) for key, values in problem.arrays.items()}
    different += [
        f"array {key}"
        for key, digest in hashes.items()
        if not key.startswith(TEST_PREFIX)
        and stored["arrays"].get(key, digest) != digest
        and not _has_values(connection, stored["arrays"][key], problem.arrays[key])
    ]
    if different:
        raise OtherLandscapeError(
            f"{name}: holds another landscape; these parts differ: {', '.join(different)}; "
            "give another --atlas, or the study it was made with"
        )
    return hashes


def check_landscape(connection: Connection, fingerprint: Mapping[str, str], name: str) -> None:
    """Make sure that an atlas holds the landscape with this fingerprint.

    The description of label noise in a study is not compared, since the labels themselves are.

    Raises:
        OtherLandscapeError: the landscape is another one; the message names what differs.
    """
    stored = read_meta(connection)["fingerprint"]
    noise = {NOISE: stored[NOISE]} if NOISE in stored else {}
    check_same(connection, Problem({**fingerprint, **noise}), name)


def check_problem(problem: Problem) -> None:
    """Refuse a problem that could not be read back from an atlas unchanged.

    Raises:
        BadInputError: the fingerprint is empty or has parts that are not text, or JSON would change
            the specification.
    """
    if not problem.fingerprint:
        raise BadInputError("problem fingerprint", "it is empty", "name the parts of the landscape")
    for part, value in problem.fingerprint.items():
        if not isinstance(value, str):
            raise BadInputError(f"problem fingerprint {part}", "is not text", "use str")
    check_json("problem specification", problem.specification)


def read_meta(connection: Connection) -> dict[str, Any]:
    """All entries of the table ``meta``, by key.

    Raises:
        AtlasError: an entry is damaged.
    """
    try:
        rows = connection.execute(select(schema.meta.c.key, schema.meta.c.value))
        return {row.key: row.value for row in rows}
    except ValueError as error:  # An entry is not valid JSON.
        raise AtlasError("the table meta of the atlas is damaged; restore a copy") from error


def read_problem(connection: Connection) -> Problem:
    """The stored problem with its arrays.

    Raises:
        AtlasError: an array is missing, or was changed since it was written.
    """
    stored = read_meta(connection)
    rows = connection.execute(select(schema.array.c.sha256, schema.array.c.content))
    contents = {row.sha256: row.content for row in rows}
    for name, key in stored["arrays"].items():
        if hashlib.sha256(contents.get(key, b"")).hexdigest() != key:
            what = "was changed since it was written" if key in contents else "is missing"
            raise AtlasError(f"the array {name} of the atlas {what}; restore a copy")
    arrays = {name: array_from_bytes(contents[key]) for name, key in stored["arrays"].items()}
    return Problem(stored["fingerprint"], stored["specification"], arrays)


def replace_meta(connection: Connection, key: str, value: object) -> None:
    """Give an entry of the table ``meta`` another value."""
    connection.execute(delete(schema.meta).where(schema.meta.c.key == key))
    connection.execute(insert(schema.meta), {"key": key, "value": value})


def _has_values(connection: Connection, digest: str, values: np.ndarray) -> bool:
    """Whether a stored array has these values, possibly in another type of numbers."""
    which = select(schema.array.c.content).where(schema.array.c.sha256 == digest)
    content = connection.execute(which).scalar()
    return content is not None and np.array_equal(array_from_bytes(content), values)


def _store_arrays(connection: Connection, problem: Problem) -> dict[str, str]:
    """Store the arrays that the atlas does not hold yet; return the hash of each by its name."""
    present = set(connection.execute(select(schema.array.c.sha256)).scalars())
    hashes = {}
    for name, values in problem.arrays.items():
        content = array_to_bytes(values)
        digest = hashes[name] = hashlib.sha256(content).hexdigest()
        if digest not in present:
            connection.execute(insert(schema.array), {"sha256": digest, "content": content})
            present.add(digest)
    return hashes
