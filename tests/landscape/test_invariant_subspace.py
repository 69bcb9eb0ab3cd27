"""Idle units stay idle where the activation is zero at zero, whether units can be turned or not."""

import jax
import numpy as np
import pytest

from lossatlas.landscape import FunctionLandscape, ModelLandscape, NetworkLandscape
from lossatlas.landscape.invariant_subspace import invariant_subspace

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(15, 2))
Y = np.sin(X[:, 0])
IDLE = {"tanh": True, "sin": True, "gelu": True, "gelu-tanh": True, "silu": True}
IDLE |= {"softplus": False, "sigmoid": False}


def with_idle_unit(landscape, layer, unit):
    """Random weights, those of one unit zero, and where the others are."""
    w = np.random.default_rng(1).normal(size=landscape.n_weights)
    positions = landscape.symmetry.layers[layer].positions[unit]
    w[positions[positions >= 0]] = 0.0
    return w, positions[positions >= 0]


@pytest.mark.parametrize("hidden", [(3,), (3, 2)])
@pytest.mark.parametrize("activation", IDLE)
def test_the_subspace_of_an_idle_unit(activation, hidden):
    """A projector onto what contains w, and its gradient: so the flow stays in it."""
    landscape = NetworkLandscape(
        X, Y, hidden, 1e-2, activation=activation, loss="mean-squared-error"
    )
    for layer in range(len(hidden)):
        w, idle = with_idle_unit(landscape, layer, 1)
        projector = invariant_subspace(landscape, w) @ np.eye(len(w))
        np.testing.assert_allclose(projector @ projector, projector, atol=1e-15)
        np.testing.assert_array_equal(projector @ w, w)
        with jax.enable_x64(True):
            gradient = np.asarray(landscape.surface.value_and_gradient(w)[1])
        np.testing.assert_allclose(projector @ gradient, gradient, atol=1e-15)
        kept = np.abs(projector[idle]).max() == 0.0
        assert kept == IDLE[activation]
        # Where it is no subspace of the flow the gradient leads out of it.
        assert (np.abs(gradient[idle]).max() < 1e-15) == IDLE[activation]


def test_equal_units_beside_an_idle_one_stay_equal():
    landscape = NetworkLandscape(X, Y, (4,), 1e-2, activation="silu", loss="mean-squared-error")
    w, _ = with_idle_unit(landscape, 0, 0)
    units = landscape.symmetry.layers[0].positions
    w[units[2]] = w[units[3]]
    other = np.random.default_rng(2).normal(size=len(w))
    projected = invariant_subspace(landscape, w) @ other
    np.testing.assert_array_equal(projected[units[0]], 0.0)
    np.testing.assert_allclose(projected[units[2]], (other[units[2]] + other[units[3]]) / 2)
    np.testing.assert_array_equal(projected[units[1]], other[units[1]])


def test_models_and_functions():
    def model(p, x):
        return jax.nn.gelu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]

    shapes = {"w1": (2, 3), "b1": (3,), "w2": (3, 1), "b2": (1,)}
    parameters = {name: RANDOM.normal(size=shape) for name, shape in shapes.items()}
    landscape = ModelLandscape((model, parameters), "mean-squared-error", (X, Y), l2=1e-2)
    w, idle = with_idle_unit(landscape, 0, 2)
    assert np.abs((invariant_subspace(landscape, w) @ np.eye(len(w)))[idle]).max() == 0.0
    bowl = FunctionLandscape(lambda w: w @ w, [-1, -1], [1, 1], "bowl")
    np.testing.assert_array_equal(invariant_subspace(bowl, np.ones(2)) @ np.eye(2), np.eye(2))
