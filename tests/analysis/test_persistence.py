"""Persistence against flooding by hand; funnels on landscapes whose funnels are known."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lossatlas.analysis.funnels import sequence_bottoms
from lossatlas.analysis.persistence import (
    connected,
    frustration,
    funnels_at,
    loss_range,
    persistences,
)
from lossatlas.network import Network
from lossatlas.network.disconnectivity import barrier


@st.composite
def networks(draw) -> Network:
    """Small random networks with different energies, so that nothing depends on ties."""
    m = draw(st.integers(1, 7))
    energies = np.array(draw(st.permutations(range(m))), float)
    pairs = draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, m - 1)), max_size=12))
    rises = draw(
        st.lists(st.floats(0.015625, 5, width=16), min_size=len(pairs), max_size=len(pairs))
    )
    ends = np.array(pairs, int).reshape(-1, 2)
    heights = energies[ends].max(axis=1, initial=0) + np.array(rises, float)
    return Network.of_pairs(energies, heights, *ends.T)


@settings(deadline=None, max_examples=150)
@given(networks())
def test_the_persistence_is_the_lowest_barrier_to_anything_lower(network):
    energies = network.minimum_energies
    found = persistences(network.tree, energies)
    for minimum, energy in enumerate(energies):
        lower = np.flatnonzero(energies < energy)
        tops = barrier(network.tree, lower, np.full(len(lower), minimum))
        depth = tops.min(initial=np.inf) - energy
        assert found.depth[minimum] == pytest.approx(depth)
        if np.isfinite(depth):
            reached = lower[tops == tops.min()]
            assert found.below[minimum] in reached
        else:
            assert found.below[minimum] == -1


@settings(deadline=None, max_examples=150)
@given(networks(), st.floats(0, 3))
def test_thresholds_only_ever_merge_funnels(network, tau):
    without, some, all_ = funnels_at(network, np.array([0.0, tau, 1e9]))
    there = connected(network)
    bottoms = np.unique(sequence_bottoms(network)[there])
    assert without.rivals == len(bottoms) - 1
    assert without.rivals >= some.rivals >= all_.rivals == 0
    assert without.share <= some.share + 1e-12 <= all_.share + 1e-12
    assert all_.share == all_.high == 1.0
    for found in (without, some, all_):
        assert found.high - found.low == pytest.approx(1 - there.mean())
        assert found.low == pytest.approx(found.share * there.mean())


def two_funnels(height):
    """Two funnels of a few minima each, 0 to 3 and 4 to 8, joined at their rims."""
    energies = np.array([0.0, 1.0, 2.0, 3.0, 0.5, 1.1, 2.1, 3.1, 3.2])
    first, second = [0, 1, 2, 4, 5, 6, 7, 3], [1, 2, 3, 5, 6, 7, 8, 8]
    heights = np.maximum(energies[first], energies[second]) + 0.1
    heights[-1] = height
    return Network.of_pairs(energies, heights, np.array(first), np.array(second))


def test_a_second_funnel_counts_if_it_is_deep_enough():
    network = two_funnels(3.5)
    assert loss_range(network) == pytest.approx(np.quantile(network.minimum_energies, 0.9))
    depth = 3.5 - 0.5
    tau = depth / loss_range(network)
    shallow, deep = funnels_at(network, np.array([tau * 1.001, tau * 0.999]))
    assert (deep.rivals, deep.share) == (1, pytest.approx(4 / 9))
    assert (shallow.rivals, shallow.share) == (0, 1.0)


def test_what_no_path_joins_counts_once_inside_and_once_outside():
    network = two_funnels(3.5)
    cut = Network.of_pairs(
        network.minimum_energies,
        network.transition_state_energies[:-1],
        network.minimum_1[:-1],
        network.minimum_2[:-1],
    )
    (found,) = funnels_at(cut, np.array([0.2]))
    assert found == (0, 1.0, pytest.approx(4 / 9), 1.0)


def test_frustration_is_the_ratio_of_barriers_where_all_have_one():
    energies = np.array([0.0, 1.0, 3.0])
    network = Network.of_pairs(energies, np.array([1.25, 3.75]), np.array([0, 0]), np.array([1, 2]))
    assert frustration(network) == pytest.approx(0.25)
    assert np.isnan(frustration(Network.of_pairs(energies[:1], *map(np.array, ([], [], [])))))
