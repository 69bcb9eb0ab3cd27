"""The page of results from whatever cells there are."""

from hand_made import write

from lossatlas.paper import claims_report
from lossatlas.paper.artifacts import ARTIFACTS
from lossatlas.paper.exploring import records
from lossatlas.paper.page import page
from lossatlas.paper.recipes import PAPER, QUICK, recipes

D2 = recipes(PAPER)["noise-d2"]


def test_an_empty_page_says_what_was_not_run(tmp_path):
    text = page(PAPER, tmp_path)
    for artifact in ARTIFACTS:
        assert f"## {artifact.title}\n" in text
    assert "122 / not run" in text
    assert "from 0 landscapes" in text
    assert "## Differences" in text
    assert "smaller here than in the paper" not in text


def test_the_quick_page_is_not_compared(tmp_path):
    text = page(QUICK, tmp_path)
    assert "smaller here than in the paper" in text
    assert "## Differences" not in text


def test_a_page_shows_numbers_pictures_and_landscapes(tmp_path):
    for draw in (1, 2):
        for column in D2.columns:
            write(tmp_path, column.cell(draw), gmin_loss=0.5 + 0.1 * draw, minima=6.0)
    text = page(PAPER, tmp_path)
    assert "![Figure 4](figure-4.png)" in text
    assert "0.519 / 0.650 ± 0.071 (0.600 to 0.700)" in text
    assert f"| {D2.columns[0].cell(1).name} | 3 | 3 | 0.980 (0.950 to 0.990) |" in text
    assert "from 8 landscapes, 480 minutes of CPU time" in text


def test_more_draws_than_asked_for_are_shown(tmp_path):
    for draw in (1, 2, 3, 4):
        write(tmp_path, D2.columns[0].cell(draw), minima=float(draw))
    assert len(records(D2, tmp_path, draws=1)) == 4
    write(tmp_path, D2.columns[0].cell(6), minima=6.0)
    assert len(records(D2, tmp_path, draws=1)) == 4
    assert len(records(D2, tmp_path, draws=6)) == 5


def test_verdicts_from_cells(tmp_path):
    """Ten draws in which the lowest loss rises by about the same from level to level."""
    for draw in range(1, 11):
        for level, column in enumerate(D2.columns):
            write(tmp_path, column.cell(draw), gmin_loss=level + 0.01 * draw * level, minima=5.0)
    found = {v.claim.name: v for v in claims_report.verdicts(PAPER, tmp_path)}
    rises = found["D2: the lowest loss rises with label errors"]
    assert (rises.verdict, len(rises.values)) == ("supported", 10)
    assert found["D1: the lowest loss rises with label errors"].verdict == "undecided"
    more = found["D2: more minima with more label errors"]
    assert (more.verdict, more.mean) == ("undecided", 0.0)
    assert "order" in more.reason
    assert (more.cells, more.lower_bounds) == (40, 40)
    markdown = claims_report.to_markdown(list(found.values()))
    (row,) = [line for line in markdown.splitlines() if line.startswith(f"| {rises.claim.name}")]
    assert "| 10 (" in row
    assert "supported (pilot)" in row
    assert "40 of 40 counts are lower bounds" in markdown
    assert len(claims_report.to_csv(found.values()).splitlines()) == len(found) + 1
