"""Networks of any activation and loss: derivatives, symmetry and identity against brute force."""

import itertools

import jax
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.landscape import NetworkLandscape
from lossatlas.parts import Activation, find_activation

RANDOM = np.random.default_rng(7)
INPUTS = RANDOM.normal(size=(23, 3))
TARGETS = {
    "softmax-cross-entropy": np.arange(23) % 3,
    "binary-cross-entropy": np.arange(23) % 2,
    "smooth-auc": np.arange(23) % 2,
    "mean-squared-error": RANDOM.normal(size=(23, 2)),
}
SOFTMAX = "softmax-cross-entropy"


def network(activation="tanh", loss=SOFTMAX, hidden=(3,), **options) -> NetworkLandscape:
    part = find_activation("relu", 0.3) if activation == "relu" else activation
    return NetworkLandscape(
        INPUTS, TARGETS[loss], hidden, 1e-2, activation=part, loss=loss, **options
    )


CASES = {
    "gelu": network("gelu"),
    "sin, one logit": network("sin", "binary-cross-entropy"),
    "silu, numbers, deep": network("silu", "mean-squared-error", (3, 2)),
    "pairs": network(loss="smooth-auc"),
    "sigmoid, free biases": network("sigmoid", regularize_biases=False),
    "relu, wide, numbers": network("relu", "mean-squared-error", (70,)),
    "softplus, wide, pairs": network("softplus", "smooth-auc", (66,)),
    "numbers, mask, free biases": network(
        "softplus", "mean-squared-error", (4,), neighbors=1, regularize_biases=False
    ),
}


