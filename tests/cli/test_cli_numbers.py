"""Numeric options: a message names the option, its value or range, before anything is read."""

import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from lossatlas.program import COMMANDS

NUMBERS = ("-1", "0", "nan", "inf", "-inf", "1e400")
WHOLE = ("-1", "0", "1.5", "nan", "1" + 30 * "0")

REFUSED = {  # of each option, what it refuses
    ("explore", "--minutes"): NUMBERS,
    ("explore", "--cpu-minutes"): NUMBERS,
    ("explore", "--minima"): WHOLE[:-1],
    ("explore", "--transition-states"): WHOLE[:-1],
    ("explore", "--until"): (*NUMBERS, "1", "1.5"),
    ("explore", "--independent-share"): ("-0.1", "1.1", "nan", "inf"),
    ("explore", "--seed"): ("-1", "0.5", "nan", str(2**63)),
    ("explore", "--lanes"): WHOLE,
    ("explore", "--workers"): WHOLE,
    ("explore", "--width"): (*WHOLE, "1"),
    ("explore", "--l2"): NUMBERS,
    ("minima", "--merge"): ("-1e-9", "nan", "inf", "-inf"),
    ("minima", "--limit"): ("-1", "1.5", "nan"),
    ("transition-states", "--merge"): ("-1e-9", "nan", "inf", "-inf"),
    ("transition-states", "--limit"): ("-1", "1.5", "nan"),
    ("auc", "--positive-class"): ("-1", "0.5", "nan"),
    ("tree", "--levels"): ("-1", "1", "1.5", "nan", "1" + 30 * "0"),
    ("tree", "--top"): ("nan", "x", ""),
    ("tree", "--depth"): ("-1", "nan", "inf", "-inf", "1e400"),
    ("tree", "--smallest"): (*NUMBERS, "1.5"),
    ("tree", "--lowest"): ("-1", "1.5", "nan"),
    ("tree", "--width"): (*NUMBERS, "1.5", "70000"),
    ("tree", "--height"): (*NUMBERS, "1.5", "70000"),
    ("tree", "--inset"): ("-1", "nan", "inf", "1.5"),
    ("status", "--watch"): (*NUMBERS, "1" + 30 * "0"),
    ("serve", "--port"): ("-1", "1.5", "nan", "70000"),
    ("metrics", "--minimum"): ("-1", "0", "1.5", "nan"),
    ("export", "--minimum"): ("-1", "0", "1.5", "nan"),
    ("history", "--minimum"): ("-1", "0", "1.5", "nan"),
    ("history", "--transition-state"): ("-1", "0", "1.5", "nan"),
    ("history", "--limit"): ("-1", "1.5", "nan"),
    ("verify", "--sample"): WHOLE[:-1],
    ("verify", "--seed"): ("-1", "0.5", "nan"),
    ("reproduce", "--draws"): WHOLE,
    ("reproduce", "--first-draw"): WHOLE,
    ("reproduce", "--minutes"): NUMBERS,
    ("reproduce", "--cpu-minutes"): NUMBERS,
}
CASES = [(*key, value) for key, values in REFUSED.items() for value in values]


@pytest.mark.parametrize(("command", "option", "value"), CASES)
def test_the_option_is_named(run, tmp_path: Path, command: str, option: str, value: str):
    output = ["-o", tmp_path / "tree.png"] if command in ("tree", "export") else []
    result = run(command, tmp_path / "nowhere", *output, option, value)
    assert result.exit_code == 2
    assert option in result.stderr
    assert "nowhere" not in result.stderr  # nothing was opened
    assert "Traceback" not in result.output


def test_every_numeric_option_is_tried():
    numeric = {
        (command.__name__.replace("_", "-"), f"--{name.replace('_', '-')}")
        for command, _ in COMMANDS
        for name, kind in get_type_hints(inspect.unwrap(command)).items()
        if {int, float} & {kind, *get_args(kind)}
    }
    assert numeric == set(REFUSED)


@pytest.mark.parametrize("top", ["-99", "-inf", "-1e300", "0.0999"])
def test_a_top_below_all_minima_names_the_lowest(run, tmp_path: Path, top: str):
    (tmp_path / "min.data").write_text("0.1\n0.2\n")
    (tmp_path / "ts.data").write_text("0.5 1 2\n")
    result = run("tree", tmp_path, "-o", tmp_path / "tree.png", "--top", top)
    assert result.exit_code == 2
    assert f"--top {float(top):.10g}: no minimum is left, the lowest is at 0.1" in (result.stderr)
    assert not (tmp_path / "tree.png").exists()


@pytest.mark.parametrize("options", [("--top", "inf"), ("--top", "1e308"), ("--levels", "1000000")])
def test_large_numbers_that_mean_something(run, tmp_path: Path, options: tuple[str, str]):
    (tmp_path / "min.data").write_text("0.1\n0.2\n")
    (tmp_path / "ts.data").write_text("0.5 1 2\n")
    result = run("tree", tmp_path, "-o", tmp_path / "tree.png", *options)
    assert result.exit_code == 0, result.output
    assert "2 minima in 1 connected set" in result.stdout
