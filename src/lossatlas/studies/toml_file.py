"""Reading of TOML files in any Unicode encoding, with a message for each common mistake.

The parser of the standard library says where it stopped. What was meant is nearly always clear from
that line: a Windows path in double quotes, a text without quotes, a decimal comma. The message
names the mistake and shows the line as it should be.
"""

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError

MARKS = (  # UTF-32 comes before UTF-16, whose mark is the beginning of that of UTF-32
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks that editors write, with the encoding of the text after each."""

KEY = r"""^(?P<key>["']?[\w.-]+["']?)\s*"""
BROKEN_TEXT = "Unescaped|hex value|scalar value|Unterminated|Illegal character"
"""Messages of the parser about a text in double quotes that has invalid escape sequences."""
EXAMPLE = "write tables such as [data] and keys such as train = 100, as in examples/d2.toml"
TYPOGRAPHIC_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2032\u2033"
NO_SPACES = "\u00a0\u2007\u202f\u200b\u2060\ufeff"
"""Characters that look like a space or are invisible, and that the parser does not accept."""


class Slip(NamedTuple):
    """A common mistake: how to recognize it, what is wrong, and what to write instead.

    Attributes:
        pattern: pattern that is searched in the line without its comment.
        problem: what is wrong, for the message.
        remedy: what to write, with groups of the pattern as ``{name}``.
        said: pattern that the message of the parser must have, if the line alone might be correct;
            by default empty.
    """

    pattern: re.Pattern[str]
    problem: str
    remedy: str
    said: str = ""


SLIPS = (
    Slip(
        re.compile(f"[{TYPOGRAPHIC_QUOTES}]"),
        "it has typographic quotes",
        "write straight quotes",
    ),
    Slip(
        re.compile(f"[{NO_SPACES}]"),
        "it has a character that looks like a space or like nothing, but is no space",
        "type the line again",
    ),
    Slip(
        re.compile(KEY + r'=\s*"(?P<text>[^"]+\\[^"]*)"?'),
        r"in double quotes a \ begins a special character",
        "write / in place of each \\, or put the text in single quotes: {key} = '{text}'",
        BROKEN_TEXT,
    ),
    Slip(
        re.compile(r'"[^"]*\\'),
        r"in double quotes a \ begins a special character",
        "write / in place of each \\, or put the text in single quotes",
        BROKEN_TEXT,
    ),
    Slip(
        re.compile(KEY + r"""=\s*("[^"]*|'[^']*)$"""),
        "the text of {key} has no quote at its end",
        "write one there",
    ),
    Slip(
        re.compile(KEY + r"=\s*(?P<value>None|null|nil|NULL)$"),
        "{value} is no value of TOML",
        "leave {key} out",
    ),
    Slip(
        re.compile(KEY + r"=\s*(?P<value>True|False|TRUE|FALSE)$"),
        "{value} is no value of TOML",
        "write {key} = true or {key} = false",
    ),
    Slip(
        re.compile(KEY + r"=\s*(?P<value>[+-]?\d*(,\d+)+(\.\d+)?([eEdD][+-]?\d+)?)$"),
        "{value} has a comma",
        "write numbers with a point and without thousands separators, e.g. {key} = 0.001",
    ),
    Slip(
        re.compile(
            KEY + r"=\s*(?P<value>[+-]?(\.\d+|\d+\.)([eE][+-]?\d+)?"
            r"|[+-]?\d+\.[eE][+-]?\d+|[+-]?\d+\.?\d*[dD][+-]?\d+|[+-]?0\d+(\.\d+)?)$"
        ),
        "{value} is no number of TOML",
        "write digits on both sides of the point, e for the exponent and no leading zeros, "
        "e.g. 0.5 or 1e-4",
    ),
    Slip(
        re.compile(KEY + r"=\s*(?P<text>[^\s\[{\"'+\d-][^\"'\[\]{}]*)$"),
        "the text {text} is not in quotes",
        "write {key} = '{text}'",
    ),
    Slip(re.compile(KEY + r"=$"), "{key} has no value", "write one behind the = sign"),
    Slip(
        re.compile(r"^(---|-?\s*[\w.-]+\s*:(\s|$))"),
        "it is written as in YAML",
        EXAMPLE,
    ),
)
"""All mistakes that are recognized, in the order in which they are searched."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a TOML file.

    UTF-8 is read with and without a byte-order mark, UTF-16 and UTF-32 with one. Lines may end as
    on any system.

    Args:
        path: the file.

    Raises:
        BadInputError: if the file is missing, is not a text file or is not TOML; the message names
            the line and says what to write instead.

    Examples:
        >>> import tempfile
        >>> study = Path(tempfile.mkdtemp()) / "small.toml"
        >>> _ = study.write_text("[data]\\ntrain = 100\\n", encoding="utf-16")
        >>> read_toml(study)
        {'data': {'train': 100}}
    """
    return parsed_toml(_text(path), path)


def parsed_toml(text: str, path: Path) -> dict[str, Any]:
    """Parse the text of a TOML file.

    Args:
        text: the text.
        path: the path that the file has or will have, for messages.

    Raises:
        BadInputError: if the text is not TOML; the message names the line and says what to write
            instead.
    """
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a syntax error, or an integer of thousands of digits
        raise _explained(path, text, str(error)) from error
    except RecursionError as error:
        raise BadInputError(str(path), "its lists are nested too deeply", EXAMPLE) from error


def refuse_atlas(path: Path, content: bytes) -> None:
    """Refuse the content of a file that is an atlas.

    Raises:
        BadInputError: if it begins as an atlas does.
    """
    if content.startswith(b"SQLite format 3\0"):
        remedy = "give the study in TOML: its atlas is found by its name, or given by --atlas"
        raise BadInputError(str(path), "is an atlas, not a study", remedy)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInputError(str(path), "no such file", "give the path of a study") from error
    except OSError as error:
        raise BadInputError(str(path), f"cannot be read ({error.strerror})", "check it") from error
    refuse_atlas(path, content)
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"is not a text file in UTF-8 ({error.reason} at byte {error.start})"
        raise BadInputError(str(path), problem, "save the study as plain text in UTF-8") from error
    if "\0" in text:
        problem = "is not a text file in UTF-8 (it holds bytes of zero)"
        raise BadInputError(str(path), problem, "save the study as plain text in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _explained(path: Path, text: str, message: str) -> BadInputError:
    """The error for a message of the parser, from the line that the message names."""
    if text.lstrip().startswith("{"):
        return BadInputError(str(path), "is JSON, not TOML", EXAMPLE)
    place = re.search(r"\(at line (\d+), column \d+\)$", message)
    lines = text.split("\n")
    number = int(place[1]) if place else len(text.rstrip().split("\n"))
    # The parser notices a text without its closing quote only at the end, so any line may be wrong.
    for candidate in (number,) if place else range(1, number + 1):
        line = _without_comment(lines[candidate - 1])
        for slip in SLIPS:
            if (found := slip.pattern.search(line)) and re.search(slip.said, message):
                where = f"{path}: line {candidate}"
                words = found.groupdict()
                return BadInputError(
                    where, slip.problem.format(**words), slip.remedy.format(**words)
                )
    if twice := re.match(r"Cannot (?:declare \('(.+)',\) twice|overwrite a value)", message):
        what = f"the table [{twice[1]}]" if twice[1] else "a key"
        problem = f"{what} occurs twice in the file"
        return BadInputError(f"{path}: line {number}", problem, "keep one of the two")
    return BadInputError(f"{path}: line {number}", f"is not TOML: {message}", "correct that line")


def _without_comment(line: str) -> str:
    """The line without its comment, which begins with a # outside of quotes, stripped."""
    found = re.match(r"""(?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*')*""", line)
    kept = found[0] if found and line[found.end() :].startswith("#") else line
    return kept.strip(" \t")
