"""What users hold as data: the same landscape, whatever it is held by; what is refused."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from lossatlas.data import RegressionData, data_from, dataset_from_arrays
from lossatlas.data.regression import regression_from_arrays
from lossatlas.errors import BadInputError
from lossatlas.given_data import given_data
from lossatlas.landscape import ModelLandscape, NetworkLandscape

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 2))
Y = np.arange(12) % 3
NAMES = np.array(["ash", "beech", "cedar"])
NUMBERS = np.sin(X[:, 0])
FRAME = pd.DataFrame(X, columns=["length", "width"])


class Tensor:
    """What is used of a torch tensor: one that needs a gradient is no array by itself."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def detach(self):
        return Detached(self.values)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")


class Detached(Tensor):
    def cpu(self):
        return self

    def numpy(self):
        return self.values


class Pairs:
    """A map-style data set of torch, of images with two pixels."""

    def __init__(self, labels, shape=(1, 2)):
        self.labels, self.shape = labels, shape

    def __len__(self):
        return len(X)

    def __getitem__(self, k):
        if not 0 <= k < len(X):
            raise IndexError(k)
        return Tensor(X[k].reshape(self.shape)), self.labels[k]


class TensorSet:
    def __init__(self, *tensors):
        self.tensors = tensors


class Loader:
    """What reads a data set in batches, in an order of its own."""

    batch_sampler = None

    def __init__(self, dataset):
        self.dataset = dataset


class Sparse:
    def toarray(self):
        return X


HELD = {
    "pair": (X, Y),
    "lists": [X.tolist(), Y.tolist()],
    "texts": (X, NAMES[Y]),
    "column": (X, Y[:, None]),
    "frame and series": (FRAME, pd.Series(NAMES[Y])),
    "category": (FRAME, pd.Series(NAMES[Y], dtype="category")),
    "numbers that may be missing": (FRAME.astype("Float64"), pd.Series(Y, dtype="Int64")),
    "frame": FRAME.assign(species=NAMES[Y]),
    "frame with a label column": FRAME.assign(Label=NAMES[Y])[["Label", "length", "width"]],
    "bunch": Bunch(data=X, target=Y, target_names=NAMES, feature_names=["length", "width"]),
    "bunch of tables": Bunch(data=FRAME, target=pd.Series(Y), target_names=NAMES, frame=None),
    "sparse bunch": Bunch(data=Sparse(), target=NAMES[Y]),
    "dataset": dataset_from_arrays(X, NAMES[Y], "trees"),
    "tensors": (Tensor(X), Tensor(Y)),
    "tensor data set": TensorSet(Tensor(X), Tensor(Y)),
    "data set": Pairs(Y),
    "data set of tensors": Pairs([Tensor(y) for y in Y]),
    "list of pairs": list(zip(X, Y, strict=True)),
    "names that are None": SimpleNamespace(inputs=X, labels=NAMES[Y], classes=None, features=None),
    "bunch with the name of its target": Bunch(data=X, target=Y, target_names=["Cover_Type"]),
    "bunch with the name of its target as a text": Bunch(data=X, target=Y, target_names="species"),
    "masked array without masked values": (np.ma.array(X), np.ma.array(Y)),
    "loader": Loader(Pairs(Y)),
}
EXPECTED = NetworkLandscape(X, Y, (2,), 1e-2)


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_network_is_the_same_whatever_holds_its_data(held):
    landscape = NetworkLandscape(held, hidden=(2,), l2=1e-2)
    assert landscape.fingerprint() == EXPECTED.fingerprint()
    assert (len(landscape.classes), len(landscape.features)) == (3, 2)
    assert data_from(held).inputs.tolist() == X.tolist()
    assert data_from(held).labels.tolist() == Y.tolist()


def model(p, x):
    import jax.numpy as jnp

    return jnp.tanh(x @ p["a"] + p["b"]) @ p["c"] + p["d"]


