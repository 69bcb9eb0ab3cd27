"""Cells: computed once, continued when interrupted, computed again where a setting changes."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_made import write

from lossatlas import ExploreOptions
from lossatlas.atlas import Atlas
from lossatlas.errors import BadInputError
from lossatlas.paper import exploring
from lossatlas.paper.cell import Cell
from lossatlas.paper.exploring import VERSION, compute, is_finished, load_record, refreshed
from lossatlas.paper.points import load_points
from lossatlas.paper.provenance import setting_of

STUDY = {
    "data": {"source": "sklearn", "name": "iris", "train": 40, "test": 60, "seed": 1},
    "noise": {"kind": "uniform", "fraction": 0.5, "seed": 1},
    "network": {"hidden": [2], "neighbors": 0},
    "loss": {"l2": 1e-3},
}
SMALL = Cell(STUDY, 1, 1, independent_share=0.5, budget=ExploreOptions(transition_states=2))


@contextmanager
def unseen(watching):
    yield lambda progress: None


@pytest.fixture(scope="module")
def computed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reproduction")
    compute(folder, SMALL, unseen)
    return folder


def attempts(folder: Path, cell: Cell) -> int:
    with Atlas.open(exploring.cell_folder(folder, cell) / "landscape.atlas") as atlas:
        return atlas.status()["attempts"]


def test_a_cell_has_its_numbers_and_how_they_came_about(computed):
    record = load_record(computed, SMALL)
    assert record is not None
    assert is_finished(record)
    assert record.effort.reason == "number"
    assert record.numbers["transition_states"] == record.effort.transition_states >= 2
    assert record.about["status"]["attempts"] == record.effort.attempts > 0
    assert sum(record.about["distribution"]["changed"]) == 20
    assert record.about["completeness"][0]["points"] == "minima"
    points = load_points(record.folder / "points.npz")
    assert len(points.minimum_ids) == record.numbers["minima"]
    incorrect = points.columns["incorrect_auc"][np.argmin(points.minimum_energies)]
    assert record.numbers["rank_incorrect_gmin_auc"] == incorrect


def test_the_testing_loss_is_that_of_the_testing_items(computed):
    """Against the landscape of the testing items, whose energy has the L2 term."""
    from lossatlas.landscape import NetworkLandscape

    record = load_record(computed, SMALL)
    with Atlas.open(record.folder / "landscape.atlas") as atlas:
        frame, arrays = atlas.minima(), atlas.problem.arrays
        weights = atlas.minimum_weights([int(frame.loc[frame["loss"].idxmin(), "id"])])[0]
    test = NetworkLandscape(arrays["test_inputs"], arrays["test_labels"], (2,), 1e-3, classes=3)
    expected = float(test.surface.energy(weights))
    assert record.numbers["test_gmin_loss"] == pytest.approx(expected, rel=1e-12)


def test_a_finished_cell_with_a_larger_budget_is_continued(computed, monkeypatch):
    before = attempts(computed, SMALL)
    larger = SMALL._replace(budget=ExploreOptions(transition_states=4))
    record = load_record(computed, larger)
    assert record is not None
    assert not is_finished(record)
    again = compute(computed, larger, unseen)
    assert again.numbers["transition_states"] >= 4
    assert again.effort.attempts == attempts(computed, larger) > before
    # And the smaller budget is met all the more.
    assert is_finished(load_record(computed, SMALL))


def test_another_setting_is_another_cell(computed):
    assert load_record(computed, SMALL._replace(seed=2)) is None
    other = {**STUDY, "loss": {"l2": 2e-3}}
    assert load_record(computed, SMALL._replace(study=other)) is None


def test_an_interrupted_cell_goes_on(tmp_path):
    @contextmanager
    def interrupting(watching):
        def report(progress):
            raise KeyboardInterrupt

        yield report

    with pytest.raises(KeyboardInterrupt):
        compute(tmp_path, SMALL, interrupting)
    assert load_record(tmp_path, SMALL) is None
    done = attempts(tmp_path, SMALL)
    home = exploring.cell_folder(tmp_path, SMALL)
    lines = (home / "progress.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["reason"] == "interrupted"
    # A program that was killed while it wrote leaves half a line.
    with (home / "progress.jsonl").open("a") as stream:
        stream.write('{"seconds": 1')
        stream.write("\n")
    record = compute(tmp_path, SMALL, unseen)
    assert record.effort.attempts == attempts(tmp_path, SMALL) > done
    assert record.effort.seconds > json.loads(lines[-1])["seconds"]
    assert record.about["runs"] == 2


def test_numbers_of_another_version_are_computed_again_without_exploring(computed, monkeypatch):
    before = attempts(computed, SMALL)
    monkeypatch.setattr(exploring, "VERSION", 99)
    record = load_record(computed, SMALL)
    assert not is_finished(record)
    compute(computed, SMALL, unseen)
    assert is_finished(load_record(computed, SMALL))
    assert attempts(computed, SMALL) == before


def test_without_its_atlas_a_cell_is_finished_but_not_continued(computed, tmp_path):
    home = exploring.cell_folder(tmp_path, SMALL)
    shutil.copytree(exploring.cell_folder(computed, SMALL), home)
    (home / "landscape.atlas").unlink()
    assert is_finished(load_record(tmp_path, SMALL))
    again = compute(tmp_path, SMALL, unseen)
    assert again.effort.attempts == attempts(tmp_path, SMALL)
    assert again.about["runs"] == 1


def test_a_study_that_cannot_be_is_refused(tmp_path):
    wrong = SMALL._replace(study={**STUDY, "loss": {"l2": -1.0}})
    with pytest.raises(BadInputError, match="use the settings"):
        compute(tmp_path, wrong, unseen)
    assert not (tmp_path / "cells").exists()


def test_a_broken_file_is_named(tmp_path):
    home = exploring.cell_folder(tmp_path, SMALL)
    home.mkdir(parents=True)
    (home / "cell.json").write_text("{")
    with pytest.raises(BadInputError, match=r"cell\.json.*delete it"):
        load_record(tmp_path, SMALL)


def test_only_the_strategies_allowed_are_used(tmp_path):
    cell = SMALL._replace(
        strategies=("basin-hopping",),
        independent_share=0.0,
        budget=ExploreOptions(minima=2),
        auc="macro",
    )
    record = compute(tmp_path, cell, unseen)
    assert set(record.about["attempts_by_strategy"]) == {"basin-hopping"}
    assert record.numbers["transition_states"] == 0
    assert record.about["quenches"] == record.effort.attempts
    assert record.numbers["train_mean_auc"] > 0.5
    assert is_finished(load_record(tmp_path, replace_budget(cell, minima=2)))


def replace_budget(cell: Cell, **limits) -> Cell:
    return cell._replace(budget=replace(cell.budget, **limits))


def test_older_cells_get_the_numbers_that_their_points_determine(tmp_path):
    made = write(tmp_path, SMALL, gmin_loss=99.0, test_gmin_loss=0.7)
    path = made.folder / "cell.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": VERSION - 1}))
    old = load_record(tmp_path, SMALL)
    new = refreshed(old)
    assert new.numbers["gmin_loss"] == 0.1
    assert new.numbers["test_gmin_loss"] == 0.7
    assert "funnel_share_20" in new.numbers
    stored = load_record(tmp_path, SMALL)
    assert stored.version == VERSION
    assert stored.numbers["funnel_low_20"] == new.numbers["funnel_low_20"]
    assert refreshed(stored) is stored


def test_noise_may_refer_to_another_cell(tmp_path, computed):
    """Boundary noise of the clean landscape, whose atlas has to be there."""
    clean = Cell({k: v for k, v in STUDY.items() if k != "noise"}, 1, 1, budget=SMALL.budget)
    noise = {"kind": "boundary", "fraction": 0.3, "reference": f"cell {clean.key}"}
    noisy = clean._replace(study=STUDY | {"noise": noise})
    with pytest.raises(BadInputError, match="the clean landscape has no atlas"):
        compute(tmp_path, noisy, unseen)
    compute(tmp_path, clean, unseen)
    record = compute(tmp_path, noisy, unseen)
    assert sum(record.about["distribution"]["changed"]) == 12
    assert "boundary30" in record.folder.name
    assert str(tmp_path) not in (record.folder / "cell.json").read_text()
    setting = setting_of(record.about)
    assert "width 48" in setting
    assert "gradient flow" in setting
    assert sum(record.about["abundances"].values()) >= 0