def weights(landscape, seed=0):
    w = np.random.default_rng(seed).normal(size=landscape.n_weights)
    return w - landscape.excluded_modes.T @ (landscape.excluded_modes @ w)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_the_energy(name):
    landscape = CASES[name]
    surface, w = landscape.surface, weights(landscape)

    @jax.jit
    def derivatives(w):
        mine = (surface.value_and_gradient(w)[1], surface.hessian(w), surface.inner_hessian(w))
        return mine, (jax.grad(surface.energy)(w), jax.hessian(surface.energy)(w))

    with jax.enable_x64(True):
        (gradient, hessian, inner), expected = jax.device_get(derivatives(w))
        basis = np.asarray(surface.from_inner(jax.numpy.eye(len(inner))))
        step = 1e-6 * np.random.default_rng(1).normal(size=len(w))
        rise = surface.energy(w + step) - surface.energy(w - step)
    np.testing.assert_allclose(gradient, expected[0], atol=1e-13)
    np.testing.assert_allclose(hessian, expected[1], atol=1e-12)
    np.testing.assert_allclose(basis.T @ expected[1] @ basis, inner, atol=1e-12)
    assert rise / 2 == pytest.approx(gradient @ step, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_copies_are_copies(name):
    landscape = CASES[name]
    w = weights(landscape)
    copy = landscape.symmetry.random_copy(w, np.random.default_rng(3))
    with jax.enable_x64(True):
        energies = [float(landscape.surface.energy(x)) for x in (w, copy)]
    assert energies[1] == pytest.approx(energies[0], abs=1e-12)
    np.testing.assert_allclose(landscape.invariants(copy), landscape.invariants(w), atol=1e-12)
    if len(landscape.symmetry.layers) == 1:
        np.testing.assert_allclose(landscape.nearest_copy(copy, w), w, atol=1e-15)


@pytest.mark.parametrize(
    ("activation", "options", "signs"),
    [
        ("tanh", {}, 2),
        ("sin", {}, 2),
        ("gelu", {}, 1),
        ("silu", {}, 1),
        ("softplus", {}, 1),
        ("sigmoid", {}, 1),
        ("sigmoid", {"regularize_biases": False}, 2),
        ("tanh", {"regularize_biases": False}, 2),
    ],
)
def test_the_orbit_is_that_of_brute_force(activation, options, signs):
    """All ways to permute and turn units, kept if they leave E alone at a random point."""
    landscape = network(activation, **options)
    layer, w = landscape.symmetry.layers[0], weights(landscape)
    with jax.enable_x64(True):
        energy = jax.jit(landscape.surface.energy)
        at_w, images = float(energy(w)), set()
        for permutation in itertools.permutations(range(3)):
            for turns in itertools.product([1.0, -1.0], repeat=3):
                moved = w.copy()
                moved[layer.positions] = (
                    np.array(turns)[:, None] * w[layer.positions][[*permutation]]
                )
                if abs(float(energy(moved)) - at_w) < 1e-12:
                    images.add(tuple(moved.round(9)))
    assert landscape.orbit_size(w) == len(images) == 6 * signs**3 == landscape.group_order


def test_a_sigmoid_with_free_biases_is_the_network_that_it_says():
    """The biases of the outputs are measured from the center of the sigmoid, nothing else."""
    landscape = network("sigmoid", regularize_biases=False)
    w, h = weights(landscape), 3
    below, out = w[: 3 * h].reshape(h, 3), w[3 * h : 6 * h].reshape(3, h)
    hidden, biases = w[6 * h : 7 * h], w[7 * h :] - 0.5 * out.sum(axis=1)
    expected = out @ (1 / (1 + np.exp(-(below @ INPUTS.T + hidden[:, None])))) + biases[:, None]
    np.testing.assert_allclose(landscape.outputs(w, INPUTS)[0], expected.T, atol=1e-12)


@pytest.mark.parametrize("activation", ["gelu", "sin", "softplus"])
def test_other_weights_have_other_invariants(activation):
    """Also where all else agrees: two outgoing weights of different units change places."""
    landscape = network(activation, hidden=(3, 2))
    w = weights(landscape)
    other = w.copy()
    first, second = landscape.symmetry.layers[1].positions[:, -1]
    other[[first, second]] = w[[second, first]]
    apart = landscape.symmetry.invariants(w) - landscape.symmetry.invariants(other)
    assert np.abs(apart).max() > 1e-4
    slope = np.abs(
        landscape.symmetry.invariants(w + 1e-7 * np.eye(len(w))[0])
        - landscape.symmetry.invariants(w)
    )
    assert slope.max() < 10 * 1e-7


@pytest.mark.parametrize(
    ("changes", "where", "problem"),
    [
        ({"activation": "sin", "regularize_biases": False}, "activation", "infinitely many"),
        ({"activation": "relu"}, "activation", "no second derivative"),
        ({"activation": "tan"}, "activation", "not known"),
        ({"loss": "hinge"}, "function", "not known"),
        ({"loss": "binary-cross-entropy"}, "function", "two classes"),
        ({"loss": "smooth-auc"}, "function", "two classes"),
        ({"loss": "mean-squared-error", "labels": np.full(23, np.nan)}, "data", "finite"),
        ({"loss": "mean-squared-error", "labels": np.ones((23, 2, 2))}, "data", "no numbers"),
        ({"loss": "mean-squared-error", "labels": np.ones(22)}, "data", "do not fit"),
        ({"loss": "mean-squared-error", "labels": np.array(["a"] * 23)}, "data", "are texts"),
    ],
)
def test_what_cannot_be_is_refused(changes, where, problem):
    arguments = {"labels": TARGETS[SOFTMAX]} | changes
    labels = arguments.pop("labels")
    with pytest.raises(BadInputError, match=problem) as caught:
        NetworkLandscape(INPUTS, labels, (3,), 1e-2, **arguments)
    assert where in caught.value.where
    assert caught.value.remedy


def test_the_fingerprint_tells_parts_apart():
    prints = [network(a).fingerprint()["loss"] for a in ("tanh", "gelu", "relu")]
    assert prints[0] == "softmax cross-entropy, tanh"  # that of earlier versions
    assert len(set(prints)) == 3
    assert "smooth AUC" in network(loss="smooth-auc").fingerprint()["loss"]


def scaled_tanh(factor):
    def value(z):
        return factor * jax.numpy.tanh(z)

    def slope(z, a):
        return factor - a * a / factor

    def curvature(z, a):
        return -2.0 * a / factor * slope(z, a)

    return Activation("mine", value, slope, curvature, odd=True)


def test_the_fingerprint_tells_parts_of_one_name_apart():
    prints = [network(scaled_tanh(factor)).fingerprint()["loss"] for factor in (1.0, 1.0, 1.001)]
    assert prints[0] == prints[1] != prints[2]
    assert prints[0].startswith("softmax cross-entropy, mine, values ")


@pytest.mark.parametrize("options", [{}, {"regularize_biases": False}])
@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_the_fingerprint_of_built_in_parts_is_their_names(activation, loss, options):
    landscape = network(activation, loss, **options)
    parts = landscape.architecture
    free = ", biases not regularized" if options else ""
    expected = f"{parts.loss.title}, {parts.activation.name}{free}"
    assert landscape.fingerprint()["loss"] == expected


def test_one_output_gives_logits_of_two_classes():
    landscape = network("tanh", "binary-cross-entropy")
    w = weights(landscape)
    logits = landscape.logits(w, INPUTS)[0]
    probability = 1 / (1 + np.exp(-landscape.outputs(w, INPUTS)[0, :, 0]))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax[:, 1], probability, atol=1e-12)
    with pytest.raises(BadInputError, match="no classes"):
        CASES["silu, numbers, deep"].logits(weights(CASES["silu, numbers, deep"]), INPUTS)
