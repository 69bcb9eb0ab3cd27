"""Scaling of columns, by statistics of the training rows alone."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas.data.dataset import Dataset
from lossatlas.data.regression import RegressionData
from lossatlas.data.split import Split
from lossatlas.errors import BadInputError

ScalingMethod = Literal["none", "mean-absolute", "standard"]
"""How columns are scaled; see `column_scaling`."""


class Scaling(NamedTuple):
    """A scaling of columns: scaled value = (value - shift) / factor.

    Attributes:
        shift: (k,) value that is subtracted, in the unit of the column.
        factor: (k,) positive divisor, in the unit of the column.

    Examples:
        >>> data = Dataset([[1.0], [3.0]], [0, 1], ("a", "b"), "tiny", ("x",))
        >>> column_scaling(data, "standard")
        Scaling(shift=array([2.]), factor=array([1.]))
    """

    shift: Float[np.ndarray, " k"]
    factor: Float[np.ndarray, " k"]


def column_scaling(train: Dataset | RegressionData, method: ScalingMethod) -> Scaling:
    """The scaling that the training rows define.

    ``"none"`` changes nothing. ``"mean-absolute"`` divides a column by the mean of its absolute
    values, as the programs of the Wales group do. ``"standard"`` subtracts the mean and divides by
    the standard deviation. If the divisor would be zero (for a column of zeros, or a constant
    column with ``"standard"``), the column is not divided: such columns are common, for example at
    the dark border of images, and carry no information.

    Args:
        train: the training rows.
        method: ``"none"``, ``"mean-absolute"`` or ``"standard"``.

    Raises:
        BadInputError: the method is unknown, or values are so large that a statistic overflows.

    Examples:
        >>> data = Dataset([[1.0, 0.0], [-3.0, 0.0]], [0, 1], ("a", "b"), "tiny", ("x", "y"))
        >>> column_scaling(data, "mean-absolute").factor
        array([2., 1.])
    """
    if method not in ("none", "mean-absolute", "standard"):
        raise BadInputError(
            "scaling", f"unknown method {method!r}", "use 'none', 'mean-absolute' or 'standard'"
        )
    values = train.inputs
    shift, factor = np.zeros(values.shape[1]), np.ones(values.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        if method == "mean-absolute":
            factor = np.abs(values).mean(axis=0)
        elif method == "standard":
            # The rounded mean of equal numbers may differ from them, so compare the extremes.
            constant = values.min(axis=0) == values.max(axis=0)
            shift = np.where(constant, values[0], values.mean(axis=0))
            factor = np.where(constant, 0.0, values.std(axis=0))
    scaling = Scaling(shift, np.where(factor == 0.0, 1.0, factor))
    _check_finite(train, scaling)
    return scaling


def apply_scaling(data: Dataset | RegressionData, scaling: Scaling) -> Dataset | RegressionData:
    """The same rows with scaled inputs.

    Args:
        data: the rows to scale.
        scaling: the scaling of their columns.

    Raises:
        BadInputError: a scaled value overflows.

    Examples:
        >>> data = Dataset([[1.0], [-3.0]], [0, 1], ("a", "b"), "tiny", ("x",))
        >>> apply_scaling(data, column_scaling(data, "standard")).inputs.tolist()
        [[1.0], [-1.0]]
    """
    with np.errstate(over="ignore"):
        inputs = (data.inputs - scaling.shift) / scaling.factor
    return data.with_inputs(inputs)


def scale(parts: Split, method: ScalingMethod) -> tuple[Split, Scaling]:
    """Scale the inputs of training and testing rows by the statistics of the training rows.

    Args:
        parts: training and testing rows.
        method: ``"none"``, ``"mean-absolute"`` or ``"standard"`` (see `column_scaling`).

    Returns:
        The scaled rows, and the scaling, which `apply_scaling` applies to further rows.

    Raises:
        BadInputError: the method is unknown, or values are so large that a result overflows.

    Examples:
        >>> from lossatlas.data import sklearn_dataset, split
        >>> parts, scaling = scale(split(sklearn_dataset("wine"), 100, 50, seed=1), "standard")
        >>> bool(abs(parts.train.inputs.mean()) < 1e-12), scaling.factor.shape
        (True, (13,))
    """
    scaling = column_scaling(parts.train, method)
    return Split(apply_scaling(parts.train, scaling), apply_scaling(parts.test, scaling)), scaling


def scale_targets(parts: Split, method: ScalingMethod) -> tuple[Split, Scaling]:
    """Scale the targets of training and testing rows by the statistics of the training rows.

    Args:
        parts: training and testing rows of `RegressionData`.
        method: ``"none"``, ``"mean-absolute"`` or ``"standard"`` (see `column_scaling`).

    Returns:
        The rows with scaled targets, and the scaling.

    Raises:
        BadInputError: the method is unknown, the rows have classes instead of numbers, or values
            are so large that a statistic overflows.

    Examples:
        >>> data = RegressionData([[0.0], [1.0]], [[2.0], [4.0]], "tiny", ("x",), ("y",))
        >>> scale_targets(Split(data, data), "standard")[0].train.targets.ravel().tolist()
        [-1.0, 1.0]
    """
    train, test = parts
    if not (isinstance(train, RegressionData) and isinstance(test, RegressionData)):
        raise BadInputError(
            f"{train.name}: target_scaling", "classes have no scale", "leave it out"
        )
    as_inputs = RegressionData(
        train.targets, train.targets, train.name, train.target_names, train.target_names
    )
    scaling = column_scaling(as_inputs, method)
    scaled = (
        rows.with_targets((rows.targets - scaling.shift) / scaling.factor) for rows in (train, test)
    )
    return Split(*scaled), scaling


def _check_finite(train: Dataset | RegressionData, scaling: Scaling) -> None:
    broken = ~(np.isfinite(scaling.shift) & np.isfinite(scaling.factor))
    if broken.any():
        raise BadInputError(
            f"{train.name}: column {train.features[int(np.argmax(broken))]!r}",
            "its values are too large to take their mean",
            "rescale the column before",
        )
