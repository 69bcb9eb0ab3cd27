"""Separate searches on small landscapes, and what is made of their counts."""

import csv
import io

import numpy as np
import pytest
from hand_made import write

from lossatlas import Atlas, BadInputError, Status, search
from lossatlas.analysis import coverage_of
from lossatlas.atlas import Attempt
from lossatlas.paper import claims_report, richness, sampling
from lossatlas.paper.cell import PILOT
from lossatlas.paper.exploring import cell_folder
from lossatlas.paper.recipes import recipes
from lossatlas.paper.sampling import ATLAS, CLIMBS, QUENCHES, Sample, compute, store, stored
from lossatlas.paper.scales import PAPER, QUICK
from lossatlas.search import Cost, Outcome

D2 = recipes(QUICK)["noise-d2"]
VERSIONS = {"lossatlas": "1.0"}


def test_each_landscape_gets_its_quenches_once(tmp_path):
    cell = D2.columns[0].cell(1)
    assert stored(tmp_path, cell, QUENCHES) is None
    assert richness.rows(D2, tmp_path) == []
    assert richness.to_markdown(D2, [], CLIMBS).endswith(": transition states\n\nNot run.\n")
    few = compute(tmp_path, cell, QUENCHES, 10, 10)
    assert (few.made, few.failed) == (10, 0)
    assert few.counts.sum() == 10
    more = compute(tmp_path, cell, QUENCHES, 15, 15)
    assert more == stored(tmp_path, cell, QUENCHES)
    assert compute(tmp_path, cell, QUENCHES, 12, 12) == more
    with Atlas.open(cell_folder(tmp_path, cell) / ATLAS) as atlas:
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
            made = Sample(100, 1, kept[column.key], 2.0, VERSIONS)
            store(folder, QUENCHES, made)
    clean, noisy = richness.rows(D2, tmp_path)
    assert (clean.column, noisy.column, clean.draw) == ("0", "50", 11)
    own = [coverage_of(row.sample.counts, row.sample.counts.sum()) for row in (clean, noisy)]
    assert [clean.coverage, noisy.coverage] == own
    assert own[0] > own[1]
    assert noisy.common.coverage == own[1]
    most = clean.common.draws
    assert clean.common.coverage <= own[1] < coverage_of(clean.sample.counts, most + 1)
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
    made = compute(tmp_path, cell, QUENCHES, 6, 6)
    with Atlas.open(cell_folder(tmp_path, cell) / ATLAS) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        again = Attempt(QUENCHES.strategy, (), "0", Outcome(Status.CONVERGED, Cost(1, 1), (), ()))
        atlas.commit(run, [again], "again")
        assert len(atlas.attempts()) == 7
    (cell_folder(tmp_path, cell) / QUENCHES.file).unlink()
    counted = compute(tmp_path, cell, QUENCHES, 6, 6)
    assert counted._replace(cpu_seconds=0.0) == made._replace(cpu_seconds=0.0)


@pytest.mark.parametrize("text", ["{", '{"made": 3}', '{"abundances": []}'])
def test_a_damaged_file_is_refused_with_its_name(tmp_path, text):
    folder = cell_folder(tmp_path, D2.columns[0].cell(1))
    folder.mkdir(parents=True)
    (folder / QUENCHES.file).write_text(text)
    with pytest.raises(BadInputError, match="delete it"):
        richness.rows(D2, tmp_path)


def test_a_landscape_without_any_minimum_has_no_hill_numbers(tmp_path):
    for column, abundances in zip(D2.columns, ({}, {3: 2}), strict=False):
        folder = cell_folder(tmp_path, column.cell(1))
        folder.mkdir(parents=True)
        made = sum(times * number for times, number in abundances.items())
        store(folder, QUENCHES, Sample(6, 6 - made, abundances, 1.0, VERSIONS))
    nothing, some = richness.rows(D2, tmp_path)
    assert np.isnan([*nothing.numbers.values(), nothing.coverage]).all()
    assert some.numbers["hill_0"] == 2.0
    text = richness.to_markdown(D2, [nothing, some])
    assert "| 1 | minima found | 0 | 2 | not run | not run |" in text
    assert "order 0 at a coverage of 1.000 | none found | 2.0 (" in text


