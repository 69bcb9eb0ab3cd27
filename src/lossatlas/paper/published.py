"""The numbers of the paper, from ``published.toml``."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def published(study: str, column: str) -> dict[str, float]:
    """The numbers that the paper prints for a column of a study; empty if it prints none.

    Examples:
        >>> published("noise-d2", "0")["minima"], published("noise-d3", "0")
        (6, {})
    """
    return _content().get(study, {}).get("columns", {}).get(column, {})


def note(study: str, column: str, name: str) -> str:
    """The remark on a printed number; empty if there is none."""
    for remark in _content()["notes"]:
        if (remark["study"], remark["column"], remark["name"]) == (study, column, name):
            return remark["text"]
    return ""


def explanation(study: str, column: str, name: str) -> str:
    """The reason why our number may differ from the printed one; empty if it is not known.

    Entries of the file may leave out ``column``, and may name several ``studies`` and ``names``.
    """
    for known in _content()["explanations"]:
        if (
            study in known["studies"]
            and name in known["names"]
            and known.get("column", column) == column
        ):
            return known["text"]
    return ""


@cache
def _content() -> dict[str, Any]:
    text = files("lossatlas.paper").joinpath("published.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
