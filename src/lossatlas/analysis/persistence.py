"""Funnels that count: bottoms behind barriers that are a part of the range of the loss.

Nearly every large landscape has many *bottoms*, minima that no transition state joins to a lower
one, most of them behind barriers far below anything that a picture shows. The *persistence* of a
minimum is the lowest barrier toward anything lower: how far one has to climb to leave it for good.
A bottom is a *rival* of the global minimum if its persistence is at least tau R, where R, the range
of the landscape, is the 90 % quantile of the losses of connected minima less the lowest. A bottom
that is no rival belongs to the funnel of the lowest minimum that it reaches over its barrier.

A minimum that no path joins to the global minimum may belong to its funnel, or to another: which
one the missing transition states decide. So the share of minima in the global minimum's funnel has
two bounds, where all of these count as inside, and where all count as outside.

References: Edelsbrunner, Letscher and Zomorodian, Discrete Comput. Geom. 28, 511 (2002), for
persistence; Berry and Kunz, Phys. Rev. Lett. 74, 3951 (1995), for monotonic sequences; de Souza,
Stevenson, Niblett, Farrell and Wales, J. Chem. Phys. 146, 124103 (2017), for frustration.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.analysis.funnels import sequence_bottoms
from lossatlas.network.disconnectivity import Tree, barrier
from lossatlas.network.points import Network

QUANTILE = 0.9
"""Of the losses of connected minima, up to which the range of a landscape reaches."""


class Persistence(NamedTuple):
    """How deep the basins of minima are.

    Attributes:
        depth: (m,) lowest barrier of each minimum toward anything lower, in units of the loss;
            infinite for the lowest one of each connected component.
        below: (m,) position of the lowest minimum reached over that barrier; -1 where it is
            infinite.
    """

    depth: Float[np.ndarray, " m"]
    below: Int[np.ndarray, " m"]


class Funnels(NamedTuple):
    """The funnels of a landscape whose barriers are at least a part of its range.

    Attributes:
        rivals: bottoms of other funnels that some path joins to the global minimum.
        share: of the connected minima, those in the global minimum's funnel.
        low, high: of all minima, those in it, if none or if all of the unconnected are inside.
    """

    rivals: int
    share: float
    low: float
    high: float


def persistences(tree: Tree, energies: Float[np.ndarray, " m"]) -> Persistence:
    """The persistence of each minimum of an exact tree of all minima.

    Of minima of one loss the one that comes first counts as the lower.

    Args:
        tree: `Network.tree`, not pruned.
        energies: of the minima.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 0.2, 0.1]), np.array([0.5, 0.3]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> found = persistences(network.tree, network.minimum_energies)
        >>> found.depth.round(6).tolist(), found.below.tolist()
        ([inf, 0.1, 0.4], [-1, 2, 0])
    """
    rank = np.empty(len(energies), np.int64)
    rank[np.argsort(energies, kind="stable")] = np.arange(len(energies))
    depth, below = np.full(len(energies), np.inf), np.full(len(energies), -1)
    row = tree.minima.tolist()
    above = list(range(len(row)))  # disjoint sets of places in the row
    lowest = list(row)
    for gap in np.argsort(tree.gaps, kind="stable").tolist():
        height = float(tree.gaps[gap])
        if height == np.inf:
            break
        left, right = _root(above, gap), _root(above, gap + 1)
        first, second = sorted((lowest[left], lowest[right]), key=lambda one: rank[one])
        depth[second], below[second] = height - energies[second], first
        above[right], lowest[left] = left, first
    return Persistence(depth, below)


def _root(above: list[int], place: int) -> int:
    while above[place] != place:
        above[place] = place = above[above[place]]
    return place


def loss_range(network: Network) -> float:
    """R: the 90 % quantile of the losses of connected minima, less the lowest loss.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 1.0, 9.0]), np.array([1.5]), np.array([0]), np.array([1])
        ... )
        >>> loss_range(network)
        0.9
    """
    energies = network.minimum_energies[connected(network)]
    return float(np.quantile(energies, QUANTILE) - energies.min())


def connected(network: Network) -> np.ndarray:
    """(m,) whether some path joins each minimum to the lowest one."""
    labels = network.components
    return labels == labels[int(np.argmin(network.minimum_energies))]


def funnels_at(network: Network, taus: Float[np.ndarray, " k"]) -> list[Funnels]:
    """The funnels of a landscape for several thresholds.

    Args:
        network: its points, at least one minimum.
        taus: persistence from which on a bottom is a rival, in parts of the range of the loss.

    Returns:
        one for each threshold.

    Raises:
        BadInputError: there are no minima, or a transition state lies below one of them.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 1.0, 0.2]), np.array([1.1, 1.1]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> [found.rivals for found in funnels_at(network, np.array([0.2, 2.0]))]
        [1, 0]
    """
    energies = network.minimum_energies
    found, bottoms = persistences(network.tree, energies), sequence_bottoms(network)
    there, size = connected(network), loss_range(network)
    order = np.argsort(energies, kind="stable")
    return [_funnels(found, bottoms, order, there, tau * size) for tau in np.asarray(taus, float)]


def _funnels(
    found: Persistence, bottoms: np.ndarray, order: np.ndarray, there: np.ndarray, least: float
) -> Funnels:
    """Those of one threshold, in units of the loss; minima ordered by it."""
    own = np.unique(bottoms)
    funnel = np.full(len(bottoms), -1)
    is_bottom = np.zeros(len(bottoms), bool)
    is_bottom[own] = True
    for minimum in order[is_bottom[order]].tolist():  # what lies below a bottom comes before it
        below = found.below[minimum]
        keeps = below < 0 or found.depth[minimum] >= least
        funnel[minimum] = minimum if keeps else funnel[bottoms[below]]
    inside = (funnel[bottoms] == order[0]) & there
    rivals = np.unique(funnel[bottoms[there]])
    total = len(bottoms)
    return Funnels(
        rivals=len(rivals) - 1,
        share=float(inside.sum() / there.sum()),
        low=float(inside.sum() / total),
        high=float((inside.sum() + (~there).sum()) / total),
    )


def frustration(network: Network) -> float:
    """Mean barrier toward the global minimum over the loss above it, low minima counting more.

    The frustration index of de Souza et al. without the global minimum: the mean of
    (barrier - loss) / (loss - lowest loss) over the connected minima, weighted by
    exp(-(loss - lowest loss) / R). NaN without any but the global minimum.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 1.0]), np.array([1.5]), np.array([0]), np.array([1])
        ... )
        >>> frustration(network)
        0.5
    """
    energies = network.minimum_energies
    lowest = int(np.argmin(energies))
    others = np.flatnonzero(connected(network) & (energies > energies[lowest]))
    if not len(others):
        return float("nan")
    tops = barrier(network.tree, others, np.full(len(others), lowest))
    gain = energies[others] - energies[lowest]
    weights = np.exp(-gain / loss_range(network))
    return float(np.average((tops - energies[others]) / gain, weights=weights))
