"""Numbers of rows of each class: what is there, what a stratified split takes, what is missing."""

import warnings

import numpy as np
from jaxtyping import Int

from lossatlas.data.dataset import Dataset
from lossatlas.errors import DataWarning

SHOWN = 12
"""Number of classes up to which a message shows all counts; otherwise it shows missing classes."""


def apportion(
    sizes: Int[np.ndarray, " C"],
    rows: int,
    least: Int[np.ndarray, " C"],
    most: Int[np.ndarray, " C"],
) -> Int[np.ndarray, " C"]:
    """Divide a number of rows among classes, as nearly in proportion to their sizes as possible.

    This is Sainte-Laguë's method: of all shares within the bounds that add up to ``rows``, it takes
    those with the smallest sum of (share - proportional share)^2 / size. The share of a class never
    becomes smaller when there are more rows.

    Args:
        sizes: (C,) number of rows of each class, 0 or more.
        rows: number of rows to divide, from ``least.sum()`` to ``most.sum()``.
        least: (C,) smallest allowed share of each class.
        most: (C,) largest allowed share of each class.

    Returns:
        (C,) number of rows to take of each class.

    Examples:
        >>> sizes = np.array([60, 30, 1])
        >>> apportion(sizes, 10, least=np.minimum(sizes, 1), most=sizes).tolist()
        [6, 3, 1]
    """
    owners = np.repeat(np.arange(len(sizes)), most - least)
    # The k-th row of a class of n rows is taken in the order of descending n / (k - 1/2).
    steps = np.concatenate([np.arange(low, high) for low, high in zip(least, most, strict=True)])
    order = np.argsort(-sizes[owners] / (steps + 0.5), kind="stable")
    further = owners[order[: rows - int(least.sum())]]
    return least + np.bincount(further, minlength=len(sizes))


def counts_by_class(data: Dataset) -> Int[np.ndarray, " C"]:
    """(C,) the number of rows of each class, which is 0 for absent classes.

    Examples:
        >>> counts_by_class(Dataset([[0.0], [1.0]], [0, 0], ("no", "yes"), "tiny", ("a",)))
        array([2, 0])
    """
    return np.bincount(data.labels, minlength=len(data.classes))


def warn_of_missing_classes(train: Dataset, test: Dataset, where: str, remedy: str) -> None:
    """Warn if the training rows or the testing rows lack a class.

    Args:
        train: training rows, with their labels before any label noise.
        test: testing rows.
        where: the file and key that chose the rows, for the message.
        remedy: what to do about it, for the message.

    Warns:
        DataWarning: a class has no training rows or no testing rows. The message names the classes
            and the counts.
    """
    counts = counts_by_class(train), counts_by_class(test)
    lacking = []
    for rows, count in zip(("training", "test"), counts, strict=True):
        names = [repr(train.classes[k]) for k in np.flatnonzero(count == 0)]
        if names:
            lacking.append(f"no {rows} row of {_listed(names, 'class', 'classes')}")
    if not lacking:
        return
    absent = (counts[0] == 0) | (counts[1] == 0)
    shown = np.arange(len(absent)) if len(absent) <= SHOWN else np.flatnonzero(absent)[:SHOWN]
    tables = [
        f"{rows}: {', '.join(f'{train.classes[k]} {count[k]}' for k in shown)}"
        for rows, count in zip(("training", "test"), counts, strict=True)
    ]
    problem = f"there is {' and '.join(lacking)} ({'; '.join(tables)})"
    consequence = "the AUC of such a class is undefined"
    warnings.warn(DataWarning(f"{where}: {problem}; {consequence}; {remedy}"), stacklevel=3)


def _listed(names: list[str], singular: str, plural: str) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{singular if len(names) == 1 else plural} {', '.join(names[:SHOWN])}{more}"
