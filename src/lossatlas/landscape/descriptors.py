"""Descriptors of networks, which are equal for symmetry copies and close for minima that are close.

The distance to the nearest symmetry copy needs an assignment of units for every pair of networks.
The outputs of networks say little about how close two minima are, because they are nearly the same
at all minima of a landscape. So a layer is described as a set of units, by features that depend
neither on the order nor on the signs of the units (random Fourier features, Rahimi and Recht 2007):

    sum over units u of cos(omega . u),    omega drawn at random, once and for all.

Here u holds those weights of a unit that the symmetry of other layers does not change: its bias,
those from the inputs, and those to the outputs. In a network of several hidden layers there are
others, which the activations of the unit on some fixed inputs replace.
"""

import numpy as np

from lossatlas.landscape.symmetry import UnitLayer, weights_in_place

FEATURES = 128
"""Number of features of a layer."""
WEIGHT_SCALE, ACTIVATION_SCALE = 0.5, 2.0
"""Standard deviations of omega, for weights and for activations divided by the root of their
number. Features tell two units apart if these differ by the inverse."""


def descriptors(
    layers: list[UnitLayer], w: np.ndarray, activations: list[np.ndarray]
) -> np.ndarray:
    """Descriptors (b, k) of weights (b, n).

    Args:
        layers: the hidden layers.
        w: (b, n) the weights.
        activations: for each hidden layer, (b, items, units) its activations on some fixed inputs.
    """
    random = np.random.default_rng(20200409)
    features = []
    for number, (layer, active) in enumerate(zip(layers, activations, strict=True)):
        units = np.where(layer.positions >= 0, w[:, layer.positions], 0.0)
        own = weights_in_place(layers, number, placed=set())
        slopes = random.normal(size=(own.sum(), FEATURES))
        phases = WEIGHT_SCALE * units[..., own] @ slopes
        if len(layers) > 1:
            slopes = random.normal(size=(active.shape[1], FEATURES)) / active.shape[1] ** 0.5
            phases += ACTIVATION_SCALE * active.transpose(0, 2, 1) @ slopes
        features.append(np.cos(phases).sum(axis=1))
    return np.concatenate(features, axis=1)
