"""Numbers in the cells of a text table, as people and spreadsheets write them.

A plain number is what `float` reads, except that underscores are not allowed: ``2020_01`` in a
table is a name. Decimal commas are read only if the whole table leaves no doubt about them. The
meaning of a comma that may separate thousands is never guessed.
"""

import re
from collections.abc import Iterable

from lossatlas.labels import is_missing

_COMMA = re.compile(r"[-+]?(\d+,\d*|,\d+)([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_NUMERIC = re.compile(r"[-+]?[\d.,'’ \u00a0\u202f]*\d[\d.,'’ \u00a0\u202f]*([eE][-+]?\d+)?\s?%?")
"""Digits with separators of thousands and decimals, an exponent and a percent sign."""


def number(cell: str, decimal_comma: bool = False) -> float:
    """The number in a cell; not-a-number and infinity count as numbers here.

    Args:
        cell: text of the cell, without blanks around it.
        decimal_comma: whether a comma stands for the decimal point; default False.

    Raises:
        ValueError: the cell holds no number.

    Examples:
        >>> number("1e5"), number("2,5", decimal_comma=True)
        (100000.0, 2.5)
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell.replace(",", ".") if decimal_comma else cell)


def is_number(cell: str, decimal_comma: bool = False) -> bool:
    """Whether `number` can read a cell."""
    try:
        number(cell, decimal_comma)
    except ValueError:
        return False
    return True


def looks_like_number(cell: str) -> bool:
    """Whether a person would call the text of a cell a number, however it is written.

    Examples:
        >>> [looks_like_number(cell) for cell in ("5.1", "5,1", "1 234", "45 %", "0x1F", "x1")]
        [True, True, True, True, True, False]
    """
    return is_number(cell) or _NUMERIC.fullmatch(cell) is not None or cell[:2].lower() == "0x"


def uses_decimal_commas(cells: Iterable[str]) -> bool:
    """Whether commas in the cells of a table are certainly decimal points.

    They are if no number has a point, and at least one number has a comma in a place where it
    cannot separate thousands.

    Examples:
        >>> uses_decimal_commas(["5,1", "3"]), uses_decimal_commas(["1,234", "2,345"])
        (True, False)
    """
    certain = False
    for cell in cells:
        several = cell.count(",") > 1 and _THOUSANDS.fullmatch(cell)
        if several or ("." in cell and looks_like_number(cell)):
            return False
        if _COMMA.fullmatch(cell) and not _THOUSANDS.fullmatch(cell):
            certain = True
    return certain


def why_no_number(cell: str) -> tuple[str, str]:
    """The problem of a cell without a finite number, and the remedy, as in `BadInputError`."""
    if is_missing(cell) or is_number(cell):
        remedy = "give a number in every column but the label: fill the cell in, or remove the row"
        return f"{cell!r} is not a finite number", remedy
    if looks_like_number(cell.replace("_", "")):
        remedy = "write e.g. 1234.5: a decimal point, nothing between thousands, no percent sign"
        return f"{cell!r} is not a finite number as programs write it", remedy
    return f"{cell!r} is not a finite number", "give a number in every column but the label"
