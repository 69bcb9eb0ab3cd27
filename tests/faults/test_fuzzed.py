"""Random damage to study files and tables: they are read, or refused in words, and nothing else."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from good_inputs import STUDY, rows
from hypothesis import HealthCheck, given, settings, strategies as st

from lossatlas.data import read_table
from lossatlas.errors import BadInputError, DataWarning
from lossatlas.studies.study import load_study

T = TypeVar("T")
FULL = STUDY + "[noise]\nfraction = 0.1\n[explore]\nminutes = 2\nseed = 3\n"
ODD = [
    "",
    "0",
    "-1",
    "1e400",
    "nan",
    "inf",
    "true",
    '"',
    "'",
    "[",
    "]",
    "{}",
    "\\",
    "\0",
    "é",
    "=",
    "\n",
]
ODD += [
    "[[data]]",
    "a.b = 1",
    "1979-05-27",
    "0x10",
    '"""',
    "#",
    ",",
    ";",
    "\t",
    " ",
    "\r",
    "\ufeff",
]

pieces = st.one_of(st.sampled_from(ODD), st.text(max_size=4), st.integers().map(str))
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """A text with some pieces cut out, put in, doubled or exchanged."""
    for _ in range(draw(st.integers(1, 4))):
        a, b = sorted(draw(st.integers(0, len(text))) for _ in range(2))
        b = min(b, a + 12)
        kind = draw(st.sampled_from(["cut", "put", "double", "line"]))
        if kind == "cut":
            text = text[:a] + text[b:]
        elif kind == "put":
            text = text[:a] + draw(pieces) + text[b:]
        elif kind == "double":
            text = text[:b] + text[a:]
        else:
            lines = text.split("\n")
            k = draw(st.integers(0, len(lines) - 1))
            lines[k] = lines[k].split("=")[0] + "= " + draw(pieces) if "=" in lines[k] else ""
            text = "\n".join(lines)
    content = text.encode("utf-8", "surrogatepass")
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@quick
@given(content=damaged(FULL))
def test_studies(tmp_path: Path, content: bytes):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    study, refused = attempted(load_study, path)
    assert study is not None or (refused is not None and "s.toml" in str(refused))
    assert path.read_bytes() == content


def attempted(read: Callable[[Path], T], path: Path) -> tuple[T | None, BadInputError | None]:
    """What is read, or why it is refused; any other exception is an error of the program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            return read(path), None
        except BadInputError as error:
            return None, error


@quick
@given(content=damaged(rows()))
def test_tables(tmp_path: Path, content: bytes):
    refuses_or_reads(tmp_path, content)


@quick
@given(content=st.binary(max_size=120))
def test_bytes(tmp_path: Path, content: bytes):
    refuses_or_reads(tmp_path, content)


def refuses_or_reads(folder: Path, content: bytes) -> None:
    path = folder / "rows.csv"
    path.write_bytes(content)
    data, refused = attempted(read_table, path)
    if data is None:
        assert "rows.csv" in str(refused)
        return
    assert len(data.inputs) == len(data.labels) > 0
    assert (abs(data.inputs) < float("inf")).all()


@pytest.mark.slow
@settings(quick, max_examples=20_000)
@given(content=damaged(FULL))
def test_many_studies(tmp_path: Path, content: bytes):
    test_studies.hypothesis.inner_test(tmp_path, content)  # type: ignore[attr-defined]


@pytest.mark.slow
@settings(quick, max_examples=20_000)
@given(content=damaged(rows()))
def test_many_tables(tmp_path: Path, content: bytes):
    refuses_or_reads(tmp_path, content)
