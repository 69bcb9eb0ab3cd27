"""Label noise in a study: what it does to the training labels, and what an atlas keeps of it."""

from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.data.noise import adversarial_noise, boundary_noise, uniform_noise
from lossatlas.errors import BadInputError, OtherLandscapeError, Status
from lossatlas.landscape import NetworkLandscape
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint
from lossatlas.studies.problem import Prepared, landscape_of, prepare
from lossatlas.studies.study import Study, load_study

LJAT3 = 'source = "ljat3"\nside = "D2"\nitems = 200\ntrain = 60\ntest = 40\nseed = 3'
IRIS = 'source = "sklearn"\nname = "iris"\ntrain = 60\ntest = 40\nscaling = "standard"'
CONFUSION = "[[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]]"
NOISES = {
    "uniform": "",
    "permutation": "",
    "class-conditional": f"confusion = {CONFUSION}",
    "boundary": 'reference = "clean.atlas"',
    "adversarial": 'reference = "clean.atlas"',
}


def study(folder: Path, noise: str | None, data: str = IRIS, name: str = "noisy") -> Study:
    table = "" if noise is None else f"[noise]\n{noise}\n"
    file = folder / f"{name}.toml"
    file.write_text(f"[data]\n{data}\n{table}[network]\nhidden = [3]\n[loss]\nl2 = 1e-2\n")
    return load_study(file)


def made_up(landscape: NetworkLandscape, energy: float) -> StationaryPoint:
    weights = landscape.random_start(np.random.default_rng(int(energy)))
    spectrum, invariants = np.array([1e-3, 1e-2, 1e-1, 1.0]), landscape.invariants(weights)
    return StationaryPoint(weights, energy, 1e-15, 0, spectrum, 0.0, 1e-12, invariants, 1)


def explored(folder: Path, prepared: Prepared, energies: tuple[float, ...]) -> list[np.ndarray]:
    """Write clean.atlas with made-up minima; their weights."""
    points = [made_up(prepared.landscape, energy) for energy in energies]
    with Atlas.open_or_create(folder / "clean.atlas", prepared.problem) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        outcome = Outcome(Status.CONVERGED, Cost(), minima=tuple(points))
        atlas.commit(run, [Attempt("basin-hopping", (), "", outcome)], f"run {run}")
    return [point.weights for point in points]


@pytest.fixture
def clean(tmp_path: Path) -> Prepared:
    """The clean study; its atlas, with two minima, is clean.atlas."""
    prepared = prepare(study(tmp_path, None, name="clean"))
    explored(tmp_path, prepared, (2.0, 1.0))
    return prepared


@pytest.mark.parametrize("kind", NOISES)
def test_training_labels_change_and_nothing_else(tmp_path, clean, kind):
    given = study(tmp_path, f'kind = "{kind}"\nfraction = 0.1\n{NOISES[kind]}')
    arrays = prepare(given).problem.arrays
    for name in ("train_inputs", "test_inputs", "test_labels"):
        np.testing.assert_array_equal(arrays[name], clean.problem.arrays[name])
    np.testing.assert_array_equal(arrays["train_clean_labels"], clean.train.labels)
    changed = arrays["train_labels"] != clean.train.labels
    np.testing.assert_array_equal(arrays["train_changed"], changed)
    assert changed.sum() == 6


@pytest.mark.parametrize("kind", NOISES)
def test_an_atlas_keeps_the_noise(tmp_path, clean, kind):
    given = study(tmp_path, f'kind = "{kind}"\nfraction = 0.1\n{NOISES[kind]}')
    prepared = prepare(given)
    with Atlas.create(tmp_path / "noisy.atlas", prepared.problem) as atlas:
        stored = atlas.problem
    assert stored.arrays["train_changed"].dtype == bool
    for name, values in prepared.problem.arrays.items():
        np.testing.assert_array_equal(stored.arrays[name], values)
    again = landscape_of(stored)
    np.testing.assert_array_equal(again.labels, prepared.train.labels)
    assert again.fingerprint() == prepared.landscape.fingerprint()


def test_the_table_decides_the_draw(tmp_path, clean):
    table = "fraction = 0.5\nseed = 7\ncommon_random_numbers = true"
    noisy = prepare(study(tmp_path, table))
    expected = uniform_noise(clean.train.labels, 3, 0.5, 7, True)
    np.testing.assert_array_equal(noisy.train.labels, expected.labels)


