"""Networks of other libraries: what they compute, and the way there and back."""

import jax
import numpy as np
import pytest

from lossatlas.errors import BadInputError, DataWarning
from lossatlas.interop import (
    read_layers,
    to_equinox,
    to_flax,
    to_sklearn,
    to_torch,
    weights_of,
    write_layers,
)
from lossatlas.interop.model_files import layers_of_arrays
from lossatlas.landscape import NetworkLandscape
from lossatlas.landscape.plain_weights import plain_layers, weights_of_layers

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(17, 3))
LABELS = {"classes": np.arange(17) % 3, "two": np.arange(17) % 2, "numbers": X[:, :2] ** 2}


def network(activation="tanh", kind="classes", hidden=(4,), **options):
    loss = {"numbers": "mean-squared-error"}.get(kind, "softmax-cross-entropy")
    if options.pop("one", False):
        loss = "binary-cross-entropy"
    return NetworkLandscape(
        X, LABELS[kind], hidden, 1e-2, activation=activation, loss=loss, **options
    )


def weights(landscape):
    w = np.random.default_rng(1).normal(size=landscape.n_weights)
    return w - landscape.excluded_modes.T @ (landscape.excluded_modes @ w)


NETWORKS = {
    "tanh": network(),
    "sigmoid": network("sigmoid", hidden=(3, 2)),
    "sigmoid from its center": network("sigmoid", hidden=(3, 2), regularize_biases=False),
    "gelu-tanh, numbers": network("gelu-tanh", "numbers"),
    "gelu": network("gelu", hidden=(2, 3)),
    "one logit": network("softplus", "two", one=True),
    "mask": network(neighbors=1),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_torch_computes_the_same(name):
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    landscape = NETWORKS[name]
    w = weights(landscape)
    model = to_torch(landscape, w)
    with torch.no_grad():
        outputs = model(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(outputs, landscape.outputs(w, X)[0], atol=1e-12)
    np.testing.assert_allclose(weights_of(landscape, model), w, atol=1e-14)


@pytest.mark.parametrize("kind", ["classes", "two", "numbers", "one"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_scikit_learn_computes_the_same(kind, activation):
    options = {"kind": "two", "one": True} if kind == "one" else {"kind": kind}
    landscape = network(activation, **options, hidden=(4, 2))
    w = weights(landscape)
    model = to_sklearn(landscape, w)
    if kind == "numbers":
        np.testing.assert_allclose(model.predict(X), landscape.outputs(w, X)[0], atol=1e-12)
    else:
        logits = landscape.logits(w, X)[0]
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)
        np.testing.assert_array_equal(model.predict(X), logits.argmax(axis=1))
    np.testing.assert_allclose(weights_of(landscape, model), w, atol=1e-13)


@pytest.mark.parametrize("name", ["tanh", "gelu-tanh, numbers", "sigmoid from its center"])
def test_equinox_and_flax_compute_the_same(name):
    nn = pytest.importorskip("flax.linen", reason="the extra flax is not installed")
    pytest.importorskip("equinox", reason="the extra equinox is not installed")
    landscape = NETWORKS["tanh" if name.startswith("sigmoid") else name]
    w = weights(landscape)
    with jax.enable_x64(True):
        outputs = jax.vmap(to_equinox(landscape, w))(X)
        np.testing.assert_allclose(outputs, landscape.outputs(w, X)[0], atol=1e-12)
        activation = landscape.architecture.activation.value

        class Model(nn.Module):
            @nn.compact
            def __call__(self, x):
                hidden = activation(nn.Dense(landscape.architecture.widths[1])(x))
                return nn.Dense(landscape.architecture.widths[2])(hidden)

        np.testing.assert_allclose(
            Model().apply(to_flax(landscape, w), X), landscape.outputs(w, X)[0], atol=1e-12
        )


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("name", NETWORKS)
def test_files_come_back(tmp_path, name, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    landscape, path = NETWORKS[name], tmp_path / f"best{suffix}"
    w = weights(landscape)
    write_layers(path, plain_layers(landscape.architecture, w))
    np.testing.assert_allclose(weights_of(landscape, path), w, atol=1e-15)
    layers = read_layers(path)
    assert weights_of_layers(landscape.architecture, layers).shape == w.shape
    with pytest.raises(BadInputError, match="exists already"):
        write_layers(path, layers)


def test_a_torch_state_comes_back(tmp_path):
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    landscape = NETWORKS["gelu"]
    w = weights(landscape)
    torch.save(to_torch(landscape, w).state_dict(), tmp_path / "state.pt")
    np.testing.assert_array_equal(weights_of(landscape, tmp_path / "state.pt"), w)


def test_more_than_ten_layers_keep_their_order(tmp_path):
    layers = [(np.full((1, 1), float(k)), np.zeros(1)) for k in range(12)]
    write_layers(tmp_path / "deep.npz", layers)
    assert [float(m[0, 0]) for m, _ in read_layers(tmp_path / "deep.npz")] == list(range(12))


NAMES = [("input", "hidden", "output"), ("stem", "b.1", "a.1"), ("l10", "l9", "x")]
ORDERED = {"0": np.ones((4, 3)), "1": 2.0 * np.ones((4, 4)), "2": 3.0 * np.ones((3, 4))}


def named(names, matrices):
    pairs = list(zip(names, matrices, strict=True))
    return {
        f"{n}.{kind}": array
        for n, m in pairs
        for kind, array in (("weight", m), ("bias", np.ones(len(m))))
    }


@pytest.mark.parametrize("names", NAMES)
def test_layers_keep_the_order_of_their_names(tmp_path, names):
    landscape = network(hidden=(4, 4))
    arrays = named(names, ORDERED.values())
    expected = weights_of(landscape, named(("0", "2", "4"), ORDERED.values()))
    np.testing.assert_array_equal(weights_of(landscape, arrays), expected)
    np.savez(tmp_path / "named.npz", **arrays)
    np.testing.assert_array_equal(weights_of(landscape, tmp_path / "named.npz"), expected)
    swapped = dict(reversed(named(("l2", "l9", "l10"), ORDERED.values()).items()))
    np.testing.assert_array_equal(weights_of(landscape, swapped), expected)


def test_square_layers_keep_the_order_of_their_names():
    matrices = [np.full((1, 1), k) for k in (1.0, 2.0, 3.0)]
    layers = layers_of_arrays(named(NAMES[0], matrices), "model")
    assert [float(m[0, 0]) for m, _ in layers] == [1.0, 2.0, 3.0]


def test_a_file_without_order_is_read_if_the_layers_fit_in_one_order(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    landscape = network(hidden=(4, 4))
    safetensors.save_file(named(NAMES[0], ORDERED.values()), tmp_path / "named.safetensors")
    expected = weights_of(landscape, named(("0", "2", "4"), ORDERED.values()))
    found = weights_of(landscape, tmp_path / "named.safetensors")
    np.testing.assert_array_equal(found, expected)
    for case, matrices, words in (
        ("square", [np.eye(3), 2.0 * np.eye(3), 3.0 * np.eye(3)], "more than one order"),
        ("round", [np.ones((4, 3)), np.ones((5, 4)), np.ones((3, 5))], "more than one order"),
        ("none", [np.ones((4, 3)), np.ones((6, 5)), np.ones((8, 7))], "in no order"),
    ):
        path = tmp_path / f"{case}.safetensors"
        safetensors.save_file(named(NAMES[0], matrices), path)
        with pytest.raises(BadInputError, match=words):
            read_layers(path)
    of_three = network(hidden=(4, 5))  # the widths say which of the orders is meant
    assert len(weights_of(of_three, tmp_path / "round.safetensors")) == of_three.n_weights


def test_npz_files_are_written_with_arrays_alone(tmp_path, monkeypatch):
    """Older versions of NumPy store every keyword as an array."""
    given = {}
    monkeypatch.setattr(np, "savez", lambda path, **arrays: given.update(arrays))
    write_layers(tmp_path / "a.npz", [(np.ones((2, 1)), np.ones(2))])
    assert sorted(given) == ["0.bias", "0.weight"]


class Values:
    """An array as a torch module's state has it."""

    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.values


def torch_like(kind, activation, **options):
    """What a torch module of two layers shows; torch itself need not be installed."""
    parts = [
        type("Linear", (), {})(),
        *([type(activation, (), options)()] if activation else []),
        type("Linear", (), {})(),
    ]
    state = named(("0", "2"), [np.ones((4, 3)), np.ones((3, 4))])
    members = {
        "forward": lambda self, x: x,
        "children": lambda self: iter(parts),
        "state_dict": lambda self: {name: Values(array) for name, array in state.items()},
    }
    return type("Own", (type(kind, (), members),), {})()


@pytest.mark.parametrize(
    ("activation", "options", "words"),
    [
        ("Softplus", {"beta": 5.0, "threshold": 20.0}, r"Softplus\(beta=5.0"),
        ("Softplus", {"beta": 1.0, "threshold": 2.0}, "threshold=2.0"),
        ("Tanh", {}, "its activation is tanh"),
        (None, {}, "its activation is none"),
    ],
)
def test_another_activation_of_torch_is_refused(activation, options, words):
    with pytest.raises(BadInputError, match=words):
        weights_of(network("softplus"), torch_like("Sequential", activation, **options))


def test_the_activation_of_torch_is_known_of_a_sequential_alone(recwarn):
    usual = {"beta": 1.0, "threshold": 20.0}
    weights_of(network("softplus"), torch_like("Sequential", "Softplus", **usual))
    assert not [w for w in recwarn if w.category is DataWarning]
    with pytest.warns(DataWarning, match="Own: is no torch Sequential.*it is tanh"):
        weights_of(NETWORKS["tanh"], torch_like("Module", "Softplus", **usual))


GOOD = {"0.weight": np.ones((4, 3)), "0.bias": np.ones(4), "2.weight": np.ones((3, 4))}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (GOOD, "layer '2'"),
        ({**GOOD, "2.bias": np.ones(2)}, "layer '2'"),
        ({**GOOD, "2.bias": np.ones(3), "scale": np.ones(1)}, "the array 'scale'"),
        ({**GOOD, "2.weight": np.ones((2, 4)), "2.bias": np.ones(2)}, "3-4-2"),
        ({}, "its layers are none"),
        ({**GOOD, "2.weight": np.ones((3, 5)), "2.bias": np.ones(3)}, "have the shapes"),
        ("nowhere.npz", "no such file"),
        (3, "no network that can be read"),
    ],
)
def test_what_is_no_such_network_is_refused(model, words):
    with pytest.raises(BadInputError, match=words):
        weights_of(NETWORKS["tanh"], model)


def test_files_of_other_kinds_are_refused(tmp_path):
    for name in ("model.h5", "model.npz"):
        (tmp_path / name).write_bytes(b"not a model")
        with pytest.raises(BadInputError, match=r"unknown kind|cannot be read"):
            read_layers(tmp_path / name)
    with pytest.raises(BadInputError, match="unknown kind"):
        write_layers(tmp_path / "model.onnx", [])


def test_what_another_library_has_not_is_refused():
    sine = network("sin")
    for make in (to_torch, to_sklearn):
        with pytest.raises(BadInputError, match="no activation sin"):
            make(sine, weights(sine))
    pytest.importorskip("equinox", reason="the extra equinox is not installed")
    with pytest.raises(BadInputError, match="layers of one width"):
        to_equinox(NETWORKS["gelu"], weights(NETWORKS["gelu"]))


def test_another_activation_is_refused():
    model = to_sklearn(network("sigmoid"), weights(network("sigmoid")))
    with pytest.raises(BadInputError, match="its activation is sigmoid"):
        weights_of(NETWORKS["tanh"], model)


def test_a_weight_that_the_mask_has_removed_is_refused():
    layers = plain_layers(NETWORKS["mask"].architecture, weights(NETWORKS["mask"]))
    layers[0][0][:] = 1.0
    with pytest.raises(BadInputError, match="mask"):
        weights_of_layers(NETWORKS["mask"].architecture, layers)
