"""Class labels: marks of missing ones, and how texts and numbers become classes 0 to C - 1."""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from lossatlas.errors import BadInputError

MISSING = frozenset(
    (
        # The texts that pandas reads as missing, in lower case.
        *("", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "-nan", "1.#ind", "1.#qnan"),
        *("<na>", "n/a", "na", "nan", "none", "null"),
        # Further texts that data sets, databases and spreadsheets write for missing values.
        *("?", "-", "--", "\N{EN DASH}", "\N{EM DASH}", "n.a.", "nat", "nil", "\\n"),
        *("<null>", "(null)", "[null]", "<none>", "+nan"),
        *("#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!"),
    )
)
"""Texts that stand for a missing value, in lower case."""

FILL_IN = "fill it in or remove the row; if it is a class, give it another name"
"""The remedy for a missing label."""


def is_missing(text: str) -> bool:
    """Whether a text stands for a missing value, regardless of case and of blanks around it.

    Examples:
        >>> is_missing("NaN"), is_missing(" n/a "), is_missing("nancy")
        (True, True, False)
    """
    return text.strip().lower() in MISSING


def missing_labels(texts: Int[np.ndarray, " N"] | list[str]) -> Bool[np.ndarray, " N"]:
    """Whether each text label is missing; if there is a label ``+`` too, ``-`` is a class.

    Examples:
        >>> missing_labels(["cat", "?", "None"]).tolist()
        [False, True, True]
        >>> missing_labels(["+", "-"]).tolist()
        [False, False]
    """
    names, inverse = np.unique(np.asarray(texts, dtype=str), return_inverse=True)
    signs = any(name.strip() == "+" for name in names)
    missing = [is_missing(name) and not (signs and name.strip() == "-") for name in names]
    return np.array(missing, dtype=bool)[inverse]


def refuse_masked(values: Any, where: str) -> None:
    """Refuse masked values, also in a list of masked arrays: an array of NumPy has no mask.

    Args:
        values: an array, or a list of arrays.
        where: what to call them in messages.

    Raises:
        BadInputError: if a value is masked. A masked array without masked values is accepted.
    """
    parts = [values]
    if isinstance(values, list | tuple):
        parts = [part for part in values if isinstance(part, np.ma.MaskedArray)]
    masked = sum(int(np.ma.getmaskarray(part).sum()) for part in parts if np.ma.is_masked(part))
    if masked:
        problem = f"{masked} values are masked"
        remedy = "fill them in, or remove their rows; np.ma.getdata has what is under the mask"
        raise BadInputError(where, problem, remedy)


KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("texts", (str,)),
    ("bytes", (bytes,)),
    ("true or false", (bool, np.bool_)),
    ("numbers", (Number,)),
)
"""Kinds of labels by the types of their values; a truth value counts as no number."""


def refuse_mixed(labels: Any, where: str) -> None:
    """Refuse labels of several kinds, which would all become texts or all become numbers.

    Args:
        labels: a list, or an array; missing values are of no kind.
        where: what to call them in messages.

    Raises:
        BadInputError: if texts, bytes, truth values and numbers stand beside each other.

    Examples:
        >>> refuse_mixed(["a", None], "tiny")
        >>> refuse_mixed(["a", 1], "tiny")
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: tiny: labels are of several kinds: texts, numbers; ...
    """
    values = labels
    if hasattr(labels, "detach"):  # a tensor is of one kind
        return
    if not isinstance(labels, list | tuple):
        array = np.asarray(labels)
        values = array.ravel().tolist() if array.dtype == object else ()
    single = [v[0] if isinstance(v, list | tuple) and len(v) == 1 else v for v in values]
    kinds = set(map(_kind, set(map(type, single)))) - {""}
    if len(kinds) > 1:  # those that are missing are looked for only then
        kinds = {_kind(type(value)) for value in single if not _is_nan(value)} - {""}
    if len(kinds) > 1:
        problem = "labels are of several kinds: "
        problem += ", ".join(name for name, _ in KINDS if name in kinds)
        raise BadInputError(where, problem, "write all of them as texts, or all as numbers")


