"""Results on the standard output: tables for people, JSON or CSV for programs."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from lossatlas.errors import BadInputError
from lossatlas.shown import counted as counted

if TYPE_CHECKING:
    from pandas import DataFrame

ROWS_FOR_PEOPLE = 20
"""Number of rows of a table that people are shown."""
FORMATS = {
    "loss": "{:.10f}",
    "lowest_eigenvalue": "{:.4e}",
    "curvature": "{:.4e}",
    "rms_gradient": "{:.1e}",
}
"""Formats of columns for people; others have six significant digits."""


def show_json(value: object, *, one_line: bool = False) -> None:
    """Print a value as JSON, in which numbers that are not finite become null.

    Args:
        value: value made of JSON types and tuples.
        one_line: whether to print it on one line; default False.
    """
    typer.echo(json.dumps(_plain(value), indent=None if one_line else 2, allow_nan=False))


def show_table(frame: "DataFrame", *, as_json: bool, as_csv: bool, limit: int | None) -> None:
    """Print a table.

    Args:
        frame: the table.
        as_json: whether to print it as a list of objects in JSON.
        as_csv: whether to print it as comma-separated values with a header.
        limit: largest number of rows to print, or 0 for all; None for 20 rows for people, and all
            rows as JSON or CSV.

    Raises:
        BadInputError: both JSON and CSV are asked for.
    """
    if as_json and as_csv:
        raise BadInputError("--json --csv", "only one form can be printed", "leave one out")
    for_people = not (as_json or as_csv)
    limit = (ROWS_FOR_PEOPLE if for_people else 0) if limit is None else limit
    shown = frame.head(limit) if limit else frame
    if as_json:
        show_json(records(shown))
    elif as_csv:
        typer.echo(shown.to_csv(index=False), nl=False)
    else:
        typer.echo(_text(shown))
        if len(shown) < len(frame):
            typer.echo(f"... and {len(frame) - len(shown)} more (--limit 0 shows all)")


def records(frame: "DataFrame") -> list[dict[str, Any]]:
    """The rows of a table as dictionaries of Python values."""
    columns = [frame[name].astype(object).tolist() for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _text(frame: "DataFrame") -> str:
    if frame.empty:
        return "none"
    cells = [[_cell(name, value) for value in frame[name]] for name in frame.columns]
    columns = [
        _right_aligned([name, *column]) for name, column in zip(frame.columns, cells, strict=True)
    ]
    return "\n".join("  ".join(row) for row in zip(*columns, strict=True))


def _right_aligned(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]


def _cell(name: str, value: Any) -> str:
    if _is_missing(value):
        return "-"
    if isinstance(value, float):
        return FORMATS.get(name, "{:.6g}").format(value)
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if _is_missing(value) else value


def _is_missing(value: Any) -> bool:
    """Whether a value is NaN, infinite, None, or one of the marks of pandas for missing values."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    return value is None or type(value).__name__ in ("NAType", "NaTType")