def test_an_interrupt_is_passed_on_and_what_was_made_is_kept(tmp_path, monkeypatch):
    cell, draws = D2.columns[0].cell(1), sampling._Draws

    class Interrupted(draws):
        def __call__(self, view):
            for task in super().__call__(view):
                if task.key.what == "30":
                    raise KeyboardInterrupt
                yield task

    monkeypatch.setattr(sampling, "_Draws", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute(tmp_path, cell, QUENCHES, 60, 60)
    assert stored(tmp_path, cell, QUENCHES) is None
    with Atlas.open(cell_folder(tmp_path, cell) / ATLAS) as atlas:
        assert 0 < len(atlas.attempts()) < 60
    monkeypatch.setattr(sampling, "_Draws", draws)
    made = compute(tmp_path, cell, QUENCHES, 60, 60)
    assert (made.made, made.counts.sum()) == (60, 60)
    whole = compute(tmp_path / "alone", cell, QUENCHES, 60, 60)
    assert made.abundances == whole.abundances


def test_statements_on_hill_numbers_come_from_quenches(tmp_path):
    """Twice as many minima from level to level, in two draws."""
    recipe = recipes(PAPER)["noise-d2"]
    for draw in (PILOT + 1, PILOT + 2):
        for level, column in enumerate(recipe.columns):
            record = write(tmp_path, column.cell(draw), minima=5.0)
            made = Sample(400, 0, {100 // 2**level + draw: 4 * 2**level}, 2.0, VERSIONS)
            store(record.folder, QUENCHES, made)
    found = {verdict.claim.name: verdict for verdict in claims_report.verdicts(PAPER, tmp_path)}
    for label in ("minima at equal coverage", "common minima at equal coverage"):
        states = label.replace("minima", "transition states")
        assert found[f"D2: more {states} with more label errors"].verdict == "undecided"
        verdict = found[f"D2: more {label} with more label errors"]
        assert verdict.mean == pytest.approx(np.log(2), abs=5e-3)
        assert verdict.verdict == "supported"
        assert found[verdict.claim.name.replace("D2", "D1")].verdict == "undecided"


def test_the_command_makes_quenches_and_explores_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setitem(QUENCHES.counts, "quick", 6)
    monkeypatch.setitem(CLIMBS.counts, "quick", 4)
    wanted = ("reproduce", "richness", "-o", tmp_path)
    result = run(*wanted)
    assert result.exit_code == 0, result.output
    assert "[1/8] 6 quenches on d1-" in result.output
    assert "[8/8] 4 climbs on d2-" in result.output
    assert "0 landscapes computed" in result.output
    text = (tmp_path / "richness.md").read_text()
    assert text.count("minima found") == text.count("transition states found") == 2
    assert "not run" not in text
    again = run(*wanted)
    assert "quenches on" not in again.output
    assert "climbs on" not in again.output
    assert (tmp_path / "richness.md").read_text() == text


def test_climbs_begin_at_the_minima_that_quenches_found(tmp_path, monkeypatch):
    begun = []
    climb = sampling._climb

    def noted(start, seed, tools):
        begun.append(start)
        return (yield from climb(start, seed, tools))

    drawn = []
    single_ended = search.single_ended

    def ended(tools, start, *how):
        drawn.append(how)
        return (yield from single_ended(tools, start, *how))

    monkeypatch.setattr(sampling, "_climb", noted)
    monkeypatch.setattr(search, "single_ended", ended)
    cell = D2.columns[1].cell(1)
    made = compute(tmp_path, cell, CLIMBS, 12, 5)
    assert made.made == 12 == made.failed + made.counts.sum()
    assert made.counts.sum() > 0
    assert stored(tmp_path, cell, CLIMBS) == made
    with Atlas.open(cell_folder(tmp_path, cell) / ATLAS) as atlas:
        log = atlas.attempts()
        quenches = log[log["strategy"] == QUENCHES.strategy]
        listed = atlas.minimum_weights(sorted({m[-1] for m in quenches["minima"] if len(m)}))
        states = [t[-1] for t in log["transition_states"] if len(t)]
    assert len(quenches) == 5
    assert made.starts == len(listed)
    assert sorted(np.unique(states, return_counts=True)[1]) == sorted(made.counts)
    assert all((start == listed).all(axis=1).any() for start in begun)
    assert len({tuple(start) for start in begun}) > 1
    modes, signs, distances = map(set, zip(*drawn, strict=True))
    assert len(modes) > 2
    assert signs == {-1, 1}
    assert len(distances) == 12
    assert min(modes) >= 0
    assert max(modes) < sampling.MODES
    assert sampling.DISTANCES[0] <= min(distances) <= max(distances) <= sampling.DISTANCES[1]
    # The list is the same when the transition states have brought further minima.
    more = compute(tmp_path, cell, CLIMBS, 20, 5)
    whole = compute(tmp_path / "alone", cell, CLIMBS, 20, 5)
    assert more.abundances == whole.abundances


def test_climbs_need_a_minimum(tmp_path):
    with pytest.raises(BadInputError, match="no quench has ended at a minimum"):
        compute(tmp_path, D2.columns[0].cell(1), CLIMBS, 3, 0)
