"""Is a landscape a single funnel? Monotonic sequences and barriers toward the global minimum.

From every minimum one goes on over the lowest transition state that leads to a lower minimum, until
there is none: a *monotonic sequence*. The minima whose sequences end at one *bottom* are its
monotonic-sequence basin. A single-funneled landscape has few bottoms, and nearly all minima are in
the basin of the global minimum; barriers toward it are small compared to the loss to be gained.

Reference: Berry and Kunz, Phys. Rev. Lett. 74, 3951 (1995), for monotonic sequences.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from lossatlas.network.disconnectivity import barrier
from lossatlas.network.points import Network


class Funnel(NamedTuple):
    """How far a landscape is a single funnel.

    Attributes:
        bottoms: minima that no transition state joins to a lower one.
        share: of all minima, those whose monotonic sequence ends at the global minimum.
        connected: of all minima, those that some path joins to the global minimum.
        mean_ratio: barrier toward the global minimum over the loss above it, mean over the
            connected minima; NaN if there is none but the global minimum.
        median_ratio: their median, which a minimum hardly above the global one cannot spoil.
        mean_barrier: toward the global minimum, mean over the same minima, in units of the loss.
    """

    bottoms: int
    share: float
    connected: float
    mean_ratio: float
    median_ratio: float
    mean_barrier: float


def sequence_bottoms(network: Network) -> Int[np.ndarray, " m"]:
    """The bottom of the monotonic sequence of each minimum, as positions of minima.

    Of several transition states of one energy the one that leads to the lowest minimum is taken.

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
    """How far a landscape is a single funnel.

    Args:
        network: its points, at least one minimum.

    Raises:
        BadInputError: there are no minima, or a transition state lies below one of them.

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
    # Two minima of exactly the same loss have no slope between them.
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
