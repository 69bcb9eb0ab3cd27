"""`lossatlas discovery`: the curves of an atlas."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import BadInputError
from lossatlas.plots.discovery import plot_discovery

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
    }
    if Path("/proc").is_dir():
        cases[Path("/proc/x.png")] = "can be written"
    for output, message in cases.items():
        result = run("discovery", atlas, "-o", output)
        assert result.exit_code == 2
        assert message in result.stderr
    assert run("discovery", tmp_path / "none.atlas", "-o", tmp_path / "x.png").exit_code == 2


def test_one_call_draws_one_stream(run, atlas):
    with Atlas.open(atlas) as opened:
        known = len(opened.transition_states())
        ax = plot_discovery(opened, "transition states", Figure().subplots())
        with pytest.raises(BadInputError, match="points saddles: no such points; use minima or"):
            plot_discovery(opened, "saddles", Figure().subplots())
    assert ax.get_xlabel() == "draws that hit transition states"
    assert f"in the atlas: {known:,}" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_an_atlas_without_draws_is_named(tmp_path: Path):
    path = tmp_path / "new.atlas"
    with (
        Atlas.create(path, Problem({"function": "made up"})) as opened,
        pytest.raises(BadInputError, match=r"new\.atlas: there are no independent draws of minima"),
    ):
        plot_discovery(opened)
