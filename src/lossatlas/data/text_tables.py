"""Read tables in text files, and report the line and column of cells that cannot be read."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lossatlas.data.cells import (
    is_number,
    looks_like_number,
    number,
    uses_decimal_commas,
    why_no_number,
)
from lossatlas.data.columns import Columns, TableOptions, chosen_columns, named_columns
from lossatlas.data.separators import Form, decoded, recognized
from lossatlas.errors import BadInputError
from lossatlas.labels import FILL_IN, is_missing, missing_labels, not_whole, why_not_whole


class TextTable(NamedTuple):
    """A table as it was read.

    Attributes:
        inputs: (N, k) finite numbers.
        labels: (N,) whole numbers or texts; any finite numbers if they are to be predicted.
        columns: the columns of the table, and what each of them holds.
    """

    inputs: np.ndarray
    labels: np.ndarray
    columns: Columns


class _Text(NamedTuple):
    """The text of a table, with its form and the path of its file."""

    content: str
    form: Form
    path: Path


Record = tuple[int, list[str]]
"""The number of a line, and its cells."""


def read_text_table(path: Path, options: TableOptions) -> TextTable:
    """Read a table with one row in each line.

    Args:
        path: path of the file.
        options: what the user says about the columns.

    Raises:
        BadInputError: the file holds no such table; the message gives the line and the column.
        OSError: the file cannot be read.
    """
    content = decoded(path)
    text = _Text(content, recognized(content, str(path)), path)
    columns, first = _columns(text, options)
    if options.numbers:  # The column of the labels is then read like the inputs.
        columns = columns._replace(inputs=[*columns.inputs, columns.label])
    decimal_comma = _has_commas(text) and uses_decimal_commas(
        row[index] for _, row in _rows(text, columns, first) for index in columns.inputs
    )
    inputs, labels, lines = [], [], []
    for line, cells in _rows(text, columns, first):
        inputs.append(_numbers(line, cells, columns, decimal_comma, path))
        labels.append(cells[columns.label])
        lines.append(line)
    if not inputs:
        raise BadInputError(str(path), "no rows below the header", "give at least two rows")
    if options.numbers:
        table = np.stack(inputs)
        columns = columns._replace(inputs=columns.inputs[:-1])
        return TextTable(table[:, :-1], table[:, -1], columns)
    checked = _labels(labels, lines, columns, decimal_comma, path)
    return TextTable(np.stack(inputs), checked, columns)


def _records(text: _Text) -> Iterator[Record]:
    """Every record that is not blank, with stripped cells; comments at the top are left out."""
    lines = islice(io.StringIO(text.content, newline=""), text.form.skipped, None)
    blanks = text.form.separator == " "
    if blanks:
        lines = (line.replace("\t", " ") for line in lines)
    reader = csv.reader(lines, delimiter=text.form.separator, skipinitialspace=blanks, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield text.form.skipped + reader.line_num, stripped
    except csv.Error as error:
        where = f"{text.path}: line {text.form.skipped + reader.line_num}"
        problem = f"not a table {text.form.separated} ({error})"
        raise BadInputError(where, problem, "check the quotes") from error


def _columns(text: _Text, options: TableOptions) -> tuple[Columns, int]:
    """The columns of a table, and the number of records above its rows."""
    line, cells = next(_records(text), (text.form.skipped + 1, []))
    where = f"{text.path}: line {line}"
    cells = _without_empty_end(cells)
    if options.header:
        names = _names_in_comment(text, cells)
        if names:
            return named_columns(names, options, text.form, f"{where}, comment above it"), 0
        return named_columns(cells, options, text.form, where), 1
    if len(cells) < 2:
        problem = f"{len(cells)} columns, at least 2 are needed ({text.form.separated})"
        raise BadInputError(where, problem, "give inputs and a label in every line")
    names = [f"x{index + 1}" for index in range(len(cells))]
    columns = chosen_columns(names, options, str(text.path))
    inputs = [cells[index] for index in columns.inputs]
    if not any(looks_like_number(cell) or is_missing(cell) for cell in inputs):
        raise BadInputError(where, "it holds names, not numbers", "leave out header = false")
    return columns, 0


def _names_in_comment(text: _Text, first: list[str]) -> list[str]:
    """The names of the columns, if the comment above the first row has them, as NumPy writes it.

    Otherwise the list is empty.
    """
    # A row of data has numbers, even if they are refused later, such as 1_000; a header has none.
    numbers = any(looks_like_number(cell.replace("_", "")) for cell in first)
    if not text.form.comment or not numbers:
        return []
    form = text.form._replace(skipped=0)
    _, names = next(_records(text._replace(content=text.form.comment, form=form)), (0, []))
    return names if len(names) == len(first) > 1 else []


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _rows(text: _Text, columns: Columns, first: int) -> Iterator[Record]:
    """The rows, each with one cell for each column, without empty cells beyond the last one."""
    width = len(columns.names)
    # In a column of numbers, # can only begin a comment; in a column of labels it may be a label.
    commented = 0 in columns.inputs
    for line, cells in islice(_records(text), first, None):
        if commented and cells[0].startswith("#"):
            continue
        if len(cells) < width or any(cells[width:]):
            remedy = "give every line one cell per column"
            if len(cells) == width + 1:
                remedy += "; if the first one is the name of the row, name its column too"
            raise BadInputError(
                f"{text.path}: line {line}",
                f"{len(cells)} cells, the header has {width} ({text.form.separated})",
                remedy,
            )
        yield line, cells[:width]


def _has_commas(text: _Text) -> bool:
    """Whether cells of a table may hold commas."""
    return "," in text.content and (text.form.separator != "," or '"' in text.content)


def _numbers(
    line: int, cells: list[str], columns: Columns, decimal_comma: bool, path: Path
) -> np.ndarray:
    try:
        values = np.array([number(cells[index], decimal_comma) for index in columns.inputs])
    except ValueError:
        values = np.array([np.nan])
    if np.isfinite(values).all():
        return values
    for index in columns.inputs:
        cell, name = cells[index], columns.names[index]
        if is_number(cell, decimal_comma) and np.isfinite(number(cell, decimal_comma)):
            continue
        problem, remedy = why_no_number(cell)
        if any(map(str.isalpha, cell)):
            remedy = f"{remedy}; {columns.keys_to_set(name)}"
        raise BadInputError(f"{path}: line {line}, column {name!r}", problem, remedy)
    raise AssertionError("one of the cells is no finite number")


def _labels(
    labels: list[str], lines: list[int], columns: Columns, decimal_comma: bool, path: Path
) -> np.ndarray:
    """The labels as numbers if all of them are numbers, otherwise as texts."""

    def where(row: int) -> str:
        return f"{path}: line {lines[row]}, column {columns.names[columns.label]!r}"

    missing = missing_labels(labels)
    if missing.any():
        row = int(np.argmax(missing))
        problem = f"{labels[row]!r} stands for a missing label" if labels[row] else "no label"
        more = f" ({int(missing.sum())} in all)"
        remedy = FILL_IN
        if missing.all() and not columns.chosen:
            remedy = f"{FILL_IN}; {columns.keys_to_set()}"
        raise BadInputError(where(row), problem + more, remedy)
    if not all(is_number(label, decimal_comma) for label in labels):
        return np.array(labels, dtype=str)
    values = np.array([number(label, decimal_comma) for label in labels])
    broken = not_whole(values)
    if broken.any():
        row = int(np.argmax(broken))
        problem, remedy = why_not_whole(float(values[row]))
        if not columns.chosen:
            remedy = f"{remedy}; {columns.keys_to_set()}"
        raise BadInputError(where(row), problem, remedy)
    return values
