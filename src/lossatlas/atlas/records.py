"""Records of an atlas: its problem, the attempts that are stored, and the receipt of a batch."""

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
    """The landscape of an atlas, with everything that is needed to compute with it again.

    Attributes:
        fingerprint: named parts of the definition of the landscape, such as ``"training data"``,
            ``"network"``, ``"mask"``, ``"loss"`` and ``"l2"``, each as a hash or a short text. Two
            problems have the same landscape if all parts agree. Testing data are not among them.
        specification: the whole study, made of JSON types only; default empty.
        arrays: the data, as arrays by name; default none. A name begins with its group:
            ``train_inputs``, ``train_labels``, ``test_inputs`` and so on. All types but Python
            objects are stored and read back exactly.

    Examples:
        >>> problem = Problem({"network": "2-10-4", "l2": "0.0001"}, arrays={"train_x": np.ones(3)})
        >>> sorted(problem.arrays), problem.specification
        (['train_x'], {})
    """

    fingerprint: dict[str, str]
    specification: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def data_hash(self, group: str) -> str:
        """The hash of all arrays of one group.

        `Atlas.set_property` stores it with a column that was computed from these data.

        Args:
            group: the first part of the names of the arrays, such as ``"train"`` or ``"test"``.

        Returns:
            The hash, as 64 hexadecimal digits.

        Raises:
            BadInputError: there is no array of this group.

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
    """An outcome of a search, with its name and its place in the exploration.

    Strategy, origins, what and part together name an attempt.

    Attributes:
        strategy: name of the strategy.
        origins: ids of the minima from which the search started; empty for random starts.
        what: text that distinguishes the search from others of the same strategy and origins, such
            as ``"mode 2 + x1"``, ``"draw 17"`` or ``"chain 5"``; it may be empty.
        outcome: the outcome of the search.
        part: number of the outcome, from 1, for searches with several outcomes, such as the
            quenches of a chain; default 1.
        stream: ``"minima"``, ``"saddles"`` or ``"connected"`` for an independent draw; otherwise
            None, the default.
        round: number of the round of its run in which the search was planned; default 0.
        as_of: id of the last attempt of the log from which the search was planned; default 0.
        width: number of searches of the exploration in flight, which are planned and not yet
            committed; default 0.
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
    """The receipt of one attempt: which points it met, and which of them it added to the atlas.

    Attributes:
        attempt: id of the attempt.
        minima: ids of all minima that it met, in order: those of no pathway first, then the ends
            of each pathway.
        transition_states: ids of all transition states that it met, in order: those that the
            search recognized first, then those of its pathways.
        new_minima: ids of the minima among these that this attempt added.
        new_transition_states: ids of the transition states among these that this attempt added.
        hits: number of its points that the atlas had already; each raised a ``times_found`` by one.
        conflicts: ids of known transition states that this attempt joins to other minima than
            those stored. The stored links are not changed; one of the two is wrong.
    """

    attempt: int
    minima: tuple[int, ...]
    transition_states: tuple[int, ...]
    new_minima: tuple[int, ...]
    new_transition_states: tuple[int, ...]
    hits: int
    conflicts: tuple[int, ...]


class Committed(NamedTuple):
    """The receipt of a batch that is safely on disk.

    Attributes:
        attempts: one record for each attempt, in the order in which they were given.
    """

    attempts: tuple[Recorded, ...]

    @property
    def new_minima(self) -> tuple[int, ...]:
        """Ids of the minima that the batch added."""
        return tuple(i for record in self.attempts for i in record.new_minima)

    @property
    def new_transition_states(self) -> tuple[int, ...]:
        """Ids of the transition states that the batch added."""
        return tuple(i for record in self.attempts for i in record.new_transition_states)

    @property
    def hits(self) -> int:
        """Number of points of the batch that the atlas had already."""
        return sum(record.hits for record in self.attempts)


def array_to_bytes(values: np.ndarray) -> bytes:
    """Encode an array in NumPy's ``.npy`` format: row-major, little-endian, without pickles.

    Equal arrays of the same type give equal bytes, whatever their layout in memory.

    Raises:
        BadInputError: the array holds Python objects.
    """
    values = np.asarray(values, order="C")
    if values.dtype.hasobject:
        raise BadInputError("problem arrays", "an array of Python objects", "use numbers or text")
    buffer = io.BytesIO()
    np.save(buffer, values.astype(values.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    return buffer.getvalue()


def array_from_bytes(content: bytes) -> np.ndarray:
    """Decode an array that `array_to_bytes` encoded."""
    return np.load(io.BytesIO(content), allow_pickle=False)


def array_hash(values: np.ndarray) -> str:
    """The SHA-256 hash of the content, the type and the shape of an array.

    Raises:
        BadInputError: the array holds Python objects.
    """
    return hashlib.sha256(array_to_bytes(values)).hexdigest()


def group_hashes(hashes: Mapping[str, str]) -> dict[str, str]:
    """One hash for each group of arrays; the group is the part of the name before the first ``_``.

    Args:
        hashes: the hash of each array, by its name.

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
    """The parts in which two fingerprints differ, in words; empty if they agree.

    Args:
        stored: the fingerprint of the atlas.
        asked: the fingerprint with which it is compared.

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
    """Refuse a value that could not be read back from JSON unchanged.

    Args:
        name: name of the value in messages.
        value: the value to check.

    Raises:
        BadInputError: the value is not made of dictionaries with text keys, lists, text, numbers,
            booleans and None.
    """
    try:
        same = json.loads(json.dumps(value)) == value
    except (TypeError, ValueError) as error:
        raise BadInputError(name, str(error), "use JSON types only") from error
    if not same:
        raise BadInputError(name, "changes when written as JSON", "use JSON types only")
