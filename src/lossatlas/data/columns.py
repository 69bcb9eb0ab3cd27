"""Find out which column of a text table holds the labels, and which columns hold inputs."""

import difflib
import json
from collections.abc import Sequence
from typing import NamedTuple

from lossatlas.data.cells import looks_like_number
from lossatlas.data.separators import Form
from lossatlas.errors import BadInputError

LIKELY = (
    *("label", "labels", "class", "classes", "target", "targets", "species", "category"),
    *("variety", "diagnosis", "outcome", "kind", "type", "quality", "y"),
)
"""Names, in lower case, that columns of labels often have; the most likely ones come first."""
TELLING = LIKELY[:7]
"""Names among these that are hardly ever the name of an input."""


def quoted(name: str) -> str:
    """A name in double quotes, as TOML and Python write it."""
    return json.dumps(name, ensure_ascii=False)


class TableOptions(NamedTuple):
    """What the user says about the columns of a table; see `lossatlas.data.read_table`.

    Attributes:
        label: name of the column of the labels; None to look for it.
        drop: names of columns to leave out.
        header: whether the first line names the columns.
        numbers: whether the labels are numbers to be predicted rather than classes.
    """

    label: str | None = None
    drop: tuple[str, ...] = ()
    header: bool = True
    numbers: bool = False


class Columns(NamedTuple):
    """The columns of a table.

    Attributes:
        names: names of all columns.
        label: index of the column of the labels.
        inputs: indices of the columns of the inputs.
        chosen: whether the column of the labels was found by its name; otherwise it is the last.
    """

    names: list[str]
    label: int
    inputs: list[int]
    chosen: bool

    @property
    def features(self) -> list[str]:
        """The names of the inputs."""
        return [self.names[index] for index in self.inputs]

    def likely_label(self) -> str | None:
        """The input whose name is most typical of labels; None if no name is."""
        by_name = {self.names[index].lower(): self.names[index] for index in self.inputs}
        if "x" in by_name:  # A y next to an x is a coordinate.
            by_name.pop("y", None)
        return next((by_name[name] for name in LIKELY if name in by_name), None)

    def keys_to_set(self, offender: str | None = None) -> str:
        """Advice for messages: how to choose the columns by ``label`` and ``drop``.

        Args:
            offender: name of the column that cannot be an input, if that is the problem.
        """
        where = "(keys of [data], arguments of read_table, options of explore)"
        drop = f"drop = [{quoted(offender or '...')}]"
        if self.chosen:
            return f"{drop} leaves a column out {where}"
        label = f"label = {quoted(self.likely_label() or offender or '...')}"
        return (
            f"the labels are taken from the last column, {self.names[self.label]!r}: "
            f"{label} takes them from another, {drop} leaves a column out {where}"
        )


def named_columns(names: list[str], options: TableOptions, form: Form, where: str) -> Columns:
    """Find the columns of the labels and of the inputs by the names in the header.

    Args:
        names: cells of the header.
        options: what the user says about the columns.
        form: form of the table, for messages.
        where: file and line of the header, for messages.

    Raises:
        BadInputError: there are fewer than two names, names are repeated, empty or numbers, or for
            the reasons of `chosen_columns`.
    """
    remedy = "name every column in the first line"
    if len(names) < 2:
        problem = f"{len(names)} columns, at least 2 are needed ({form.separated})"
        raise BadInputError(where, problem, f"{remedy}, {form.separated}")
    repeated = {name for name in names if names.count(name) > 1}
    asked = {options.label, *options.drop} - {None}
    if repeated or "" in names[1:] or not asked <= set(names):
        # If the first line is a row of data, say so rather than name its other faults.
        _refuse_numbers(names[:-1], where)
    if repeated or "" in names:
        listed = ", ".join(sorted(repeated - {""})) or "empty"
        if names[0] == "":
            remedy += "; if the first column is the index of pandas, to_csv(..., index=False)"
        raise BadInputError(where, f"repeated or empty column names: {listed}", remedy)
    columns = chosen_columns(names, options, where)
    # pandas numbers columns without names. If another column is called "label", the line is a
    # header although the other names are numbers.
    if not (columns.chosen and columns.features == [str(n) for n in range(len(columns.inputs))]):
        _refuse_numbers(columns.features, where)
    return columns


def _refuse_numbers(names: Sequence[str], where: str) -> None:
    """Refuse names that are numbers or marks of missing values, as in a row of data."""
    number = next((name for name in names if looks_like_number(name) or name in ("?", "-")), None)
    if number is None:
        return
    problem = f"it holds {number!r}, which is no column name"
    if all(map(looks_like_number, names)):
        problem = "it holds numbers, not column names"
    raise BadInputError(
        where,
        problem,
        "name every column in the first line; if it is the first row of data, write "
        "header = false in [data] (header=False in read_table)",
    )


def chosen_columns(names: list[str], options: TableOptions, where: str) -> Columns:
    """The columns as the user chose them.

    By default the column called ``label``, or else the last one, holds the labels.

    Args:
        names: names of all columns.
        options: what the user says about the columns.
        where: the file, for messages.

    Raises:
        BadInputError: no column has a given name, several columns are called ``label``, the column
            of the labels is to be dropped, or no input is left.
    """
    for key, wanted in (("label", [options.label]), ("drop", options.drop)):
        for name in wanted:
            if name is not None and name not in names:
                raise _unknown(f"{where}: {key}", name, names)
    label = names.index(options.label) if options.label is not None else _label(names, where)
    chosen = options.label is not None or names[label].lower() == "label"
    if names[label] in options.drop:
        remedy = "leave it out there, or choose another column by label"
        raise BadInputError(f"{where}: drop", f"{names[label]!r} holds the labels", remedy)
    inputs = [i for i, name in enumerate(names) if i != label and name not in options.drop]
    if not inputs:
        raise BadInputError(where, "no column of inputs is left", "drop fewer columns")
    return Columns(names, label, inputs, chosen)


def _label(names: Sequence[str], where: str) -> int:
    """The index of the column called ``label``, in upper or lower case, or else of the last one."""
    if "label" in names:
        return names.index("label")
    alike = [index for index, name in enumerate(names) if name.lower() == "label"]
    if len(alike) > 1:
        listed = " and ".join(repr(names[index]) for index in alike)
        remedy = f"choose one by label = {quoted(names[alike[0]])}, and drop the other"
        raise BadInputError(where, f"the columns {listed} may both hold the labels", remedy)
    return alike[0] if alike else len(names) - 1


def _unknown(where: str, name: str, names: Sequence[str]) -> BadInputError:
    by_case = {one.lower(): one for one in names}
    near = difflib.get_close_matches(name.lower(), by_case, n=3)
    listed = ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "")
    remedy = f"the columns are {listed}"
    if near:
        remedy = f"did you mean {' or '.join(repr(by_case[one]) for one in near)}? {remedy}"
    return BadInputError(where, f"there is no column {name!r}", remedy)
