"""Warnings of data that can be used, but are probably not what the user means."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from lossatlas.data.columns import LIKELY, TELLING, Columns, quoted
from lossatlas.data.dataset import Dataset

FEW_ROWS_IN_ORDER, FEW_ROWS = 5, 10
"""Smallest numbers of rows for which consecutive whole numbers in a column are no coincidence, in
the order of the file and in any order."""


def suspicions(data: Dataset, columns: Columns | None = None) -> list[str]:
    """Find columns that only count rows, labels that hardly repeat, and labels in another column.

    Args:
        data: the data that were read.
        columns: the columns of a text table; by default None, for arrays.

    Returns:
        One message for each suspicion, with the name of the data and the remedy.

    Examples:
        >>> data = Dataset(np.arange(8.0)[:, None], np.arange(8) % 2, ("a", "b"), "t", ("Id",))
        >>> suspicions(data)[0].startswith("t: the column 'Id' only counts the rows")
        True
    """
    found = [*_counting(data, columns), *_hardly_repeated(data, columns), *_alike(data)]
    if columns is not None:
        found += _other_label(columns)
    return [f"{data.name}: {message}" for message in found]


def counts_rows(column: Float[np.ndarray, " N"]) -> bool:
    """Whether a column holds consecutive whole numbers, in any order if there are many rows.

    Args:
        column: (N,) the values of the column.

    Examples:
        >>> counts_rows(np.arange(1.0, 6.0)), counts_rows(np.array([2.0, 1.0, 3.0, 4.0, 5.0]))
        (True, False)
    """
    rows = len(column)
    lowest = column.min()
    if rows < FEW_ROWS_IN_ORDER or column.max() - lowest != rows - 1 or lowest != round(lowest):
        return False
    steps = np.diff(column)
    if np.all(steps == 1) or np.all(steps == -1):
        return True
    return rows >= FEW_ROWS and np.array_equal(np.sort(column), lowest + np.arange(rows))


def _counting(data: Dataset, columns: Columns | None) -> Iterator[str]:
    for index, name in enumerate(data.features):
        if counts_rows(data.inputs[:, index]):
            remedy = "leave it out of the array inputs"
            if columns is not None:
                remedy = f"drop = [{quoted(name)}] leaves it out"
            yield f"the column {name!r} only counts the rows; if it is no input, {remedy}"


def _hardly_repeated(data: Dataset, columns: Columns | None) -> Iterator[str]:
    rows, classes = len(data), len(data.classes)
    if classes <= 2 or rows >= (10 if classes > 20 else 2) * classes:
        return
    what = "every row is its own class" if rows == classes else f"{classes} classes in {rows} rows"
    remedy = "labels have to repeat: give classes, not names, counts or measurements"
    if columns is not None:
        remedy = f"{remedy}; {columns.keys_to_set()}"
    yield f"{what}; {remedy}"


def _alike(data: Dataset) -> Iterator[str]:
    """Classes that differ only in case or blanks, which are mostly one class typed differently."""
    seen: dict[str, str] = {}
    for name in data.classes:
        other = seen.setdefault(" ".join(name.lower().split()), name)
        if other != name:
            yield (
                f"the classes {other!r} and {name!r} differ only in case or blanks; "
                "if they are one class, write them alike"
            )


def _other_label(columns: Columns) -> Iterator[str]:
    label, likely = columns.names[columns.label], columns.likely_label()
    if columns.chosen or label.lower() in LIKELY or likely is None:
        return
    if likely.lower() in TELLING:
        yield f"the column {likely!r} is read as an input; {columns.keys_to_set()}"
