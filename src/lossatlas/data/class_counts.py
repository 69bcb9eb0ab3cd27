"""How many rows of each class there are, how many a stratified split takes, and what is missing."""

import warnings

import numpy as np
from jaxtyping import Int

from lossatlas.data.dataset import Dataset
from lossatlas.errors import DataWarning

SHOWN = 12
"""Of more classes than these, a message shows the counts of those without rows alone."""


def apportion(
    sizes: Int[np.ndarray, " C"],
    rows: int,
    least: Int[np.ndarray, " C"],
    most: Int[np.ndarray, " C"],
) -> Int[np.ndarray, " C"]:
    """Share out a number of rows among classes, as nearly in proportion to their sizes as can be.

    Sainte-Laguë's method: of all shares within the bounds that add up to `rows` it takes those
    with the smallest sum of (share - proportional share)^2 / size. More rows never make the share
    of a class smaller.

    Args:
        sizes: (C,) rows of each class, 0 or more.
        rows: how many to share out, from ``least.sum()`` to ``most.sum()``.
        least: (C,) at least so many of each class.
        most: (C,) at most so many of each class.

    Returns:
        (C,) how many rows of each class to take.

    Examples:
        >>> sizes = np.array([60, 30, 1])
        >>> apportion(sizes, 10, least=np.minimum(sizes, 1), most=sizes).tolist()
        [6, 3, 1]
    """
    owners = np.repeat(np.arange(len(sizes)), most - least)
    # The k-th row of a class of n comes in the order of descending n / (k - 1/2).
    steps = np.concatenate([np.arange(low, high) for low, high in zip(least, most, strict=True)])
    order = np.argsort(-sizes[owners] / (steps + 0.5), kind="stable")
    further = owners[order[: rows - int(least.sum())]]
    return least + np.bincount(further, minlength=len(sizes))


def counts_by_class(data: Dataset) -> Int[np.ndarray, " C"]:
    """(C,) the rows of each class, 0 for those that are absent.

    Examples:
        >>> counts_by_class(Dataset([[0.0], [1.0]], [0, 0], ("no", "yes"), "tiny", ("a",)))
        array([2, 0])
    """
    return np.bincount(data.labels, minlength=len(data.classes))


def warn_of_missing_classes(train: Dataset, test: Dataset, where: str, remedy: str) -> None:
    """Warn if the training rows or the test rows lack a class.

    Args:
        train: training rows, with their labels before any noise.
        test: test rows.
        where: the file and key that chose the rows, used in the message.
        remedy: what to do about it, used in the message.

    Warns:
        DataWarning: names the classes, the counts and the remedy. Without a class that lacks rows
            nothing is said.
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
