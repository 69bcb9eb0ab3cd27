"""The data that the views of points draw, as plain arrays: a network, its decisions, and a path.

Nothing here depends on the browser, so that all of it can be compared with other programs.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.network.points import Network

if TYPE_CHECKING:
    from lossatlas.landscape.architecture import Architecture
    from lossatlas.landscape.network_landscape import NetworkLandscape

MOST_LINES = 3000
"""Largest number of weights of a network that are drawn; of more weights the largest are drawn."""
GRID = 120
"""Number of points along each side of a decision map."""
STEPS = 24
"""Number of points of a profile on the straight line between two stationary points."""


class Wires(NamedTuple):
    """A network to draw, with its nodes in columns and a line for every weight.

    Attributes:
        node_x: (nodes,) number of the layer of each node, from 0.
        node_y: (nodes,) vertical position of each node, from 0 to 1.
        node_bias: (nodes,) bias of each node; NaN for inputs.
        x0: (lines,) horizontal position at which each line begins.
        y0: (lines,) vertical position at which each line begins.
        x1: (lines,) horizontal position at which each line ends.
        y1: (lines,) vertical position at which each line ends.
        weight: (lines,) weight of each line, in ascending order of the absolute values.
    """

    node_x: Float[np.ndarray, " nodes"]
    node_y: Float[np.ndarray, " nodes"]
    node_bias: Float[np.ndarray, " nodes"]
    x0: Float[np.ndarray, " lines"]
    y0: Float[np.ndarray, " lines"]
    x1: Float[np.ndarray, " lines"]
    y1: Float[np.ndarray, " lines"]
    weight: Float[np.ndarray, " lines"]


def wires(architecture: "Architecture", w: Float[np.ndarray, " n"]) -> Wires:
    """The network of a weight vector, to be drawn.

    Args:
        architecture: architecture of the network.
        w: (n,) weights of the network.

    Examples:
        >>> from lossatlas.landscape.architecture import Architecture
        >>> drawn = wires(Architecture((1, 1, 2)), np.array([3.0, -4.0, 1.0, 0.5, 0.0, 0.0]))
        >>> drawn.weight, drawn.node_bias
        (array([ 1.,  3., -4.]), array([nan, 0.5, 0. , 0. ]))
    """
    places = [(np.arange(width) + 0.5) / width for width in architecture.widths]
    layer, node, source = architecture.ends
    is_bias = source == np.array(architecture.widths)[layer]
    biases = [np.full(width, 0.0) for width in architecture.widths[1:]]
    for at in np.flatnonzero(is_bias):
        biases[layer[at]][node[at]] = w[at]
    lines = np.flatnonzero(~is_bias)
    lines = lines[np.argsort(np.abs(w[lines]), kind="stable")][-MOST_LINES:]
    y0 = np.array([places[layer[at]][source[at]] for at in lines])
    y1 = np.array([places[layer[at] + 1][node[at]] for at in lines])
    columns = np.repeat(np.arange(len(places)), architecture.widths).astype(float)
    bias = np.concatenate([np.full(architecture.widths[0], np.nan), *biases])
    ends = layer[lines].astype(float), y0, layer[lines] + 1.0, y1
    return Wires(columns, np.concatenate(places), bias, *ends, w[lines])


class DecisionMap(NamedTuple):
    """The class that a network with two inputs chooses at each point of a grid.

    Attributes:
        low: (2,) smallest values of the two inputs, in the units that the network sees.
        high: (2,) largest values of the two inputs.
        classes: (grid, grid) class that is chosen; rows are in ascending order of the second input.
        certainty: (grid, grid) probability of that class.
    """

    low: Float[np.ndarray, " 2"]
    high: Float[np.ndarray, " 2"]
    classes: Int[np.ndarray, "grid grid"]
    certainty: Float[np.ndarray, "grid grid"]


def decision_map(
    landscape: "NetworkLandscape", w: Float[np.ndarray, " n"], inputs: Float[np.ndarray, "items 2"]
) -> DecisionMap:
    """The decision map of the region of the given inputs, with a tenth more on each side.

    Args:
        landscape: the landscape of a network with two inputs.
        w: (n,) weights of the network.
        inputs: (items, 2) inputs that the map has to contain.
    """
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    margin = 0.1 * np.where(high > low, high - low, 1.0)
    low, high = low - margin, high + margin
    first, second = (np.linspace(low[k], high[k], GRID) for k in (0, 1))
    points = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    probability = probabilities(landscape, w, points)
    shape = (GRID, GRID)
    chosen = probability.argmax(axis=1)
    return DecisionMap(low, high, chosen.reshape(shape), probability.max(axis=1).reshape(shape))


def probabilities(
    landscape: "NetworkLandscape", w: Float[np.ndarray, " n"], inputs: Float[np.ndarray, "items f"]
) -> Float[np.ndarray, "items classes"]:
    """The class probabilities of some items, which are the softmax of the outputs."""
    outputs = landscape.logits(w, inputs)[0]
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Profile(NamedTuple):
    """The lowest path between two minima.

    Attributes:
        ids: ids of its stationary points, alternately minima and transition states.
        losses: (points,) losses of these points.
        distances: (points,) distance of each point from the first, along the straight lines between
            neighbors.
        weights: (points, n) weights of each point, in the symmetry copy that is nearest to the
            point before it.
    """

    ids: list[int]
    losses: Float[np.ndarray, " points"]
    distances: Float[np.ndarray, " points"]
    weights: Float[np.ndarray, "points n"]


def profile(
    network: Network,
    between: tuple[int, int],
    weights: tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "t n"]],
    landscape: "NetworkLandscape | None",
) -> Profile | None:
    """The profile of the lowest path between two minima; None if no path joins them.

    Args:
        network: the points.
        between: ids of the two minima.
        weights: weights of the minima, and of the transition states, of `Network.path` in its
            order.
        landscape: the landscape, which finds the nearest symmetry copies. With None, the points are
            taken as they are stored.
    """
    points = network.path(*between)
    if not points:
        return None
    of_minima, of_states = (iter(some) for some in weights)
    placed: list[np.ndarray] = []
    for point in points:
        w = next(of_minima if point.kind == "minimum" else of_states)
        placed.append(
            w if landscape is None or not placed else landscape.nearest_copy(w, placed[-1])
        )
    steps = [np.linalg.norm(b - a) for a, b in pairwise(placed)]
    distances = np.concatenate([[0.0], np.cumsum(steps)])
    losses = np.array([point.energy for point in points])
    return Profile([point.id for point in points], losses, distances, np.array(placed))


def straight(found: Profile) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k n"]]:
    """Distances and weights of points on the straight lines between the points of a profile."""
    parts = np.linspace(0.0, 1.0, STEPS, endpoint=False)
    segments = range(len(found.ids) - 1)
    along = [found.distances[k] + parts * np.diff(found.distances[k : k + 2]) for k in segments]
    steps = np.diff(found.weights, axis=0)
    across = [found.weights[k] + parts[:, None] * steps[k] for k in segments]
    distances = np.concatenate([*along, found.distances[-1:]])
    return distances, np.concatenate([*across, found.weights[-1:]])
