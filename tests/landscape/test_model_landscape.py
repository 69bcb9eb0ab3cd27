"""Models of other libraries: recognized or not, what they compute, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError, DataWarning
from lossatlas.landscape import Landscape, ModelLandscape, NetworkLandscape, UnitSymmetry
from lossatlas.landscape.model_adapters import adapted

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 2))
LABELS = np.arange(20) % 3
NUMBERS = np.sin(X[:, :1])
BUILT_IN = NetworkLandscape(X, LABELS, (4,), 1e-2)


def linen(activation=jnp.tanh):
    nn = pytest.importorskip("flax.linen", reason="the extra flax is not installed")

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3)(activation(nn.Dense(4)(x)))

    return Model(), Model().init(jax.random.PRNGKey(0), jnp.ones((1, 2)))


def nnx(activation=jnp.tanh):
    library = pytest.importorskip("flax.nnx", reason="the extra flax is not installed")

    class Model(library.Module):
        def __init__(self, rngs):
            self.z_first = library.Linear(2, 4, rngs=rngs)  # not in the order of their names
            self.a_second = library.Linear(4, 3, rngs=rngs)

        def __call__(self, x):
            return self.a_second(activation(self.z_first(x)))

    return Model(library.Rngs(0))


def equinox(activation=jnp.tanh, outputs=3):
    eqx = pytest.importorskip("equinox", reason="the extra equinox is not installed")
    return eqx.nn.MLP(2, outputs, 4, 1, activation=activation, key=jax.random.PRNGKey(0))


def plain(activation=jnp.tanh, outputs=3):
    def model(p, x):
        return activation(x @ p["a"]["w"] + p["a"]["b"]) @ p["b"]["w"] + p["b"]["b"]

    random = np.random.default_rng(1)
    first = {"w": random.normal(size=(2, 4)), "b": random.normal(size=4)}
    return model, {"a": first, "b": {"w": random.normal(size=(4, outputs)), "b": np.zeros(outputs)}}


def flat(activation=jnp.tanh):
    """All matrices and biases in one dictionary."""
    first, second = plain()[1].values()
    names = {"w1": first["w"], "b1": first["b"], "w2": second["w"], "b2": second["b"]}
    return lambda p, x: activation(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"], names


MODELS = {"linen": linen, "nnx": nnx, "equinox": equinox, "plain": plain, "flat": flat}


def outputs_of(name, rebuilt, x):
    with jax.enable_x64(True):
        x = jnp.asarray(x)
        if name == "linen":
            return np.asarray(linen()[0].apply(rebuilt, x))
        if name in ("plain", "flat"):
            return np.asarray(MODELS[name]()[0](rebuilt, x))
        return np.asarray(jax.vmap(rebuilt)(x) if name == "equinox" else rebuilt(x))


@pytest.mark.parametrize("name", MODELS)
def test_dense_layers_are_recognized_as_the_built_in_network(name):
    landscape = ModelLandscape(MODELS[name](), "softmax-cross-entropy", (X, LABELS), l2=1e-2)
    assert isinstance(landscape, Landscape)
    assert landscape.recognized is not None
    assert landscape.fingerprint() == BUILT_IN.fingerprint()
    w = BUILT_IN.random_start(np.random.default_rng(2))
    rebuilt = landscape.rebuilt(w)
    np.testing.assert_allclose(outputs_of(name, rebuilt, X), BUILT_IN.outputs(w, X)[0], atol=1e-12)
    pair = (MODELS[name]()[0], rebuilt) if name in ("linen", "plain", "flat") else rebuilt
    np.testing.assert_allclose(landscape.weights(pair), w, atol=1e-15)


def test_without_recognition_it_is_the_same_function():
    landscape = ModelLandscape(
        plain(), "softmax-cross-entropy", (X, LABELS), l2=1e-2, recognize=False
    )
    assert landscape.recognized is None
    assert landscape.symmetry.order == BUILT_IN.group_order
    w = np.random.default_rng(3).normal(size=landscape.n_weights)
    same = ModelLandscape(plain(), "softmax-cross-entropy", (X, LABELS), l2=1e-2)
    with jax.enable_x64(True):
        energy = float(landscape.surface.energy(w))
        expected = float(BUILT_IN.surface.energy(same.weights((plain()[0], landscape.rebuilt(w)))))
    assert energy == pytest.approx(expected, abs=1e-12)
    assert landscape.orbit_size(w) == BUILT_IN.group_order
    assert landscape.inside(9.0 * w[None]).all()


def softsign(z):
    return z / (1.0 + jnp.sqrt(1.0 + z * z))


def skewed(z):
    return softsign(z) + 0.1 * softsign(z) ** 2


def log_cosh(outputs, target):
    return jnp.log(jnp.cosh(outputs - target)).sum()


@pytest.mark.parametrize(("activation", "order"), [(softsign, 24 * 16), (skewed, 24)])
def test_an_unknown_activation_keeps_its_symmetry(activation, order):
    landscape = ModelLandscape(plain(activation, 1), log_cosh, (X, NUMBERS), l2=1e-2)
    assert landscape.recognized is None
    assert landscape.symmetry.order == order


def test_a_loss_of_its_own_runs_on_the_exact_hessian():
    landscape = ModelLandscape(plain(jax.nn.gelu, 1), log_cosh, (X, NUMBERS), l2=1e-2)
    assert landscape.recognized is not None
    assert landscape.recognized.architecture.activation.name == "gelu-tanh"
    w = landscape.weights()
    with jax.enable_x64(True):
        hessian = np.asarray(jax.jit(landscape.surface.hessian)(w))
        expected = np.asarray(jax.jit(jax.hessian(landscape.surface.energy))(w))
        outputs = plain(jax.nn.gelu, 1)[0](landscape.rebuilt(w), jnp.asarray(X))
        mean = float(jnp.log(jnp.cosh(outputs - NUMBERS)).mean() + 1e-2 * (w * w).sum())
        assert float(landscape.surface.energy(w)) == pytest.approx(mean, abs=1e-12)
    np.testing.assert_allclose(hessian, expected, atol=1e-12)


def own(loss, outputs=1, targets=NUMBERS, **options):
    arguments = {"l2": 1e-2} | options
    return ModelLandscape(plain(outputs=outputs), loss, (X, targets), **arguments)


def scaled(factor):
    return lambda outputs, target: factor * ((outputs - target) ** 2).sum()


def test_the_fingerprint_of_a_loss_of_its_own_speaks_of_its_values():
    one, again, other = (own(scaled(factor)).fingerprint() for factor in (1.0, 1.0, 1.0 + 1e-6))
    assert one == again != other
    assert own(scaled(1.0), name="mine").fingerprint() not in (one, other)


def test_a_name_changes_nothing_where_all_parts_are_built_in():
    named = own("softmax-cross-entropy", 3, LABELS, name="mine")
    assert named.fingerprint() == BUILT_IN.fingerprint()


@pytest.mark.parametrize("recognize", [True, False])
@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        ("mean-squared-error", 2, NUMBERS[:, 0]),
        ("mean-squared-error", 1, np.hstack([NUMBERS, NUMBERS])),
        ("binary-cross-entropy", 2, LABELS % 2),
        ("smooth-auc", 3, LABELS % 2),
        (log_cosh, 2, NUMBERS),
    ],
)
def test_outputs_that_do_not_fit_the_targets_are_refused(loss, outputs, targets, recognize):
    with pytest.raises(BadInputError, match=f"the model has {outputs} outputs, the loss needs"):
        own(loss, outputs, targets, recognize=recognize)


def attention(p, x):
    """No dense layers in sequence."""
    return (jnp.tanh(x @ p["q"]) * jnp.tanh(x @ p["k"])) @ p["v"]


PARTS = {"q": np.ones((2, 3)), "k": np.ones((2, 3)), "v": np.ones((3, 3))}


def test_a_symmetry_can_be_declared():
    positions = np.arange(6).reshape(2, 3).T  # k: columns; then q, then v
    layer = np.concatenate([positions, positions + 6, np.arange(12, 21).reshape(3, 3)], axis=1)
    arguments = ((attention, PARTS), "softmax-cross-entropy", (X, LABELS))
    landscape = ModelLandscape(*arguments, l2=1e-2, symmetry=UnitSymmetry([layer]))
    assert landscape.symmetry.order == 6
    with pytest.raises(BadInputError, match="turning units of layer 0 changes E"):
        ModelLandscape(*arguments, l2=1e-2, symmetry=UnitSymmetry([(layer, True)]))
    with pytest.raises(BadInputError, match="exchanging units of layer 0 changes E"):
        ModelLandscape(*arguments, l2=1e-2, symmetry=UnitSymmetry([layer[:, :-1]]))
    with pytest.warns(DataWarning, match="no symmetry is known"):
        ModelLandscape(*arguments, l2=1e-2)


def noisy(p, x):
    return x @ p["w"] * np.random.default_rng().uniform()


def single(p, x):
    return (x @ p["w"]).astype(jnp.float32)


def root(p, x):
    return jnp.sqrt(x @ p["w"])


@jax.custom_jvp
def wrong(x):
    return jnp.sin(x)


wrong.defjvp(lambda at, along: (jnp.sin(at[0]), 2 * jnp.cos(at[0]) * along[0]))


def misled(p, x):
    return wrong(x @ p["w"])


def failing(p, x):
    raise ValueError("dropout needs a key")


WEIGHTS = {"w": np.ones((2, 3))}


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ((noisy, WEIGHTS), "the next time"),
        ((single, WEIGHTS), "float32, not float64"),
        ((root, WEIGHTS), "returns nan"),
        ((misled, WEIGHTS), "gradient along a random direction"),
        ((failing, WEIGHTS), "dropout needs a key"),
        ((lambda p, x: (x @ p["w"])[0, 0], WEIGHTS), "shape"),
        ((lambda p, x: x @ p["w"][:, :2], WEIGHTS), "out of range|2 outputs"),
        ((noisy, {}), "no parameters"),
        (7, "no model that is known"),
    ],
)
def test_what_searches_could_not_use_is_refused(model, words):
    with pytest.raises(BadInputError, match=words):
        ModelLandscape(model, "softmax-cross-entropy", (X, LABELS), l2=1e-2, symmetry=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": 0.0}, "not positive"),
        ({"l2": None}, "None is not positive"),
        ({"l2": "a"}, "'a' is not positive"),
        ({"loss": "hinge"}, "not known"),
        ({"loss": 3}, "is no loss"),
        ({"data": X}, "holds no labelled data"),
        ({"data": (X[:, 0], LABELS)}, "not \\(items, features\\)"),
    ],
)
def test_other_arguments_are_checked(changes, words):
    arguments = {"loss": "softmax-cross-entropy", "data": (X, LABELS), "l2": 1e-2} | changes
    with pytest.raises(BadInputError, match=words):
        ModelLandscape(plain(), **arguments)


def test_more_weights_than_memory_are_refused():
    from lossatlas.landscape.model_checks import check_memory

    check_memory(1000, 1000, "model")
    with pytest.raises(BadInputError, match="GB"):
        check_memory(10**12, 1000, "model")


def test_a_convolution_has_vectors_of_weights_between_channels():
    """Two layers of channels with kernels of three between them, against brute force."""

    def network(p, x):
        hidden = jnp.tanh(x[:, :, None] * p["a"])  # (items, 2, channels)
        kernels = jnp.einsum("ixc,cdk->ixdk", hidden, p["k"])
        return jnp.tanh(kernels.sum(axis=(1, 3)) + kernels[:, 0, :, 0]) @ p["o"]

    random = np.random.default_rng(4)
    shapes = {"a": (2,), "k": (2, 2, 3), "o": (2, 3)}
    parameters = {name: random.normal(size=shape) for name, shape in shapes.items()}
    leaves = {leaf.path[2]: leaf.positions for leaf in adapted((network, parameters)).leaves}
    first = np.concatenate([leaves["a"][:, None], leaves["k"].reshape(2, 6)], axis=1)
    second = np.concatenate([leaves["k"].swapaxes(0, 1).reshape(2, 6), leaves["o"]], axis=1)
    symmetry = UnitSymmetry([(first, True), (second, True)])
    landscape = ModelLandscape(
        (network, parameters), "softmax-cross-entropy", (X, LABELS), l2=1e-2, symmetry=symmetry
    )
    w = landscape.weights()
    assert landscape.symmetry.order == 2 * 4 * 2 * 4
    assert landscape.orbit_size(w) == 64
    copy = landscape.symmetry.random_copy(w, np.random.default_rng(5))
    np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-12)
    np.testing.assert_allclose(landscape.nearest_copy(copy, w), w, atol=1e-12)
    equal = w.copy()
    equal[first[1]] = equal[first[0]]
    assert landscape.orbit_size(equal) == 32
