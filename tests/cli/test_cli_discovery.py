"""`lossatlas discovery`: the curves of an atlas."""

import json
from pathlib import Path

import pytest

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_the_curves_of_both_streams_are_drawn(run, atlas, tmp_path: Path, suffix: str):
    output = tmp_path / f"curves{suffix}"
    result = run("discovery", atlas, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.read_bytes().startswith(BEGINNINGS[suffix])
    for stream in json.loads(run("status", atlas, "--json").stdout)["completeness"]:
        assert f"{stream['distinct']} {stream['points']} in {stream['hits']} hits" in result.stdout


def test_what_is_refused_before_any_work(run, atlas, tmp_path: Path):
    cases = {
        tmp_path / "x.gif": "unknown kind of picture '.gif'",
        tmp_path / "no" / "x.png": "folder does not exist",
        Path("/proc/x.png"): "can be written",
    }
    for output, message in cases.items():
        result = run("discovery", atlas, "-o", output)
        assert result.exit_code == 2
        assert message in result.stderr
    assert run("discovery", tmp_path / "none.atlas", "-o", tmp_path / "x.png").exit_code == 2
