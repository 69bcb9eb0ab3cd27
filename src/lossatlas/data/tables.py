"""Data from files: NumPy archives (.npz), Parquet, and tables in text files (.csv, .tsv, .txt)."""

import os
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lossatlas.data.columns import TableOptions
from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.data.frames import read_parquet
from lossatlas.data.regression import RegressionData, regression_from_arrays
from lossatlas.data.suspicions import suspicions
from lossatlas.data.text_tables import read_text_table
from lossatlas.errors import BadInputError, DataWarning

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
"""Suffixes of tables in text files; each may be followed by one of `COMPRESSED`."""
COMPRESSED = (".gz", ".bz2", ".xz")
"""Suffixes of compressed files."""
PARQUET = (".parquet", ".pq")


def read_table(
    path: str | Path,
    *,
    label: str | None = None,
    drop: Sequence[str] = (),
    header: bool = True,
    numbers: bool = False,
) -> Dataset | RegressionData:
    """Read a labelled data set from a file.

    ``.npz``: arrays `inputs` (N, k) and `labels` (N,). ``.parquet`` and ``.pq``: a table with named
    columns. ``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.dat`` and ``.data``, each also with ``.gz``,
    ``.bz2`` or ``.xz``: a table in UTF-8 text (or UTF-16 with its mark), one row a line. Cells are
    separated by commas, semicolons, tabs, vertical bars or blanks; which of them is recognized. The
    first line names the columns. One column holds the labels, all others numbers. Blank lines are
    skipped, and so are lines that begin with ``#``, above the table and wherever the first column
    holds numbers.

    Labels are whole numbers or texts (see `dataset_from_arrays`). Decimal commas are read where
    nothing else can be meant.

    Args:
        path: the file; its suffix decides how it is read, and ``~`` is the home folder.
        label: of a text table: the name of the column of the labels. By default it is the column
            ``label``, in upper or lower case, or else the last one.
        drop: of a text table: names of columns to leave out.
        header: of a text table: whether the first line names the columns. If not, they are
            called ``x1, x2, ...``.
        numbers: whether the labels are numbers to be predicted, any numbers, not classes; the
            array of a ``.npz`` file is then called `targets`, (N,) or (N, m).

    Raises:
        BadInputError: a file that is missing, unreadable or of another kind; a missing array; a
            header without names; a name that no column has; a cell that is not a number; a
            missing label; a line of another length; and what `dataset_from_arrays` refuses.

    Warns:
        DataWarning: for a column that only counts the rows, labels that hardly repeat, classes
            that differ only in case, and a column that looks like the label but is read as an
            input.

    Examples:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp()) / "tiny.csv"
        >>> _ = table.write_text("r12,r13,label\\n1.0,2.0,bent\\n2.0,1.0,linear\\n")
        >>> data = read_table(table)
        >>> data.features, data.classes, data.labels.tolist()
        (('r12', 'r13'), ('bent', 'linear'), [0, 1])
        >>> read_table(table, drop=["r13"]).features
        ('r12',)
    """
    # Unlike Path.expanduser this leaves an unknown user's ~name as it is: there is no such file.
    path = Path(os.path.expanduser(path))
    if isinstance(drop, str):
        raise BadInputError(f"{path}: drop", f"{drop!r} is no list", f"write [{drop!r}]")
    options = TableOptions(label, tuple(drop), header, numbers)
    _check_kind(path)
    try:
        if _is_archive(path):
            data, columns = _read_npz(path, options), None
        elif path.suffix.lower() in PARQUET:
            data, columns = _read_parquet(path, options), None
        else:
            table = read_text_table(path, options)
            columns = table.columns
            made = regression_from_arrays if numbers else dataset_from_arrays
            data = made(table.inputs, table.labels, str(path), columns.features)
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the file") from error
    if isinstance(data, Dataset):
        for message in suspicions(data, columns):
            warnings.warn(message, DataWarning, stacklevel=2)
    return data


def _read_parquet(path: Path, options: TableOptions) -> Dataset | RegressionData:
    if not options.header:
        raise BadInputError(f"{path}: header", "a Parquet file names its columns", "leave it out")
    return read_parquet(path, label=options.label, drop=options.drop, numbers=options.numbers)


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".npz"


def _check_kind(path: Path) -> None:
    name = path.name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    if not name.endswith(TEXT_SUFFIXES) and not name.endswith((".npz", *PARQUET)):
        raise BadInputError(
            str(path),
            f"unknown kind of file {path.suffix!r}",
            f"give a .npz or .parquet file, or a table as text: {', '.join(TEXT_SUFFIXES)}, also "
            f"with {', '.join(COMPRESSED)}",
        )
    if not path.is_file():
        problem = "is not a file" if path.exists() else "no such file"
        raise BadInputError(str(path), problem, "check the path")


def _read_npz(path: Path, options: TableOptions) -> Dataset | RegressionData:
    for key, value in options._asdict().items():
        if key != "numbers" and value != TableOptions._field_defaults[key]:
            problem = "the arrays of a .npz file have no named columns"
            raise BadInputError(f"{path}: {key}", problem, "leave it out")
    if not zipfile.is_zipfile(path):
        raise BadInputError(str(path), "not a complete NumPy archive", "write it with numpy.savez")
    with np.load(path, allow_pickle=False) as archive:
        inputs = _array(archive, "inputs", path)
        labels = _array(archive, "targets" if options.numbers else "labels", path)
    made = regression_from_arrays if options.numbers else dataset_from_arrays
    return made(inputs, labels, str(path))


def _array(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    if key not in archive.files:
        raise BadInputError(
            f"{path}: {key}",
            f"no such array; the file holds {', '.join(archive.files) or 'none'}",
            "name the arrays inputs and labels, or inputs and targets for numbers to be predicted",
        )
    try:
        return archive[key]
    except (ValueError, zipfile.BadZipFile) as error:
        # NumPy refuses to unpickle: loading objects could run code of the file.
        raise BadInputError(
            f"{path}: {key}",
            f"the array cannot be read ({error})",
            "store plain numbers, or texts with dtype str; arrays of objects are refused",
        ) from error
