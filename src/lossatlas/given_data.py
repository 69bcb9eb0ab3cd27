"""What users hold as data, as arrays: NumPy, pandas, bunches of scikit-learn, torch, pairs of them.

None of these libraries is imported: things are known by what they can do.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.labels import numbered, refuse_masked, refuse_mixed

KNOWN = (
    "give inputs and labels as two arrays, tensors or tables, a bunch of scikit-learn, one table "
    "with the labels in a column, or a torch data set of pairs"
)


class Parted(NamedTuple):
    """Inputs and what is to be predicted of them, as they were given.

    Attributes:
        inputs: (items, features) numbers, or whatever else was given in their place.
        labels: (items,) classes or numbers, or (items, outputs) numbers.
        features: names of the columns; empty where they have none.
        classes: names of the classes that whole numbers stand for; empty where they have none.
    """

    inputs: np.ndarray
    labels: np.ndarray
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def given_data(inputs: Any, labels: Any = None, where: str = "training data") -> Parted:
    """Inputs as float64, labels as whole numbers or numbers.

    Texts become whole numbers in their alphabetical order, and name the classes. Whole numbers stay
    as they are. So where there are names of classes, labels are no numbers to be predicted; see
    `labels.refuse_names`.

    Args:
        inputs: (items, features) numbers: an array, a tensor, a table; or, without `labels`, what
            holds both.
        labels: (items,) or (items, 1) classes, or numbers to be predicted.
        where: what to call the data in messages.

    Raises:
        BadInputError: for what holds no data, inputs that are no numbers, labels that are missing
            or of several kinds, masked values, and a wrong number of names.

    Examples:
        >>> given_data([[1.0], [2.0]], ["yes", "no"]).labels.tolist()
        [1, 0]
        >>> given_data({"data": [[1.0]], "target": [0]})
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: training data: a dict holds no labelled data; ...
    """
    given = parted(inputs, where) if labels is None else _pair(inputs, labels, where)
    values = _floats(given.inputs, given.features, where)
    if given.features and values.ndim == 2 and len(given.features) != values.shape[1]:
        problem = f"{len(given.features)} names of features for {values.shape[1]} columns"
        raise BadInputError(where, problem, "give one name per column, or none")
    column, classes = _numbered(given.labels, where)
    return Parted(values, column, given.features, classes or given.classes)


def parted(data: Any, where: str) -> Parted:
    """Inputs and labels of what holds both.

    Args:
        data: as `inputs` of `given_data`.
        where: what to call the data in messages.

    Raises:
        BadInputError: if it holds no labelled data.
    """
    if isinstance(data, type):
        problem = f"{data.__name__} is a class, not an object that holds data"
        raise BadInputError(where, problem, f"make one: {data.__name__}(...)")
    data = as_frame(data)
    if hasattr(data, "inputs") and (hasattr(data, "labels") or hasattr(data, "targets")):
        labels = data.labels if hasattr(data, "labels") else data.targets
        return _pair(data.inputs, labels, where)._replace(
            classes=_names(data, "classes", where), features=_names(data, "features", where)
        )
    if hasattr(data, "target") and hasattr(data, "data"):
        return _of_bunch(data, where)
    if hasattr(data, "columns"):
        return _of_table(data, where)
    tensors = getattr(data, "tensors", ())
    if isinstance(tensors, tuple | list) and len(tensors) == 2:
        return _pair(tensors[0], tensors[1], where)
    if hasattr(data, "batch_sampler") and hasattr(data, "dataset"):
        return parted(data.dataset, where)
    if isinstance(data, tuple | list) and len(data) == 2:
        return _of_two(data, where)
    if isinstance(data, str | bytes | dict | np.ndarray) or hasattr(data, "detach"):
        raise BadInputError(where, f"a {type(data).__name__} holds no labelled data", KNOWN)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return _of_items(data, where)
    raise BadInputError(where, f"a {type(data).__name__} holds no labelled data", KNOWN)


def as_frame(data: Any) -> Any:
    """A table of Arrow as one of pandas; anything else as it is.

    Examples:
        >>> as_frame([1.0])
        [1.0]
    """
    arrow = hasattr(data, "column_names") and hasattr(data, "to_pandas")
    return data.to_pandas() if arrow else data


def _names(holder: Any, attribute: str, where: str) -> tuple[str, ...]:
    """Names that an object has, as texts; empty where it has none."""
    found = getattr(holder, attribute, None)
    if found is None:
        return ()
    if isinstance(found, str | bytes) or not np.iterable(found):
        problem = f"{attribute} is a {type(found).__name__}, not a list of names"
        raise BadInputError(where, problem, "give a list of texts, or None")
    return tuple(map(str, found))


def label_column(columns: Sequence[str]) -> str:
    """The column of the labels where none is named: that called label, or else the last.

    Examples:
        >>> label_column(["a", "Label", "b"]), label_column(["a", "b"])
        ('Label', 'b')
    """
    return next((name for name in columns if name.lower() == "label"), columns[-1])


def _pair(inputs: Any, labels: Any, where: str) -> Parted:
    for holder in (inputs, labels):
        if hasattr(holder, "target") or hasattr(holder, "tensors"):
            problem = f"a {type(holder).__name__} holds inputs and labels, and others are given too"
            remedy = "leave them out, and name what follows: hidden=(10,), l2=1e-4"
            raise BadInputError(where, problem, remedy)
    inputs, labels = as_frame(inputs), as_frame(labels)
    features = _names(inputs, "columns", where)
    return Parted(plain_array(inputs, where), _label_array(labels, where), features)


def _of_two(data: Sequence[Any], where: str) -> Parted:
    """Two things are inputs and labels; two pairs may be two items as well."""
    if not all(isinstance(part, tuple | list) and len(part) == 2 for part in data):
        return _pair(data[0], data[1], where)
    remedy = "give inputs and labels as two arrays, (inputs, labels)"
    if isinstance(data, list) and all(isinstance(part, tuple) for part in data):
        problem = "a list of two pairs is read as a pair (inputs, labels), and may be two items"
        raise BadInputError(where, problem, remedy)
    try:
        return _pair(data[0], data[1], where)
    except BadInputError as error:
        problem = f"{error.problem}; the two pairs were read as (inputs, labels), not as items"
        raise BadInputError(where, problem, remedy) from error


def _label_array(labels: Any, where: str) -> np.ndarray:
    found = plain_array(labels, where)
    refuse_mixed(labels, where)
    return found


def _of_bunch(bunch: Any, where: str) -> Parted:
    if bunch.target is None:
        raise BadInputError(where, "the bunch has no target", "name one when it is fetched")
    found = _pair(bunch.data, bunch.target, where)
    features = found.features or _names(bunch, "feature_names", where)
    labels, column = found.labels, isinstance(getattr(bunch, "target_names", None), str)
    names = () if column else _names(bunch, "target_names", where)
    whole = labels.dtype.kind in "iub" and labels.ndim == 1 and labels.size > 0
    # Otherwise these are the names of the columns of the targets.
    of_classes = whole and labels.min() >= 0 and len(names) > labels.max()
    return found._replace(features=features, classes=names if of_classes else ())


def _of_table(table: Any, where: str) -> Parted:
    columns = [str(name) for name in table.columns]
    if len(set(columns)) < max(2, len(columns)):
        problem = "it needs two or more columns, each with a name of its own"
        raise BadInputError(where, problem, f"its columns are {', '.join(columns) or 'none'}")
    by_name = dict(zip(columns, table.columns, strict=True))
    label = label_column(columns)
    features = tuple(name for name in columns if name != label)
    inputs = np.column_stack(
        [_floats(plain_array(table[by_name[n]], where), (n,), where) for n in features]
    )
    return Parted(inputs, _label_array(table[by_name[label]], where), features)


def _of_items(data: Any, where: str) -> Parted:
    inputs, labels = [], []
    for k in range(_length(data, where)):
        try:
            x, y = data[k]
        except Exception as error:  # of any kind: the data set is somebody else's
            problem = f"item {k} is no pair of inputs and label ({type(error).__name__}: {error})"
            raise BadInputError(where, problem, KNOWN) from error
        inputs.append(plain_array(x, where).ravel())
        labels.append(plain_array(y, where))
    if len({len(x) for x in inputs}) != 1:
        problem = f"its {len(inputs)} items have different numbers of inputs, or there are none"
        raise BadInputError(where, problem, "make them equal")
    if len(shapes := {y.shape for y in labels}) != 1:
        problem = f"the labels of its items have different shapes: {sorted(shapes)}"
        raise BadInputError(where, problem, "give one class or number for each item")
    refuse_mixed([y.tolist() for y in labels], where)
    return Parted(np.stack(inputs), np.array(labels))


def _length(data: Any, where: str) -> int:
    try:
        return len(data)
    except Exception as error:  # of any kind: the data set is somebody else's
        problem = f"a {type(data).__name__} has no length ({type(error).__name__}: {error})"
        raise BadInputError(where, problem, KNOWN) from error


def plain_array(values: Any, where: str) -> np.ndarray:
    """An array of NumPy: of a tensor, a sparse matrix, a column or a list.

    Args:
        values: numbers or texts.
        where: what to call them in messages.

    Raises:
        BadInputError: if it is no array of numbers or texts, or a value is masked.
    """
    refuse_masked(values, where)
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        elif hasattr(values, "toarray"):
            values = values.toarray()
        found = np.asarray(values)
        # Of columns that may have missing values, and of texts.
        return np.asarray(found.tolist()) if found.dtype == object else found
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        problem = f"a {type(values).__name__} is no array ({first})"
        raise BadInputError(where, problem, "make one of it with rows of equal length") from error


def _floats(inputs: np.ndarray, features: Sequence[str], where: str) -> np.ndarray:
    """Inputs as float64; texts are refused, also those that look like numbers."""
    if inputs.dtype.kind in "fiub":
        return inputs.astype(np.float64)
    problem = f"inputs are {inputs.dtype}, not real numbers"
    if len(features) == 1:
        problem = f"column {features[0]!r} holds {inputs.dtype}, not real numbers"
    elif inputs.dtype.kind in "OUST" and inputs.ndim == 2 and features:
        texts = [n for n, column in zip(features, inputs.T, strict=False) if not _numeric(column)]
        problem = f"these columns of the inputs hold no numbers: {', '.join(texts)}"
        if not texts:
            problem = "the inputs are texts that look like numbers"
            raise BadInputError(where, problem, "convert them, e.g. by inputs.astype(float)")
    raise BadInputError(where, problem, "give inputs as numbers; leave the others out")


def _numeric(column: np.ndarray) -> bool:
    try:
        column.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _numbered(labels: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels without texts, and the names of the classes where there were texts."""
    if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind != "f":
        labels = labels[:, 0]
    if labels.dtype.kind == "b":
        return labels.astype(np.int64), ()
    if labels.dtype.kind == "O":
        problem = "labels are missing, or are neither numbers nor texts"
        raise BadInputError(where, problem, "fill in or remove these rows")
    if labels.dtype.kind in "UST" and labels.ndim == 1:
        return numbered(labels, where)
    return labels, ()
