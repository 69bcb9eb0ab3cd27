"""Activations and losses: derivatives by finite differences, and what the registry refuses."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.parts import (
    Activation,
    OutputLoss,
    activation_names,
    find_activation,
    find_loss,
    loss_names,
    register_activation,
    register_loss,
)
from lossatlas.parts.activation import applied, check_activation
from lossatlas.parts.centered import centered
from lossatlas.parts.output_loss import check_loss

ACTIVATIONS = ["tanh", "sigmoid", "softplus", "silu", "gelu", "gelu-tanh", "sin"]
LOSSES = [
    "softmax-cross-entropy",
    "binary-cross-entropy",
    "mean-squared-error",
    "half-mean-squared-error",
    "smooth-auc",
]
TRUTH = {
    "tanh": math.tanh,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "softplus": lambda z: math.log1p(math.exp(z)),
    "silu": lambda z: z / (1 + math.exp(-z)),
    "gelu": lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))),
    "gelu-tanh": lambda z: (
        0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    ),
    "sin": math.sin,
}
Z = np.linspace(-3.0, 3.0, 25)


def all_activations():
    made = {name: find_activation(name) for name in ACTIVATIONS}
    return [*made.values(), centered(made["sigmoid"]), find_activation("relu", 0.2)]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_value_is_that_of_the_textbook(name):
    expected = [TRUTH[name](z) for z in Z]
    with jax.enable_x64(True):
        found = find_activation(name).value(jnp.asarray(Z))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(applied(find_activation(name), Z), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", all_activations(), ids=lambda a: a.name)
def test_derivatives_are_those_of_finite_differences(activation):
    check_activation(activation)  # by automatic differentiation
    step = 1e-5
    with jax.enable_x64(True):
        z = jnp.asarray(Z)
        up, down = activation.value(z + step), activation.value(z - step)
        value = activation.value(z)
        np.testing.assert_allclose(activation.slope(z, value), (up - down) / (2 * step), atol=1e-9)
        up, down = (activation.slope(x, activation.value(x)) for x in (z + step, z - step))
        curvature = activation.curvature(z, value) + 0.0 * z
        np.testing.assert_allclose(curvature, (up - down) / (2 * step), atol=1e-9)


def test_a_smoothed_relu_is_nearly_a_relu():
    smoothed = applied(find_activation("relu", 0.01), Z)
    assert np.abs(smoothed - np.maximum(Z, 0)).max() <= 0.01 * math.log(2) + 1e-15


@pytest.mark.parametrize("name", LOSSES)
def test_losses_pass_their_own_check(name):
    check_loss(find_loss(name))


@pytest.mark.parametrize("loss", [find_loss("softmax-cross-entropy")], ids=lambda loss: loss.name)
def test_the_fast_way_is_the_slow_way(loss):
    random = np.random.default_rng(1)
    with jax.enable_x64(True):
        outputs = jnp.asarray(random.normal(size=(3, 9)))
        targets = jnp.asarray(np.eye(3)[np.arange(9) % 3].T)
        mean, slope = loss.fused(outputs, targets)
        np.testing.assert_allclose(mean, loss.value(outputs, targets).mean(), rtol=1e-14)
        np.testing.assert_allclose(slope, loss.slope(outputs, targets) / 9, atol=1e-16)


def test_no_derivative_asks_which_output_is_the_largest():
    """Compiled code may compute outputs twice with different rounding, and then none is."""
    loss = find_loss("softmax-cross-entropy")

    def curvature(outputs, targets, direction):
        return jax.jvp(lambda y: loss.fused(y, targets)[1], (outputs,), (direction,))[1]

    outputs = jnp.array([[0.3, 2.0], [0.3, -1.0], [-1.0, 2.0]])  # with ties
    targets, direction = jnp.eye(3)[:, :2], jnp.ones((3, 2)).at[0, 0].set(4.0)
    steps = jax.make_jaxpr(curvature)(outputs, targets, direction).eqns
    assert "eq" not in {step.primitive.name for step in steps}
    hessian = loss.curvature(outputs, targets) / 2
    expected = jnp.einsum("abi,bi->ai", hessian, direction)
    np.testing.assert_allclose(curvature(outputs, targets, direction), expected, atol=1e-15)


def test_the_sharpest_smooth_auc_is_one_minus_the_auc():
    from lossatlas.analysis.auc import rank_auc

    random = np.random.default_rng(2)
    outputs, positive = random.normal(size=40), np.arange(40) % 3 == 0
    with jax.enable_x64(True):
        found = find_loss("smooth-auc", 1e9).value(
            jnp.asarray(outputs[None]), jnp.asarray(positive[None] * 1.0)
        )
    assert float(found.mean()) == pytest.approx(1 - float(rank_auc(outputs, positive)), abs=1e-9)


def test_scikit_learn_agrees_with_the_losses():
    from sklearn.metrics import log_loss, mean_squared_error

    random = np.random.default_rng(3)
    outputs, labels = random.normal(size=(1, 30)), np.arange(30) % 2
    with jax.enable_x64(True):
        binary = find_loss("binary-cross-entropy").value(jnp.asarray(outputs), labels[None] * 1.0)
        squares = find_loss("mean-squared-error").value(jnp.asarray(outputs), labels[None] * 1.0)
    assert float(binary.mean()) == pytest.approx(log_loss(labels, 1 / (1 + np.exp(-outputs[0]))))
    assert float(squares.mean()) == pytest.approx(mean_squared_error(labels, outputs[0]))


@pytest.mark.parametrize(
    ("name", "smoothing", "words"),
    [
        ("relu", None, "no second derivative.*smoothing = 0.1"),
        ("relu", 0.0, "not positive"),
        ("relu", -1.0, "not positive"),
        ("tanh", 0.1, "no smoothing"),
        ("tahn", None, "did you mean 'tanh'"),
        ("ReLU", None, "did you mean 'relu'"),
        ("", None, "use one of"),
    ],
)
def test_activations_that_cannot_be_used_are_refused(name, smoothing, words):
    with pytest.raises(BadInputError, match=words):
        find_activation(name, smoothing)


def _square(z, a=None):
    return z * z


def _wrong(z, a=None):
    return 2.0 * z + 1.0


def _two(z, a=None):
    return 2.0 + 0.0 * z


def _twice(z, a=None):
    return 2.0 * z


def _nan(z, a=None):
    return jnp.sqrt(z)


def _by_size(z, a=None):
    """What a compiler makes that is wrong about vectors."""
    return z * z + (0.5 if z.ndim and z.size > 8 else 0.0)


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        (Activation("a", _square, _wrong, _two), "slope: at z"),
        (Activation("b", _square, _twice, _wrong), "curvature: at z"),
        (Activation("c", _square, _twice, _two, odd=True), "odd: at z"),
        (Activation("d", _nan, _twice, _two), "not finite"),
        (Activation("e", _by_size, _twice, _two), "value: at z"),
        (Activation("tanh", _square, _twice, _two), "taken"),
    ],
)
def test_a_wrong_activation_is_not_registered(activation, words):
    with pytest.raises(BadInputError, match=words):
        register_activation(activation)
    assert find_activation("tanh").odd


def _value(outputs, targets):
    return ((outputs - targets) ** 2).sum(axis=0) / 3


def _half(outputs, targets):
    return (outputs - targets) / 3


def _error(outputs, targets):
    return 2 * (outputs - targets) / 3


def _flat(outputs, targets):
    return jnp.zeros((len(outputs), *outputs.shape))


def _mixed(outputs, targets):
    return _value(outputs, targets).mean() + 0 * outputs[0]


@pytest.mark.parametrize(
    ("functions", "options", "words"),
    [
        ((_value, _half, _flat), {}, "slope: it is not"),
        ((_value, _error, _flat), {}, "curvature: it is not"),
        ((_mixed, _error, _flat), {}, "depends on the outputs of another"),
    ],
)
def test_a_wrong_loss_is_not_registered(functions, options, words):
    with pytest.raises(BadInputError, match=words):
        register_loss(OutputLoss("wrong", "wrong", "numbers", *functions, **options))
    assert "wrong" not in loss_names()


def test_the_names_are_listed():
    assert {*ACTIVATIONS, "relu"} <= set(activation_names())
    assert set(LOSSES) <= set(loss_names())
