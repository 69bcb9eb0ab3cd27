"""Data sets with numbers to be predicted instead of classes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from lossatlas.data.dataset import check_finite, frozen, numbers_of
from lossatlas.errors import BadInputError
from lossatlas.labels import refuse_masked


@dataclass(frozen=True, eq=False)
class RegressionData:
    """Inputs with the numbers that are to be predicted.

    Args:
        inputs: (N, k) finite numbers, kept as a read-only float64 copy.
        targets: (N, m) finite numbers to be predicted, kept as a read-only float64 copy.
        name: where the data come from, for messages.
        features: names of the k columns of the inputs.
        target_names: names of the m columns of the targets.

    Raises:
        BadInputError: the shapes do not fit, there are no rows, or a number is not finite.

    Examples:
        >>> data = RegressionData([[0.0], [1.0]], [[2.5], [3.5]], "tiny", ("x",), ("y",))
        >>> len(data), data.targets.ravel().tolist()
        (2, [2.5, 3.5])
    """

    inputs: Float[np.ndarray, "N k"]
    targets: Float[np.ndarray, "N m"]
    name: str
    features: tuple[str, ...]
    target_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Copy, freeze and check the arrays."""
        for field, names in (("inputs", self.features), ("targets", self.target_names)):
            values = frozen(numbers_of(getattr(self, field), self.name, field), np.float64)
            object.__setattr__(self, field, values)
            if not values.size or values.shape[1] != len(names):
                problem = f"shape {values.shape} with {len(names)} names"
                remedy = "give rows and columns, and one name for each column"
                raise BadInputError(f"{self.name}: {field}", problem, remedy)
            check_finite(values, names, f"{self.name}: {field}")
        if len(self.inputs) != len(self.targets):
            problem = f"{len(self.targets)} rows do not fit {len(self.inputs)} rows of inputs"
            raise BadInputError(f"{self.name}: targets", problem, "give one row for each item")

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.inputs)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 hash of the inputs and targets, as hexadecimal text."""
        digest = hashlib.sha256(repr((self.inputs.shape, self.targets.shape)).encode())
        digest.update(np.ascontiguousarray(self.inputs, "<f8").tobytes())
        digest.update(np.ascontiguousarray(self.targets, "<f8").tobytes())
        return digest.hexdigest()

    def subset(self, rows: Int[np.ndarray, " M"] | slice) -> "RegressionData":
        """The given rows in the given order."""
        inputs, targets = self.inputs[rows], self.targets[rows]
        return RegressionData(inputs, targets, self.name, self.features, self.target_names)

    def with_inputs(self, inputs: Float[np.ndarray, "N k"]) -> "RegressionData":
        """The same rows with other values (N, k) of the inputs."""
        return RegressionData(inputs, self.targets, self.name, self.features, self.target_names)

    def with_targets(self, targets: Float[np.ndarray, "N m"]) -> "RegressionData":
        """The same rows with other values (N, m) of the targets."""
        return RegressionData(self.inputs, targets, self.name, self.features, self.target_names)


def regression_from_arrays(
    inputs: ArrayLike, targets: ArrayLike, name: str, features: Sequence[str] = ()
) -> RegressionData:
    """Turn arrays into `RegressionData`.

    Args:
        inputs: (N, k) real numbers.
        targets: (N,) or (N, m) real numbers to be predicted.
        name: where the data come from, for messages.
        features: names of the k columns of the inputs; by default ``x1``, ``x2`` and so on.

    Returns:
        The data. A single target is called ``y``, several are called ``y1``, ``y2`` and so on.

    Raises:
        BadInputError: the shapes do not fit, there are no rows, or a number is not finite.

    Examples:
        >>> regression_from_arrays([[1.0], [2.0]], [0.5, 1.5], "tiny").targets.shape
        (2, 1)
    """
    refuse_masked(targets, f"{name}: targets")
    table, numbers = numbers_of(inputs, name), np.asarray(targets)
    if numbers.ndim == 1:
        numbers = numbers[:, None]
    names = tuple(features) or tuple(f"x{column + 1}" for column in range(table.shape[1]))
    columns = numbers.shape[1] if numbers.ndim == 2 else 1
    target_names = ("y",) if columns == 1 else tuple(f"y{k + 1}" for k in range(columns))
    return RegressionData(table, numbers, name, names, target_names)
