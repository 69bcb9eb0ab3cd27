"""Invariants of the weights of a network, which are equal for symmetry copies.

For tanh the function that a network computes determines its weights up to symmetry; for other
activations this has not been proved. These invariants are computed from the weights instead. Every
unit has a few numbers, its *state*. At first they are random features of the weights that belong to
the unit alone. Then, once for each layer, they are replaced by features of these weights and of the
states of the units that it has weights in common with. Permuting units permutes states, and turning
a unit changes the sign of its state, so sums over a layer of states (or of their squares, if units
can be turned) do not change. Points that differ by more than a symmetry agree in all invariants
only by accident.

States are sines, whose slopes are at most one, of sums whose slopes by the weights are about one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas.landscape.symmetry import UnitLayer
from lossatlas.landscape.unit_links import Link, links_between, own_columns

FEATURES = 8
"""Number of components of the state of a unit, and of invariants of a layer."""


class _Layer(NamedTuple):
    """The random features that make the states of the units of one layer.

    Attributes:
        turns: whether its units can be turned.
        own: (units, k) positions of the weights that belong to each unit alone.
        turning: (k,) which of these weights change sign when a unit is turned.
        odd: random slopes of the weights that change sign.
        even: random slopes of the other weights.
        phases: (`FEATURES`,) random phases of the part that does not change sign.
    """

    turns: bool
    own: np.ndarray
    turning: np.ndarray
    odd: np.ndarray
    even: np.ndarray
    phases: np.ndarray


class UnitInvariants:
    """The invariants of a symmetry of units.

    Args:
        layers: the layers of units.

    Examples:
        >>> from lossatlas.landscape.architecture import Architecture
        >>> from lossatlas.landscape.symmetry import act, hidden_layers
        >>> layers = hidden_layers(Architecture((1, 2, 2)))
        >>> invariants, w = UnitInvariants(layers), np.arange(10.0)
        >>> copy = act(layers[0], w, np.array([1, 0]), np.array([1.0, -1.0]))
        >>> bool(np.allclose(invariants(w), invariants(copy)))
        True
    """

    def __init__(self, layers: Sequence[UnitLayer]) -> None:
        random = np.random.default_rng(20200409)
        self._links: list[Link] = links_between(layers)
        self._positions = [layer.positions for layer in layers]
        self._layers = [_layer(layers, number, random) for number in range(len(layers))]

    def __call__(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) invariants of w (n,): its length, and `FEATURES` numbers for each layer."""
        length = float(np.linalg.norm(w))
        sums = [_own_sums(layer, w) for layer in self._layers]
        states = [_state(*pair) for pair in zip(self._layers, sums, strict=True)]
        for _ in self._links and self._layers:
            told = [np.zeros_like(state) for state in states]
            for first, second, columns in self._links:
                common = self._common(w, first, columns) / (1.0 + length)
                for slot, weights in enumerate(np.moveaxis(common, 2, 0)):
                    told[first] += weights @ np.roll(states[second], slot + 1, axis=1)
                    told[second] += weights.T @ np.roll(states[first], slot + 1, axis=1)
            states = [
                _state(layer, (odd + more, even) if layer.turns else (odd, even + more))
                for layer, (odd, even), more in zip(self._layers, sums, told, strict=True)
            ]
        found = [
            (state * state if layer.turns else state).sum(axis=0) / len(state) ** 0.5
            for layer, state in zip(self._layers, states, strict=True)
        ]
        return np.concatenate([[length], *found])

    def _common(self, w: np.ndarray, first: int, columns: np.ndarray) -> np.ndarray:
        positions = self._positions[first]
        place = positions[np.arange(len(positions))[:, None, None], columns]
        return np.where(columns >= 0, w[place], 0.0)


def _layer(layers: Sequence[UnitLayer], number: int, random: np.random.Generator) -> _Layer:
    layer, columns = layers[number], own_columns(layers, number)
    turning = layer.turning[columns]
    slopes = random.normal(size=(len(turning), FEATURES)) / max(1, len(turning)) ** 0.5
    phases = random.uniform(0.5, 2.5, FEATURES)
    own = layer.positions[:, columns]
    return _Layer(layer.turns, own, turning, slopes[turning], slopes[~turning], phases)


def _own_sums(layer: _Layer, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Random sums (units, FEATURES) of the own weights that change sign, and of the others."""
    weights = np.where(layer.own >= 0, w[layer.own], 0.0)
    return weights[:, layer.turning] @ layer.odd, weights[:, ~layer.turning] @ layer.even


def _state(layer: _Layer, sums: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    odd, even = sums
    return np.sin(odd) * np.sin(even + layer.phases) if layer.turns else np.sin(even + layer.phases)