def _kind(of: type) -> str:
    return next((name for name, types in KINDS if issubclass(of, types)), "")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def refuse_names(classes: Sequence[str], kind: str, where: str = "training data") -> None:
    """Refuse classes with names for a loss of numbers, which would predict their numbers.

    Args:
        classes: names of the classes that labels stand for; empty where there are none.
        kind: the kind of targets that the loss needs, see `OutputLoss`.
        where: what to call the data in messages.

    Raises:
        BadInputError: if there are names, and the loss needs numbers.
    """
    if kind == "numbers" and classes:
        shown = ", ".join(map(repr, classes[:3])) + (", ..." if len(classes) > 3 else "")
        problem = f"the loss predicts numbers, and labels are texts or names of classes: {shown}"
        remedy = "give two arrays of numbers, (inputs, targets), or choose a loss of classes"
        raise BadInputError(where, problem, remedy)


def not_whole(labels: np.ndarray) -> Bool[np.ndarray, "..."]:
    """Whether each number is not whole, or too large to be told from the next whole number."""
    if labels.dtype.kind == "f":
        # Beyond 2^53 not all whole numbers can be represented as floats.
        return ~(np.abs(labels) <= 2.0**53) | (labels != np.round(labels))
    if labels.dtype.kind == "u":
        return labels > np.uint64(2**63 - 1)
    return np.zeros(labels.shape, dtype=bool)


def why_not_whole(value: float) -> tuple[str, str]:
    """The problem of a label that is not a whole number, and the remedy, as in `BadInputError`."""
    if not np.isfinite(value):
        missing = ": the label is missing" if np.isnan(value) else ""
        return f"{value} is not a whole number{missing}", "fill it in or remove the row"
    if abs(value) > 2.0**53:
        return f"{value} is too large for a class label", "give the classes small numbers or texts"
    return (
        f"{value} is not a whole number",
        "give class labels; a quantity to be predicted as a number needs a loss for numbers, such "
        "as mean-squared-error (function in [loss], --loss for a table)",
    )


def whole_labels(labels: np.ndarray, name: str) -> Int[np.ndarray, "..."]:
    """Turn numeric labels into int64.

    Args:
        labels: the labels, of any shape.
        name: where the data come from, for messages.

    Raises:
        BadInputError: labels are not numbers, not whole, or missing.
    """
    if labels.dtype.kind not in "fiub":
        raise BadInputError(
            f"{name}: labels",
            f"the array holds {labels.dtype}, neither whole numbers nor texts",
            "give one whole number or text per row",
        )
    broken = not_whole(labels)
    if broken.any():
        position = tuple(int(i) for i in np.argwhere(broken)[0])
        where = f"{name}: labels, row {position[0] if position else 0} (counting from 0)"
        raise BadInputError(where, *why_not_whole(labels[position]))
    return labels.astype(np.int64)


def numbered(labels: np.ndarray, name: str) -> tuple[Int[np.ndarray, " N"], tuple[str, ...]]:
    """Turn labels into numbers from 0 to C - 1, with the names of the C classes in that order.

    Texts are numbered in alphabetical order and whole numbers in numerical order. Numbers that
    already run from 0 to C - 1 without gaps stay as they are.

    Args:
        labels: (N,) texts, bytes of UTF-8, booleans or whole numbers.
        name: where the data come from, for messages.

    Returns:
        (N,) numbers of the classes, and the names of the C classes.

    Raises:
        BadInputError: a label is missing, is neither a text nor a whole number, or is not UTF-8.

    Examples:
        >>> numbers, classes = numbered(np.array([1, -1, 1]), "tiny")
        >>> numbers.tolist(), classes
        ([1, 0, 1], ('-1', '1'))
    """
    values = _texts(labels, name) if labels.dtype.kind in "UST" else whole_labels(labels, name)
    present, numbers = np.unique(values, return_inverse=True)
    return numbers, tuple(str(value) for value in present)


def _texts(labels: np.ndarray, name: str) -> np.ndarray:
    try:
        texts = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels.astype(str)
    except UnicodeDecodeError as error:
        problem = f"the array holds bytes that are not UTF-8 text ({error})"
        raise BadInputError(f"{name}: labels", problem, "give texts with dtype str") from error
    missing = missing_labels(texts)
    if missing.any():
        row = int(np.argmax(missing))
        where = f"{name}: labels, row {row} (counting from 0)"
        problem = f"{str(texts[row])!r} stands for a missing label"
        raise BadInputError(where, f"{problem} ({int(missing.sum())} in all)", FILL_IN)
    return texts
