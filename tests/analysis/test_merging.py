"""Merging by loss, against connected components found by brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lossatlas.analysis.merging import TOLERANCES, counts_by_tolerance, merge_points
from lossatlas.errors import BadInputError
from lossatlas.network import Links, Network

LOSSES = st.lists(st.integers(0, 60).map(lambda k: k / 64), min_size=1, max_size=20)
TOLERANCE = st.integers(0, 12).map(lambda k: k / 64)
"""Multiples of 1/64, so that differences are exact."""


def network_of(losses, states=()) -> Network:
    """Minima with these losses, and transition states: a loss and the minima of the two sides."""
    rows = [
        (state, side, minimum, 0)
        for state, (_, *sides) in enumerate(states)
        for side, minima in enumerate(sides)
        for minimum in sorted(minima)
    ]
    return Network(
        np.arange(len(losses)) + 10,
        np.array(losses, float),
        np.arange(len(states)) + 100,
        np.array([loss for loss, *_ in states], float),
        Links(*np.array(rows, int).reshape(-1, 4).T),
    )


def components(size, same) -> list[set[int]]:
    """Connected components of the graph of pairs that are the same."""
    edges = np.array([p for p in combinations(range(size), 2) if same(*p)], int).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    return [set(np.flatnonzero(labels == k).tolist()) for k in range(labels.max(initial=-1) + 1)]


@settings(max_examples=60, deadline=None)
@given(LOSSES, TOLERANCE)
def test_minima_are_merged_into_chains(losses, tolerance):
    merged = merge_points(network_of(losses), tolerance)
    chains = components(len(losses), lambda a, b: abs(losses[a] - losses[b]) < tolerance)
    lowest = [min(chain, key=lambda k: (losses[k], k)) for chain in chains]
    expected = sorted((k + 10, losses[k], len(c)) for k, c in zip(lowest, chains, strict=True))
    found = merged.minimum_ids, merged.minimum_energies, merged.columns["merged"]
    assert list(zip(*found, strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(LOSSES, TOLERANCE, st.data())
def test_transition_states_are_merged_if_their_minima_are(losses, tolerance, data):
    side = st.sets(st.integers(0, len(losses) - 1), min_size=1, max_size=2)
    one = st.tuples(st.integers(65, 80).map(lambda k: k / 64), side, side)
    drawn = data.draw(st.lists(one, max_size=15))
    chains = components(len(losses), lambda a, b: abs(losses[a] - losses[b]) < tolerance)
    chain_of = {k: n for n, chain in enumerate(chains) for k in chain}
    joined = [{chain_of[k] for k in a | b} for _, a, b in drawn]

    def same(i, j):
        return joined[i] == joined[j] and abs(drawn[i][0] - drawn[j][0]) < tolerance

    groups = components(len(drawn), same) if drawn else []
    lowest = [min(group, key=lambda k: (drawn[k][0], k)) for group in groups]
    merged = merge_points(network_of(losses, drawn), tolerance)
    expected = sorted((k + 100, drawn[k][0], len(g)) for k, g in zip(lowest, groups, strict=True))
    found = (
        merged.transition_state_ids,
        merged.transition_state_energies,
        merged.transition_state_columns["merged"],
    )
    assert list(zip(*found, strict=True)) == expected
    assert merged.degenerate.tolist() == [len(joined[k]) == 1 for k in sorted(lowest)]
    for position, k in enumerate(sorted(lowest)):
        for number, minima in enumerate(drawn[k][1:]):
            own = (merged.links.transition_state == position) & (merged.links.side == number)
            ids = merged.minimum_ids[merged.links.minimum[own]] - 10
            assert sorted(chain_of[i] for i in ids) == sorted({chain_of[i] for i in minima})


def test_chains_reach_further_than_the_tolerance():
    merged = merge_points(network_of([0.5, 0.50008, 0.50016, 0.50024, 0.6]), 1e-4)
    assert merged.columns["merged"].tolist() == [4, 1]


def test_nothing_is_merged_without_a_tolerance():
    """Not even equal losses: the atlas knows that they are different points."""
    assert len(merge_points(network_of([0.5, 0.5, 0.7]), 0).minimum_ids) == 3
    assert len(merge_points(network_of([0.5, 0.5, 0.7]), 1e-15).minimum_ids) == 2


def test_columns_and_weights_are_those_of_the_points_that_are_left():
    network = network_of([0.9, 0.50005, 0.5], [(0.95, {0}, {1}), (0.94999, {2}, {0})])
    network = network.with_values(
        columns={"test_auc": np.array([0.7, 0.1, 0.8])},
        transition_state_columns={"curvature": np.array([-1.0, -2.0])},
        minimum_weights=np.arange(6.0).reshape(3, 2),
        transition_state_weights=np.arange(4.0).reshape(2, 2),
    )
    merged = merge_points(network, 1e-4)
    assert merged.minimum_ids.tolist() == [10, 12]
    assert merged.columns["test_auc"].tolist() == [0.7, 0.8]
    assert merged.minimum_weights.tolist() == [[0, 1], [4, 5]]
    assert merged.transition_state_ids.tolist() == [101]
    assert merged.transition_state_columns["curvature"].tolist() == [-2.0]
    assert merged.transition_state_weights.tolist() == [[2, 3]]


def test_means_and_deviations_are_over_merged_minima():
    network = network_of([0.5, 0.50005, 0.8, 0.9], [(0.95, {0}, {2}), (0.95, {1}, {2})])
    network = network.with_columns(
        test_auc=np.array([0.7, 0.1, 0.8, 0.9]), train_auc_macro=np.array([0.5, 0.1, 0.5, np.nan])
    )
    rows = counts_by_tolerance(network, [1e-6, 1e-4, 1.0]).set_index("tolerance")
    assert rows["minima"].tolist() == [4, 3, 1]
    assert rows["transition_states"].tolist() == [2, 1, 1]
    assert rows["degenerate_rearrangements"].tolist() == [0, 0, 1]
    assert rows.loc[1e-4, "test_auc_mean"] == pytest.approx(0.8)
    assert rows.loc[1e-4, "test_auc_sd"] == pytest.approx(0.1)
    assert rows.loc[1e-6, "train_auc_macro_mean"] == pytest.approx(1.1 / 3)
    assert np.isnan(rows.loc[1.0, "test_auc_sd"])


def test_default_tolerances_and_an_empty_network():
    rows = counts_by_tolerance(network_of([]))
    assert rows["tolerance"].tolist() == list(TOLERANCES)
    assert TOLERANCES[0] == 1e-10
    assert TOLERANCES[-1] == 1e-2
    assert (rows[["minima", "transition_states"]] == 0).all(axis=None)


@pytest.mark.parametrize("bad", [-1e-4, np.nan])
def test_a_tolerance_below_zero_is_refused(bad):
    with pytest.raises(BadInputError, match="tolerance"):
        merge_points(network_of([0.5, 0.6]), bad)
