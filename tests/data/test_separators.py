"""Text files: their encoding, their separator, and where the rows begin."""

import gzip

import pytest

from lossatlas.data.separators import decoded, recognized
from lossatlas.errors import BadInputError


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le-mark", "utf-16-be-mark"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_text_is_decoded(tmp_path, encoding, pack):
    text = "größe,label\n1,ü\n"
    if encoding.endswith("-mark"):
        text, encoding = "\ufeff" + text, encoding.removesuffix("-mark")
    path = tmp_path / "a.csv"
    path.write_bytes(pack(text.encode(encoding)))
    assert decoded(path) == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,é".encode("latin-1"), "not UTF-8 text"),
        ("a,b".encode("utf-16-le"), "zero bytes"),
        (b"\xff\xfea", "not UTF-16 text"),
        (b"PK\x03\x04\x00", "zero bytes"),
        (gzip.compress(b"a,b", mtime=0)[:-4], "not a complete gzip file"),
        (b"\x1f\x8b\x08", "not a complete gzip file"),
        (b"\x1f\x8b\x07abcdefghijklmnop", "not a complete gzip file"),
    ],
)
def test_what_is_no_text(tmp_path, content, problem):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=problem) as caught:
        decoded(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b,label\n1,2,x\n", ","),
        ("a;b;label\n1,5;2,5;x\n", ";"),
        ('"fixed acidity";"quality"\n7.4;5\n', ";"),
        ("a\tb c\tlabel\n1\t2\tx y\n", "\t"),
        ("a|b|label\n1|2|x,y\n", "|"),
        ("a  b label\n 1   2 x\n", " "),
        ("a,iris species\n1,Iris setosa\n", ","),  # blanks stand as often as commas
        ('"a;b","c;d"\n1,"x;y"\n', ","),  # quoted cells do not count
        ('"a, ""b""";c\n1;"x, y"\n', ";"),
        ("fixed acidity, g;quality\n7.4;5\n", ";"),  # a comma in the header only
        ("5,1;3,5;0\n4,1;2,5;1\n", ";"),  # by commas two columns would hold no numbers
        ("a;b;label;\n1;2;x;\n", ";"),
        ("a;b;label;\n1;2;x\n", ";"),
        ("a;b;label\n1;2;x;\n", ";"),
        ("a;b,label\n1,2\n", ","),
        ("a,b;c;label\n1;2\n", ";"),  # nothing fits: the most frequent one
        ("sep=;\na,b;c,d\n1,2;3,4\n", ";"),
        ("SEP=|\r\na,b|c\r\n", "|"),
        ("alabel\n1\n", ","),
        (",,\n", ","),
        ("", ","),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_separator_is_recognized(text, separator, end):
    assert recognized(text.replace("\n", end), "a.csv").separator == separator


@pytest.mark.parametrize(
    "text", ["acidity, g;quality\n7,4;5\n", "a,b\tlabel\n1,5\tx\n", "a|b,c\n1|2,3\n"]
)
def test_two_separators_that_fit_are_named(text):
    with pytest.raises(BadInputError, match=r"commas and .* equally often in every line") as caught:
        recognized(text, "a.csv")
    assert caught.value.where == "a.csv"


@pytest.mark.parametrize(
    ("text", "skipped", "comment"),
    [
        ("a,b\n", 0, ""),
        ("\n\na,b\n", 2, ""),
        ("# made by hand\n#\n\na,b\n", 3, "made by hand"),
        ("sep=,\n# x\n ## y\na,b\n", 3, "y"),
        ("# nothing else\n", 1, "nothing else"),
    ],
)
def test_comments_at_the_top_are_skipped(text, skipped, comment):
    form = recognized(text, "a.csv")
    assert (form.skipped, form.comment) == (skipped, comment)
