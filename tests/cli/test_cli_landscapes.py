"""Atlases that were made in Python: what commands do with them, and a landscape from a file."""

import json
from pathlib import Path

import numpy as np
import pytest

import lossatlas as la
from lossatlas.given_data import given_data
from lossatlas.studies.stored_network import problem_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 2))
CLASSES = np.array(["ash", "beech"])[(X[:, 0] + 0.5 * RANDOM.normal(size=24) > 0).astype(int)]
NUMBERS = np.sin(2.0 * X[:, 0])

OWN = """
import jax.numpy as jnp
import numpy as np
import lossatlas as la

random = np.random.default_rng(0)
x = random.normal(size=(24, 2))
y = np.sin(2.0 * x[:, 0])

def log_cosh(outputs, target):
    return jnp.log(jnp.cosh(outputs - target)).sum()

def model(p, x):
    return jnp.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]

shapes = {"w1": (2, 1), "b1": (1,), "w2": (1, 1), "b2": (1,)}
parameters = {name: random.normal(size=shape) for name, shape in shapes.items()}
landscape = la.ModelLandscape((model, parameters), log_cosh, (x, y), l2=5e-2)
other = la.NetworkLandscape(x, y, (2,), 1e-1, loss="mean-squared-error")
number = 3

if __name__ == "__main__":
    raise RuntimeError("what explores is not run")
"""


LANDSCAPES = {
    "names": lambda: la.NetworkLandscape((X, CLASSES), hidden=(2,), l2=1e-2),
    "masked": lambda: la.NetworkLandscape(X, CLASSES, (3, 2), 1e-2, neighbors=1, ties="highest"),
    "free biases": lambda: la.NetworkLandscape(
        X, CLASSES, (2,), 1e-2, activation="sigmoid", regularize_biases=False
    ),
    "smoothed": lambda: la.NetworkLandscape(
        X, CLASSES, (2,), 1e-2, activation=la.parts.find_activation("relu", 0.2), loss="smooth-auc"
    ),
    "numbers": lambda: la.NetworkLandscape(X, NUMBERS, (2,), 1e-2, loss="mean-squared-error"),
    "columns": lambda: la.NetworkLandscape(
        X, np.c_[NUMBERS, X[:, 1]], (2,), 1e-2, activation="silu", loss="half-mean-squared-error"
    ),
}


@pytest.mark.parametrize("made", LANDSCAPES.values(), ids=LANDSCAPES)
def test_a_network_is_made_again_from_its_atlas(made, tmp_path):
    landscape = made()
    problem = problem_of(landscape)
    with la.Atlas.create(tmp_path / "a.atlas", problem) as atlas:
        again = la.landscape_of(atlas.problem)
    assert again.fingerprint() == landscape.fingerprint()
    assert (again.classes, again.n_weights) == (landscape.classes, landscape.n_weights)
    w = landscape.random_start(np.random.default_rng(1))
    np.testing.assert_array_equal(again.outputs(w, X), landscape.outputs(w, X))


def test_a_function_keeps_its_fingerprint_alone():
    bowl = la.FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1], "bowl")
    problem = problem_of(bowl)
    assert (problem.specification, problem.arrays) == ({}, {})
    with pytest.raises(la.BadInputError, match="--landscape"):
        la.landscape_of(problem)


@pytest.fixture(scope="module")
def explored(tmp_path_factory) -> Path:
    """The folder of an atlas of texts as labels, and of one with a loss of its own."""
    folder = tmp_path_factory.mktemp("made")
    landscape = la.NetworkLandscape((X, CLASSES), hidden=(1,), l2=5e-2)
    for minima in (1, 2):  # begun, and continued
        la.explore(landscape, folder / "trees.atlas", minima=minima, progress=False).close()
    (folder / "own.py").write_text(OWN)
    la.explore(own(), folder / "own.atlas", minima=1, progress=False).close()
    return folder


def own() -> la.ModelLandscape:
    names: dict = {"__name__": "own"}
    exec(OWN, names)
    return names["landscape"]


@pytest.mark.slow
def test_the_atlas_of_a_network_is_complete(explored, run):
    with la.Atlas.open(explored / "trees.atlas") as atlas:
        minima = atlas.minima()
        given = given_data(X, CLASSES)
        assert atlas.problem.specification["classes"] == ["ash", "beech"]
        np.testing.assert_array_equal(atlas.problem.arrays["train_labels"], given.labels)
        landscape = la.landscape_of(atlas.problem)
        outputs = landscape.logits(atlas.minimum_weights(minima["id"].tolist()), X)
    right = (outputs.argmax(axis=2) == given.labels).mean(axis=1)
    np.testing.assert_allclose(minima["train_accuracy"], right)
    assert minima["train_auc"].between(0.5, 1.0).all()
    assert not [name for name in minima if name.startswith("test")]
    atlas = explored / "trees.atlas"
    ran = run("verify", atlas, "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["failures"]) == (0, [])
    ran = run("metrics", atlas, "--minimum", 1, "--group", "train")
    assert "beech" in ran.output
    refused = run("metrics", atlas, "--minimum", 1)
    assert refused.exit_code == 2
    assert "it holds no test data; it has train data" in refused.output
    for command in (("auc", atlas, "--macro"), ("export", atlas, "-o", explored / "best.npz")):
        assert run(*command).exit_code == 0
    assert run("locate", atlas, explored / "best.npz").exit_code == 0


@pytest.mark.slow
def test_a_loss_of_its_own_is_verified_with_its_file(explored, run):
    atlas, file = explored / "own.atlas", explored / "own.py"
    refused = run("verify", atlas)
    assert (refused.exit_code, "--landscape FILE.py" in refused.output) == (2, True)
    ran = run("verify", atlas, "--landscape", file, "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["failures"]) == (0, [])
    assert run("metrics", atlas, "--landscape", f"{file}:landscape").exit_code == 0
    ran = run("export", atlas, "-o", explored / "own.npz", "--landscape", file)
    assert ran.exit_code == 0, ran.output
    ran = run("locate", atlas, explored / "own.npz", "--landscape", file)
    assert "minimum 1" in ran.output
    with la.Atlas.open(atlas) as opened:
        assert {"train_r2", "train_rmse", "train_data_loss"} <= {*opened.minima()}


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("missing.py", "is not there"),
        ("own.atlas", "is no Python file"),
        ("own.py:", "no name follows the colon"),
        ("ends.py", "running it failed (SystemExit: 0)"),
        ("ends-too.py:landscape", "running it failed (SystemExit: )"),
        ("own.py:nothing", "the variable nothing is not there"),
        ("own.py:number", "is a int, no landscape"),
        ("own.py:other", "holds another landscape"),
        ("broken.py", "running it failed (ZeroDivisionError: division by zero)"),
        ("json.py", "is a int, no landscape"),  # not the module json
    ],
)
def test_files_that_make_no_such_landscape(tmp_path, run, option, words):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "ends.py").write_text(f"{OWN}\nimport sys\nsys.exit(0)\n")
    (tmp_path / "ends-too.py").write_text("raise SystemExit\n")
    (tmp_path / "json.py").write_text("landscape = 3\n")
    la.Atlas.create(tmp_path / "own.atlas", problem_of(own())).close()
    refused = run("verify", tmp_path / "own.atlas", "--landscape", tmp_path / option)
    assert refused.exit_code == 2
    assert words in refused.output
    assert "Traceback" not in refused.output
