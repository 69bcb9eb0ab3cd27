"""The small data sets that are part of scikit-learn, so that nothing is downloaded."""

import numpy as np

from lossatlas.data.dataset import Dataset
from lossatlas.data.regression import RegressionData
from lossatlas.errors import BadInputError

SKLEARN_NAMES = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
"""Names of the data sets that `sklearn_dataset` can load."""
OF_NUMBERS = ("diabetes", "linnerud")
"""Data sets with numbers to be predicted."""


def sklearn_dataset(name: str) -> Dataset | RegressionData:
    """Load one of the data sets that are part of scikit-learn.

    Args:
        name: name of a data set with classes: ``"digits"`` (1797 rows of 64 pixels from 0 to 16,
            ten classes), ``"iris"`` (150 x 4, three classes), ``"wine"`` (178 x 13, three classes)
            or ``"breast_cancer"`` (569 x 30, two classes); or with numbers to be predicted:
            ``"diabetes"`` (442 x 10, one target) or ``"linnerud"`` (20 x 3, three targets). The
            rows of iris, wine and breast_cancer are sorted or grouped by class, so that they have
            to be split at random.

    Raises:
        BadInputError: there is no data set of this name.

    Examples:
        >>> data = sklearn_dataset("iris")
        >>> data.inputs.shape, data.classes
        ((150, 4), ('setosa', 'versicolor', 'virginica'))
    """
    if name not in SKLEARN_NAMES:
        raise BadInputError(
            "[data] name", f"unknown scikit-learn set {name!r}", f"use {', '.join(SKLEARN_NAMES)}"
        )
    # Imported here, because scikit-learn takes a second to load and is not always needed.
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = tuple(str(text) for text in bunch.feature_names)
    if name in OF_NUMBERS:
        targets = np.asarray(bunch.target, float).reshape(len(bunch.data), -1)
        named = tuple(str(text) for text in bunch.get("target_names", ("progression",)))
        return RegressionData(bunch.data, targets, f"scikit-learn {name}", features, named)
    classes = tuple(str(text) for text in bunch.target_names)
    return Dataset(bunch.data, bunch.target, classes, f"scikit-learn {name}", features)
