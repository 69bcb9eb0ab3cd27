"""Studies of other activations and losses, of numbers, shares, and files of testing rows."""

import bz2
import lzma
from pathlib import Path

import jax
import numpy as np
import pytest

from lossatlas.data import read_table
from lossatlas.errors import BadInputError
from lossatlas.studies.problem import landscape_of, prepare
from lossatlas.studies.study import Study, load_study

DIABETES = {"source": "sklearn", "name": "diabetes", "train": 0.8, "test": 0.2}
IRIS = {"source": "sklearn", "name": "iris", "train": 0.8, "test": 0.2}
CANCER = {"source": "sklearn", "name": "breast_cancer", "train": 100, "test": 50}
NUMBERS = {"function": "mean-squared-error", "l2": 1e-2}


def study(data=IRIS, loss=None, **network) -> Study:
    tables = {"data": data, "network": {"hidden": [2], **network}, "loss": loss or {"l2": 1e-2}}
    return Study.model_validate(tables)


def refused(tmp_path: Path, text: str) -> BadInputError:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(BadInputError) as caught:
        prepare(load_study(tmp_path / "wrong.toml"))
    return caught.value


STUDY = """
[data]
source = "sklearn"
name = "{name}"
train = {train}
test = 0.2
{data}
[network]
hidden = [2]
{network}
[loss]
l2 = 0.1
{loss}
"""
USUAL = {"name": "iris", "train": 0.8, "data": "", "network": "", "loss": ""}


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"network": 'activation = "relu"'}, "[network] smoothing", "no second derivative"),
        ({"network": 'activation = "relu"\nsmoothing = -1.0'}, "smoothing", "positive"),
        ({"network": 'activation = "tanh"\nsmoothing = 0.1'}, "smoothing", "has no smoothing"),
        ({"network": 'activation = "Tanh"'}, "[network] activation", "did you mean 'tanh'"),
        ({"network": "activation = 3"}, "[network] activation", "name of an activation"),
        ({"loss": 'function = "mse"'}, "[loss] function", "name of a loss"),
        ({"loss": "sharpness = 3.0"}, "[loss] sharpness", "has no sharpness"),
        ({"loss": 'function = "binary-cross-entropy"'}, "[loss] function", "two classes"),
        ({"loss": 'function = "mean-squared-error"'}, "[loss] function", "has classes"),
        ({"name": "diabetes"}, "[loss] function", "has numbers"),
        ({"data": 'target_scaling = "standard"'}, "[data] target_scaling", "no scale"),
        ({"train": 0.9}, "[data] train", "more than all rows"),
        ({"train": 1.5}, "[data] train", "share from 0 to 1"),
        ({"train": 0}, "[data] train", "share from 0 to 1"),
        (
            {
                "name": "diabetes",
                "loss": 'function = "mean-squared-error"',
                "data": 'split = "stratified"',
            },
            "split",
            "no classes",
        ),
        (
            {
                "name": "diabetes",
                "loss": 'function = "mean-squared-error"\n[noise]\nfraction = 0.1',
            },
            "[noise]",
            "no labels",
        ),
        (
            {"loss": 'function = "mean-squared-error"\nconvention = "scikit-learn"'},
            "[loss] convention",
            "half",
        ),
        (
            {"network": 'activation = "sin"', "loss": "regularize_biases = false"},
            "[network] activation",
            "infinitely many",
        ),
        (
            {"network": 'activation = "sin"', "loss": 'convention = "scikit-learn"'},
            "[network] activation",
            "infinitely many",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(tmp_path, changes, where, words):
    error = refused(tmp_path, STUDY.format(**(USUAL | changes)))
    assert "wrong.toml" in error.where or where == "split"
    assert where in error.where
    assert words in f"{error.problem} {error.remedy}"


@pytest.mark.parametrize(
    ("data", "loss", "network"),
    [
        (DIABETES | {"target_scaling": "standard"}, NUMBERS, {"activation": "gelu"}),
        ({**DIABETES, "name": "linnerud"}, NUMBERS, {"activation": "silu"}),
        (CANCER, {"l2": 0.1, "function": "binary-cross-entropy"}, {"activation": "sigmoid"}),
        (CANCER, {"l2": 0.1, "function": "smooth-auc", "sharpness": 5.0}, {}),
        (IRIS, {"l2": 0.1, "convention": "scikit-learn"}, {"activation": "sigmoid"}),
        (IRIS, None, {"activation": "relu", "smoothing": 0.2}),
    ],
)
def test_an_atlas_alone_gives_the_landscape_back(data, loss, network):
    prepared = prepare(study(data, loss, **network))
    again = landscape_of(prepared.problem)
    assert again.fingerprint() == prepared.landscape.fingerprint()
    assert again.architecture == prepared.landscape.architecture


def test_shares_cover_all_rows():
    prepared = prepare(study())
    assert (len(prepared.train), len(prepared.test)) == (120, 30)
    few = prepare(study(IRIS | {"train": 0.5, "test": 10}))
    assert (len(few.train), len(few.test)) == (75, 10)


def test_targets_are_scaled_by_the_training_rows():
    prepared = prepare(study(DIABETES | {"target_scaling": "standard"}, NUMBERS))
    targets = prepared.problem.arrays["train_targets"]
    assert abs(targets.mean()) < 1e-12
    assert targets.std() == pytest.approx(1.0)
    notes = prepared.problem.specification["target_scaling"]
    plain = prepare(study(DIABETES, NUMBERS)).problem.arrays["test_targets"]
    scaled = (plain - notes["shift"]) / notes["factor"]
    np.testing.assert_allclose(prepared.problem.arrays["test_targets"], scaled)


def test_the_convention_of_scikit_learn_is_its_loss():
    from sklearn.neural_network import MLPClassifier

    prepared = prepare(study(IRIS, {"l2": 0.3, "convention": "scikit-learn"}))
    inputs, labels = prepared.train.inputs, prepared.train.labels
    model = MLPClassifier((2,), activation="tanh", alpha=0.3, solver="lbfgs", max_iter=2000)
    model.fit(inputs, labels)
    parts = [m.T.ravel() for m in model.coefs_] + list(model.intercepts_)
    w = np.concatenate(parts)
    modes = prepared.landscape.excluded_modes[-1]
    w = w - modes * (modes @ w)  # the sum of the output biases, which a softmax does not see
    with jax.enable_x64(True):
        energy = float(prepared.landscape.surface.energy(w))
    assert energy == pytest.approx(model.loss_, rel=1e-9)


TABLE = "a;b;y\n" + "".join(f"{k},5;{k % 3};{k * 0.25}\n".replace(".", ",") for k in range(20))


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".csv", bytes),
        (".tsv.bz2", lambda text: bz2.compress(text.replace(b";", b"\t"))),
        (".csv.xz", lzma.compress),
    ],
)
def test_tables_of_numbers(tmp_path, suffix, write):
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(write(TABLE.encode()))
    data = read_table(path, numbers=True)
    assert data.features == ("a", "b")
    np.testing.assert_allclose(data.targets[:, 0], np.arange(20) * 0.25)
    with pytest.raises(BadInputError, match="not a whole number"):
        read_table(path)


