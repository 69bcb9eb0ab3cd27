"""Data from files: NumPy archives (.npz) and comma-separated tables (.csv)."""

import csv
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.errors import BadInputError


def read_table(path: str | Path) -> Dataset:
    """Read a labelled data set from a file.

    ``.npz``: arrays `inputs` (N, k) and `labels` (N,). ``.csv``: comma-separated UTF-8 text
    whose first line names the columns; the column `label`, or else the last one, holds the
    labels, every other cell a number. Labels are whole numbers 0..C-1 or texts (see
    `dataset_from_arrays`). Blank lines are skipped.

    Args:
        path: the file; its suffix decides how it is read.

    Raises:
        BadInputError: a file that is missing, unreadable or of another kind; a missing array;
            a cell that is not a number; a line of another length; and what
            `dataset_from_arrays` refuses.

    Example:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp()) / "tiny.csv"
        >>> _ = table.write_text("r12,r13,label\\n1.0,2.0,bent\\n2.0,1.0,linear\\n")
        >>> data = read_table(table)
        >>> data.features, data.classes, data.labels.tolist()
        (('r12', 'r13'), ('bent', 'linear'), [0, 1])
    """
    path = Path(path)
    readers = {".npz": _read_npz, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise BadInputError(
            str(path), f"unknown kind of file {path.suffix!r}", "give a .npz or a .csv file"
        )
    if not path.is_file():
        problem = "is not a file" if path.exists() else "no such file"
        raise BadInputError(str(path), problem, "check the path")
    try:
        return readers[path.suffix.lower()](path)
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "check the file") from error


def _read_npz(path: Path) -> Dataset:
    if not zipfile.is_zipfile(path):
        raise BadInputError(str(path), "not a complete NumPy archive", "write it with numpy.savez")
    with np.load(path, allow_pickle=False) as archive:
        arrays = {key: _array(archive, key, path) for key in ("inputs", "labels")}
    return dataset_from_arrays(arrays["inputs"], arrays["labels"], str(path))


def _array(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> np.ndarray:
    if key not in archive.files:
        raise BadInputError(
            f"{path}: {key}",
            f"no such array; the file holds {', '.join(archive.files) or 'none'}",
            "name the arrays inputs and labels",
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


def _read_csv(path: Path) -> Dataset:
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first name.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = _filled_lines(csv.reader(stream, strict=True))
            header = _header(next(lines, (1, []))[1], path)
            column = header.index("label") if "label" in header else len(header) - 1
            rows, labels = _rows(lines, header, column, path)
    except UnicodeDecodeError as error:
        raise BadInputError(str(path), f"not UTF-8 text ({error})", "save it as UTF-8") from error
    except csv.Error as error:
        raise BadInputError(str(path), f"not a table ({error})", "check the quotes") from error
    if not rows:
        raise BadInputError(str(path), "no rows below the header", "give at least two rows")
    features = [name for index, name in enumerate(header) if index != column]
    return dataset_from_arrays(np.stack(rows), _label_array(labels), str(path), features)


def _filled_lines(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The line number and the stripped cells of every line that is not blank."""
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield reader.line_num, stripped  # type: ignore[attr-defined]


def _header(names: list[str], path: Path) -> list[str]:
    where, remedy = f"{path}: line 1", "name every column in the first line, separated by commas"
    if len(names) < 2:
        raise BadInputError(where, f"{len(names)} columns, at least 2 are needed", remedy)
    if all(_is_number(name) for name in names):
        raise BadInputError(where, "it holds numbers, not column names", remedy)
    repeated = {name for name in names if names.count(name) > 1}
    if repeated or "" in names:
        problem = f"repeated or empty column names: {', '.join(sorted(repeated)) or 'empty'}"
        raise BadInputError(where, problem, remedy)
    return names


def _rows(
    lines: Iterator[tuple[int, list[str]]], header: list[str], column: int, path: Path
) -> tuple[list[np.ndarray], list[str]]:
    features = header[:column] + header[column + 1 :]
    rows: list[np.ndarray] = []
    labels: list[str] = []
    for line, cells in lines:
        if len(cells) != len(header):
            raise BadInputError(
                f"{path}: line {line}",
                f"{len(cells)} cells, the header has {len(header)}",
                "give every line one cell per column",
            )
        label = cells.pop(column)
        if not label:
            raise BadInputError(
                f"{path}: line {line}, column {header[column]!r}", "no label", "fill it in"
            )
        labels.append(label)
        try:
            rows.append(np.array([float(cell) for cell in cells]))
        except ValueError:
            _refuse_cell(line, cells, features, path)
        if not np.isfinite(rows[-1]).all():
            _refuse_cell(line, cells, features, path)
    return rows, labels


def _refuse_cell(line: int, cells: list[str], features: list[str], path: Path) -> NoReturn:
    finite = [_is_number(cell) and math.isfinite(float(cell)) for cell in cells]
    index = finite.index(False)
    raise BadInputError(
        f"{path}: line {line}, column {features[index]!r}",
        f"{cells[index]!r} is not a finite number",
        "give a number in every column but the label",
    )


def _label_array(labels: list[str]) -> np.ndarray:
    """Numbers if every label is one, else texts."""
    if all(_is_number(label) for label in labels):
        return np.array([float(label) for label in labels])
    return np.array(labels, dtype=str)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
