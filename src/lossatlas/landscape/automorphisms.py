"""The order of a network's symmetry group, and of the stabilizer of a point in it.

A symmetry is a choice, for every hidden unit, of the unit (of its layer) that takes its place and
of a sign. Whether a given set of weights is carried over into itself can be decided pair by pair of
connected units, so group orders follow from the orbit-stabilizer theorem,

    |G| = product over units i of |orbit of unit i under the elements that fix units 1 .. i-1|,

and an orbit needs only the answer to "is there an element that fixes the units before i and carries
i over into j": a depth-first search. This is exact for any depth and any mask.
"""

import numpy as np

from lossatlas.landscape.architecture import Architecture
from lossatlas.landscape.symmetry import EQUAL


def group_order(architecture: Architecture) -> int:
    """Number of permutations and sign changes of hidden units that the mask allows.

    Example:
        >>> group_order(Architecture((2, 10, 4)))
        3715891200
    """
    kept = np.zeros(architecture.n_full)
    kept[architecture.free] = 1.0
    permutations = _order(architecture, kept, signs=(1.0,))
    return permutations * 2 ** sum(architecture.widths[1:-1])


def stabilizer_order(architecture: Architecture, w: np.ndarray) -> int:
    """Number of symmetries that leave the free weight vector w (n,) where it is."""
    full = np.zeros(architecture.n_full)
    full[architecture.free] = w
    kept = np.zeros(architecture.n_full)
    kept[architecture.free] = 1.0
    return _order(architecture, full, signs=(1.0, -1.0), kept=kept)


class _Graph:
    """Units of all hidden layers, numbered through, with their fixed and mutual weights."""

    def __init__(self, architecture: Architecture, full: np.ndarray) -> None:
        matrices, start = [], 0
        for rows, columns in architecture.matrix_shapes:
            matrices.append(full[start : start + rows * columns].reshape(rows, columns))
            start += rows * columns
        hidden = architecture.widths[1:-1]
        biases = np.split(full[start:], np.cumsum(architecture.widths[1:])[:-1])
        self.layer = np.repeat(np.arange(len(hidden)), hidden)
        offset = np.concatenate([[0], np.cumsum(hidden)])
        total = offset[-1]
        own = [biases[k][:, None] for k in range(len(hidden))]
        own[0] = np.concatenate([own[0], matrices[0]], axis=1)
        own[-1] = np.concatenate([own[-1], matrices[-1].T], axis=1)
        self.own = own
        self.mutual = np.zeros((total, total))
        for k in range(1, len(hidden)):
            block = matrices[k]
            self.mutual[offset[k] : offset[k + 1], offset[k - 1] : offset[k]] = block
            self.mutual[offset[k - 1] : offset[k], offset[k] : offset[k + 1]] = block.T


def _order(
    architecture: Architecture,
    full: np.ndarray,
    signs: tuple[float, ...],
    kept: np.ndarray | None = None,
) -> int:
    graphs = [_Graph(architecture, full)]
    if kept is not None:
        graphs.append(_Graph(architecture, kept))
    candidates = _candidates(graphs, signs)
    order = 1
    for u, choices in enumerate(candidates):
        if len(choices) > 1:
            image = [(v, 1.0) for v in range(u)]
            order *= sum(_extend(graphs, candidates, [*image, choice]) for choice in choices)
    return order


def _candidates(graphs: list[_Graph], signs: tuple[float, ...]) -> list[list[tuple[int, float]]]:
    """For every unit the units, times a sign, that can stand for it as far as their own weights
    tell: itself only, for most points."""
    choices: list[list[tuple[int, float]]] = [[] for _ in graphs[0].layer]
    for sign in signs:
        matches = _matches(graphs[0], sign)
        for graph in graphs[1:]:
            matches &= _matches(graph, 1.0)
        for u, v in np.argwhere(matches).tolist():
            choices[u].append((v, sign))
    return choices


def _matches(graph: _Graph, sign: float) -> np.ndarray:
    """Whether unit v times the sign can stand for unit u, for all pairs (u, v)."""
    mutual = np.sort(np.abs(graph.mutual), axis=1)
    matches = np.abs(mutual[:, None] - mutual[None]).max(axis=2, initial=0.0) <= EQUAL
    matches &= graph.layer[:, None] == graph.layer[None]
    for layer, own in enumerate(graph.own):
        units = np.flatnonzero(graph.layer == layer)
        alike = np.abs(own[:, None] - sign * own[None]).max(axis=2) <= EQUAL
        matches[np.ix_(units, units)] &= alike
    return matches


def _extend(graphs: list[_Graph], candidates: list, image: list[tuple[int, float]]) -> bool:
    """Whether units 0, 1, ... carried over into `image` so far can be completed to a symmetry."""
    u = len(image) - 1
    v, s = image[-1]
    if any(v == other for other, _ in image[:-1]):
        return False
    for a, (b, t) in enumerate(image[:-1]):
        for graph, sign in zip(graphs, (s * t, 1.0), strict=False):
            if abs(graph.mutual[u, a] - sign * graph.mutual[v, b]) > EQUAL:
                return False
    if u + 1 == len(candidates):
        return True
    return any(_extend(graphs, candidates, [*image, choice]) for choice in candidates[u + 1])