def test_a_file_of_testing_rows(tmp_path):
    rows = "".join(f"{k}.5,{'xyz'[k % 3]}\n" for k in range(12))
    (tmp_path / "train.csv").write_text(f"a,label\n{rows}")
    (tmp_path / "test.csv").write_text("a,label\n1.5,z\n2.5,x\n3.5,y\n" + "4.5,x\n5.5,y\n6.5,z\n")
    (tmp_path / "other.csv").write_text("b,label\n1.5,z\n2.5,x\n3.5,z\n4.5,x\n")
    (tmp_path / "new.csv").write_text("a,label\n1.5,z\n2.5,w\n3.5,z\n4.5,w\n")
    data = {"source": "file", "path": str(tmp_path / "train.csv"), "train": 10, "test": 4}
    prepared = prepare(study({**data, "test_path": str(tmp_path / "test.csv"), "split": "ordered"}))
    assert prepared.problem.arrays["test_labels"].tolist() == [2, 0, 1, 0]
    assert len(prepared.train) == 10
    for name, words in (("other", "its inputs are b"), ("new", "the class 'w'")):
        with pytest.raises(BadInputError, match=words):
            prepare(study({**data, "test_path": str(tmp_path / f"{name}.csv")}))


def test_parquet_needs_its_extra_or_works(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    path = tmp_path / "rows.parquet"
    frame = pandas.DataFrame(
        {"a": [1.0, 2.0, 3.0], "label": ["x", "y", "x"], "Id": ["p", "q", "r"]}
    )
    frame.to_parquet(path)
    assert read_table(path, drop=["Id"]).classes == ("x", "y")
    with pytest.raises(BadInputError, match="column 'Id'"):
        read_table(path)
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(BadInputError, match="not a Parquet file"):
        read_table(path)
