"""Read data from files: NumPy archives (.npz), Parquet, and tables in text files such as .csv."""

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
"""Suffixes of compressed text files."""
PARQUET = (".parquet", ".pq")


def read_table(
    path: str | Path,
    *,
    label: str | None = None,
    drop: Sequence[str] = (),
    header: bool = True,
    numbers: bool = False,
) -> Dataset | RegressionData:
    """Read a labeled data set from a file.

    The suffix of the file decides how it is read:

    - ``.npz``: a NumPy archive with the arrays ``inputs`` (N, k) and ``labels`` (N,).
    - ``.parquet`` and ``.pq``: a Parquet table with named columns.
    - ``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.dat`` and ``.data``, each also with ``.gz``,
      ``.bz2`` or ``.xz``: a table as text in UTF-8 (or UTF-16 with a byte-order mark), with one row
      in each line. Cells are separated by commas, semicolons, tabs, vertical bars or blanks, which
      is recognized. The first line names the columns. Blank lines are skipped, and so are lines
      that begin with ``#`` above the table, and in it if the first column holds numbers. Decimal
      commas are read if nothing else can be meant.

    One column of a table holds the labels, which are whole numbers or texts (see
    `dataset_from_arrays`), and all others hold numbers.

    Args:
        path: path of the file; ``~`` is the home folder.
        label: name of the column of the labels. By default it is the column ``label``, in upper or
            lower case, or else the last one.
        drop: names of columns to leave out; default none.
        header: whether the first line of a text table names the columns; default True. Without
            names, the columns are called ``x1``, ``x2`` and so on.
        numbers: whether to predict numbers rather than classes; default False. The labels may then
            be any numbers, and the array of a ``.npz`` file is called ``targets``, (N,) or (N, m).

    Raises:
        BadInputError: the file is missing, unreadable or of another kind, an array is missing, the
            header has no names, no column has a given name, a cell is not a number, a label is
            missing, a line has another number of cells, an option does not apply to this kind of
            file, or for the reasons of `dataset_from_arrays`.

    Warns:
        DataWarning: a column only counts the rows, labels hardly repeat, classes differ only in
            case or blanks, or a column that looks like the labels is read as an input.

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
    # Unlike Path.expanduser, this raises no error for an unknown user; the path is then reported
    # as missing.
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
        # Arrays of Python objects are refused, since loading them could run code from the file.
        raise BadInputError(
            f"{path}: {key}",
            f"the array cannot be read ({error})",
            "store plain numbers, or texts with dtype str; arrays of objects are refused",
        ) from error