SHAPES = {"a": (2, 2), "b": (2,), "c": (2, 3), "d": (3,)}
PARAMETERS = {name: RANDOM.normal(size=shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("name", ["texts", "frame", "bunch", "tensor data set", "dataset"])
def test_a_model_takes_the_same(name):
    landscape = ModelLandscape((model, PARAMETERS), "softmax-cross-entropy", HELD[name], l2=1e-2)
    assert landscape.fingerprint() == EXPECTED.fingerprint()


def test_names_are_kept():
    landscape = NetworkLandscape(HELD["bunch"], hidden=(2,), l2=1e-2)
    assert landscape.classes == tuple(NAMES)
    assert landscape.features == ("length", "width")
    landscape = NetworkLandscape(FRAME, NAMES[Y], (2,), 1e-2)
    assert (landscape.classes, landscape.features) == (tuple(NAMES), ("length", "width"))
    assert (EXPECTED.classes, EXPECTED.features) == (("0", "1", "2"), ("x1", "x2"))


def test_classes_that_no_item_has_are_counted():
    few = dataset_from_arrays(X, NAMES[Y], "trees").subset(np.flatnonzero(Y < 2))
    assert NetworkLandscape(few, hidden=(2,), l2=1e-2).architecture.widths == (2, 2, 3)


TARGETS = {
    "pair": (X, NUMBERS),
    "bunch": Bunch(data=X, target=NUMBERS, feature_names=["a", "b"]),
    "bunch of several": Bunch(data=X, target=NUMBERS[:, None], target_names=["y"]),
    "frame": FRAME.assign(y=NUMBERS),
    "series": (FRAME, pd.Series(NUMBERS)),
    "data set": Pairs(NUMBERS),
    "regression": RegressionData(X, NUMBERS[:, None], "sine", ("a", "b"), ("y",)),
}


@pytest.mark.parametrize("held", TARGETS.values(), ids=TARGETS)
def test_numbers_to_be_predicted(held):
    landscape = NetworkLandscape(held, hidden=(2,), l2=1e-2, loss="mean-squared-error")
    np.testing.assert_array_equal(landscape.labels.ravel(), NUMBERS)
    assert landscape.classes == ()


class Endless(Pairs):
    def __len__(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    "together", [True, False, "labels as a table"], ids=["one table", "a pair", "two tables"]
)
@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_tables_of_other_libraries(library, together):
    table = pytest.importorskip(library)
    columns = {"length": X[:, 0], "width": X[:, 1], "species": NAMES[Y]}
    make = table.table if library == "pyarrow" else table.DataFrame
    whole = make(columns)
    inputs = whole.select(["length", "width"])
    labels = whole["species"] if together is False else whole.select(["species"])
    held = whole if together is True else (inputs, labels)
    assert given_data(held).features == ("length", "width")
    assert given_data(held).classes == tuple(NAMES)
    for found in (given_data(held), data_from(held)):
        np.testing.assert_array_equal(found.inputs, X)
        np.testing.assert_array_equal(found.labels, Y)


NUMERALS = np.array(["1.5", "10", "2"])[Y]
OBJECTS = NUMBERS.astype(object)
OBJECTS[3] = "0.5"


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ((X, NUMERALS), "labels are texts or names of classes: '1.5', '10', '2';"),
        ((X, NUMERALS.astype("S")), "texts or names"),
        ((X, pd.Series(NUMERALS, dtype="category")), "texts or names"),
        ((X, NUMERALS[:, None]), "texts or names"),
        ((X, OBJECTS), "several kinds: texts, numbers"),
        (FRAME.assign(y=NUMERALS), "texts or names"),
        (list(zip(X, NUMERALS, strict=True)), "texts or names"),
        (Bunch(data=X, target=Y, target_names=NAMES), "'ash', 'beech', 'cedar'"),
        (dataset_from_arrays(X, NUMERALS, "sizes"), "texts or names"),
        (dataset_from_arrays(X, 3 * Y + 4, "sizes"), "'10', '4', '7'|'4', '7', '10'"),
    ],
    ids=range(10),
)
def test_classes_are_not_predicted_as_numbers(held, words):
    with pytest.raises(BadInputError, match=words):
        NetworkLandscape(held, hidden=(2,), l2=1e-2, loss="mean-squared-error")
    with pytest.raises(BadInputError, match=words):
        ModelLandscape((model, PARAMETERS), "mean-squared-error", held, l2=1e-2)
    with pytest.raises(BadInputError):
        data_from(held, numbers=True)


