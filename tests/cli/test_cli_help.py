"""Help: every command has it, with an example, at once; and the README knows every command."""

import subprocess
import sys
from pathlib import Path

import pytest

from lossatlas.program import COMMANDS, app

NAMES = [command.__name__.strip("_").replace("_", "-") for command, _ in COMMANDS]
HEAVY = {"jax", "numpy", "pandas", "matplotlib", "sklearn", "sqlalchemy", "pydantic", "rich"}


def test_all_commands_are_there(run):
    assert NAMES == [
        "explore",
        "status",
        "minima",
        "transition-states",
        "auc",
        "metrics",
        "tree",
        "serve",
        "discovery",
        "locate",
        "export",
        "import",
        "verify",
        "history",
        "backup",
        "merge",
        "compact",
        "reproduce",
    ]
    listed = run("--help").stdout
    assert all(name in listed for name in NAMES)
    assert "..." not in listed.split("Commands:")[1]  # no summary is too long for its line
    assert len(app.registered_commands) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Example:  lossatlas {name} " in result.stdout
    assert "--json" in result.stdout or name in ("tree", "serve", "discovery", "export", "backup")


@pytest.mark.parametrize(("command", "example"), COMMANDS, ids=NAMES)
def test_the_options_in_examples_exist(run, command, example):
    words = example.removeprefix("lossatlas ").split()
    listed = run(words[0], "--help").stdout
    assert all(f"{word} " in listed for word in words if word.startswith("-"))


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_every_command(name):
    assert f"lossatlas {name}" in (Path(__file__).parents[2] / "README.md").read_text()


def test_help_loads_nothing_heavy():
    code = f"""
import sys
from lossatlas.__main__ import main
sys.argv = ["lossatlas", "--help"]
try:
    main()
finally:
    print({HEAVY!r} & set(sys.modules), file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.strip()) == (0, "set()")


def test_the_package_loads_nothing_heavy_and_offers_its_names():
    code = f"""
import sys, lossatlas
print({HEAVY!r} & set(sys.modules))
print([name for name in lossatlas.__all__ if name not in dir(lossatlas)])
print([name for name in lossatlas.__all__ if getattr(lossatlas, name) is None])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.split("\n")[:3] == ["set()", "[]", "[]"], ran.stderr


def test_the_version_is_shown(run):
    assert run("--version").stdout.startswith("lossatlas ")


def test_wrong_usage_is_bad_input(run):
    assert run("tree", "d2.atlas").exit_code == 2  # -o is missing
    assert run("minima", "d2.atlas", "--limit", "few").exit_code == 2
    assert run("fly").exit_code == 2
