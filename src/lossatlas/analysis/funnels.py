"""Whether a landscape is a single funnel: monotonic sequences and barriers to the global minimum.

A *monotonic sequence* goes from a minimum over the lowest transition state that leads to a lower
minimum, and on from there until no transition state leads to a lower one. The minimum where it ends
is a *bottom*, and the minima whose sequences end there are the monotonic-sequence basin of this
bottom. A single-funneled landscape has few bottoms, and nearly all minima are in the basin of the
global minimum; the barriers toward it are small compared to the difference in loss.

Reference: Berry and Kunz, Phys. Rev. Lett. 74, 3951 (1995), for monotonic sequences.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from lossatlas.network.disconnectivity import barrier
from lossatlas.network.points import Network


class Funnel(NamedTuple):
    """Measures of how close a landscape is to a single funnel.

    The *ratio* of a minimum is its barrier on the lowest path to the global minimum, divided by its
    loss above the global minimum. Means and the median are taken over the minima that some path
    joins to the global minimum; they are NaN if there is only the global minimum itself.

    Attributes:
        bottoms: number of minima that no transition state joins to a lower minimum.
        share: fraction of all minima whose monotonic sequence ends at the global minimum.
        connected: fraction of all minima that some path joins to the global minimum.
        mean_ratio: mean of the ratios.
        median_ratio: median of the ratios, which single minima just above the global minimum, whose
            ratios are huge, do not change much.
        mean_barrier: mean barrier toward the global minimum, in units of the loss.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2]), np.array([0.3]), np.array([0]), np.array([1])
        ... )
        >>> funnel(network).bottoms, round(funnel(network).mean_barrier, 6)
        (1, 0.1)
    """

    bottoms: int
    share: float
    connected: float
    mean_ratio: float
    median_ratio: float
    mean_barrier: float


def sequence_bottoms(network: Network) -> Int[np.ndarray, " m"]:
    """The bottom at which the monotonic sequence of each minimum ends.

    Of several transition states of the same energy, the one that leads to the lowest minimum is
    taken.

    Args:
        network: the points.

    Returns:
        (m,) the position of the bottom of each minimum.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.4]), np.array([0, 1]), np.array([2, 2])
        ... )
        >>> sequence_bottoms(network)
        array([0, 1, 1])
    """
    energies, edges = network.minimum_energies, network.edges()
    first_is_upper = energies[edges.minimum_1] >= energies[edges.minimum_2]
    upper = np.where(first_is_upper, edges.minimum_1, edges.minimum_2)
    lower = np.where(first_is_upper, edges.minimum_2, edges.minimum_1)
    downhill = energies[upper] > energies[lower]
    upper, lower = upper[downhill], lower[downhill]
    heights = network.transition_state_energies[edges.transition_state[downhill]]
    preferred = np.lexsort((lower, energies[lower], heights))
    bottom = np.arange(len(energies))
    following = bottom.copy()
    # The preferred step is written last and stays.
    following[upper[preferred][::-1]] = lower[preferred][::-1]
    for minimum in np.argsort(energies, kind="stable"):
        bottom[minimum] = bottom[following[minimum]]
    return bottom


def funnel(network: Network) -> Funnel:
    """Measure how close a landscape is to a single funnel.

    Args:
        network: the points of the landscape, with at least one minimum.

    Raises:
        BadInputError: there is no minimum, or a transition state lies below a minimum it joins.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2]), np.array([0.3]), np.array([0]), np.array([1])
        ... )
        >>> funnel(network).share
        1.0
    """
    tree, energies = network.tree, network.minimum_energies
    bottom = sequence_bottoms(network)
    lowest = int(np.argmin(energies))
    others = np.flatnonzero(np.arange(len(energies)) != lowest)
    tops = barrier(tree, others, np.full(len(others), lowest)) if len(others) else np.zeros(0)
    joined = np.isfinite(tops)
    uphill = tops[joined] - energies[others[joined]]
    gain = energies[others[joined]] - energies[lowest]
    # A minimum of exactly the loss of the global one has no ratio.
    ratios = uphill[gain > 0] / gain[gain > 0]
    return Funnel(
        bottoms=len(np.unique(bottom)),
        share=float(np.mean(bottom == lowest)),
        connected=float((joined.sum() + 1) / len(energies)),
        mean_ratio=_or_nan(np.mean, ratios),
        median_ratio=_or_nan(np.median, ratios),
        mean_barrier=_or_nan(np.mean, uphill),
    )


def _or_nan(statistic, values: np.ndarray) -> float:
    return float(statistic(values)) if len(values) else float("nan")
