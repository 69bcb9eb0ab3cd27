"""Checks of the arguments of a network landscape: its targets and its shape."""

from collections.abc import Sized
from typing import Any

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.parts.activation import Activation
from lossatlas.parts.output_loss import TargetKind

MOST_CLASSES = 100_000
"""More classes than this are taken for labels that are no numbers of classes."""

MOST_TARGETS = 1_000_000_000
"""More classes times items than this are refused: each is a target of 8 bytes."""


def checked_targets(
    inputs: np.ndarray, labels: Any, classes: int | None, kind: TargetKind
) -> tuple[np.ndarray, int]:
    """Check the data, and find the number of outputs.

    Args:
        inputs: (items, features) inputs.
        labels: (items,) classes, or (items,) or (items, outputs) numbers.
        classes: number of classes; None for the largest label plus one.
        kind: the kind of targets that the loss needs.

    Returns:
        The labels or targets as an array, and the number of outputs.

    Raises:
        BadInputError: if inputs and labels do not fit each other or the loss, or are not finite.

    Examples:
        >>> checked_targets(np.ones((2, 1)), [0, 1], None, "two classes")
        (array([0, 1]), 1)
    """
    labels = np.asarray(labels)
    if kind == "numbers":
        return _checked_numbers(inputs, labels)
    _check_data(inputs, labels)
    classes = _number_of_classes(labels, classes)
    if labels.min() < 0 or labels.max() >= classes:
        raise BadInputError("training data", "a label is out of range", "use 0 .. classes-1")
    if kind == "two classes" and classes != 2:
        problem = f"this loss is for two classes, the data have {classes}"
        remedy = 'use function = "softmax-cross-entropy", or make two classes of them'
        raise BadInputError("[loss] function", problem, remedy)
    return labels, 1 if kind == "two classes" else classes


def encoded(labels: np.ndarray, outputs: int, kind: TargetKind) -> np.ndarray:
    """(outputs, items) float64 targets in the form that losses need.

    Args:
        labels: (items,) classes, or (items,) or (items, outputs) numbers.
        outputs: number of outputs.
        kind: the kind of targets that the loss needs.

    Examples:
        >>> encoded(np.array([0, 1]), 2, "classes")
        array([[1., 0.],
               [0., 1.]])
    """
    if kind == "classes":
        targets = np.zeros((outputs, len(labels)))
        targets[labels, np.arange(len(labels))] = 1.0
        return targets
    return labels.reshape(len(labels), outputs).T.astype(np.float64)


def positive(value: Any) -> bool:
    """Whether a value is a finite number above zero.

    Examples:
        >>> positive(1e-4), positive("1e-4"), positive(None), positive(float("inf"))
        (True, False, False, False)
    """
    return 0.0 < _number(value) < np.inf


def _whole(value: Any, least: int) -> bool:
    """Whether a value is a whole number, at least `least`."""
    number = _number(value)
    return number >= least and number.is_integer()


def _number(value: Any) -> float:
    """A value as a float; NaN if it is no number."""
    if isinstance(value, str | bytes | bool):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def check_network(
    hidden: Any,
    l2: Any,
    neighbors: Any,
    activation: Activation,
    regularize_biases: bool,
) -> None:
    """Refuse a network that is not valid or whose landscape has no isolated minima.

    Args:
        hidden: number of units of each hidden layer, a sequence of whole numbers.
        l2: lambda of the L2 term, a number.
        neighbors: whole number of neighbors of reduced connectivity, 0 for full connectivity.
        activation: the activation of the hidden units.
        regularize_biases: whether the L2 term includes the biases.

    Raises:
        BadInputError: if an argument is not valid; the message names the key of a study file.
    """
    _check_hidden(hidden)
    if not _whole(neighbors, 0):
        problem = f"{neighbors!r} is not a number of nodes"
        raise BadInputError("[network] neighbors", problem, "use 0 for all, or 1, 2")
    if not positive(l2):
        problem = f"{l2!r} is not positive"
        remedy = "give l2, which is required: without it minima are not isolated; try 1e-4"
        raise BadInputError("[loss] l2", problem, remedy)
    if activation.periodic and not regularize_biases:
        raise BadInputError(
            "[network] activation",
            f"{activation.name} repeats itself: where biases are not penalized, every minimum has "
            "infinitely many copies",
            "write regularize_biases = true in [loss], or use another activation",
        )


