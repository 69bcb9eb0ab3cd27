"""Funnels with barriers that are a significant part of the range of the loss.

Nearly every large landscape has many *bottoms*, which are minima that no transition state joins to
a lower one. Most of them lie behind barriers that are too low to be seen in a picture. The
*persistence* of a minimum is the lowest barrier toward any lower minimum. A bottom is a *rival* of
the global minimum if its persistence is at least tau R. Here R, the range of the landscape, is the
90 % quantile of the losses of the minima connected to the global minimum, less the lowest loss, and
tau is a threshold. A bottom that is no rival belongs to the funnel of the lowest minimum that it
reaches over its barrier.

A minimum that no known path joins to the global minimum may belong to its funnel or to another
one; this depends on transition states that are not known. The fraction of minima in the funnel of
the global minimum therefore has two bounds: none, or all, of these minima count as inside.

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
"""Quantile of the losses of connected minima that is the upper end of the range of a landscape."""


class Persistence(NamedTuple):
    """The persistence of minima: the lowest barrier of each toward any lower minimum.

    Attributes:
        depth: (m,) that barrier of each minimum, in units of the loss; infinite for the lowest
            minimum of each connected component.
        below: (m,) position of the lowest minimum that is reached over that barrier; -1 if the
            barrier is infinite.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 0.2]), np.array([0.5]), np.array([0]), np.array([1])
        ... )
        >>> persistences(network.tree, network.minimum_energies).depth
        array([inf, 0.3])
    """

    depth: Float[np.ndarray, " m"]
    below: Int[np.ndarray, " m"]


class Funnels(NamedTuple):
    """The funnels of a landscape whose barriers reach a threshold, a fraction of its loss range.

    Attributes:
        rivals: number of funnels other than that of the global minimum whose bottom some path joins
            to the global minimum.
        share: fraction of the connected minima that are in the funnel of the global minimum.
        low: fraction of all minima that are in this funnel if no unconnected minimum is.
        high: fraction of all minima that are in this funnel if all unconnected minima are.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.0, 1.0, 0.5]), np.array([1.5]), np.array([0]), np.array([1])
        ... )
        >>> (found,) = funnels_at(network, np.array([0.1]))
        >>> found.share, round(found.low, 3), round(found.high, 3)
        (1.0, 0.667, 1.0)
    """

    rivals: int
    share: float
    low: float
    high: float


def persistences(tree: Tree, energies: Float[np.ndarray, " m"]) -> Persistence:
    """The persistence of each minimum: its lowest barrier toward any lower minimum.

    Of two minima of equal loss, the one that comes first counts as the lower one.

    Args:
        tree: the exact tree of all minima (`Network.tree`), not pruned.
        energies: (m,) losses of the minima.

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
    # Places in the row form disjoint sets, which are joined in the order of ascending barriers.
    above = list(range(len(row)))
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
    """The range R of a landscape, by which barriers are measured.

    It is the 90 % quantile of the losses of the minima that some path joins to the lowest one, less
    the lowest loss.

    Args:
        network: the points of the landscape, with at least one minimum.

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
    """(m,) for each minimum, whether some path joins it to the lowest one."""
    labels = network.components
    return labels == labels[int(np.argmin(network.minimum_energies))]


def funnels_at(network: Network, taus: Float[np.ndarray, " k"]) -> list[Funnels]:
    """The funnels of a landscape for several thresholds of persistence.

    A bottom (a minimum that no transition state joins to a lower one) has a funnel of its own if
    its persistence is at least a fraction tau of the range of the loss (`loss_range`).

    Args:
        network: the points of the landscape, with at least one minimum.
        taus: (k,) thresholds tau, as fractions of the range of the loss.

    Returns:
        One entry for each threshold.

    Raises:
        BadInputError: there is no minimum, or a transition state lies below a minimum it joins.

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
    """The funnels for one threshold ``least``, in units of the loss.

    ``order`` lists the minima by ascending loss, and ``there`` marks those that are connected to
    the lowest one.
    """
    own = np.unique(bottoms)
    funnel = np.full(len(bottoms), -1)
    is_bottom = np.zeros(len(bottoms), bool)
    is_bottom[own] = True
    # In ascending order, so that the funnel of the minimum below a bottom is known by then.
    for minimum in order[is_bottom[order]].tolist():
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
    """The frustration of a landscape: barriers toward the global minimum relative to the descent.

    It is the frustration index of de Souza et al. (J. Chem. Phys. 146, 124103, 2017) without the
    global minimum: the mean of (top - loss) / (loss - lowest loss) over the minima that some path
    joins to the global one, where top is the highest loss on the lowest path to it. Each minimum
    has the weight exp(-(loss - lowest loss) / R), so that low minima count more; R is the range of
    the landscape (`loss_range`).

    Args:
        network: the points of the landscape, with at least one minimum.

    Returns:
        The weighted mean; NaN if no minimum above the global one is connected to it.

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
