"""Which column of a text table holds the labels, and which hold inputs."""

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
"""Names, in lower case, that columns of labels often have; the likeliest first."""
TELLING = LIKELY[:7]
"""Those that are hardly ever the name of an input."""


def quoted(name: str) -> str:
    """A name as TOML and Python write it."""
    return json.dumps(name, ensure_ascii=False)


class TableOptions(NamedTuple):
    """What the user says about the columns; see `lossatlas.data.read_table`."""

    label: str | None = None
    drop: tuple[str, ...] = ()
    header: bool = True
    numbers: bool = False


class Columns(NamedTuple):
    """The columns of a table.

    Attributes:
        names: of all columns.
        label: index of the column of the labels.
        inputs: indices of the columns of the inputs.
        chosen: whether the label was found by its name, not by its place.
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
        """The input that is called as labels often are; None if there is none."""
        by_name = {self.names[index].lower(): self.names[index] for index in self.inputs}
        if "x" in by_name:  # then y is a coordinate
            by_name.pop("y", None)
        return next((by_name[name] for name in LIKELY if name in by_name), None)

    def keys_to_set(self, offender: str | None = None) -> str:
        """How to say which columns are what: the two keys, with the likeliest names.

        Args:
            offender: the input that cannot be one, if that is what is wrong.
        """
        where = "(keys of [data], arguments of read_table)"
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
        names: the cells of the header.
        options: what the user says about the columns.
        form: how the table is written, used in messages.
        where: the file and line of the header, used in messages.

    Raises:
        BadInputError: if the names are none, repeated, empty, or numbers, and as
            `chosen_columns`.
    """
    remedy = "name every column in the first line"
    if len(names) < 2:
        problem = f"{len(names)} columns, at least 2 are needed ({form.separated})"
        raise BadInputError(where, problem, f"{remedy}, {form.separated}")
    repeated = {name for name in names if names.count(name) > 1}
    asked = {options.label, *options.drop} - {None}
    if repeated or "" in names[1:] or not asked <= set(names):
        # What else is wrong with a first row is of no interest.
        _refuse_numbers(names[:-1], where)
    if repeated or "" in names:
        listed = ", ".join(sorted(repeated - {""})) or "empty"
        if names[0] == "":
            remedy += "; if the first column is the index of pandas, to_csv(..., index=False)"
        raise BadInputError(where, f"repeated or empty column names: {listed}", remedy)
    columns = chosen_columns(names, options, where)
    # pandas counts columns without names; a line that calls another one "label" is a header.
    if not (columns.chosen and columns.features == [str(n) for n in range(len(columns.inputs))]):
        _refuse_numbers(columns.features, where)
    return columns


def _refuse_numbers(names: Sequence[str], where: str) -> None:
    """Refuse names that are numbers, or stand for missing ones: a first row is no header."""
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
    """The columns that the user chose; else the one called label, or the last, holds the labels.

    Raises:
        BadInputError: for a name that no column has, or several columns called label, or if no
            input is left.
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
    """The column called label, whatever its case, or else the last one."""
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
