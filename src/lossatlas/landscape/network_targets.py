"""Checks of the arguments of a network landscape: its targets and its shape."""

from typing import Any

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.parts.activation import Activation
from lossatlas.parts.output_loss import TargetKind


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
    classes = int(labels.max()) + 1 if classes is None else classes
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
        return np.eye(outputs)[labels].T
    return labels.reshape(len(labels), outputs).T.astype(np.float64)


def check_network(
    hidden: tuple[int, ...],
    l2: float,
    neighbors: int,
    activation: Activation,
    regularize_biases: bool,
) -> None:
    """Refuse a network that is not valid or whose landscape has no isolated minima.

    Args:
        hidden: number of units of each hidden layer.
        l2: lambda of the L2 term.
        neighbors: number of neighbors of reduced connectivity, 0 for full connectivity.
        activation: the activation of the hidden units.
        regularize_biases: whether the L2 term includes the biases.

    Raises:
        BadInputError: if an argument is not valid; the message names the key of a study file.
    """
    if len(hidden) == 0:
        raise BadInputError(
            "[network] hidden",
            "a network without hidden layers has a convex loss with a single minimum",
            "give at least one hidden layer, e.g. hidden = [10]",
        )
    if any(h < 1 or h != int(h) for h in hidden):
        raise BadInputError(
            "[network] hidden",
            f"{list(hidden)} are not numbers of units",
            "use whole numbers of 1 or more, e.g. hidden = [10]",
        )
    if neighbors < 0 or neighbors != int(neighbors):
        raise BadInputError(
            "[network] neighbors", f"{neighbors} is not a number of nodes", "use 0 for all, or 1, 2"
        )
    if not np.isfinite(l2) or l2 <= 0:
        raise BadInputError(
            "[loss] l2", f"{l2} is not positive", "without it minima are not isolated; try 1e-4"
        )
    if activation.periodic and not regularize_biases:
        raise BadInputError(
            "[network] activation",
            f"{activation.name} repeats itself: where biases are not penalized, every minimum has "
            "infinitely many copies",
            "write regularize_biases = true in [loss], or use another activation",
        )


def _check_data(inputs: np.ndarray, labels: np.ndarray) -> None:
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or inputs.size == 0:
        raise BadInputError(
            "training data",
            f"shapes {inputs.shape} and {labels.shape} do not fit",
            "give inputs (items, features) and labels (items,)",
        )
    _check_finite(inputs, "inputs")
    if not np.issubdtype(labels.dtype, np.integer):
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
