"""Warnings of the library on the command line: one line on the standard error, no source line."""

import json
import warnings

import pytest
import typer
from typer.testing import CliRunner

from lossatlas.cli.arguments import ended_cleanly
from lossatlas.errors import DataWarning


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
        warnings.warn("old", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="old"):
        assert command(body).exit_code == 0
