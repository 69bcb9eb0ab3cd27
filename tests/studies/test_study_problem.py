"""From a study to the landscape, and back from what an atlas stores."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lossatlas.atlas import Problem
from lossatlas.data import load_ljat3, load_mnist, split_pools
from lossatlas.errors import AtlasError, BadInputError, DataWarning
from lossatlas.studies.problem import landscape_of, prepare
from lossatlas.studies.study import Study, load_study


def study(data: dict, network: dict | None = None, l2: float = 1e-2) -> Study:
    tables = {"data": data, "network": network or {"hidden": [3]}, "loss": {"l2": l2}}
    return Study.model_validate(tables)


IRIS = {"source": "sklearn", "name": "iris", "train": 60, "test": 40, "scaling": "standard"}
LJAT3 = {"source": "ljat3", "side": "D2", "items": 200, "train": 50, "test": 40, "seed": 3}


def test_the_landscape_is_that_of_the_training_rows():
    prepared = prepare(study(IRIS, {"hidden": [4, 3], "neighbors": 1, "ties": "highest"}))
    assert len(prepared.train) == 60
    assert len(prepared.test) == 40
    np.testing.assert_allclose(prepared.train.inputs.mean(axis=0), 0, atol=1e-12)
    assert prepared.landscape.architecture.widths == (4, 4, 3, 3)
    assert prepared.landscape.architecture.masks is not None
    assert prepared.problem.fingerprint == prepared.landscape.fingerprint()
    np.testing.assert_array_equal(prepared.problem.arrays["test_inputs"], prepared.test.inputs)


def test_scaling_factors_and_names_are_kept():
    prepared = prepare(study(IRIS))
    notes = prepared.problem.specification
    plain = prepare(study({**IRIS, "scaling": "none"})).train.inputs
    again = (plain - notes["scaling"]["shift"]) / notes["scaling"]["factor"]
    np.testing.assert_array_equal(again, prepared.train.inputs)
    assert notes["classes"] == ["setosa", "versicolor", "virginica"]
    assert len(notes["features"]) == 4
    assert notes["study"]["data"]["name"] == "iris"


@pytest.mark.parametrize(
    "given",
    [
        study(IRIS),
        study(IRIS, {"hidden": [5], "neighbors": 2}),
        study(IRIS, {"hidden": [3, 2]}),
        study(LJAT3),
    ],
)
def test_an_atlas_alone_gives_the_landscape_back(given: Study):
    prepared = prepare(given)
    again = landscape_of(prepared.problem)
    weights = prepared.landscape.random_start(np.random.default_rng(1))
    assert again.fingerprint() == prepared.landscape.fingerprint()
    ours, theirs = prepared.landscape, again
    np.testing.assert_array_equal(
        theirs.logits(weights, prepared.test.inputs), ours.logits(weights, prepared.test.inputs)
    )


def test_biases_without_l2_are_remembered():
    tables = {"data": IRIS, "network": {"hidden": [3]}}
    given = Study.model_validate({**tables, "loss": {"l2": 0.1, "regularize_biases": False}})
    assert not landscape_of(prepare(given).problem).architecture.regularize_biases


def test_a_class_that_the_training_rows_lack_keeps_its_output(tmp_path: Path):
    labels = np.array([0, 1] * 10 + [2] * 5)
    np.savez(tmp_path / "rows.npz", inputs=np.arange(50.0).reshape(25, 2), labels=labels)
    data = 'source = "file"\npath = "rows.npz"\ntrain = 10\ntest = 15\nsplit = "ordered"'
    (tmp_path / "s.toml").write_text(f"[data]\n{data}\n[network]\nhidden = [2]\n[loss]\nl2 = 1\n")
    with pytest.warns(DataWarning, match="training: 0 5, 1 5, 2 0; test: 0 5, 1 5, 2 5") as caught:
        prepared = prepare(load_study(tmp_path / "s.toml"))  # read beside the study, not here
    assert str(caught[0].message).startswith(f"{tmp_path / 's.toml'}: [data] split: there is no")
    assert 'write split = "stratified" in [data]' in str(caught[0].message)
    assert caught[0].filename == __file__  # where the study was prepared
    assert prepared.landscape.architecture.widths == (2, 2, 3)
    assert landscape_of(prepared.problem).architecture.widths == (2, 2, 3)
    assert prepared.problem.specification["source"]["rows"] == 25


def test_a_stratified_study_trains_and_tests_every_class():
    prepared = prepare(study({**IRIS, "split": "stratified"}))  # warnings are errors here
    assert np.bincount(prepared.train.labels).tolist() == [20, 20, 20]
    assert sorted(np.bincount(prepared.test.labels)) == [13, 13, 14]


def test_noise_does_not_hide_that_a_class_is_missing():
    ordered = {**IRIS, "train": 100, "test": 50, "split": "ordered"}
    tables = {"data": ordered, "network": {"hidden": [2]}, "loss": {"l2": 1e-2}}
    noise = {"fraction": 0.5}
    with pytest.warns(DataWarning, match="no training row of class 'virginica'"):
        prepared = prepare(Study.model_validate({**tables, "noise": noise}))
    assert 2 in prepared.train.labels  # some of the changed labels
    with pytest.warns(DataWarning, match="virginica 0; test:"):  # also where an atlas is continued
        prepare(Study.model_validate({**tables, "noise": noise}), prepared.problem)


def test_ljat3_says_what_became_of_every_start():
    source = prepare(study(LJAT3)).problem.specification["source"]
    drawn = load_ljat3("D2", items=200, seed=3)
    assert tuple(source["counts"]) == drawn.counts
    assert sum(source["counts"]) + source["unconverged"] + source["elsewhere"] == 200


def test_a_stored_draw_is_taken_and_not_made_again():
    made = prepare(study(LJAT3)).problem
    inputs = made.arrays["train_inputs"].copy()
    inputs[0] += 0.125  # as if another processor had drawn it
    stored = dataclasses.replace(made, arrays={**made.arrays, "train_inputs": inputs})
    again = prepare(study(LJAT3, {"hidden": [2]}), stored)
    np.testing.assert_array_equal(again.train.inputs, inputs)
    assert again.problem.specification["study"]["network"]["hidden"] == [2]
    assert again.problem.specification["source"] == made.specification["source"]
    other = prepare(study({**LJAT3, "seed": 4}), stored)
    assert not np.array_equal(other.train.inputs, inputs)


def test_mnist_keeps_its_own_division(shared, tmp_path: Path, monkeypatch):
    if not (shared / "mnist").is_dir():
        pytest.skip("no MNIST there")
    monkeypatch.setenv("LOSSATLAS_MNIST", str(shared / "mnist"))
    given = study({"source": "mnist", "train": 100, "test": 50, "seed": 2, "scaling": "standard"})
    made = prepare(given)
    pools = load_mnist()
    train, test = split_pools(pools, 100, 50, seed=2)
    np.testing.assert_array_equal(made.train.labels, train.labels)
    np.testing.assert_array_equal(made.test.labels, test.labels)
    # Pixels that are dark in all training pictures have no spread to divide by.
    assert (made.train.inputs[:, train.inputs.max(axis=0) == 0] == 0).all()
    assert np.isfinite(made.test.inputs).all()
    assert landscape_of(made.problem).n_weights == 784 * 3 + 3 * 10 + 13
    monkeypatch.setenv("LOSSATLAS_MNIST", str(tmp_path))  # no files are needed to continue
    again = prepare(given, made.problem)
    assert again.problem.fingerprint == made.problem.fingerprint


def test_the_folder_of_mnist_is_relative_to_the_study(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("LOSSATLAS_MNIST", "not this one")
    data = 'source = "mnist"\npath = "digits"\ntrain = 2\ntest = 2'
    (tmp_path / "s.toml").write_text(f"[data]\n{data}\n[network]\nhidden = [2]\n[loss]\nl2 = 1\n")
    with pytest.raises(BadInputError, match="there is no t10k-labels") as caught:
        prepare(load_study(tmp_path / "s.toml"))
    assert caught.value.where == str(tmp_path / "digits")


def test_pictures_of_idx_files_are_a_study(tmp_path: Path):
    random = np.random.default_rng(3)
    for half, count in (("train", 30), ("test", 20)):
        labels, images = np.arange(count) % 3 + 1, random.integers(0, 256, (count, 2, 2))
        for what, array, axes in (("images", images, 3), ("labels", labels, 1)):
            content = bytes([0, 0, 8, axes]) + np.array(array.shape, ">u4").tobytes()
            file = tmp_path / f"letters-{half}-{what}-idx{axes}-ubyte"
            file.write_bytes(content + array.astype(np.uint8).tobytes())
    data = (
        'source = "idx"\npath = "."\nprefix = "letters"\ntrain = 12\ntest = 9\nsplit = "stratified"'
    )
    (tmp_path / "s.toml").write_text(f"[data]\n{data}\n[network]\nhidden = [2]\n[loss]\nl2 = 1\n")
    prepared = prepare(load_study(tmp_path / "s.toml"))
    assert prepared.problem.specification["classes"] == ["1", "2", "3"]
    assert prepared.problem.specification["source"] == {"rows": 50}
    assert np.bincount(prepared.train.labels).tolist() == [4, 4, 4]
    assert landscape_of(prepared.problem).architecture.widths == (4, 2, 3)


def test_every_path_of_a_study_may_begin_in_the_home_folder(tmp_path: Path, monkeypatch):
    home, folder = tmp_path / "home", tmp_path / "studies"
    home.mkdir()
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    tables = "[network]\nhidden = [2]\n[loss]\nl2 = 1\n"
    rows = 'train = 2\ntest = 2\nsplit = "ordered"'
    noise = '[noise]\nkind = "boundary"\nfraction = 0.5\nreference = "~/clean.atlas"\n'
    (home / "rows.csv").write_text("a,label\n1,no\n2,yes\n3,no\n4,yes\n")
    file = folder / "s.toml"
    file.write_text(f'[data]\nsource = "file"\npath = "~/rows.csv"\n{rows}\n{tables}')
    assert prepare(load_study(file)).train.name == str(home / "rows.csv")
    file.write_text(f'[data]\nsource = "file"\npath = "~/rows.csv"\n{rows}\n{tables}{noise}')
    with pytest.raises(BadInputError, match="no such atlas") as caught:
        prepare(load_study(file))
    assert str(home / "clean.atlas") in str(caught.value)
    file.write_text(f'[data]\nsource = "mnist"\npath = "~/digits"\n{rows}\n{tables}')
    with pytest.raises(BadInputError) as caught:
        prepare(load_study(file))
    assert caught.value.where == str(home / "digits")


def test_chosen_columns_and_their_classes_are_kept(tmp_path: Path):
    rows = "Id;kind;a;b\n" + "".join(f"{i};{i % 3 + 1};0,{i % 7}5;{i * i}\n" for i in range(12))
    (tmp_path / "rows.csv").write_text(rows)
    chosen = 'path = "rows.csv"\nlabel = "kind"\ndrop = ["Id"]\ntrain = 8\ntest = 4'
    content = f'[data]\nsource = "file"\n{chosen}\n[network]\nhidden = [2]\n[loss]\nl2 = 1\n'
    (tmp_path / "s.toml").write_text(content)
    made = prepare(load_study(tmp_path / "s.toml")).problem
    assert made.specification["classes"] == ["1", "2", "3"]
    assert made.specification["features"] == ["a", "b"]
    assert made.specification["study"]["data"]["drop"] == ["Id"]
    assert landscape_of(made).architecture.widths == (2, 2, 3)


def test_files_are_read_again(tmp_path: Path):
    file = tmp_path / "s.toml"
    data = 'source = "file"\npath = "rows.csv"\ntrain = 2\ntest = 2\nsplit = "ordered"'
    file.write_text(f"[data]\n{data}\n[network]\nhidden = [2]\n[loss]\nl2 = 1\n")
    rows = tmp_path / "rows.csv"
    rows.write_text("a,label\n1,no\n2,yes\n3,no\n4,yes\n")
    first = prepare(load_study(file))
    rows.write_text("a,label\n9,no\n2,yes\n3,no\n4,yes\n")
    second = prepare(load_study(file), first.problem)
    assert second.problem.fingerprint != first.problem.fingerprint
    assert second.problem.specification["classes"] == ["no", "yes"]


def test_foreign_and_damaged_problems_are_refused():
    with pytest.raises(BadInputError, match="no network that"):
        landscape_of(Problem({"function": "mine"}))
    made = prepare(study(IRIS)).problem
    damaged = dataclasses.replace(made, fingerprint={**made.fingerprint, "l2": "0.5"})
    with pytest.raises(AtlasError, match="fingerprint"):
        landscape_of(damaged)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({**IRIS, "train": 140}, "left for it"),
        ({**LJAT3, "train": 101}, "left for it"),
        ({**IRIS, "train": 20, "split": "ordered"}, "all have class 'setosa'"),
        ({**IRIS, "source": "file", "path": "nowhere.npz"}, "no such file"),
        ({**IRIS, "source": "file", "path": "rows.xlsx"}, "unknown kind of file"),
    ],
)
def test_data_that_cannot_be_used(data: dict, message: str):
    data = {key: value for key, value in data.items() if key != "name" or "path" not in data}
    with pytest.raises(BadInputError, match=message):
        prepare(study(data))
