"""`lossatlas reproduce` on hand-made cells, and how it ends."""

import json
from pathlib import Path

import pytest
from hand_made import write

from lossatlas.paper import exploring, files
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER, QUICK


@pytest.fixture
def folder(tmp_path) -> Path:
    """All cells of Table II at the scale of the paper, by hand."""
    for column in recipes(PAPER)["noise-d2"].columns:
        write(tmp_path, column.cell(1), minima=6.0, gmin_loss=0.52)
    return tmp_path


def test_finished_cells_are_not_explored_again(run, folder, monkeypatch):
    def fails(*_):
        raise AssertionError("explored")

    monkeypatch.setattr(exploring, "compute", fails)
    ran = run("reproduce", "table-2", "figure-4", "--scale", "paper", "--draws", 1, "-o", folder)
    assert ran.exit_code == 0, ran.output
    assert "0 landscapes computed, 4 from before, 0 failed" in ran.stdout
    assert "0.519 / 0.520" in (folder / "table-2.md").read_text()
    assert "noise-d2,0,minima,6,6," in (folder / "table-2.csv").read_text()
    assert (folder / "figure-4.png").stat().st_size > 10_000
    assert "<svg" in (folder / "figure-4.svg").read_text()


def test_a_cell_that_fails_does_not_lose_the_others(run, folder, monkeypatch):
    tried = []

    def fails(output, cell, display):
        tried.append(cell.name)
        raise ValueError("no luck")

    monkeypatch.setattr(exploring, "compute", fails)
    ran = run("reproduce", "table-2", "--scale", "paper", "--draws", 2, "-o", folder, "--json")
    assert ran.exit_code == 1
    assert len(tried) == 4
    shown = json.loads(ran.stdout)
    assert shown["failed"] == dict.fromkeys(tried, "ValueError: no luck")
    assert len(shown["cached"]) == 4
    assert (folder / "table-2.md").exists()


def test_an_interrupt_ends_with_its_code(run, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exploring, "compute", interrupted)
    ran = run("reproduce", "table-2", "-o", tmp_path)
    assert ran.exit_code == 130


def test_nothing_is_explored_if_asked(run, folder, monkeypatch):
    monkeypatch.setattr(files, "DOTS_PER_INCH", 20)
    ran = run("reproduce", "all", "--scale", "paper", "--no-explore", "-o", folder)
    assert ran.exit_code == 0, ran.output
    names = [f"table-{k}" for k in range(1, 5)] + [f"figure-{k}" for k in range(1, 9)]
    names += ["si-d3", "si-distributions", "deep-masks", "deep-noise", "other-labels", "claims"]
    for name in names:
        assert (folder / f"{name}.md").exists()
        assert (folder / f"{name}.csv").exists()
    figures = ["claims", "figure-3", "figure-4", "loss-auc-2", "noise-kinds", "persistence"]
    assert sorted(p.stem for p in folder.glob("*.png")) == figures
    index = (folder / "index.md").read_text()
    assert "0.519 / 0.520" in (folder / "table-2.md").read_text()
    assert index.count(".png)") == 6


def test_without_mnist_the_quick_scale_says_so(run, tmp_path, monkeypatch):
    monkeypatch.delenv("LOSSATLAS_MNIST", raising=False)
    ran = run("reproduce", "table-3", "-o", tmp_path)
    assert ran.exit_code == 0, ran.output
    assert "MNIST skipped" in ran.stderr
    assert "0.9687 / not run" in (tmp_path / "table-3.md").read_text()


def test_the_budget_can_be_given(run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(exploring, "compute", lambda output, cell, _: asked.append(cell))
    ran = run("reproduce", "table-2", "--draws", 1, "--cpu-minutes", 3, "-o", tmp_path)
    assert ran.exit_code == 0, ran.output
    assert {(c.budget.minutes, c.budget.cpu_minutes) for c in asked} == {(None, 3.0)}
    assert [c.key for c in asked] == [c.cell(1).key for c in recipes(QUICK)["noise-d2"].columns]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table-9"], "use all or some of table-1"),
        (["table-1", "--minutes", 0], "--minutes: 0.0 is not positive"),
        (["table-1", "--cpu-minutes", -1], "--cpu-minutes: -1.0 is not positive"),
        (["table-1", "-o", __file__], "cannot be created"),
    ],
)
def test_bad_input(run, tmp_path, arguments, message):
    where = [] if "-o" in arguments else ["-o", tmp_path]
    ran = run("reproduce", *arguments, *where)
    assert ran.exit_code == 2
    assert message in ran.stderr
