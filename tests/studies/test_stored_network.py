"""What an exploration stores of a landscape made in Python, and what it leaves as it was."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import lossatlas as la
from lossatlas.atlas import Exploration
from lossatlas.errors import AtlasError, BadInputError, OtherLandscapeError
from lossatlas.exploration.explorer import Progress
from lossatlas.parts import find_activation, registry
from lossatlas.parts.activation import Activation
from lossatlas.parts.centered import centered
from lossatlas.parts.smooth_auc import smooth_auc
from lossatlas.parts.smoothed_relu import smoothed_relu
from lossatlas.studies.stored_network import KEY, problem_of, stored_network

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 2))
CLASSES = np.arange(20) % 2
TRAIN, TEST = slice(0, 12), slice(12, 20)
IRIS = la.Study.model_validate(
    {
        "data": {"source": "sklearn", "name": "iris", "train": 20, "test": 50},
        "network": {"hidden": [1]},
        "loss": {"l2": 1e-2},
    }
)
ALGEBRAIC = Activation(
    "algebraic of these tests",
    lambda z: z / jnp.sqrt(1 + z * z),
    lambda z, a: (1 + z * z) ** -1.5,
    lambda z, a: -3 * z * (1 + z * z) ** -2.5,
    odd=True,
)


@pytest.fixture(autouse=True)
def _no_searches(monkeypatch):
    def pretended(landscape, atlas, options, report, started, tools):
        report(Progress(1.0, 0, 0, 0, 0, 0, {}))
        atlas.exploration = Exploration("time", 0, 0, 0, 0.0, 0.0)

    monkeypatch.setattr("lossatlas.studies.exploring.grow", pretended)


@pytest.fixture(params=["path", "url", "open"])
def explored(request, tmp_path):
    """Explore in the same atlas again and again; what it holds then."""
    file = tmp_path / "a.atlas"

    def explore(source) -> la.Problem:
        if request.param == "open" and file.exists():
            with la.Atlas.open(file) as atlas:
                la.explore(source, atlas, progress=False)
                return atlas.problem
        target = f"sqlite:///{file}" if request.param == "url" else file
        with la.explore(source, target, progress=False) as atlas:
            return atlas.problem

    explore.file = file
    return explore


def network(inputs=X[TRAIN], labels=CLASSES[TRAIN], **options) -> la.NetworkLandscape:
    return la.NetworkLandscape(inputs, labels, **{"hidden": (1,), "l2": 1e-2, **options})


def of_user(landscape, train_labels=CLASSES[TRAIN], inputs=X, **specification) -> la.Problem:
    """A problem with testing data, as the tutorial makes it."""
    arrays = {
        "train_inputs": inputs[TRAIN],
        "train_labels": train_labels,
        "test_inputs": X[TEST],
        "test_labels": CLASSES[TEST],
    }
    return la.Problem(landscape.fingerprint(), specification, arrays)


def same(one: la.Problem, other: la.Problem) -> bool:
    """Whether nothing at all was changed."""
    return one.specification == other.specification and unchanged(one, other)


def unchanged(one: la.Problem, other: la.Problem) -> bool:
    """Whether the arrays are the same, with their types."""
    return one.arrays.keys() == other.arrays.keys() and all(
        one.arrays[name].dtype == values.dtype and np.array_equal(one.arrays[name], values)
        for name, values in other.arrays.items()
    )


def test_a_study_stays_whole(explored):
    prepared = la.prepare(IRIS)
    first = explored(prepared)
    assert same(first, prepared.problem)
    assert same(explored(network(prepared.train, None)), first)


USERS = {
    "plain": (X, CLASSES[TRAIN], {}),
    "small labels": (X, CLASSES[TRAIN].astype(np.uint8), {}),
    "int32 labels": (X, CLASSES[TRAIN].astype(np.int32), {"mine": 3}),
    "single precision": (X.astype(np.float32), CLASSES[TRAIN], {"features": ["age", "mass"]}),
}


@pytest.mark.parametrize("case", USERS)
def test_data_that_a_user_stored_stay(explored, case):
    inputs, labels, notes = USERS[case]
    landscape = network(inputs[TRAIN], labels)
    problem = of_user(landscape, labels, inputs, **notes)
    la.Atlas.create(explored.file, problem).close()
    found = explored(landscape)
    assert unchanged(found, problem)
    assert found.specification.items() >= notes.items()
    # The atlas can make its landscape now, which it could not before.
    assert la.landscape_of(found).fingerprint() == problem.fingerprint
    assert same(explored(landscape), found)


@pytest.mark.parametrize(
    ("arrays", "notes"),
    [
        ({"train_rows": np.ones(3)}, {}),  # another name
        ({"train_inputs": X[TRAIN]}, {}),  # a part
        ({"train_inputs": 2 * X[TRAIN], "train_labels": CLASSES[TRAIN]}, {}),  # before scaling
        ({}, {"classes": 3}),  # names that mean something else
        ({}, {"classes": ["a", "b", "c"]}),
        ({}, {"study": {"made": "by another version"}}),
    ],
)
def test_what_means_something_else_is_not_added_to(explored, arrays, notes):
    landscape = network()
    problem = la.Problem(landscape.fingerprint(), notes, arrays)
    la.Atlas.create(explored.file, problem).close()
    assert same(explored(landscape), problem)


def test_names_stay_and_missing_arguments_are_added(explored, monkeypatch):
    table = pd.DataFrame(X[TRAIN], columns=["age", "mass"])
    named = network(table, np.array(["no", "yes"])[CLASSES[TRAIN]], activation=ALGEBRAIC)
    plain = network(activation=ALGEBRAIC)
    first = explored(named)
    assert first.specification == {
        "classes": ["no", "yes"],
        "features": ["age", "mass"],
        KEY: None,
    }
    assert same(explored(plain), first)
    monkeypatch.setitem(registry.ACTIVATIONS, ALGEBRAIC.name, ALGEBRAIC)
    second = explored(plain)
    assert second.specification[KEY]["activation"] == [ALGEBRAIC.name, None]
    assert {**second.specification, KEY: None} == first.specification
    monkeypatch.delitem(registry.ACTIVATIONS, ALGEBRAIC.name)
    assert same(explored(plain), second)


def test_testing_data_that_were_added_stay(explored):
    first = explored(network())
    arrays = {**first.arrays, "test_inputs": X[TEST], "test_labels": CLASSES[TEST]}
    with la.Atlas.open(explored.file) as atlas:
        atlas.adopt(la.Problem(first.fingerprint, first.specification, arrays))
    assert explored(network()).arrays.keys() == arrays.keys()


def test_another_landscape_is_refused(explored):
    first = explored(network())
    for other in (network(l2=2e-2), network(labels=1 - CLASSES[TRAIN]), network(hidden=(2,))):
        with pytest.raises(OtherLandscapeError):
            explored(other)
    assert same(explored(network()), first)


PARTS = {
    "whole": {"activation": smoothed_relu(1)},
    "np.float64": {"activation": smoothed_relu(np.float64(0.1))},
    "np.float32": {"activation": smoothed_relu(np.float32(0.1))},
    "sharpness": {"loss": smooth_auc(np.int64(5))},  # type: ignore[arg-type]
    "neighbors": {"neighbors": np.int64(1)},
    "biases": {"regularize_biases": np.bool_(True)},
    "no biases": {"regularize_biases": np.bool_(False), "activation": "sigmoid"},
    "centered": {
        "activation": centered(find_activation("sigmoid")),
        "regularize_biases": False,
    },
    "ties": {"neighbors": 1.0, "ties": np.str_("highest")},
    "sizes": {"hidden": np.array([2, 1]), "l2": np.float32(0.1), "classes": np.int64(2)},
}


@pytest.mark.parametrize("options", PARTS.values(), ids=PARTS)
def test_numbers_of_any_type_are_stored(options):
    landscape = network(**options)
    problem = problem_of(landscape)
    again = la.Problem(
        problem.fingerprint, json.loads(json.dumps(problem.specification)), problem.arrays
    )
    assert stored_network(again).fingerprint() == landscape.fingerprint()


def test_arguments_that_do_not_give_the_landscape_are_not_stored():
    problem = problem_of(network(activation=centered(find_activation("sigmoid"))))
    assert problem.specification[KEY] is None
    with pytest.raises(BadInputError, match="--landscape"):
        la.landscape_of(problem)


@pytest.mark.parametrize("ties", ["middle", 3, None])
@pytest.mark.parametrize("neighbors", [0, 1])
def test_an_unknown_rule_for_ties_is_always_refused(ties, neighbors):
    with pytest.raises(BadInputError, match="ties"):
        network(ties=ties, neighbors=neighbors)


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "tanh"},
        {"activation": ["tanh", None, 1]},
        {"activation": [None, None]},
        {"activation": ["relu", "wide"]},
        {"activation": []},
        {"loss": 3},
        {"hidden": "abc"},
        {"hidden": 3},
        {"hidden": []},
        {"hidden": [1.5]},
        {"hidden": ["1"]},
        {"l2": None},
        {"l2": "1e-2"},
        {"l2": -1},
        {"neighbors": "1"},
        {"neighbors": -1},
        {"ties": "middle"},
        {"regularize_biases": "true"},
        3,
        "text",
        [],
    ],
)
def test_a_damaged_description_is_said_to_be_so(change):
    problem = problem_of(network())
    good = problem.specification[KEY]
    damaged = {**good, **change} if isinstance(change, dict) else change
    specification = {**problem.specification, KEY: damaged}
    with pytest.raises(AtlasError, match=r"specification .* is damaged: landscape"):
        la.landscape_of(la.Problem(problem.fingerprint, specification, problem.arrays))


@pytest.mark.parametrize("name", ["hidden", "l2", "neighbors", "ties", "activation", "loss"])
def test_a_missing_argument_is_damage(name):
    problem = problem_of(network())
    problem.specification[KEY].pop(name)
    with pytest.raises(AtlasError, match=f"landscape.{name}: Field required"):
        la.landscape_of(problem)


@pytest.mark.parametrize("name", ["classes", "features"])
def test_names_that_are_missing_or_no_texts_are_damage(name):
    problem = problem_of(network())
    for value in (3, [1, 2], None):
        problem.specification[name] = value
        with pytest.raises(AtlasError, match=f"damaged: {name}"):
            la.landscape_of(problem)


def test_missing_data_are_damage():
    for name in ("train_inputs", "train_labels"):
        problem = problem_of(network())
        del problem.arrays[name]
        with pytest.raises(AtlasError, match="lacks the training data"):
            la.landscape_of(problem)