MASK = np.arange(12) == 5
MASKED = np.ma.array(X, mask=np.stack([MASK, MASK], axis=1))


@pytest.mark.parametrize(
    "held",
    [
        (MASKED, Y),
        (list(MASKED), Y),
        (X, np.ma.array(Y, mask=MASK)),
        (X, np.ma.array(NUMBERS, mask=MASK)),
        (X, np.ma.array(NAMES[Y], mask=MASK)),
        (X, [np.ma.masked, *Y[1:]]),
        Bunch(data=MASKED, target=Y),
        list(zip(MASKED, Y, strict=True)),
    ],
    ids=range(8),
)
def test_masked_values_are_refused(held):
    for refuse in (given_data, data_from, lambda data: data_from(data, numbers=True)):
        with pytest.raises(BadInputError, match=r"[12] values are masked"):
            refuse(held)


def test_masked_values_are_refused_where_arrays_are_given():
    for make in (dataset_from_arrays, regression_from_arrays):
        for pair in ((MASKED, Y), (X, np.ma.array(Y, mask=MASK))):
            with pytest.raises(BadInputError, match="masked"):
                make(*pair, "tiny")


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [
        (["a", 1, 2.5, True], "texts, true or false, numbers"),
        (np.array([0, 1, True, "1"], object), "texts, true or false, numbers"),
        ([0, 1, True, 2], "true or false, numbers"),
        ([["a"], ["b"], [1], [1]], "texts, numbers"),
        ([b"a", "a", "b", "b"], "texts, bytes"),
        (pd.Series(["a", 1, "a", 1]), "texts, numbers"),
        (pd.Categorical(["a", 1, "a", 1]), "texts, numbers"),
        ([np.str_("a"), np.int64(1), "a", 1], "texts, numbers"),
    ],
    ids=range(8),
)
def test_labels_of_several_kinds_are_refused(labels, kinds):
    plain = labels.tolist() if hasattr(labels, "tolist") else labels
    items = list(zip(X, plain, strict=False))
    for held in ((X[:4], labels), items):
        for refuse in (given_data, data_from):
            with pytest.raises(BadInputError, match=f"several kinds: {kinds};"):
                refuse(held)
    with pytest.raises(BadInputError, match="several kinds"):
        dataset_from_arrays(X[:4], labels, "tiny")


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NA])
def test_a_missing_label_is_of_no_kind(missing):
    for others in (["a", "b", "a"], [0, 1, 0]):
        with pytest.raises(BadInputError, match="missing"):
            NetworkLandscape(X[:4], [missing, *others], (2,), 1e-2)


@pytest.mark.parametrize("target", [Y + 1, Y - 1, Y % 2 * 2 - 1])
def test_names_of_other_classes_are_not_used(target):
    """Of a bunch with the name of its column of targets, as of cover types, or names too few."""
    bunch = Bunch(data=X, target=target, target_names=["Cover_Type"])
    assert given_data(bunch).classes == ()
    assert data_from(bunch).classes == tuple(map(str, np.unique(target)))
    assert data_from(bunch).labels.tolist() == np.unique(target, return_inverse=True)[1].tolist()


class Failing(Pairs):
    def __getitem__(self, k):
        raise OSError("the disk is gone")


