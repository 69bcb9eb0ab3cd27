"""The commands on a study whose training labels were changed."""

import json
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Attempt
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint
from lossatlas.studies.problem import prepare
from lossatlas.studies.study import load_study

NOISE = "[noise]\nfraction = 0.4\nseed = 1\n"


@pytest.fixture
def noisy(study: Path) -> Path:
    """An atlas with two made-up minima, beside its study."""
    study.write_text(study.read_text() + NOISE)
    prepared = prepare(load_study(study))
    landscape, points = prepared.landscape, []
    for energy in (1.0, 2.0):
        weights = landscape.random_start(np.random.default_rng(int(energy)))
        spectrum, invariants = np.array([1e-3, 1e-2, 0.1, 1.0]), landscape.invariants(weights)
        points.append(
            StationaryPoint(weights, energy, 1e-15, 0, spectrum, 0.0, 1e-12, invariants, 1)
        )
    with Atlas.create(study.with_suffix(".atlas"), prepared.problem) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        outcome = Outcome(Status.CONVERGED, Cost(), minima=tuple(points))
        atlas.commit(run, [Attempt("basin-hopping", (), "", outcome)], f"run {run}")
    return study.with_suffix(".atlas")


def test_auc_and_minima_show_both_parts(run, noisy):
    counts = json.loads(run("auc", noisy, "--json").stdout)
    names = ["train_auc", "test_auc", "incorrect_auc", "correct_auc"]
    assert counts == dict.fromkeys(names, 2)
    for minimum in json.loads(run("minima", noisy, "--json").stdout):
        assert all(0 <= minimum[name] <= 1 for name in names)
        assert set(list(minimum)[-4:]) == set(names)
    assert "incorrect_auc" in run("minima", noisy).stdout
    assert "incorrect_auc_macro" in run("auc", noisy, "--macro").stdout


def test_status_names_the_noise(run, noisy):
    counts = json.loads(run("status", noisy, "--json").stdout)
    assert counts["fingerprint"]["label noise"] == "uniform 0.4, seed 1"


def test_an_atlas_of_other_noise_is_not_continued(run, noisy, study):
    study.write_text(study.read_text().replace("fraction = 0.4", "fraction = 0.5"))
    ended = run("explore", study, "--atlas", noisy)
    assert ended.exit_code == 2
    assert "label noise (atlas: uniform 0.4, seed 1, asked: uniform 0.5, seed 1)" in ended.stderr
