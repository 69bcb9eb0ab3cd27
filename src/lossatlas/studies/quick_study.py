"""A study that is written for a table, with defaults that suit most tables."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError
from lossatlas.studies.study import Study, study_of_text

TRAIN, TEST = 0.8, 0.2
"""Shares of the rows for training and testing, unless testing rows are in a file of their own."""


class Quick(NamedTuple):
    """What a user says about a table and its network; None stands for the default of a study.

    Attributes:
        hidden: number of units of each hidden layer.
        l2: lambda, the factor of the sum of squared weights.
        activation: name of the activation of the hidden units.
        function: name of the loss.
        label: name of the column of the labels or targets.
        drop: names of columns to leave out.
        test_path: path of a table of testing rows; all rows of the first table are then for
            training.
    """

    hidden: tuple[int, ...]
    l2: float
    activation: str | None = None
    function: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    test_path: str | None = None


def study_text(table: str, quick: Quick, numbers: bool) -> str:
    """The text of a study file for a table.

    Columns are scaled to mean 0 and standard deviation 1. Rows are drawn class by class, or at
    random if numbers are predicted, which are scaled too.

    Args:
        table: path of the table, as it is written into the study.
        quick: what the user says about the table and the network.
        numbers: whether numbers are predicted, not classes.

    Examples:
        >>> text = study_text("a.csv", Quick((10,), 1e-4), numbers=False)
        >>> text.splitlines()[:4]
        ['[data]', 'source = "file"', 'path = "a.csv"', 'train = 0.8']
    """
    own = quick.test_path is not None
    data: dict[str, Any] = {
        "source": "file",
        "path": table,
        "test_path": quick.test_path,
        "train": 1.0 if own else TRAIN,
        "test": 1.0 if own else TEST,
        "split": "ordered" if own else ("random" if numbers else "stratified"),
        "scaling": "standard",
        "target_scaling": "standard" if numbers else None,
        "label": quick.label,
        "drop": list(quick.drop) or None,
    }
    network = {"hidden": list(quick.hidden), "activation": quick.activation}
    loss = {"function": quick.function, "l2": quick.l2}
    tables = {"data": data, "network": network, "loss": loss}
    return "\n".join(_table(name, keys) for name, keys in tables.items())


class Draft(NamedTuple):
    """A study that has been checked but not written yet.

    Attributes:
        study: the study; its `Study.file` is the path that will be written.
        text: the text of that file.
    """

    study: Study
    text: str

    def write(self) -> Path:
        """Write the file, and return its path.

        Raises:
            BadInputError: if the file cannot be written.
        """
        path = self.study.file
        try:
            path.write_text(self.text, encoding="utf-8")
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise BadInputError(str(path), problem, "give --atlas in another folder") from error
        return path


def draft_study(table: Path, folder: Path, quick: Quick) -> Draft:
    """Make the study of a table and check it like a file, without writing it.

    The file will have the name of the table. A file of this name must have the same content.

    Args:
        table: path of the table.
        folder: folder of the study file; paths in the study are relative to it.
        quick: what the user says about the table and the network.

    Raises:
        BadInputError: if a file of this name exists and has another content, or the study is not
            valid (see `load_study`).
    """
    from lossatlas.parts import find_loss

    numbers = quick.function is not None and find_loss(quick.function).targets == "numbers"
    name = table.name
    while Path(name).suffix:
        name = Path(name).stem
    path = folder / f"{name}.toml"
    if quick.test_path is not None:
        quick = quick._replace(test_path=_relative(Path(quick.test_path), folder))
    text = study_text(_relative(table, folder), quick, numbers)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        problem = "is there already, and says something else"
        remedy = f"explore it (lossatlas explore {path}), or give --atlas in another folder"
        raise BadInputError(str(path), problem, remedy)
    return Draft(study_of_text(text, path), text)


def _relative(path: Path, folder: Path) -> str:
    """A path relative to a folder, with forward slashes; absolute if none is relative to it."""
    whole = Path(os.path.expanduser(path)).resolve()
    try:
        return Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:  # on Windows, a path on another drive
        return whole.as_posix()


def _table(name: str, keys: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in keys.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
