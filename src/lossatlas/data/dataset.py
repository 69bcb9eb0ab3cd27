"""A labeled data set, which every source of data returns; it is checked once and never changes.

A row is one item, and a column is one input. Labels are whole numbers from 0 to C - 1, whose names
are in `classes`. Arrays are read-only float64 and int64, so that the checksum stays valid.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from lossatlas.errors import BadInputError
from lossatlas.labels import numbered, refuse_masked, refuse_mixed, whole_labels


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs with their class labels.

    A subset has the classes of the whole data, even if it has no rows of some of them.

    Args:
        inputs: (N, k) finite numbers, kept as a read-only float64 copy.
        labels: (N,) class of each row, from 0 to C - 1, kept as a read-only int64 copy.
        classes: names of the C classes, at least two.
        name: where the data come from, for messages.
        features: names of the k columns.

    Raises:
        BadInputError: the shapes do not fit, there are no rows or no columns, an input is not a
            finite number, or a label is not one of the classes.

    Examples:
        >>> data = Dataset([[0.0, 1.0], [2.0, 3.0]], [0, 1], ("no", "yes"), "tiny", ("a", "b"))
        >>> len(data), data.inputs.shape, data.checksum[:8]
        (2, (2, 2), 'f366d59d')
    """

    inputs: Float[np.ndarray, "N k"]
    labels: Int[np.ndarray, " N"]
    classes: tuple[str, ...]
    name: str
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        """Copy, freeze and check the arrays."""
        numbers = numbers_of(self.inputs, self.name)
        object.__setattr__(self, "inputs", frozen(numbers, np.float64))
        whole = whole_labels(np.asarray(self.labels), self.name)
        object.__setattr__(self, "labels", frozen(whole, np.int64))
        _check_shapes(self)
        check_finite(self.inputs, self.features, f"{self.name}: inputs")
        _check_labels(self)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.labels)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 hash of the inputs, labels and class names, as hexadecimal text.

        The name of the data and the names of the columns are left out: the same numbers have the
        same checksum under another file name.
        """
        digest = hashlib.sha256(repr((self.inputs.shape, self.classes)).encode())
        digest.update(np.ascontiguousarray(self.inputs, "<f8").tobytes())
        digest.update(np.ascontiguousarray(self.labels, "<i8").tobytes())
        return digest.hexdigest()

    def subset(self, rows: Int[np.ndarray, " M"] | slice) -> "Dataset":
        """The given rows in the given order, with the classes of the whole data."""
        inputs, labels = self.inputs[rows], self.labels[rows]
        return Dataset(inputs, labels, self.classes, self.name, self.features)

    def with_inputs(self, inputs: Float[np.ndarray, "N k"]) -> "Dataset":
        """The same rows with other values (N, k) of the inputs."""
        return Dataset(inputs, self.labels, self.classes, self.name, self.features)


def dataset_from_arrays(
    inputs: ArrayLike, labels: ArrayLike, name: str, features: Sequence[str] = ()
) -> Dataset:
    """Turn arrays into a `Dataset`, and refuse arrays that cannot be labeled data.

    Args:
        inputs: (N, k) real numbers.
        labels: (N,) or (N, 1) whole numbers or texts. Numbers that use every class from 0 to C - 1
            stay as they are. Other numbers, and texts, are sorted and numbered in that order;
            `Dataset.classes` holds the original labels.
        name: where the data come from, for messages.
        features: names of the k columns; by default ``x1``, ``x2`` and so on.

    Raises:
        BadInputError: inputs are not finite numbers, labels are missing (such as an empty text,
            ``"NA"`` or ``"?"``), are numbers that are not whole or are of several kinds, values
            are masked, there is only one class, or the shapes do not fit.

    Examples:
        >>> dataset_from_arrays([[1.0], [2.0]], ["yes", "no"], "tiny").classes
        ('no', 'yes')
        >>> dataset_from_arrays([[1.0], [2.0]], [1, -1], "tiny").labels.tolist()
        [1, 0]
    """
    table = numbers_of(inputs, name)
    names = tuple(features) or tuple(f"x{column + 1}" for column in range(table.shape[1]))
    refuse_masked(labels, f"{name}: labels")
    refuse_mixed(labels, f"{name}: labels")
    column = np.asarray(labels)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    _check_labels_fit(column.shape, len(table), name)
    numbers, classes = numbered(column, name)
    if len(classes) < 2:
        raise BadInputError(
            f"{name}: labels",
            f"only one class ({classes[0]!r})" if classes else "there are none",
            "give rows of at least two classes",
        )
    return Dataset(table, numbers, classes, name, names)


def frozen(values: np.ndarray, dtype: type) -> np.ndarray:
    """A read-only copy of an array in some type."""
    copy = np.array(values, dtype=dtype)
    copy.setflags(write=False)
    return copy


def _check_shapes(data: Dataset) -> None:
    rows, columns = data.inputs.shape
    if not data.inputs.size:
        raise BadInputError(
            f"{data.name}: inputs",
            f"there are {rows} rows and {columns} columns",
            "give at least one of each",
        )
    _check_labels_fit(data.labels.shape, rows, data.name)
    if len(data.features) != data.inputs.shape[1]:
        raise BadInputError(
            f"{data.name}: features",
            f"{len(data.features)} names for {columns} columns",
            "give one name per column",
        )


def _check_labels_fit(shape: tuple[int, ...], rows: int, name: str) -> None:
    if shape != (rows,):
        remedy = f"give {rows} labels in one dimension"
        if len(shape) == 2:
            remedy += "; from one column for each class, labels.argmax(axis=1) makes them"
        raise BadInputError(
            f"{name}: labels", f"shape {shape} does not fit {rows} rows of inputs", remedy
        )


def check_finite(values: np.ndarray, names: Sequence[str], where: str) -> None:
    """Refuse an array (N, k) with values that are not finite.

    Args:
        values: (N, k) the values.
        names: names of the k columns.
        where: where the data come from, for messages.

    Raises:
        BadInputError: a value is not finite; the message gives its row and column.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise BadInputError(
            f"{where}, row {row} (counting from 0), column {names[column]!r}",
            f"the value is {values[row, column]} ({int(bad.sum())} such values in all)",
            "remove or fill rows with missing or infinite values",
        )


def _check_labels(data: Dataset) -> None:
    outside = (data.labels < 0) | (data.labels >= len(data.classes))
    if outside.any():
        row = int(np.argmax(outside))
        raise BadInputError(
            f"{data.name}: labels, row {row} (counting from 0)",
            f"{data.labels[row]} is none of the classes 0..{len(data.classes) - 1}",
            "number the classes from 0",
        )


def numbers_of(inputs: ArrayLike, name: str, field: str = "inputs") -> np.ndarray:
    """Turn a table into an array (rows, columns) of real numbers.

    Args:
        inputs: the table.
        name: where the data come from, for messages.
        field: what the table holds, for messages; default ``"inputs"``.

    Raises:
        BadInputError: it does not hold real numbers, values are masked, or it does not have two
            axes.
    """
    refuse_masked(inputs, f"{name}: {field}")
    table = np.asarray(inputs)
    if table.dtype.kind not in "fiub":
        raise BadInputError(
            f"{name}: {field}",
            f"the array holds {table.dtype}, not real numbers",
            "convert every input to a number",
        )
    if table.ndim != 2:
        raise BadInputError(
            f"{name}: {field}",
            f"shape {table.shape} is not (rows, columns)",
            "reshape to one row per item, e.g. images with reshape(len(images), -1)",
        )
    return table
