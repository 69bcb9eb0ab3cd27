"""The distribution of the training items over the classes, before and after label noise."""

from typing import TYPE_CHECKING

import numpy as np

from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from pandas import DataFrame


def class_distribution(source: Atlas | Problem) -> "DataFrame":
    """Count the training items of every class, before and after label noise.

    The supplementary information of the paper shows these training set distributions.

    Args:
        source: an open atlas, or the problem of a study.

    Returns:
        One row for each class, with the columns ``class`` (its name), ``before`` (number of items
        of the class in the clean data), ``changed`` (number of these that were given another
        label) and ``after`` (number of items that have its label in training). Without label
        noise ``after`` equals ``before``.

    Raises:
        BadInputError: the problem has no training labels.

    Examples:
        >>> arrays = {
        ...     "train_labels": np.array([1, 1, 0]),
        ...     "train_clean_labels": np.array([0, 1, 0]),
        ...     "train_changed": np.array([True, False, False]),
        ... }
        >>> print(class_distribution(Problem({}, {"classes": ["bent", "linear"]}, arrays)))
            class  before  changed  after
        0    bent       2        1      1
        1  linear       1        0      2
    """
    import pandas as pd

    problem = source if isinstance(source, Problem) else source.problem
    if "train_labels" not in problem.arrays or "classes" not in problem.specification:
        raise BadInputError("atlas", "it holds no labels", "explore a study with data")
    classes = problem.specification["classes"]
    after = problem.arrays["train_labels"]
    before = problem.arrays.get("train_clean_labels", after)
    counts = {
        "before": before,
        "changed": before[before != after],
        "after": after,
    }
    columns = {key: np.bincount(part, minlength=len(classes)) for key, part in counts.items()}
    return pd.DataFrame({"class": classes, **columns})