def test_the_lowest_minimum_of_the_reference_classifies(tmp_path, clean):
    _, lowest = [made_up(clean.landscape, energy).weights for energy in (2.0, 1.0)]
    outputs = clean.landscape.logits(lowest, clean.train.inputs)[0]
    for kind, noise in (("boundary", boundary_noise), ("adversarial", adversarial_noise)):
        table = f'kind = "{kind}"\nfraction = 0.2\nreference = "clean.atlas"'
        labels = prepare(study(tmp_path, table)).train.labels
        np.testing.assert_array_equal(labels, noise(clean.train.labels, outputs, 0.2).labels)


def test_no_noise_is_the_clean_problem(tmp_path, clean):
    for kind, keys in NOISES.items():
        problem = prepare(study(tmp_path, f'kind = "{kind}"\n{keys}')).problem
        assert problem.fingerprint == clean.problem.fingerprint
        assert problem.arrays.keys() == clean.problem.arrays.keys()


@pytest.mark.parametrize("data", [IRIS, LJAT3])
def test_an_atlas_is_continued_with_its_noise_only(tmp_path, data):
    noisy = prepare(study(tmp_path, "fraction = 0.1\nseed = 1", data))
    path = tmp_path / "noisy.atlas"
    Atlas.create(path, noisy.problem).close()
    with Atlas.open(path) as atlas:
        stored = atlas.problem
    again = prepare(study(tmp_path, "fraction = 0.1\nseed = 1", data), stored)
    Atlas.open_or_create(path, again.problem).close()
    for table, message in (
        ("fraction = 0.5\nseed = 1", "label noise .atlas: uniform 0.1, seed 1, asked: uniform 0.5"),
        ("fraction = 0.1\nseed = 2", "label noise .*asked: uniform 0.1, seed 2"),
        (None, "label noise .atlas: uniform 0.1, seed 1, asked: nothing"),
    ):
        other = prepare(study(tmp_path, table, data), stored)
        with pytest.raises(OtherLandscapeError, match=message):
            Atlas.open_or_create(path, other.problem)
    clean = prepare(study(tmp_path, None, data), stored)
    np.testing.assert_array_equal(clean.train.labels, noisy.problem.arrays["train_clean_labels"])


def test_a_better_minimum_of_the_reference_does_not_change_an_atlas(tmp_path, clean):
    table = 'kind = "adversarial"\nfraction = 0.2\nreference = "clean.atlas"'
    first = prepare(study(tmp_path, table))
    explored(tmp_path, clean, (0.0,))
    assert prepare(study(tmp_path, table), first.problem).problem.fingerprint == (
        first.problem.fingerprint
    )
    fresh = prepare(study(tmp_path, table))
    assert not np.array_equal(fresh.train.labels, first.train.labels)


def refusal(given: Study) -> str:
    with pytest.raises(BadInputError) as caught:
        prepare(given)
    assert caught.value.where == f"{given.file}: [noise] reference"
    return str(caught.value)


def test_references_that_cannot_be_used(tmp_path, clean):
    table = 'kind = "boundary"\nfraction = 0.2\nreference = '
    assert "no such atlas" in refusal(study(tmp_path, table + '"nowhere.atlas"'))
    rows = IRIS.replace("train = 60", "train = 61")
    assert "training inputs" in refusal(study(tmp_path, table + '"clean.atlas"', rows))
    swapped = clean.problem.arrays["train_labels"][::-1].copy()
    other = {**clean.problem.arrays, "train_labels": swapped}
    for name, problem, message in (
        ("other", Problem({"l2": "1"}, {}, other), "training labels"),
        ("empty", clean.problem, "no minima in it yet"),
        ("noisy", prepare(study(tmp_path, "fraction = 0.1")).problem, "labels have noise"),
    ):
        Atlas.create(tmp_path / f"{name}.atlas", problem).close()
        assert message in refusal(study(tmp_path, f'{table}"{name}.atlas"'))


def test_a_matrix_must_fit_the_classes(tmp_path):
    keys = 'kind = "class-conditional"\nfraction = 0.1\nconfusion = [[0.9, 0.1], [0.1, 0.9]]'
    given = study(tmp_path, keys)
    with pytest.raises(BadInputError, match="2 rows, the data have 3 classes") as caught:
        prepare(given)
    assert caught.value.where == f"{given.file}: [noise] confusion"
