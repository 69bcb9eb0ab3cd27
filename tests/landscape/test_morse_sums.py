"""Tiny networks of every activation: all stationary points, whose Morse sum must be one.

The loss grows beyond all bounds in every direction, so the numbers of copies of all stationary
points, counted with the sign (-1)^index, add up to one (Morse). They are found here by SciPy's
root finder from many starts, and counted by the orbit sizes of the landscape.
"""

import jax
import numpy as np
import pytest
from scipy.optimize import root

from lossatlas.landscape import NetworkLandscape
from lossatlas.parts import find_activation

STARTS = 150
X = np.linspace(-1.5, 1.5, 6)[:, None]
NUMBERS = np.sin(2.0 * X) + 0.3
CLASSES = np.array([0, 1, 1, 0, 0, 1])


def landscape(activation, loss) -> NetworkLandscape:
    part = find_activation(activation, 0.3 if activation == "relu" else None)
    targets = NUMBERS if loss == "mean-squared-error" else CLASSES
    l2 = 0.2 if activation == "sin" else 3e-2  # sines have many stationary points where it is weak
    return NetworkLandscape(X, targets, (1,), l2, activation=part, loss=loss)


def stationary_points(landscape):
    """(weights, index) of all that were found, copies once."""
    surface = landscape.surface

    @jax.jit
    def derivatives(w):
        return surface.value_and_gradient(w)[1], surface.inner_hessian(w)

    inner = np.asarray(
        surface.from_inner(np.eye(derivatives(np.zeros(landscape.n_weights))[1].shape[0]))
    )
    random, found = np.random.default_rng(3), []
    for _ in range(STARTS):
        start = random.normal(scale=2.0, size=inner.shape[1])
        ended = root(
            lambda x: inner.T @ np.asarray(derivatives(inner @ x)[0]),
            start,
            jac=lambda x: np.asarray(derivatives(inner @ x)[1]),
            tol=1e-13,
        )
        w = inner @ ended.x
        gradient, hessian = map(np.asarray, derivatives(w))
        if np.abs(gradient).max() < 1e-10:
            eigenvalues = np.linalg.eigvalsh(hessian)
            assert np.abs(eigenvalues).min() > 1e-6
            invariants = landscape.invariants(w)
            if all(np.abs(invariants - other).max() > 1e-6 for _, _, other in found):
                found.append((w, int((eigenvalues < 0).sum()), invariants))
    return found


@pytest.mark.parametrize(
    "loss",
    [
        "mean-squared-error",
        "softmax-cross-entropy",
        pytest.param("smooth-auc", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "activation", ["tanh", "sigmoid", "softplus", "silu", "gelu", "gelu-tanh", "sin", "relu"]
)
def test_the_morse_sum_is_one(activation, loss):
    tiny = landscape(activation, loss)
    with jax.enable_x64(True):
        found = stationary_points(tiny)
    total = sum((-1) ** index * tiny.orbit_size(w) for w, index, _ in found)
    assert total == 1, [(index, tiny.orbit_size(w)) for w, index, _ in found]
