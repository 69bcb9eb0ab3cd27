"""Warnings of the library on the command line: one line on the standard error, no source line."""

import json
import warnings
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lossatlas.atlas import Exploration
from lossatlas.cli.arguments import ended_cleanly
from lossatlas.errors import DataWarning

ROWS = "Id,x,label\n" + "".join(f"{i},{i % 5}.5,{i % 2}\n" for i in range(1, 51))


def command(body):
    app = typer.Typer()
    app.command()(ended_cleanly(body))
    return CliRunner().invoke(app, [])


@pytest.mark.parametrize("filters", ["error", "ignore", "once"])
def test_a_data_warning_is_one_line_whatever_the_filters(filters):
    def body() -> None:
        for _ in range(2):
            warnings.warn("a.csv: two\nlines; mend them", DataWarning, stacklevel=1)
        typer.echo(json.dumps({"done": True}))

    with warnings.catch_warnings():
        warnings.simplefilter(filters)
        result = command(body)
    assert result.exit_code == 0
    assert result.stderr == "lossatlas: warning: a.csv: two lines; mend them\n"
    assert json.loads(result.stdout) == {"done": True}


def test_every_command_shows_them_anew_and_leaves_the_filters_alone():
    def body() -> None:
        warnings.warn("a.csv: odd", DataWarning, stacklevel=1)

    before = (warnings.showwarning, list(warnings.filters))
    assert command(body).stderr == command(body).stderr == "lossatlas: warning: a.csv: odd\n"
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_other_warnings_are_shown_as_ever():
    def body() -> None:
        warnings.warn("old", RuntimeWarning, stacklevel=1)

    with pytest.warns(RuntimeWarning, match="old"):
        assert command(body).exit_code == 0


def test_a_suspicious_table_is_explored_with_one_line(run, study: Path, monkeypatch, tmp_path):
    def grow(landscape, atlas, *_):
        atlas.exploration = Exploration("time", 3, 2, 9, 6.0, 3.0)

    monkeypatch.setattr("lossatlas.studies.exploring.grow", grow)
    rows = study.parent / "rows.csv"
    rows.write_text(ROWS)
    content = study.read_text().replace("rows.npz", "rows.csv")
    study.write_text(content)
    result = run("explore", study, "--atlas", tmp_path / "a.atlas", "--json")
    assert json.loads(result.stdout)["reason"] == "time"
    line = f"lossatlas: warning: {rows}: the column 'Id' only counts the rows"
    assert [text.startswith(line) for text in result.stderr.splitlines()] == [False, True]
    study.write_text(content.replace('path = "rows.csv"', 'path = "rows.csv"\ndrop = ["Id"]'))
    result = run("explore", study, "--atlas", tmp_path / "b.atlas", "--json")
    assert (result.exit_code, "warning" in result.stderr) == (0, False)
