"""Separate quenches of small landscapes, and what is made of their counts."""

import csv
import io

import numpy as np
import pytest
from hand_made import write

from lossatlas import Atlas, BadInputError, Status
from lossatlas.analysis import coverage_of
from lossatlas.atlas import Attempt
from lossatlas.paper import claims_report, richness
from lossatlas.paper.cell import PILOT
from lossatlas.paper.exploring import cell_folder
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER, QUICK
from lossatlas.search import Cost, Outcome

D2 = recipes(QUICK)["noise-d2"]
VERSIONS = {"lossatlas": "1.0"}


def test_each_landscape_gets_its_quenches_once(tmp_path):
    cell = D2.columns[0].cell(1)
    assert richness.stored(tmp_path, cell) is None
    assert richness.rows(D2, tmp_path) == []
    few = richness.compute(tmp_path, cell, 10)
    assert (few.made, few.failed) == (10, 0)
    assert few.counts.sum() == 10
    more = richness.compute(tmp_path, cell, 15)
    assert more == richness.stored(tmp_path, cell)
    assert richness.compute(tmp_path, cell, 12) == more
    with Atlas.open(cell_folder(tmp_path, cell) / richness.ATLAS) as atlas:
        attempts = atlas.attempts()
        hits = [minima[-1] for minima in attempts["minima"]]
        # Those of the first call are not made again.
        assert attempts["what"].tolist() == [f"{number}" for number in range(15)]
    assert sorted(np.unique(hits, return_counts=True)[1]) == sorted(more.counts)


def test_landscapes_are_compared_at_a_coverage_that_all_have(tmp_path):
    kept = {"0": {15: 5, 5: 1, 1: 2}, "50": {5: 10, 2: 15, 1: 20}}
    for column in D2.columns:
        if column.key in kept:
            folder = cell_folder(tmp_path, column.cell(11))
            folder.mkdir(parents=True)
            made = richness.Quenches(100, 1, kept[column.key], 2.0, VERSIONS)
            richness.store(folder, made)
    clean, noisy = richness.rows(D2, tmp_path)
    assert (clean.column, noisy.column, clean.draw) == ("0", "50", 11)
    own = [coverage_of(row.quenches.counts, row.quenches.counts.sum()) for row in (clean, noisy)]
    assert [clean.coverage, noisy.coverage] == own
    assert own[0] > own[1]
    assert noisy.common.coverage == own[1]
    most = clean.common.draws
    assert clean.common.coverage <= own[1] < coverage_of(clean.quenches.counts, most + 1)
    assert all(
        a.high < b.low for a, b in zip(clean.common.numbers, noisy.common.numbers, strict=True)
    )
    markdown = richness.to_markdown(D2, [clean, noisy])
    assert markdown.count("not run") == 2 * 6
    assert "| 11 | minima found | 8 | not run | 45 | not run |" in markdown
    lines = list(csv.DictReader(io.StringIO(richness.to_csv([clean, noisy]))))
    assert [line["column"] for line in lines] == ["0", "50"]
    assert float(lines[1]["hill_1"]) == pytest.approx(noisy.common.numbers[1].estimate, rel=1e-5)


def test_a_quench_that_two_programs_made_counts_once(tmp_path):
    cell = D2.columns[0].cell(1)
    made = richness.compute(tmp_path, cell, 6)
    with Atlas.open(cell_folder(tmp_path, cell) / richness.ATLAS) as atlas:
        log = atlas.attempts()
        run = atlas.start_run({}, 0, {}, "cpu")
        minimum = int(log["minima"].iloc[0][-1])
        again = Attempt(richness.NAME, (), "0", Outcome(Status.CONVERGED, Cost(1, 1), (), ()))
        atlas.commit(run, [again], "again")
        assert len(atlas.attempts()) == 7
    (cell_folder(tmp_path, cell) / richness.STORED).unlink()
    assert minimum > 0
    counted = richness.compute(tmp_path, cell, 6)
    assert counted._replace(cpu_seconds=0.0) == made._replace(cpu_seconds=0.0)


@pytest.mark.parametrize("text", ["{", '{"made": 3}', '{"abundances": []}'])
def test_a_damaged_file_is_refused_with_its_name(tmp_path, text):
    folder = cell_folder(tmp_path, D2.columns[0].cell(1))
    folder.mkdir(parents=True)
    (folder / richness.STORED).write_text(text)
    with pytest.raises(BadInputError, match="delete it"):
        richness.rows(D2, tmp_path)


def test_a_landscape_without_any_minimum_is_left_out(tmp_path):
    folder = cell_folder(tmp_path, D2.columns[0].cell(1))
    folder.mkdir(parents=True)
    richness.store(folder, richness.Quenches(5, 5, {}, 1.0, VERSIONS))
    assert richness.rows(D2, tmp_path) == []


def test_an_interrupt_is_passed_on_and_what_was_made_is_kept(tmp_path, monkeypatch):
    cell, draws = D2.columns[0].cell(1), richness._Draws

    class Interrupted(draws):
        def __call__(self, view):
            for task in super().__call__(view):
                if task.key.what == "30":
                    raise KeyboardInterrupt
                yield task

    monkeypatch.setattr(richness, "_Draws", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        richness.compute(tmp_path, cell, 60)
    assert richness.stored(tmp_path, cell) is None
    with Atlas.open(cell_folder(tmp_path, cell) / richness.ATLAS) as atlas:
        assert 0 < len(atlas.attempts()) < 60
    monkeypatch.setattr(richness, "_Draws", draws)
    made = richness.compute(tmp_path, cell, 60)
    assert (made.made, made.counts.sum()) == (60, 60)
    whole = richness.compute(tmp_path / "alone", cell, 60)
    assert made.abundances == whole.abundances


def test_statements_on_hill_numbers_come_from_quenches(tmp_path):
    """Twice as many minima from level to level, in two draws."""
    recipe = recipes(PAPER)["noise-d2"]
    for draw in (PILOT + 1, PILOT + 2):
        for level, column in enumerate(recipe.columns):
            record = write(tmp_path, column.cell(draw), minima=5.0)
            made = richness.Quenches(400, 0, {100 // 2**level + draw: 4 * 2**level}, 2.0, VERSIONS)
            richness.store(record.folder, made)
    found = {verdict.claim.name: verdict for verdict in claims_report.verdicts(PAPER, tmp_path)}
    for label in ("minima at equal coverage", "common minima at equal coverage"):
        verdict = found[f"D2: more {label} with more label errors"]
        assert verdict.mean == pytest.approx(np.log(2), abs=5e-3)
        assert verdict.verdict == "supported"
        assert found[verdict.claim.name.replace("D2", "D1")].verdict == "undecided"


def test_the_command_makes_quenches_and_explores_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setitem(richness.QUENCHES, "quick", 6)
    wanted = ("reproduce", "richness", "-o", tmp_path)
    result = run(*wanted)
    assert result.exit_code == 0, result.output
    assert "[1/8] 6 quenches of d1-" in result.output
    assert "0 landscapes computed" in result.output
    text = (tmp_path / "richness.md").read_text()
    assert text.count("minima found") == 2
    assert "not run" not in text
    again = run(*wanted)
    assert "quenches of" not in again.output
    assert (tmp_path / "richness.md").read_text() == text
