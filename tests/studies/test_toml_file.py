"""TOML as people write it: encodings, line ends, and the message for each usual slip."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from lossatlas.errors import BadInputError
from lossatlas.studies.toml_file import read_toml

TEXT = '# Größe\n[data]\npath = "rows.csv"\ntrain = 100\n\n[loss]\nl2 = 1e-4\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "study.toml"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_and_line_ends_of_all_systems(file: Path, encoding: str, ends: str):
    file.write_bytes(TEXT.replace("\n", ends).encode(encoding))
    assert read_toml(file) == tomllib.loads(TEXT)


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_utf_16_of_both_byte_orders(file: Path, encoding: str):
    file.write_bytes(f"\ufeff{TEXT}".encode(encoding))
    assert read_toml(file) == tomllib.loads(TEXT)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_encoding_that_is_not_marked_is_named(file: Path, encoding: str):
    file.write_bytes(TEXT.encode(encoding))
    with pytest.raises(BadInputError, match=r"not a text file in UTF-8 .*save the study as plain"):
        read_toml(file)
    file.write_bytes(TEXT.replace("Größe", "size").encode("utf-16-le"))
    with pytest.raises(BadInputError, match="bytes of zero"):
        read_toml(file)


SLIPS = {
    r'path = "C:\Users\me\x.csv"': (r"double quotes a \ begins", r"path = 'C:\Users\me\x.csv'"),
    r'path = "C:\data\x.csv" # mine': (r"double quotes a \ begins", r"path = 'C:\data\x.csv'"),
    r'path = "\\server\share"': (r"double quotes a \ begins", r"path = '\\server\share'"),
    r'paths = ["C:\data", "D:\x"]': (r"double quotes a \ begins", "single quotes"),
    "path = ~/x.csv": ("~/x.csv is not in quotes", "path = '~/x.csv'"),
    r"path = C:\x.csv": (r"C:\x.csv is not in quotes", r"path = 'C:\x.csv'"),
    "path = x.csv  # mine": ("x.csv is not in quotes", "path = 'x.csv'"),
    "split = ordered": ("ordered is not in quotes", "split = 'ordered'"),
    "path = “x.csv”": ("typographic quotes", "straight quotes"),
    "path = ‘x.csv’": ("typographic quotes", "straight quotes"),
    "path = „x.csv“": ("typographic quotes", "straight quotes"),
    "path =\u00a0'x.csv'": ("looks like a space", "type the line again"),
    "pa\u200bth = 'x.csv'": ("looks like a space", "type the line again"),
    'path = "x.csv': ("path has no quote at its end", "write one"),
    "path = 'x.csv": ("path has no quote at its end", "write one"),
    "path =": ("path has no value", "behind the = sign"),
    "train: 100": ("as in YAML", "train = 100"),
    "  - train: 100": ("as in YAML", "train = 100"),
    "---": ("as in YAML", "train = 100"),
    "l2 = 0,01": ("0,01 has a comma", "0.001"),
    "train = 1,000": ("1,000 has a comma", "thousands separators"),
    "train = 1,000,000.5": ("has a comma", "thousands separators"),
    "l2 = .5": (".5 is no number", "both sides of the point"),
    "l2 = -1.": ("-1. is no number", "both sides of the point"),
    "l2 = 1.e-4": ("1.e-4 is no number", "both sides of the point"),
    "l2 = 1d-4": ("1d-4 is no number", "e for the exponent"),
    "train = 007": ("007 is no number", "leading zeros"),
    "flag = True": ("True is no value", "flag = true or flag = false"),
    "minutes = None": ("None is no value", "leave minutes out"),
    "train 100": ("is not TOML", "correct that line"),
    "hidden = [2": ("is not TOML", "correct that line"),
    "[other": ("is not TOML", "correct that line"),
    "known = 2": ("a key occurs twice in the file", "keep one"),
    "[data]": ("the table [data] occurs twice in the file", "keep one"),
}


@pytest.mark.parametrize("line", SLIPS)
def test_messages_name_the_line_the_slip_and_the_remedy(file: Path, line: str):
    file.write_text(f"[data]\nknown = 1 # a 'comment\n{line}\n\n", encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        read_toml(file)
    problem, remedy = SLIPS[line]
    assert caught.value.where.startswith(f"{file}: line ")
    if line != "hidden = [2":  # the parser misses the bracket in the lines below
        assert caught.value.where == f"{file}: line 3"
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_what_is_proposed_is_toml(file: Path):
    for line, (_, remedy) in SLIPS.items():
        if "= '" in remedy:
            file.write_text(remedy)
            (value,) = read_toml(file).values()
            assert value in line


def test_other_kinds_of_files_are_named(file: Path):
    for content, message in (
        (b'{"data": {"train": 1}}', "is JSON, not TOML"),
        (b'\n  {"data": {"train": 1}}', "is JSON, not TOML"),
        (b"data:\n  train: 1\n", "line 1: it is written as in YAML"),
        (b"# mine\n---\ndata:\n", "line 2: it is written as in YAML"),
        (b"SQLite format 3\0" + bytes(84), "is an atlas, not a study"),
        (b"PK\x03\x04\x00\x00", "not a text file in UTF-8"),
        (b"train = 1" + 5000 * b"0", "is not TOML"),
        (b"train = " + 5000 * b"[", "nested too deeply"),
    ):
        file.write_bytes(content)
        with pytest.raises(BadInputError, match=message):
            read_toml(file)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory, content: str):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(content, encoding="utf-8", newline="")
    try:
        tables = read_toml(file)
    except BadInputError:
        return
    kept = content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert tables == tomllib.loads(kept)
