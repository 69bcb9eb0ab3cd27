"""Landscapes of one or two funnels, made by hand: the truth is known."""

import numpy as np
from scipy.spatial import cKDTree

from lossatlas.network import Network

NEAR = 6
"""Transition states that join a minimum to its nearest ones, at least."""


def synthetic(random: np.random.Generator, second: float, minima: int = 200) -> Network:
    """Minima of one or two funnels in the plane, joined to their nearest ones by low barriers.

    Args:
        random: where the numbers come from.
        second: share of the minima in the funnel that has not the lowest minimum; 0 for one funnel.
        minima: how many there are.
    """
    angle, radius = random.uniform(0, 2 * np.pi, minima), np.sqrt(random.uniform(0, 1, minima))
    place = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    other = random.uniform(size=minima) < second
    place[other, 0] += 2.1
    energies = radius + random.normal(0, 0.03, minima) + 0.05 * other
    energies[np.argmin(radius + other)] = energies.min() - 0.01
    _, near = cKDTree(place).query(place, k=NEAR + 1)
    pairs = np.unique(
        np.sort(
            np.stack([np.repeat(np.arange(minima), NEAR), near[:, 1:].ravel()], axis=1), axis=1
        ),
        axis=0,
    )
    if second:  # the rims touch somewhere
        first, last = np.flatnonzero(~other), np.flatnonzero(other)
        distance, partner = cKDTree(place[last]).query(place[first])
        rim = np.argsort(distance)[:12]
        pairs = np.concatenate([pairs, np.stack([first[rim], last[partner[rim]]], axis=1)])
    heights = energies[pairs].max(axis=1) + random.exponential(0.03, len(pairs))
    return Network.of_pairs(energies, heights, *pairs.T)


def thinned(network: Network, part: float, random: np.random.Generator) -> Network:
    """A part of the transition states, drawn."""
    states = random.permutation(len(network.transition_state_energies))
    kept = np.sort(states[: round(part * len(states))])
    return Network.of_pairs(
        network.minimum_energies,
        network.transition_state_energies[kept],
        network.minimum_1[kept],
        network.minimum_2[kept],
    )
