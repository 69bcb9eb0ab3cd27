"""The ideal AUC: that of a classifier which knows the probabilities of the noisy labels.

A network that is trained with wrong labels learns, at best, the probability q_0(x) that an item
with inputs x is *given* the label 0. The AUC of this score against the true labels is the ideal
AUC, which no network can be expected to exceed.

With uniform noise of a share f among C classes

    q_0 = f / (C - 1) + (1 - f C / (C - 1)) p_0

where p_0 is the probability of the true label 0. So for f < (C - 1) / C the order of the items, and
with it the ideal AUC, is that of clean labels; at f = (C - 1) / C nothing can be learned; and for
larger f the order is reversed, and the ideal AUC is one minus that of clean labels. So a testing
AUC far below one half with all labels wrong is the correct result of learning.

The probabilities are estimated from many items in two ways, by the labels of the nearest items and
by those of the items in the same cell of a grid. Both are too smooth in some places and too rough
in others, but not in the same ones; the difference of the two AUC is taken as their error.

If noise depends on the true class alone, q_0 is the sum over classes of p_i times the probability
that class i is given the label 0, so only the p_i are estimated, from clean labels. In an estimate
from noisy labels, the scatter of the labels would hide the small differences that much noise
leaves. If noise depends on the item too (boundary, adversarial), q_0 is estimated from the labels
that items are given.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree
from scipy.stats import rankdata

from lossatlas import BadInputError

NEAREST = 200
"""Number of items from which the probability at a place is estimated, and roughly the number of
items in a cell of the grid."""
AT_ONCE = 20_000
"""Number of places that are looked up at once, which limits the memory."""


class Ideal(NamedTuple):
    """The ideal AUC by two estimators.

    Attributes:
        nearest: the estimate by the nearest items.
        grid: the estimate by a grid whose cells have equally many items.
    """

    nearest: float
    grid: float

    @property
    def estimate(self) -> float:
        """The mean of both estimates."""
        return (self.nearest + self.grid) / 2

    @property
    def error(self) -> float:
        """The difference of both estimates."""
        return abs(self.nearest - self.grid)


class Neighborhoods:
    """The known items from which labels at other places are estimated, for many sets of labels.

    Args:
        known: (N, d) inputs of the items whose labels are used.
        places: (n, d) inputs at which probabilities are estimated.
        nearest: number of items from which a probability is estimated, at most N; default 200.

    Raises:
        BadInputError: if there are fewer than `nearest` items.

    Examples:
        >>> known = np.arange(8.0)[:, None]
        >>> near = Neighborhoods(known, np.array([[0.2], [6.8]]), nearest=2)
        >>> near.by_nearest(known[:, 0] < 4).tolist(), near.by_grid(known[:, 0] < 4).tolist()
        ([1.0, 0.0], [1.0, 0.0])
    """

    def __init__(
        self,
        known: Float[np.ndarray, "N d"],
        places: Float[np.ndarray, "n d"],
        nearest: int = NEAREST,
    ) -> None:
        """Look up the nearest items, and the cells of the grid."""
        if len(known) < nearest:
            problem = f"{len(known)} items are fewer than {nearest}"
            raise BadInputError("ideal AUC: items", problem, "use more items")
        tree, self._near = KDTree(known), np.empty((len(places), nearest), np.int32)
        for first in range(0, len(places), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            self._near[rows] = tree.query(places[rows], k=nearest)[1].reshape(-1, nearest)
        across = max(1, round((len(known) / nearest) ** (1 / known.shape[1])))
        edges = _edges(known, across)
        self._cells = across ** known.shape[1]
        self._known, self._places = _cell(known, edges), _cell(places, edges)

    def by_nearest(self, has_label: Bool[np.ndarray, " N"]) -> Float[np.ndarray, " n"]:
        """(n,) share, at each place, of the nearest items for which `has_label` (N,) is True."""
        found = np.empty(len(self._near))
        for first in range(0, len(found), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            found[rows] = has_label[self._near[rows]].mean(axis=1)
        return found

    def by_grid(self, has_label: Bool[np.ndarray, " N"]) -> Float[np.ndarray, " n"]:
        """(n,) share of the items in the same cell for which `has_label` (N,) is True.

        In empty cells it is the share of all items.
        """
        all_ = np.bincount(self._known, minlength=self._cells)
        with_label = np.bincount(self._known, weights=has_label, minlength=self._cells)
        shares = np.where(all_ > 0, with_label / np.maximum(all_, 1), has_label.mean())
        return shares[self._places]

    def ideal(
        self,
        labels: Int[np.ndarray, " N"],
        clean: Int[np.ndarray, " n"],
        transition: Float[np.ndarray, "C C"] | None = None,
    ) -> Ideal:
        """The ideal AUC of label 0 against all others.

        Args:
            labels: (N,) labels of the known items: the true ones if there is a transition matrix,
                otherwise those that the items were given.
            clean: (n,) true labels at the places.
            transition: (C, C) matrix whose row i holds the probabilities of the labels that an item
                of class i is given; by default None.
        """
        weights = np.array([1.0]) if transition is None else transition[:, 0]
        has = [labels == number for number in range(len(weights))]
        nearest, grid = (
            np.sum([w * by(one) for w, one in zip(weights, has, strict=True)], axis=0)
            for by in (self.by_nearest, self.by_grid)
        )
        return Ideal(rank_auc(nearest, clean == 0), rank_auc(grid, clean == 0))


def transition_matrix(
    fraction: float, errors: Float[np.ndarray, "C C"], shares: Float[np.ndarray, " C"]
) -> Float[np.ndarray, "C C"]:
    """The matrix of probabilities of given labels, from relative frequencies of errors.

    Args:
        fraction: share of all items whose label is changed.
        errors: (C, C) relative frequencies with which class i is taken for class j, not negative
            and zero on the diagonal. The sum of a row is proportional to how often labels of class
            i are changed.
        shares: (C,) share of all items in each class.

    Returns:
        (C, C) matrix whose row i holds the probabilities of the labels that an item of class i is
        given.

    Raises:
        BadInputError: if the fraction would change more than all items of a class.

    Examples:
        >>> transition_matrix(0.5, np.array([[0, 1], [1, 0]]), np.array([0.3, 0.7])).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    rates = errors.sum(axis=1)
    changed = fraction * rates / (shares @ rates)
    if (changed > 1 + 1e-9).any():
        problem = f"{fraction:g} of the items are to be changed, more than all of a class"
        raise BadInputError("ideal AUC: fraction", problem, "use a smaller fraction")
    scaled = errors / np.where(rates > 0, rates, 1)[:, None] * changed[:, None]
    return np.diag(1 - changed) + scaled


