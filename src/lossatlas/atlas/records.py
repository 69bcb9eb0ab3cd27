"""What goes into an atlas and what comes back: problem, attempts, and the receipt of a batch."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.search.outcome import Outcome


@dataclass(frozen=True, eq=False)
class Problem:
    """The landscape an atlas is about, complete enough to compute with it again.

    Attributes:
        fingerprint: named parts of what defines the landscape (``"training data"``,
            ``"network"``, ``"mask"``, ``"loss"``, ``"l2"`` ...), each a hash or a short text.
            Two problems are the same landscape if all parts agree; test data is no part.
        specification: the whole study, of JSON types only.
        arrays: the data by name, the group first: ``train_inputs``, ``train_labels``,
            ``test_inputs``, ... Any dtype but objects; stored and returned exactly.
    """

    fingerprint: dict[str, str]
    specification: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def data_hash(self, group: str) -> str:
        """The hash of all arrays of one group, ``"train"`` or ``"test"``: of ``test_*``.

        A column computed from these data (`Atlas.set_property`) is stored with it.

        Raises:
            BadInputError: if there is no array of that group.

        Examples:
            >>> len(Problem({}, {}, {"test_inputs": np.zeros(3)}).data_hash("test"))
            64
        """
        hashes = group_hashes({name: array_hash(value) for name, value in self.arrays.items()})
        if group not in hashes:
            known = ", ".join(sorted(hashes)) or "none"
            raise BadInputError("problem", f"no {group} data", f"groups present: {known}")
        return hashes[group]


class Attempt(NamedTuple):
    """An outcome with its name and its place in the exploration.

    Strategy, origins, what and part together name it.

    Attributes:
        strategy: name of the strategy.
        origins: ids of the minima it started from; empty for random starts.
        what: tells it from others of the same strategy and origins, ``"mode 2 + x1"``,
            ``"draw 17"``, ``"chain 5"``, ``""``.
        outcome: what the search handed over.
        part: 1, 2, ... for searches that hand over several outcomes (quenches of a chain).
        stream: ``"minima"``, ``"saddles"`` or ``"connected"`` for independent draws, else None.
        round: number of the round of its run in which it was planned.
        as_of: id of the last attempt in the log that it was planned from.
        width: how many searches of its exploration are in flight: planned and not yet committed.
    """

    strategy: str
    origins: tuple[int, ...]
    what: str
    outcome: Outcome
    part: int = 1
    stream: str | None = None
    round: int = 0
    as_of: int = 0
    width: int = 0


class Recorded(NamedTuple):
    """What became of one attempt in the atlas.

    Attributes:
        attempt: its id.
        minima: ids of all minima it met, in order: those of no pathway first, then the ends of
            each pathway.
        transition_states: ids of its transition states, in order: those that the search knew
            first, then those of its pathways.
        new_minima: the ids among them that this attempt added.
        new_transition_states: likewise.
        hits: how many of its points the atlas knew already (each raised a ``times_found``).
        conflicts: ids of known transition states that this attempt joined to other minima
            than those stored. The stored links stay; one of the two is wrong.
    """

    attempt: int
    minima: tuple[int, ...]
    transition_states: tuple[int, ...]
    new_minima: tuple[int, ...]
    new_transition_states: tuple[int, ...]
    hits: int
    conflicts: tuple[int, ...]


class Committed(NamedTuple):
    """The receipt of a batch that is safely on disk: one record per attempt, in order."""

    attempts: tuple[Recorded, ...]

    @property
    def new_minima(self) -> tuple[int, ...]:
        """Ids of the minima the batch added."""
        return tuple(i for record in self.attempts for i in record.new_minima)

    @property
    def new_transition_states(self) -> tuple[int, ...]:
        """Ids of the transition states the batch added."""
        return tuple(i for record in self.attempts for i in record.new_transition_states)

    @property
    def hits(self) -> int:
        """How many points of the batch were known already."""
        return sum(record.hits for record in self.attempts)


def array_to_bytes(values: np.ndarray) -> bytes:
    """An array in NumPy's ``.npy`` format: row-major, little-endian, without pickles.

    Equal arrays of one dtype give equal bytes, whatever their layout in memory.

    Raises:
        BadInputError: for an array of Python objects.
    """
    values = np.asarray(values, order="C")
    if values.dtype.hasobject:
        raise BadInputError("problem arrays", "an array of Python objects", "use numbers or text")
    buffer = io.BytesIO()
    np.save(buffer, values.astype(values.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    return buffer.getvalue()


def array_from_bytes(content: bytes) -> np.ndarray:
    """The array written by `array_to_bytes`."""
    return np.load(io.BytesIO(content), allow_pickle=False)


def array_hash(values: np.ndarray) -> str:
    """SHA-256 of an array's content, dtype and shape."""
    return hashlib.sha256(array_to_bytes(values)).hexdigest()


def group_hashes(hashes: Mapping[str, str]) -> dict[str, str]:
    """One hash for each group of arrays, a group being what stands before the first ``_``.

    Args:
        hashes: the hash of each array by its name.

    Examples:
        >>> sorted(group_hashes({"train_inputs": "a", "train_labels": "b", "test_inputs": "c"}))
        ['test', 'train']
    """
    members: dict[str, list[str]] = {}
    for name in sorted(hashes):
        members.setdefault(name.split("_")[0], []).append(f"{name} {hashes[name]}")
    return {
        group: hashlib.sha256("\n".join(lines).encode()).hexdigest()
        for group, lines in members.items()
    }


def differences(stored: Mapping[str, str], asked: Mapping[str, str]) -> list[str]:
    """Which parts of two fingerprints differ, as text; empty if none.

    Examples:
        >>> differences({"l2": "0.1", "loss": "a"}, {"l2": "0.2", "loss": "a"})
        ['l2 (atlas: 0.1, asked: 0.2)']
    """
    return [
        f"{part} (atlas: {_short(stored.get(part))}, asked: {_short(asked.get(part))})"
        for part in sorted({*stored, *asked})
        if stored.get(part) != asked.get(part)
    ]


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    is_hash = " " not in value and len(value) > 32
    return f"{value[:12]}..." if is_hash else value


def check_json(name: str, value: object) -> None:
    """Refuse what would not come back from JSON as it was.

    Raises:
        BadInputError: if ``value`` holds other than dicts with text keys, lists, text, numbers,
            booleans and None.
    """
    try:
        same = json.loads(json.dumps(value)) == value
    except (TypeError, ValueError) as error:
        raise BadInputError(name, str(error), "use JSON types only") from error
    if not same:
        raise BadInputError(name, "changes when written as JSON", "use JSON types only")
