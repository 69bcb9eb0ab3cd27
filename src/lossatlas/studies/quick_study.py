"""A study written for a table: what is not said has defaults that suit most tables."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError
from lossatlas.studies.study import Study, study_of_text

TRAIN, TEST = 0.8, 0.2
"""Shares of the rows; all rows, where the testing rows have a file of their own."""


class Quick(NamedTuple):
    """What is said of a table and its network; None for the default of a study.

    Attributes:
        hidden: units of each hidden layer.
        l2: lambda.
        activation: of the hidden units.
        function: the loss.
        label: the column of the labels or targets.
        drop: columns to leave out.
        test_path: a table of testing rows; the others are all for training then.
    """

    hidden: tuple[int, ...]
    l2: float
    activation: str | None = None
    function: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    test_path: str | None = None


def study_text(table: str, quick: Quick, numbers: bool) -> str:
    """The study of a table, as the text of a file.

    Columns are scaled to mean 0 and standard deviation 1. Rows are drawn class by class, or at
    random if numbers are predicted, which are scaled too.

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
    """A study that has been checked, and is not written yet.

    Attributes:
        study: the study; its ``file`` is where it will be.
        text: of that file.
    """

    study: Study
    text: str

    def write(self) -> Path:
        """Write the file; its path.

        Raises:
            BadInputError: if it cannot be written.
        """
        path = self.study.file
        try:
            path.write_text(self.text, encoding="utf-8")
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise BadInputError(str(path), problem, "give --atlas in another folder") from error
        return path


def draft_study(table: Path, folder: Path, quick: Quick) -> Draft:
    """The study of a table, checked as if it were read from a file; nothing is written.

    The file is named like the table. One that is there must say the same.

    Args:
        table: the path of the table.
        folder: where the study shall lie; paths in it are relative to this folder.
        quick: what is said of the table and the network.

    Raises:
        BadInputError: if a study of this name is there that says something else, and as
            `load_study`.
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
    """A path as seen from a folder, with forward slashes; absolute if there is no such way."""
    whole = Path(os.path.expanduser(path)).resolve()
    try:
        return Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return whole.as_posix()


def _table(name: str, keys: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in keys.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