def rank_auc(scores: Float[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    """The exact AUC, in which ties count one half; NaN if all items are of one kind.

    Args:
        scores: (n,) scores of the items.
        positive: (n,) whether each item is of the positive class.

    Examples:
        >>> rank_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
        0.875
    """
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return float("nan")
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - count * (count + 1) / 2) / (count * others))


def _edges(known: np.ndarray, across: int) -> list[list[np.ndarray]]:
    """Edges of the grid: of the first input, then of the second within each strip, and so on."""
    inner = np.linspace(0, 1, across + 1)[1:-1]
    edges = [[np.quantile(known[:, 0], inner)]]
    cell = np.searchsorted(edges[0][0], known[:, 0], side="right")
    for axis in range(1, known.shape[1]):
        strips = [known[cell == strip, axis] for strip in range(across**axis)]
        fallback = np.quantile(known[:, axis], inner)
        edges.append([np.quantile(one, inner) if len(one) else fallback for one in strips])
        cell = cell * across + _within(edges[-1], cell, known[:, axis])
    return edges


def _cell(points: np.ndarray, edges: list[list[np.ndarray]]) -> np.ndarray:
    across = len(edges[0][0]) + 1
    cell = np.zeros(len(points), np.int64)
    for axis, strips in enumerate(edges):
        cell = cell * across + _within(strips, cell, points[:, axis])
    return cell


def _within(strips: list[np.ndarray], strip: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The number of the cell of each value between the edges of its strip."""
    place = np.zeros(len(values), np.int64)
    order = np.argsort(strip, kind="stable")
    bounds = np.searchsorted(strip[order], np.arange(len(strips) + 1))
    for number, edges in enumerate(strips):
        rows = order[bounds[number] : bounds[number + 1]]
        place[rows] = np.searchsorted(edges, values[rows], side="right")
    return place
