"""Small random networks for property tests, also with more than two ends a transition state."""

import itertools

import numpy as np
from hypothesis import strategies as st

from lossatlas.network import Links, Network


@st.composite
def networks(draw, max_minima=6, max_ends=3) -> Network:
    """Few distinct energies: ties, several transition states a pair, loops, loose minima.

    Ids have gaps; each side reaches up to ``max_ends`` minima.
    """
    count = draw(st.integers(1, max_minima))
    energies = np.array(draw(st.lists(st.integers(-3, 3), min_size=count, max_size=count)), float)
    side = st.sets(st.integers(0, count - 1), min_size=1, max_size=max_ends)
    sides = draw(st.lists(st.tuples(side, side), max_size=7))
    rows = [
        (state, number, minimum, draw(st.integers(0, 3)))
        for state, both in enumerate(sides)
        for number, reached in enumerate(both)
        for minimum in sorted(reached)
    ]
    floors = np.array([max(energies[list(one | other)]) for one, other in sides])
    rises = draw(st.lists(st.integers(0, 3), min_size=len(sides), max_size=len(sides)))
    return Network(
        minimum_ids=3 * np.arange(count) + 2,
        minimum_energies=energies,
        transition_state_ids=2 * np.arange(len(sides)) + 5,
        transition_state_energies=floors + np.array(rises, float),
        links=Links(*np.array(rows, int).reshape(-1, 4).T),
    )


def ends_of(network: Network) -> list[set[int]]:
    """The positions of the minima that each transition state reaches."""
    reached: list[set[int]] = [set() for _ in network.transition_state_ids]
    for state, _, minimum, _ in zip(*network.links, strict=True):
        reached[state].add(int(minimum))
    return reached


def all_paths(network: Network, first: int, last: int) -> list[tuple[float, int]]:
    """Of every simple path the height of its highest transition state, and their number."""
    reached, found = ends_of(network), []

    def go(here: int, seen: frozenset[int], height: float, steps: int) -> None:
        if here == last:
            found.append((height, steps))
            return
        for state, minima in enumerate(reached):
            for there in minima - seen if here in minima else ():
                higher = max(height, network.transition_state_energies[state])
                go(there, seen | {there}, higher, steps + 1)

    go(first, frozenset([first]), -np.inf, 0)
    return found


def pairs_of(network: Network) -> set[tuple[int, int, int]]:
    """Each transition state with every pair of different minima that it reaches."""
    return {
        (state, a, b)
        for state, minima in enumerate(ends_of(network))
        for a, b in itertools.combinations(sorted(minima), 2)
    }