def _check_hidden(hidden: Any) -> None:
    where = "[network] hidden"
    unordered = isinstance(hidden, str | bytes | set | frozenset | dict)
    if unordered or not (isinstance(hidden, Sized) and np.iterable(hidden)):
        problem = f"{hidden!r} is not a list of numbers of units"
        raise BadInputError(where, problem, "give one number for each layer, e.g. hidden = [10]")
    if len(hidden) == 0:
        problem = "no hidden layers are given, without which the loss is convex with one minimum"
        remedy = "hidden is required: give at least one hidden layer, e.g. hidden = [10]"
        raise BadInputError(where, problem, remedy)
    if not all(_whole(units, 1) for units in hidden):
        problem = f"{list(hidden)} are not numbers of units"
        raise BadInputError(where, problem, "use whole numbers of 1 or more, e.g. hidden = [10]")


def _number_of_classes(labels: np.ndarray, classes: Any) -> int:
    """The number of classes: the one given, or the largest label plus one."""
    if classes is not None and not _whole(classes, 1):
        problem = f"{classes!r} is not a number of classes"
        raise BadInputError("classes", problem, "give a whole number, or leave it out")
    found = int(labels.max()) + 1 if classes is None else int(classes)
    if found > MOST_CLASSES or found * len(labels) > MOST_TARGETS:
        problem = f"there would be {found} classes for {len(labels)} items"
        if classes is None:
            problem += f", since the largest label is {found - 1}"
        remedy = "number the classes from 0: np.unique(labels, return_inverse=True)[1]"
        raise BadInputError("training data", problem, remedy)
    return found


def _check_data(inputs: np.ndarray, labels: np.ndarray) -> None:
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or inputs.size == 0:
        raise BadInputError(
            "training data",
            f"shapes {inputs.shape} and {labels.shape} do not fit",
            "give inputs (items, features) and labels (items,)",
        )
    _check_finite(inputs, "inputs")
    missing = int(np.isnan(labels).sum()) if labels.dtype.kind == "f" else 0
    if missing:
        problem = f"{missing} labels are missing"
        raise BadInputError("training data", problem, "fill in or remove these rows")
    if labels.dtype.kind not in "iu":
        raise BadInputError(
            "training data", f"labels are {labels.dtype}, not integers", "use 0 .. classes-1"
        )
    if len(np.unique(labels)) < 2:
        raise BadInputError("training data", "there is only one class", "give at least two classes")


def _checked_numbers(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, int]:
    if inputs.ndim != 2 or inputs.size == 0 or targets.shape[:1] != inputs.shape[:1]:
        problem = f"shapes {inputs.shape} and {targets.shape} do not fit"
        remedy = "give inputs (items, features) and targets (items,) or (items, outputs)"
        raise BadInputError("training data", problem, remedy)
    if targets.ndim > 2 or targets.size == 0 or targets.dtype.kind not in "fiub":
        problem = f"targets of shape {targets.shape} and type {targets.dtype} are no numbers"
        raise BadInputError("training data", problem, "give (items,) or (items, outputs) numbers")
    numbers = targets.astype(np.float64)
    _check_finite(inputs, "inputs")
    _check_finite(numbers, "targets")
    return numbers, numbers.size // len(numbers)


def _check_finite(values: np.ndarray, what: str) -> None:
    if not np.isfinite(values).all():
        raise BadInputError(
            "training data", f"{what} are not all finite", "remove NaN and infinity"
        )
