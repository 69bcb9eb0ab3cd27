"""Recognize the form of a text table: its encoding, its separator, and where its rows begin."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lossatlas.data.cells import looks_like_number
from lossatlas.errors import BadInputError

SEPARATORS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    " ": "blanks",
}
"""Characters that may separate cells, and their names in messages."""

MARKS = (
    # UTF-32 comes first, because its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks, and the encodings that they stand for."""
SAMPLE_LINES = 1000
"""Number of lines by which the separator is recognized."""

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_DIRECTIVE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


class Form(NamedTuple):
    """The form of a text table.

    Attributes:
        separator: one of `SEPARATORS`, or the character that a first line ``sep=`` names.
        skipped: number of lines before the first record, which are comments, blank or ``sep=``.
        comment: the last comment before the first record, without its ``#``; it may hold the names
            of the columns. It is empty if there is no comment.
    """

    separator: str
    skipped: int
    comment: str

    @property
    def separated(self) -> str:
        """The separator in words, such as ``separated by commas``."""
        return f"separated by {SEPARATORS.get(self.separator, repr(self.separator))}"


COMPRESSIONS = (
    (b"\x1f\x8b", "gzip", gzip.decompress),
    (b"BZh", "bzip2", bz2.decompress),
    (b"\xfd7zXZ\x00", "xz", lzma.decompress),
)
"""The first bytes of compressed files, the names of the formats, and how they are decompressed."""


def decoded(path: Path) -> str:
    """The text of a file, which may be compressed.

    It has to be in UTF-8, or in UTF-16 or UTF-32 with a byte-order mark.

    Raises:
        BadInputError: the file holds no such text, or its compression is damaged.
        OSError: the file cannot be read.
    """
    content = _decompressed(path.read_bytes(), path)
    # Spreadsheets may put a byte-order mark before the first name, which utf-8-sig removes.
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        kind = encoding.upper().removesuffix("-SIG")
        raise BadInputError(str(path), f"not {kind} text ({error})", "save it as UTF-8") from error
    if "\0" in text:
        remedy = "export the table as text in UTF-8, e.g. as CSV"
        raise BadInputError(str(path), "not UTF-8 text: it holds zero bytes", remedy)
    return text


def _decompressed(content: bytes, path: Path) -> bytes:
    """The content of a gzip, bzip2 or xz file; other content is returned as it is."""
    for mark, kind, decompress in COMPRESSIONS:
        if content.startswith(mark):
            try:
                return decompress(content)
            except (EOFError, zlib.error, OSError, ValueError, lzma.LZMAError) as error:
                problem = f"not a complete {kind} file ({error})"
                raise BadInputError(str(path), problem, "compress it again") from error
    return content


def recognized(text: str, where: str) -> Form:
    """Recognize the form of a table by its first lines.

    Args:
        text: text of the table.
        where: the file, for messages.

    Raises:
        BadInputError: two separators are equally likely.

    Examples:
        >>> recognized("# made by hand\\na;b\\n1,5;2\\n", "a.csv")
        Form(separator=';', skipped=1, comment='made by hand')
    """
    separator, skipped, comment = "", 0, ""
    stream = io.StringIO(text, newline="")
    for line in stream:
        directive = _DIRECTIVE.fullmatch(line) if skipped == 0 else None
        if directive is not None:
            separator = directive[1]
        elif line.lstrip().startswith("#"):
            comment = line.strip().lstrip("#").strip() or comment
        elif line.strip():
            break
        skipped += 1
    else:
        return Form(separator or ",", skipped, comment)
    sample = "".join([line, *islice(stream, SAMPLE_LINES)])
    return Form(separator or _separator(_QUOTED.sub('"', sample), where), skipped, comment)


def _separator(sample: str, where: str) -> str:
    """The separator of some lines, in which quoted cells were emptied."""
    lines = [line.strip("\r\n ") for line in io.StringIO(sample, newline="")]
    lines = [line for line in lines if line.strip(",;\t| ") and not line.startswith("#")]
    if not lines:
        return ","
    first, *rows = lines
    found = [mark for mark in ",;\t|" if mark in first]
    fitting = [mark for mark in found if all(_fits(row, first, mark) for row in rows)]
    if len(fitting) > 1:
        fitting = _numeric(fitting, rows or [first]) or fitting
    if len(fitting) > 1:
        one, other = (SEPARATORS[mark] for mark in fitting[:2])
        raise BadInputError(
            where,
            f"{one} and {other} stand equally often in every line: either may separate the cells",
            "use one of them only, and decimal points",
        )
    if fitting:
        return fitting[0]
    # Some line has another number of cells, which reading the table will report.
    return max(found, key=first.count) if found else " " if " " in first else ","


def _fits(row: str, first: str, mark: str) -> bool:
    """Whether a row has as many cells as the first line, apart from empty ones at its end."""
    cells = first.rstrip(mark + " ").count(mark)
    return row.count(mark) in (cells, first.count(mark)) or (
        row.rstrip(mark + " ").count(mark) <= cells < row.count(mark)
    )


def _numeric(marks: list[str], rows: list[str]) -> list[str]:
    """The separators by which all columns except at most one, the labels, hold numbers."""
    return [mark for mark in marks if sum(_texts(rows, mark)) <= 1]


def _texts(rows: list[str], mark: str) -> Iterator[bool]:
    cells = [[cell.strip() for cell in row.split(mark)] for row in rows]
    for column in range(min(map(len, cells))):
        yield not all(looks_like_number(row[column]) for row in cells)
