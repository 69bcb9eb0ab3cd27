"""What users hold as data: the same landscape, whatever it is held by; what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from lossatlas.data import RegressionData, data_from, dataset_from_arrays
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
