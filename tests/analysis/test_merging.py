"""Merging by loss, against connected components found by brute force."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lossatlas.analysis.merging import (
    TOLERANCES,
    counts_by_tolerance,
    merge_minima,
    merge_transition_states,
)
from lossatlas.errors import BadInputError

LOSSES = st.lists(st.integers(0, 60).map(lambda k: k / 64), min_size=1, max_size=20)
TOLERANCE = st.integers(0, 12).map(lambda k: k / 64)
"""Multiples of 1/64, so that differences are exact."""


def table(losses) -> pd.DataFrame:
    return pd.DataFrame({"id": np.arange(len(losses)) + 10, "loss": losses})


def components(size, same) -> list[set[int]]:
    """Connected components of the graph of pairs that are the same."""
    edges = np.array([p for p in combinations(range(size), 2) if same(*p)], int).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    return [set(np.flatnonzero(labels == k).tolist()) for k in range(labels.max(initial=-1) + 1)]


@settings(max_examples=60, deadline=None)
@given(LOSSES, TOLERANCE)
def test_minima_are_merged_into_chains(losses, tolerance):
    merged = merge_minima(table(losses), tolerance)
    chains = components(len(losses), lambda a, b: abs(losses[a] - losses[b]) < tolerance)
    expected = sorted((min(losses[k] for k in chain), len(chain)) for chain in chains)
    assert sorted(zip(merged["loss"], merged["merged"], strict=True)) == expected
    assert merged["loss"].is_monotonic_increasing
    assert merged["merged"].sum() == len(losses)


@settings(max_examples=60, deadline=None)
@given(LOSSES, TOLERANCE, st.data())
def test_transition_states_are_merged_if_their_minima_are(losses, tolerance, data):
    minima = table(losses)
    one = st.tuples(
        st.integers(65, 80).map(lambda k: k / 64), *[st.integers(0, len(losses) - 1)] * 2
    )
    drawn = data.draw(st.lists(one, max_size=15))
    states = pd.DataFrame(
        {
            "id": np.arange(len(drawn)),
            "loss": [e for e, _, _ in drawn],
            "minimum_1": [10 + min(a, b) for _, a, b in drawn],
            "minimum_2": [10 + max(a, b) for _, a, b in drawn],
            "degenerate": [a == b for _, a, b in drawn],
        }
    )
    chains = components(len(losses), lambda a, b: abs(losses[a] - losses[b]) < tolerance)
    chain_of = {k: n for n, chain in enumerate(chains) for k in chain}
    pairs = [sorted([chain_of[a], chain_of[b]]) for _, a, b in drawn]

    def same(i, j):
        return pairs[i] == pairs[j] and abs(drawn[i][0] - drawn[j][0]) < tolerance

    groups = components(len(drawn), same) if drawn else []
    merged = merge_transition_states(states, minima, tolerance)
    expected = sorted((min(drawn[k][0] for k in group), len(group)) for group in groups)
    assert sorted(zip(merged["loss"], merged["merged"], strict=True)) == expected
    kept = set(merge_minima(minima, tolerance)["id"])
    assert set(merged["minimum_1"]) | set(merged["minimum_2"]) <= kept
    assert (merged["degenerate"] == (merged["minimum_1"] == merged["minimum_2"])).all()
    assert (merged["minimum_1"] <= merged["minimum_2"]).all()


def test_chains_reach_further_than_the_tolerance():
    merged = merge_minima(table([0.5, 0.50008, 0.50016, 0.50024, 0.6]), 1e-4)
    assert merged["merged"].tolist() == [4, 1]


def test_nothing_is_merged_without_a_tolerance():
    """Not even equal losses: the atlas knows that they are different points."""
    assert len(merge_minima(table([0.5, 0.5, 0.7]), 0)) == 3
    assert len(merge_minima(table([0.5, 0.5, 0.7]), 1e-15)) == 2


def test_means_and_deviations_are_over_merged_minima():
    minima = table([0.5, 0.50005, 0.8, 0.9]).assign(
        test_auc=[0.7, 0.1, 0.8, 0.9], train_auc_macro=[0.5, 0.1, 0.5, np.nan]
    )
    states = pd.DataFrame(
        {"id": [1, 2], "loss": [0.95, 0.95], "minimum_1": [10, 11], "minimum_2": [12, 12]}
    ).assign(degenerate=False)
    rows = counts_by_tolerance(minima, states, [1e-6, 1e-4, 1.0]).set_index("tolerance")
    assert rows["minima"].tolist() == [4, 3, 1]
    assert rows["transition_states"].tolist() == [2, 1, 1]
    assert rows["degenerate_rearrangements"].tolist() == [0, 0, 1]
    assert rows.loc[1e-4, "test_auc_mean"] == pytest.approx(0.8)
    assert rows.loc[1e-4, "test_auc_sd"] == pytest.approx(0.1)
    assert rows.loc[1e-6, "train_auc_macro_mean"] == pytest.approx(1.1 / 3)
    assert np.isnan(rows.loc[1.0, "test_auc_sd"])


def test_default_tolerances_and_empty_tables():
    empty = table([]).assign(minimum_1=[], minimum_2=[], degenerate=[])
    rows = counts_by_tolerance(table([]), empty)
    assert rows["tolerance"].tolist() == list(TOLERANCES)
    assert TOLERANCES[0] == 1e-10
    assert TOLERANCES[-1] == 1e-2
    assert (rows[["minima", "transition_states"]] == 0).all(axis=None)


def test_what_is_refused():
    minima = table([0.5, 0.6])
    for bad in (-1e-4, np.nan):
        with pytest.raises(BadInputError, match="tolerance"):
            merge_minima(minima, bad)
    states = pd.DataFrame({"id": [1], "loss": [0.9], "minimum_1": [3], "minimum_2": [10]})
    with pytest.raises(BadInputError, match="minimum 3"):
        merge_transition_states(states, minima, 1e-4)
