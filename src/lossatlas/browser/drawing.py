"""What views of points draw, as plain arrays: a network, its classification, a path.

Nothing here knows of the browser, so that all of it can be compared with other programs.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.landscape.architecture import Architecture
from lossatlas.landscape.network_landscape import NetworkLandscape
from lossatlas.network.points import Network

MOST_LINES = 3000
"""Of a network that has more weights only so many of the largest are drawn."""
GRID = 120
"""Points along each side of a decision map."""
STEPS = 24
"""Points of a profile on the straight line between two stationary points."""


class Wires(NamedTuple):
    """A network to draw: nodes in columns, a line for every weight.

    Attributes:
        node_x, node_y: places of the nodes, layer by layer from 0 on; y from 0 to 1.
        node_bias: bias of each node, NaN of the inputs.
        x0, y0, x1, y1: ends of the lines.
        weight: of each line, the smallest in size first.
    """

    node_x: Float[np.ndarray, " nodes"]
    node_y: Float[np.ndarray, " nodes"]
    node_bias: Float[np.ndarray, " nodes"]
    x0: Float[np.ndarray, " lines"]
    y0: Float[np.ndarray, " lines"]
    x1: Float[np.ndarray, " lines"]
    y1: Float[np.ndarray, " lines"]
    weight: Float[np.ndarray, " lines"]


def wires(architecture: Architecture, w: Float[np.ndarray, " n"]) -> Wires:
    """The network of a weight vector.

    Examples:
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
    """Which class a network of two inputs chooses where.

    Attributes:
        low, high: corners of the map, in the units that the network sees.
        classes: (GRID, GRID) the class chosen, rows by the second input, ascending.
        certainty: likewise the probability of that class.
    """

    low: Float[np.ndarray, " 2"]
    high: Float[np.ndarray, " 2"]
    classes: Int[np.ndarray, "grid grid"]
    certainty: Float[np.ndarray, "grid grid"]


def decision_map(
    landscape: NetworkLandscape, w: Float[np.ndarray, " n"], inputs: Float[np.ndarray, "items 2"]
) -> DecisionMap:
    """The map over the part of the plane where the inputs lie, and a tenth more on each side."""
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
    landscape: NetworkLandscape, w: Float[np.ndarray, " n"], inputs: Float[np.ndarray, "items f"]
) -> Float[np.ndarray, "items classes"]:
    """Softmax of the outputs."""
    outputs = landscape.logits(w, inputs)[0]
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Profile(NamedTuple):
    """The lowest path between two minima.

    Attributes:
        ids: of its stationary points, minima and transition states in turn.
        losses: of these.
        distances: how far each is from the first, along straight lines between neighbors.
        weights: of each the symmetry copy that is nearest to the one before.
    """

    ids: list[int]
    losses: Float[np.ndarray, " points"]
    distances: Float[np.ndarray, " points"]
    weights: Float[np.ndarray, "points n"]


def profile(
    network: Network,
    between: tuple[int, int],
    weights: tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "t n"]],
    landscape: NetworkLandscape | None,
) -> Profile | None:
    """The profile of the lowest path; None if no path joins the two.

    Args:
        network: the points.
        between: ids of the two minima.
        weights: of the minima and of the transition states of `Network.path`, in its order.
        landscape: finds nearest copies; without it the points are taken as they are stored.
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
    """Distances and weights of points on the straight lines of a profile."""
    parts = np.linspace(0.0, 1.0, STEPS, endpoint=False)
    segments = range(len(found.ids) - 1)
    along = [found.distances[k] + parts * np.diff(found.distances[k : k + 2]) for k in segments]
    steps = np.diff(found.weights, axis=0)
    across = [found.weights[k] + parts[:, None] * steps[k] for k in segments]
    distances = np.concatenate([*along, found.distances[-1:]])
    return distances, np.concatenate([*across, found.weights[-1:]])
