"""Descriptors of networks: near minima have near ones, and symmetry copies have the same.

The distance to the nearest symmetry copy needs an assignment of units for every pair of networks,
and what a network computes says little about how near two are: at the minima of one landscape it is
nearly the same everywhere. So a layer is described as a set of units, through features that neither
the order nor the signs of the units change (random Fourier features, Rahimi and Recht 2007):

    sum over units u of cos(omega . u),    omega drawn at random, once and for all.

For u it takes those weights of a unit that the symmetry of other layers leaves alone: its bias,
those from the inputs, those to the outputs. In a network of several hidden layers there are others,
and what a unit makes of some fixed inputs stands for them.
"""

import numpy as np

from lossatlas.landscape.symmetry import UnitLayer, weights_in_place

FEATURES = 128
"""Features of a layer."""
WEIGHT_SCALE, ACTIVATION_SCALE = 0.5, 2.0
"""Standard deviation of omega for weights, and for activations divided by the root of their number:
two units look different when they differ by the inverse."""


def descriptors(
    layers: list[UnitLayer], w: np.ndarray, activations: list[np.ndarray]
) -> np.ndarray:
    """Descriptors (b, k) of weights (b, n).

    Args:
        layers: the hidden layers.
        w: the weights.
        activations: of each hidden layer on some fixed inputs, (b, items, units).
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
