"""`lossatlas auc` where a class is missing: undefined, with the reason."""

import json
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Attempt
from lossatlas.errors import DataWarning, Status
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint
from lossatlas.studies.problem import prepare
from lossatlas.studies.study import Study

IRIS = {"source": "sklearn", "name": "iris", "train": 90, "test": 50, "split": "ordered"}


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Path:
    """An atlas of two made-up points: setosa and versicolor trained, these two others tested."""
    tables = {"data": IRIS, "network": {"hidden": [2]}, "loss": {"l2": 1e-2}}
    with pytest.warns(DataWarning, match="no training row of class 'virginica'"):
        prepared = prepare(Study.model_validate(tables))
    landscape, random = prepared.landscape, np.random.default_rng(1)
    path = tmp_path_factory.mktemp("iris") / "iris.atlas"
    with Atlas.create(path, prepared.problem) as atlas:
        spectrum = np.array([1e-3, 1e-2, 1e-1, 1.0])
        starts = [landscape.random_start(random) for _ in range(2)]
        points = tuple(
            StationaryPoint(w, k, 1e-15, 0, spectrum, 0.0, 1e-12, landscape.invariants(w), 1)
            for k, w in enumerate(starts)
        )
        outcome = Outcome(Status.CONVERGED, Cost(), minima=points)
        attempt = Attempt("basin-hopping", (), "", outcome)
        atlas.commit(atlas.start_run({}, 0, {}, "cpu"), [attempt], "two points")
    return path


def test_a_class_that_was_never_trained(run, iris):
    result = run("auc", iris, "--positive-class", 2)
    reason = "undefined, since no training item has class 2 ('virginica')"
    assert result.stdout.splitlines() == [
        f"train_auc_class_2: {reason}",
        f"test_auc_class_2: {reason}",
    ]
    assert json.loads(run("auc", iris, "--positive-class", 2, "--json").stdout) == {
        "train_auc_class_2": None,
        "test_auc_class_2": None,
        "undefined": dict.fromkeys(
            ("train_auc_class_2", "test_auc_class_2"), "no training item has class 2 ('virginica')"
        ),
    }


def test_the_mean_names_what_it_leaves_out(run, iris):
    assert run("auc", iris, "--macro").stdout.splitlines() == [
        "train_auc_macro: 2 minima",
        "test_auc_macro: 2 minima",
        "left out of the mean over classes: class 0 ('setosa'), since no test item has it",
        "left out of the mean over classes: class 2 ('virginica'), since no training item has it",
    ]
    assert json.loads(run("auc", iris, "--macro", "--json").stdout) == {
        "train_auc_macro": 2,
        "test_auc_macro": 2,
        "left_out": {"0": "no test item has it", "2": "no training item has it"},
    }


def test_a_class_that_is_trained_and_tested(run, iris):
    assert json.loads(run("auc", iris, "--positive-class", 1, "--json").stdout) == {
        "train_auc_class_1": 2,
        "test_auc_class_1": 2,
    }


def test_an_undefined_column_colors_no_tree(run, iris, tmp_path):
    assert run("auc", iris).exit_code == 0
    result = run("tree", iris, "-o", tmp_path / "tree.png", "--color", "test_auc")
    assert result.exit_code == 2
    assert "--color test_auc: no minimum has a value" in result.stderr
    assert "lossatlas auc" in result.stderr
    assert run("tree", iris, "-o", tmp_path / "tree.png").exit_code == 0


def test_a_class_that_there_is_not(run, iris):
    result = run("auc", iris, "--positive-class", 3)
    assert result.exit_code == 2
    assert "--positive-class 3: the data have 3 classes, numbered from 0; use 0 to 2" in (
        result.stderr
    )
