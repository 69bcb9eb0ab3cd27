"""Data from other libraries: pandas, Parquet files, OpenML, scikit-learn, and torch data sets."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lossatlas.data.columns import quoted
from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.data.regression import RegressionData, regression_from_arrays
from lossatlas.errors import BadInputError
from lossatlas.given_data import as_frame, label_column, parted
from lossatlas.labels import refuse_mixed, refuse_names

Data = Dataset | RegressionData


def data_from_frame(
    frame: Any,
    name: str,
    *,
    label: str | None = None,
    drop: Sequence[str] = (),
    numbers: bool = False,
) -> Data:
    """A labeled data set from a pandas DataFrame.

    Args:
        frame: the DataFrame, with one row for each item. One column holds labels or targets, and
            all others hold numbers.
        name: where the data come from, for messages.
        label: name of the column of the labels; by default it is the one called ``label``, or else
            the last.
        drop: names of columns to leave out; default none.
        numbers: whether that column holds numbers to be predicted rather than classes; default
            False.

    Raises:
        BadInputError: no column or several columns have a given name, a column of inputs does not
            hold numbers or has missing values, labels are missing, or for the reasons of
            `dataset_from_arrays`.

    Examples:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"a": [1.0, 2.0], "label": ["x", "y"]})
        >>> data_from_frame(frame, "tiny").classes
        ('x', 'y')
    """
    columns = _columns(frame, name)
    for wanted in {label, *drop} - {None}:
        if wanted not in columns:
            remedy = f"the columns are {', '.join(columns)}"
            raise BadInputError(name, f"there is no column {quoted(str(wanted))}", remedy)
    kept = [column for column in columns if column not in drop]
    found = label or (label_column(kept) if kept else "")
    features = [column for column in kept if column != found]
    if not features:
        raise BadInputError(name, "there are no inputs", "give at least two columns")
    inputs = np.column_stack([_numbers(frame[columns[c]], c, name) for c in features])
    values = frame[columns[found]]
    if values.isna().any():
        problem = f"{int(values.isna().sum())} labels are missing"
        raise BadInputError(f"{name}: column {found!r}", problem, "fill in or remove these rows")
    if numbers:
        targets = _numbers(values, found, name)[:, None]
        return RegressionData(inputs, targets, name, tuple(features), (found,))
    plain = values.to_numpy()
    refuse_mixed(plain, f"{name}: column {found!r}")
    labels = plain if plain.dtype.kind in "fiub" else plain.astype(str)
    return dataset_from_arrays(inputs, labels, name, features)


def _columns(frame: Any, name: str) -> dict[str, Any]:
    """The columns by their names as text; a name that several columns share is refused."""
    names = [str(column) for column in frame.columns]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        problem = f"several columns have the name {', '.join(map(quoted, twice))}"
        raise BadInputError(name, problem, "give each column a name of its own")
    return dict(zip(names, frame.columns, strict=True))


def _numbers(column: Any, name: str, where: str) -> np.ndarray:
    """A column of numbers as float64, with NaN for missing values."""
    import pandas as pd

    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        problem = f"it holds {column.dtype}, not numbers"
        remedy = f"convert it to numbers, or leave it out by drop = [{quoted(name)}]"
        raise BadInputError(f"{where}: column {name!r}", problem, remedy)
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def read_parquet(path: Path, **options: Any) -> Data:
    """A labeled data set from a Parquet file.

    Args:
        path: path of the file.
        options: keyword arguments of `data_from_frame`.

    Raises:
        BadInputError: it is not a Parquet file, the library that reads it is not installed, or for
            the reasons of `data_from_frame`.
    """
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        remedy = "install it: pip install 'lossatlas[parquet]'"
        raise BadInputError(str(path), "reading Parquet needs pyarrow", remedy) from error
    except Exception as error:  # The kind of error depends on what the file is instead.
        problem = f"is not a Parquet file that can be read ({str(error).splitlines()[0]})"
        raise BadInputError(str(path), problem, "write it again, e.g. as CSV") from error
    return data_from_frame(frame, str(path), **options)


def openml_dataset(
    number: int, *, label: str | None = None, drop: Sequence[str] = (), numbers: bool = False
) -> Data:
    """A data set of OpenML, which scikit-learn downloads once and keeps in its cache.

    Args:
        number: number of the data set, as in its web address.
        label: name of the column of the labels; by default the target that OpenML names.
        drop: names of columns to leave out; default none.
        numbers: whether that column holds numbers to be predicted rather than classes; default
            False.

    Raises:
        BadInputError: the data set cannot be downloaded, or for the reasons of `data_from_frame`.

    Examples:
        >>> openml_dataset(61).classes                               # doctest: +SKIP
        ('Iris-setosa', 'Iris-versicolor', 'Iris-virginica')
    """
    from sklearn.datasets import fetch_openml

    where = f"OpenML {number}"
    try:
        with warnings.catch_warnings():
            # That it is tried again says nothing to someone who is told how it ended.
            warnings.filterwarnings("ignore", "A network error occurred")
            bunch: Any = fetch_openml(data_id=number, as_frame=True, parser="auto")
    except Exception as error:  # It may come from the network, the server or the parser.
        problem = f"cannot be fetched ({type(error).__name__}: {str(error).splitlines()[0]})"
        remedy = 'check the number and the connection, or save the table and read it as a "file"'
        raise BadInputError(where, problem, remedy) from error
    target = label or (bunch.target.name if bunch.target is not None else None)
    return data_from_frame(bunch.frame, where, label=target, drop=drop, numbers=numbers)


def data_from(source: Any, numbers: bool = False, name: str = "data") -> Data:
    """A labeled data set from arrays or from objects of other libraries.

    Args:
        source: a `Dataset` or `RegressionData`, a pair ``(inputs, labels)`` of arrays, tensors or
            tables, one table of pandas or Arrow, a scikit-learn Bunch, or a map-style torch data
            set of pairs, which is read into memory as a whole.
        numbers: whether to predict numbers rather than classes; default False.
        name: where the data come from, for messages; default ``"data"``.

    Raises:
        BadInputError: the source is something else, holds classes where numbers are wanted or the
            reverse, or for the reasons of `data_from_frame` and `dataset_from_arrays`.

    Examples:
        >>> data_from(([[1.0], [2.0]], ["a", "b"])).classes
        ('a', 'b')
    """
    if isinstance(source, Dataset | RegressionData):
        if isinstance(source, RegressionData) != numbers:
            wanted = "numbers" if numbers else "classes"
            raise BadInputError(name, f"the loss wants {wanted}", "choose another loss")
        return source
    source = as_frame(source)
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        return data_from_frame(source, name, numbers=numbers)
    given = parted(source, name)
    if numbers:
        refuse_names(given.classes, "numbers", name)
    made = regression_from_arrays if numbers else dataset_from_arrays
    found = made(given.inputs, given.labels, name, given.features)
    if isinstance(found, Dataset) and given.classes:  # which the numbers stand for
        return Dataset(given.inputs, given.labels, given.classes, name, found.features)
    return found