UNEQUAL = [(np.ones(2), 0), (np.ones(3), 1), (np.ones(2), 0)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (X, "a ndarray holds no labelled data"),
        (Tensor(X), "a Tensor holds no labelled data"),
        ({"data": X, "target": Y}, "a dict holds no labelled data"),
        ("iris", "a str holds no labelled data"),
        (None, "a NoneType holds no labelled data"),
        (Failing(Y), "item 0 is no pair .*the disk is gone"),
        (UNEQUAL, "different numbers of inputs"),
        ([], "different numbers of inputs, or there are none"),
        (FRAME[["width"]], "two or more columns"),
        (pd.DataFrame(np.c_[X, Y], columns=["a", "a", "y"]), "a name of its own"),
        (FRAME.assign(kind="x", label=Y), "column 'kind' holds"),
        ((FRAME.assign(kind="x"), Y), "hold no numbers: kind"),
        ((X.astype(str), Y), "not real numbers"),
        ((X + 1j, Y), "complex128, not real numbers"),
        ((X, [None, *NAMES[Y][1:]]), "labels are missing"),
        ((X, ["nan", *NAMES[Y][1:]]), "stands for a missing label"),
        ((X, pd.Series([np.nan, *NAMES[Y][1:]])), "missing"),
        ((X, [[0], *Y[1:]]), "is no array"),
        (Bunch(data=X, target=None), "no target"),
        ((Tensor(X), TensorSet(X, Y)), "holds inputs and labels, and others are given too"),
        (Sparse, "Sparse is a class, not an object"),
        (Bunch, "Bunch is a class, not an object"),
        ((Sparse, Y), "a type is no array"),
        ((X, Tensor), "a type is no array"),
        (SimpleNamespace(tensors=3), "holds no labelled data"),
        (SimpleNamespace(tensors=None), "holds no labelled data"),
        (Endless(Y), "an? Endless has no length .NotImplementedError"),
        ([*zip(X, Y, strict=True), (X[0], [0, 1])], "labels of its items have different shapes"),
        (SimpleNamespace(inputs=X, labels=Y, classes=3), "classes is an? int, not a list of names"),
        (SimpleNamespace(inputs=X, labels=Y, features="ab"), "features is an? str, not a list"),
        (SimpleNamespace(inputs=X, labels=Y, features=["a"]), "1 names of features for 2 columns"),
        (Bunch(data=X, target=Y, feature_names=["a", "b", "c"]), "3 names of features for 2"),
        (Bunch(data=X, target=Y, feature_names="ab"), "feature_names is an? str, not a list"),
        ((FRAME.astype(str), Y), "are texts that look like numbers"),
        ((FRAME.astype(str).assign(width="x"), Y), "hold no numbers: width"),
        ([(X[0], 0), (X[1], 1)], "list of two pairs is read as a pair .inputs, labels."),
        ([([1.0], [0]), ([2.0], [1])], "list of two pairs is read as a pair .inputs, labels."),
        ([[X[0], 0], [X[1], 1]], "were read as .inputs, labels., not as items"),
        (((X[0], 0), (X[1], 1)), "were read as .inputs, labels., not as items"),
    ],
)
def test_what_is_no_data_is_refused(data, words):
    with pytest.raises(BadInputError, match=words) as caught:
        given_data(data)
    assert "training data" in caught.value.where
    assert caught.value.remedy


def test_arguments_behind_the_data_have_names():
    with pytest.raises(BadInputError, match="name what follows: hidden="):
        NetworkLandscape(HELD["bunch"], (2,), 1e-2)
    with pytest.raises(BadInputError, match="at least one hidden layer"):
        NetworkLandscape(HELD["bunch"], l2=1e-2)
    with pytest.raises(BadInputError, match="l2"):
        NetworkLandscape(HELD["bunch"], hidden=(2,))
    with pytest.raises(BadInputError, match="hidden is required"):
        NetworkLandscape(X, Y)
    with pytest.raises(BadInputError, match="give l2, which is required"):
        NetworkLandscape(X, Y, (2,))
