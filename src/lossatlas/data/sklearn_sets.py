"""The small data sets that come with scikit-learn; nothing is downloaded."""

import numpy as np

from lossatlas.data.dataset import Dataset
from lossatlas.data.regression import RegressionData
from lossatlas.errors import BadInputError

SKLEARN_NAMES = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
"""The names that `sklearn_dataset` knows."""
OF_NUMBERS = ("diabetes", "linnerud")
"""Those whose targets are numbers to be predicted."""


def sklearn_dataset(name: str) -> Dataset | RegressionData:
    """One of scikit-learn's bundled sets.

    Args:
        name: ``digits`` (1797 x 64, ten classes, pixels 0..16), ``iris`` (150 x 4, three),
            ``wine`` (178 x 13, three) or ``breast_cancer`` (569 x 30, two). Rows of iris, wine
            and breast_cancer are sorted or grouped by class: split them at random. With numbers to
            be predicted: ``diabetes`` (442 x 10) and ``linnerud`` (20 x 3, three targets).

    Raises:
        BadInputError: another name.

    Examples:
        >>> data = sklearn_dataset("iris")
        >>> data.inputs.shape, data.classes
        ((150, 4), ('setosa', 'versicolor', 'virginica'))
    """
    if name not in SKLEARN_NAMES:
        raise BadInputError(
            "[data] name", f"unknown scikit-learn set {name!r}", f"use {', '.join(SKLEARN_NAMES)}"
        )
    # Imported here: scikit-learn takes a second to load and no other source needs it.
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = tuple(str(text) for text in bunch.feature_names)
    if name in OF_NUMBERS:
        targets = np.asarray(bunch.target, float).reshape(len(bunch.data), -1)
        named = tuple(str(text) for text in bunch.get("target_names", ("progression",)))
        return RegressionData(bunch.data, targets, f"scikit-learn {name}", features, named)
    classes = tuple(str(text) for text in bunch.target_names)
    return Dataset(bunch.data, bunch.target, classes, f"scikit-learn {name}", features)
