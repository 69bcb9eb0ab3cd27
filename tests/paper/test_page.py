"""The page of results from whatever cells there are."""

import re

from hand_made import write

from lossatlas.paper import claims_report
from lossatlas.paper.artifacts import ARTIFACTS
from lossatlas.paper.cell import PILOT
from lossatlas.paper.exploring import decisive, records
from lossatlas.paper.files import write_artifact, write_pages
from lossatlas.paper.page import pages
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER, QUICK

D2 = recipes(PAPER)["noise-d2"]


def test_empty_pages_say_what_was_not_run(tmp_path):
    found = pages(PAPER, tmp_path)
    assert set(found) == {"index.md", "landscapes.md", "budget.md", "differences.md"}
    for artifact in ARTIFACTS:
        if artifact.kind != "claims":
            assert f"### {artifact.title}\n" in found["index.md"]
    assert "from 0 landscapes" in found["index.md"]
    assert "No statement has a verdict yet." in found["index.md"]
    assert "smaller here than in the paper" not in found["index.md"]


def test_the_quick_page_is_not_compared(tmp_path):
    found = pages(QUICK, tmp_path)
    assert "smaller here than in the paper" in found["index.md"]
    assert "differences.md" not in found


def test_pages_show_verdicts_pictures_and_landscapes(tmp_path):
    for draw in (1, 2):
        for column in D2.columns:
            numbers = {"gmin_loss": 0.5 + 0.1 * draw, "minima": 6.0, "connected_minima": 2.0}
            write(tmp_path, column.cell(draw), **numbers)
    found = pages(PAPER, tmp_path)
    index = found["index.md"]
    assert "![Figure 4](figure-4.png)" in index
    assert "[The numbers](table-2.md)" in index
    assert index.index("## What was decided\n") < index.index("## Tables and figures\n")
    assert len(re.findall(r"^Of \d+ statements .* undecided\.$", index, re.M)) == 1
    row = f"| {D2.columns[0].cell(1).name} | 3 | 2 | 3 | 0.980 (0.950 to 0.990) |"
    assert row in found["landscapes.md"]
    assert "from 8 landscapes, 480 minutes of CPU time" in index
    assert "| noise-d2 | 0 % errors | 2 | 60.0 | 3 | 2 | 3 |" in found["budget.md"]
    table = next(a for a in ARTIFACTS if a.name == "table-2")
    markdown, *_ = write_artifact(table, PAPER, tmp_path)
    assert "0.519 / 0.650 ± 0.071 (0.600 to 0.700)" in markdown.read_text()


def test_every_link_of_the_pages_leads_to_a_file(tmp_path):
    """Of those that the command writes; the plan stands in the repository."""
    for draw in (1, 2):
        for column in D2.columns:
            write(tmp_path, column.cell(draw), gmin_loss=0.5, connected_minima=3.0)
    for artifact in ARTIFACTS:
        if artifact.kind != "ideal":
            write_artifact(artifact, PAPER, tmp_path)
    write_pages(PAPER, tmp_path)
    there = {path.name for path in tmp_path.iterdir()} | {"plan.md", "ideal-auc.md"}
    links = re.findall(r"\]\(([\w.-]+)\)", (tmp_path / "index.md").read_text())
    assert len(links) > 20
    assert set(links) <= there


def test_more_draws_than_asked_for_are_shown(tmp_path):
    for draw in (1, 2, 3, 4):
        write(tmp_path, D2.columns[0].cell(draw), minima=float(draw))
    assert len(records(D2, tmp_path)) == 4
    write(tmp_path, D2.columns[0].cell(6), minima=6.0)
    assert len(records(D2, tmp_path)) == 5


def test_fresh_draws_are_shown_in_place_of_the_pilot_as_soon_as_there_are_two(tmp_path):
    def draws(found):
        return [record.cell.draw for _, record in found]

    for draw in (1, 2, 5, PILOT + 1):
        write(tmp_path, D2.columns[0].cell(draw), minima=float(draw))
    found = records(D2, tmp_path)
    assert draws(decisive(found)) == draws(found) == [1, 2, 5, PILOT + 1]
    write(tmp_path, D2.columns[0].cell(PILOT + 2), minima=3.0)
    write(tmp_path, D2.columns[0].cell(PILOT + 4), minima=3.0)
    assert draws(decisive(records(D2, tmp_path))) == [PILOT + 1, PILOT + 2, PILOT + 4]


def test_fresh_draws_that_lack_a_column_are_not_shown(tmp_path):
    """As those of another study that shares one of its landscapes."""
    clean, noisy = D2.columns[:2]
    for draw in (1, 2):
        for column in (clean, noisy):
            write(tmp_path, column.cell(draw), minima=3.0)
    for draw in range(PILOT + 1, PILOT + 5):
        write(tmp_path, clean.cell(draw), minima=3.0)

    def shown():
        found = decisive(records(D2, tmp_path))
        return [(column.key, record.cell.draw) for column, record in found]

    pilot = [("0", 1), ("10", 1), ("0", 2), ("10", 2)]
    assert shown() == pilot
    write(tmp_path, noisy.cell(PILOT + 2), minima=3.0)
    fresh = [("0", PILOT + 2), ("10", PILOT + 2)]
    assert shown() == pilot + fresh
    write(tmp_path, noisy.cell(PILOT + 4), minima=3.0)
    assert shown() == [*fresh, ("0", PILOT + 4), ("10", PILOT + 4)]


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
    decided = claims_report.decided(list(found.values())).splitlines()
    assert f"| {rises.claim.name} | **supported** (pilot) |" in "\n".join(decided)
    verdicts = [one.verdict for one in found.values()]
    assert len(decided) - 2 == len(verdicts) - verdicts.count("undecided")
    counted = [int(n) for n in re.findall(r"\d+", claims_report.counted(list(found.values())))]
    assert counted[0] == sum(counted[1:]) == len(found)
    assert len(claims_report.to_csv(found.values()).splitlines()) == len(found) + 1


def test_verdicts_on_permutation_noise_are_a_family_of_their_own(tmp_path):
    """Fresh draws in which uniform noise has the higher loss and the lower AUC."""
    for draw in range(PILOT + 1, PILOT + 6):
        for kind, loss, auc in (("uniform", 1.2, 0.7), ("permutation", 1.0, 0.6)):
            recipe = recipes(PAPER)[f"kinds-{kind}-d2"]
            for column in recipe.columns:
                if column.key in ("10", "50"):
                    shift = 1e-3 * draw * (kind == "uniform")
                    numbers = {"gmin_loss": loss + shift, "test_gmin_auc": auc + shift}
                    write(tmp_path, column.cell(draw), minima=5.0, **numbers)
    found = claims_report.verdicts(PAPER, tmp_path)
    family = {v.claim.name: v for v in found if v.claim.family == "Noise of other kinds"}
    assert len(family) == 8
    loss = family["D2, permutation noise: a higher lowest loss than with uniform noise"]
    assert (loss.verdict, len(loss.values), loss.pilot) == ("contradicted", 4, False)
    auc = family["D2, permutation noise: a lower testing AUC than with uniform noise"]
    assert auc.verdict == "supported"
    assert abs(auc.mean - 0.1135) < 1e-12  # draw 11 had been seen, so it does not count
    assert all(v.verdict == "undecided" for v in family.values() if v not in (loss, auc))
