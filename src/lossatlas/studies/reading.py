"""Reading, splitting and scaling of the rows that the table [data] of a study names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lossatlas.data import (
    Dataset,
    Scaling,
    Split,
    load_idx,
    load_ljat3,
    load_mnist,
    openml_dataset,
    read_table,
    scale,
    scale_targets,
    sklearn_dataset,
    split,
    split_pools,
)
from lossatlas.data.frames import Data
from lossatlas.data.idx import PicturePools
from lossatlas.errors import BadInputError
from lossatlas.studies.sources import (
    FileSource,
    IDXSource,
    LJAT3Source,
    MNISTSource,
    OpenMLSource,
)
from lossatlas.studies.study import Study


def read_parts(study: Study, numbers: bool) -> tuple[Split, dict[str, Any]]:
    """Read the training and testing rows of a study, and scale them.

    Args:
        study: the study.
        numbers: whether its loss predicts numbers, not classes.

    Returns:
        The rows, and notes about them that the study does not contain, such as names of columns.

    Raises:
        BadInputError: if the data cannot be used, for the reasons of `lossatlas.data`, or do not
            fit the loss.
    """
    data = study.data
    if isinstance(data, LJAT3Source | MNISTSource | IDXSource):
        if numbers:
            problem = f"the source {data.source} has classes, the loss predicts numbers"
            raise BadInputError(f"{study.file}: [loss] function", problem, "choose another loss")
        parts, about = _of_pools(study, data)
    elif isinstance(data, FileSource) and data.test_path is not None:
        parts, about = _of_two_files(study, data, numbers)
    else:
        rows = _rows(study, numbers)
        parts = split(rows, *counts(study, len(rows)), data.seed, data.split)
        about = {"rows": len(rows), "checksum": rows.checksum}
    scaled, scaling = scale(parts, data.scaling)
    train, test = parts
    notes = {
        "classes": list(train.classes) if isinstance(train, Dataset) else [],
        "features": list(train.features),
        "scaling": _scaling_notes(scaling),
        "source": about,
        "checksums": {"train": train.checksum, "test": test.checksum},
    }
    if not isinstance(train, Dataset):
        scaled, target_scaling = scale_targets(scaled, data.target_scaling)
        notes["targets"] = list(train.target_names)
        notes["target_scaling"] = _scaling_notes(target_scaling)
    elif data.target_scaling != "none":
        problem = "classes have no scale"
        raise BadInputError(f"{study.file}: [data] target_scaling", problem, "leave it out")
    return scaled, notes


def counts(study: Study, rows: int, test_rows: int | None = None) -> tuple[int, int]:
    """The numbers of training and testing rows, where shares of all rows become numbers.

    Args:
        study: the study.
        rows: number of all rows.
        test_rows: number of all testing rows if they are in a file of their own; by default None.

    Raises:
        BadInputError: if the shares are more than all rows.

    Examples:
        >>> study = Study.model_validate(
        ...     {
        ...         "data": {"source": "sklearn", "name": "iris", "train": 0.8, "test": 0.2},
        ...         "network": {"hidden": [3]},
        ...         "loss": {"l2": 1e-3},
        ...     }
        ... )
        >>> counts(study, 151)
        (121, 30)
    """
    train, test = study.data.train, study.data.test
    shared = isinstance(train, float) and isinstance(test, float) and test_rows is None
    if shared and train + test > 1.0 + 1e-9:
        problem = f"shares of {train:g} and {test:g} are more than all rows"
        raise BadInputError(f"{study.file}: [data] train", problem, "use e.g. 0.8 and 0.2")
    first = max(1, round(train * rows)) if isinstance(train, float) else train
    others = rows if test_rows is None else test_rows
    second = max(1, round(test * others)) if isinstance(test, float) else test
    if shared and abs(train + test - 1.0) < 1e-9:
        second = max(1, rows - first)  # every row is in one of the two
    return first, second


@contextmanager
def in_file(study: Study) -> Iterator[None]:
    """A context in which messages about a table of the study name its file."""
    try:
        yield
    except BadInputError as error:
        where = f"{study.file}: {error.where}"
        raise BadInputError(where, error.problem, error.remedy) from error


def _of_pools(
    study: Study, data: LJAT3Source | MNISTSource | IDXSource
) -> tuple[Split, dict[str, Any]]:
    if isinstance(data, LJAT3Source):
        drawn = load_ljat3(
            data.side, data.items, data.inputs, data.step_cap, data.seed, curvature=data.curvature
        )
        pools: Any = drawn.pools
        about = {
            "counts": list(drawn.counts),
            "unconverged": drawn.unconverged,
            "elsewhere": drawn.elsewhere,
            "evaluations": drawn.evaluations,
        }
    else:
        pools = _pictures(study, data)
        about = {"rows": len(pools.train) + len(pools.test)}
    asked = counts(study, len(pools[0]), len(pools[1]))
    return split_pools(pools, *asked, data.seed, data.split), about


def _of_two_files(study: Study, data: FileSource, numbers: bool) -> tuple[Split, dict[str, Any]]:
    """The training rows of one file and the testing rows of another with the same columns."""
    train = _table(study, data, data.path, numbers)
    test = _table(study, data, str(data.test_path), numbers)
    where = f"{study.file}: [data] test_path"
    if train.features != test.features:
        problem = f"its inputs are {', '.join(test.features)}, those of path are others"
        raise BadInputError(where, problem, f"give the columns {', '.join(train.features)}")
    if isinstance(train, Dataset) and isinstance(test, Dataset):
        unknown = sorted(set(test.classes) - set(train.classes))
        if unknown:
            problem = f"it has the class {unknown[0]!r}, which path lacks"
            raise BadInputError(where, problem, "train on rows of every class")
        number = {name: k for k, name in enumerate(train.classes)}
        labels = np.array([number[test.classes[k]] for k in test.labels])
        test = Dataset(test.inputs, labels, train.classes, test.name, test.features)
    asked = counts(study, len(train), len(test))
    pools: Any = (train, test)
    about = {
        "rows": len(train) + len(test),
        "checksum": train.checksum,
        "test_checksum": test.checksum,
    }
    return split_pools(pools, *asked, data.seed, data.split), about


def _pictures(study: Study, data: MNISTSource | IDXSource) -> PicturePools:
    if isinstance(data, MNISTSource):
        return load_mnist(data.path and study.beside(data.path), data.pixels)
    return load_idx(study.beside(data.path), data.prefix or "", data.pixels)


def _rows(study: Study, numbers: bool) -> Data:
    data = study.data
    if isinstance(data, FileSource):
        return _table(study, data, data.path, numbers)
    with in_file(study):
        if isinstance(data, OpenMLSource):
            return openml_dataset(data.number, label=data.label, drop=data.drop, numbers=numbers)
        rows = sklearn_dataset(data.name)  # type: ignore[union-attr]
    if isinstance(rows, Dataset) == numbers:
        has, wants = ("classes", "numbers") if numbers else ("numbers", "classes")
        problem = f"scikit-learn's {data.name} has {has}, the loss predicts {wants}"  # type: ignore[union-attr]
        fitting = "softmax-cross-entropy" if numbers else "mean-squared-error"
        raise BadInputError(f"{study.file}: [loss] function", problem, f"use {fitting!r}")
    return rows


def _table(study: Study, data: FileSource, path: str, numbers: bool) -> Data:
    place = study.beside(path)
    return read_table(place, label=data.label, drop=data.drop, header=data.header, numbers=numbers)


def _scaling_notes(scaling: Scaling) -> dict[str, list[float]]:
    return {"shift": scaling.shift.tolist(), "factor": scaling.factor.tolist()}
