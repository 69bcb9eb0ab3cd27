"""Monotonic sequences against a walk by hand, barriers against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.funnels import funnel, sequence_bottoms
from lossatlas.network import Links, Network


@st.composite
def networks(draw) -> Network:
    """Small random networks, also with ties, parallel links and sides that reach two minima."""
    m = draw(st.integers(1, 5))
    energies = np.array(draw(st.lists(st.integers(0, 6), min_size=m, max_size=m)), float)
    side = st.sets(st.integers(0, m - 1), min_size=1, max_size=2)
    sides = draw(st.lists(st.tuples(side, side), max_size=9))
    rises = draw(st.lists(st.integers(0, 4), min_size=len(sides), max_size=len(sides)))
    floors = [max(energies[list(one | other)]) for one, other in sides]
    rows = [
        (state, number, minimum, 0)
        for state, both in enumerate(sides)
        for number, reached in enumerate(both)
        for minimum in sorted(reached)
    ]
    links = Links(*np.array(rows, int).reshape(-1, 4).T)
    heights = np.array(floors, float) + np.array(rises, float)
    ids = np.arange(m), np.arange(len(sides))
    return Network(ids[0], energies, ids[1], heights, links)


def arrays(network: Network):
    """Energies, and every pair of minima that is joined with its height."""
    links, heights, left, right = network.links, [], [], []
    for state, height in enumerate(network.transition_state_energies):
        ends = sorted(set(links.minimum[links.transition_state == state].tolist()))
        for a, b in itertools.combinations(ends, 2):
            heights, left, right = [*heights, height], [*left, a], [*right, b]
    return network.minimum_energies, heights, left, right


def walked(start, energies, heights, left, right):
    """The bottom of a monotonic sequence, step by step."""
    here = start
    while True:
        ways = []
        for k, (a, b) in enumerate(zip(left, right, strict=True)):
            other = b if a == here else a if b == here else None
            if other is not None and energies[other] < energies[here]:
                ways.append((heights[k], energies[other], other))
        if not ways:
            return here
        here = min(ways)[2]


@settings(deadline=None)
@given(networks())
def test_bottoms_are_where_the_walk_ends(network):
    expected = [walked(k, *arrays(network)) for k in network.minimum_ids]
    assert sequence_bottoms(network).tolist() == expected


def lowest_path(a, b, energies, heights, left, right):
    """The highest point of the best path, over all orders of minima."""
    others = [k for k in range(len(energies)) if k not in (a, b)]
    best = np.inf
    for length in range(len(others) + 1):
        for between in itertools.permutations(others, length):
            path = (a, *between, b)
            top = -np.inf
            for x, y in itertools.pairwise(path):
                joins = [
                    h
                    for h, p, q in zip(heights, left, right, strict=True)
                    if {int(p), int(q)} == {x, y}
                ]
                top = max(top, min(joins, default=np.inf))
            best = min(best, top)
    return best


@settings(deadline=None)
@given(networks())
def test_funnel_of_small_networks(network):
    energies = network.minimum_energies
    found = funnel(network)
    lowest = int(np.argmin(energies))
    bottoms = [walked(k, *arrays(network)) for k in range(len(energies))]
    assert found.bottoms == len(set(bottoms))
    assert found.share == pytest.approx(bottoms.count(lowest) / len(energies))
    others = [k for k in range(len(energies)) if k != lowest]
    tops = {k: lowest_path(k, lowest, *arrays(network)) for k in others}
    joined = [k for k, top in tops.items() if np.isfinite(top)]
    assert found.connected == pytest.approx((len(joined) + 1) / len(energies))
    climbs = [tops[k] - energies[k] for k in joined]
    ratios = [
        (tops[k] - energies[k]) / (energies[k] - energies[lowest])
        for k in joined
        if energies[k] > energies[lowest]
    ]
    expected = [np.mean(x) if x else np.nan for x in (climbs, ratios)]
    assert [found.mean_barrier, found.mean_ratio] == pytest.approx(expected, nan_ok=True)
    assert found.median_ratio == pytest.approx(np.median(ratios) if ratios else np.nan, nan_ok=True)
