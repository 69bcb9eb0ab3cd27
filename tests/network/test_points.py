"""The network of points against brute force over all of its paths."""

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from random_networks import all_paths, ends_of, networks, pairs_of

from lossatlas.errors import BadInputError
from lossatlas.network import Links, Network
from lossatlas.network.links import side_pairs

PAIRS = (np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 2]), np.array([1, 1]))


@given(networks())
def test_edges_are_the_pairs_of_different_minima_of_each_transition_state(network):
    edges = network.edges()
    found = list(zip(*(column.tolist() for column in edges), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == pairs_of(network)
    assert (np.diff(edges.transition_state) >= 0).all()


@given(networks())
def test_pairs_of_sides_are_their_product_and_join_the_same_minima(network):
    found = side_pairs(network.links)
    rows = list(zip(*network.links[:3], strict=True))
    expected = [(s, a, b) for s, x, a in rows for t, y, b in rows if s == t and x == 0 and y == 1]
    assert list(zip(*found, strict=True)) == expected
    heights = network.transition_state_energies[found.transition_state]
    written = Network.of_pairs(network.minimum_energies, heights, *found[1:])
    ids, everyone = network.minimum_ids, written.minimum_ids
    np.testing.assert_array_equal(
        written.barrier(everyone[:, None], everyone), network.barrier(ids[:, None], ids)
    )


@given(networks())
def test_degenerate_is_what_reaches_one_minimum_only(network):
    assert network.degenerate.tolist() == [len(minima) == 1 for minima in ends_of(network)]


@given(networks())
def test_the_two_minima_are_the_first_of_each_side_in_order(network):
    for state in range(network.transition_state_ids.size):
        own = network.links.transition_state == state
        first = [min(network.links.minimum[own & (network.links.side == side)]) for side in (0, 1)]
        assert [network.minimum_1[state], network.minimum_2[state]] == sorted(first)


@settings(deadline=None)
@given(networks())
def test_barriers_and_paths_are_the_best_of_all_paths(network):
    for a, first in enumerate(network.minimum_ids):
        for b, last in enumerate(network.minimum_ids):
            path = network.path(first, last)
            if a == b:
                assert network.barrier(first, last) == network.minimum_energies[a]
                assert [point.id for point in path] == [first]
                continue
            ways = all_paths(network, a, b)
            assert (network.components[a] == network.components[b]) == bool(ways)
            if not ways:
                assert network.barrier(first, last) == np.inf
                assert path == []
                continue
            height, steps = min(ways)
            assert network.barrier(first, last) == height
            assert len(path) == 2 * steps + 1
            check_path(network, path, first, last, height)


def check_path(network, path, first, last, height):
    """Minima and transition states in turn, each linked to the next, none above the barrier."""
    assert (path[0].id, path[-1].id) == (first, last)
    assert {point.kind for point in path[::2]} == {"minimum"}
    assert {point.kind for point in path[1::2]} == {"transition state"}
    assert max(point.energy for point in path) == height
    reached = ends_of(network)
    for k in range(1, len(path), 2):
        state = network.transition_state_ids.tolist().index(path[k].id)
        assert path[k].energy == network.transition_state_energies[state]
        for point in (path[k - 1], path[k + 1]):
            assert network.positions(point.id) in reached[state]
            assert point.energy == network.minimum_energies[network.positions(point.id)]


@given(networks(), st.integers(-4, 7))
def test_superbasins_are_connected_below_the_energy(network, energy):
    labels = network.superbasins(energy)
    assert ((labels >= 0) == (network.minimum_energies <= energy)).all()
    for a in np.flatnonzero(labels >= 0):
        for b in np.flatnonzero(labels >= 0):
            joined = network.barrier(network.minimum_ids[a], network.minimum_ids[b]) <= energy
            assert (labels[a] == labels[b]) == joined


def test_of_parallel_transition_states_the_lowest_is_taken():
    network = Network.of_pairs(
        np.zeros(3), np.array([0.7, 0.9, 0.6, 0.8]), np.array([0, 1, 1, 0]), np.array([1, 2, 0, 1])
    )
    assert [point.id for point in network.path(1, 3)] == [1, 3, 2, 2, 3]
    table = pd.DataFrame(network.path(1, 3))
    assert table.columns.tolist() == ["kind", "id", "energy"]
    assert table["energy"].tolist() == [0.0, 0.6, 0.0, 0.9, 0.0]


def test_barriers_of_arrays_of_ids_are_broadcast():
    network = Network.of_pairs(*PAIRS)
    np.testing.assert_array_equal(network.barrier(1, [1, 2, 3]), [0.1, 0.9, 0.9])
    assert network.barrier([[1], [2]], [2, 3]).shape == (2, 2)


@pytest.mark.parametrize("ids", [0, 4, [1, 9], [[-1]]])
def test_an_unknown_id_is_named(ids):
    network = Network.of_pairs(*PAIRS)
    unknown = next(i for i in np.ravel(ids) if i not in (1, 2, 3))
    with pytest.raises(BadInputError, match=f"minimum {unknown}: is not in the network"):
        network.barrier(1, ids)


def test_columns_are_added_and_what_is_known_stays_known():
    network = Network.of_pairs(*PAIRS, {"test_auc": np.array([0.5, 0.6, 0.7])})
    tree = network.tree
    changed = network.with_columns(test_auc=np.zeros(3), times_found=np.arange(3))
    assert changed.tree is tree
    assert network.columns["test_auc"].tolist() == [0.5, 0.6, 0.7]
    assert changed.columns["times_found"].tolist() == [0, 1, 2]
    with pytest.raises(BadInputError, match="times_found: 2 values"):
        network.with_columns(times_found=np.arange(2))


def test_a_network_cannot_be_changed_and_leaves_what_it_was_given_alone():
    energies = PAIRS[0].copy()
    network = Network.of_pairs(energies, *PAIRS[1:], {"x": energies})
    for values in (network.minimum_energies, network.links.minimum, network.columns["x"]):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 7
    with pytest.raises(FrozenInstanceError):
        network.minimum_energies = energies
    assert energies.flags.writeable


def test_a_network_can_be_sent_to_another_process():
    network = Network.of_pairs(*PAIRS, {"x": np.arange(3)})
    back = pickle.loads(pickle.dumps(network))
    assert back.barrier(1, 3) == network.barrier(1, 3)
    assert back.columns["x"].tolist() == [0, 1, 2]


def test_an_empty_network_has_no_tree_and_says_so():
    nothing = np.zeros(0)
    network = Network.of_pairs(nothing, nothing, nothing, nothing)
    assert network.components.size == network.degenerate.size == network.edges().minimum_1.size == 0
    assert network.minimum_1.dtype == np.int64
    assert "0 minima" in network._repr_html_()
    with pytest.raises(BadInputError, match="no minima"):
        _ = network.tree
    with pytest.raises(BadInputError, match="minimum 1: is not in the network"):
        network.path(1, 1)


def test_a_notebook_shows_counts_and_the_lowest_minima():
    network = Network.of_pairs(*PAIRS, {"test_auc": np.array([0.5, 0.625, 0.75])})
    shown = network._repr_html_()
    assert "3 minima, 2 transition states, 0 degenerate rearrangements, 1 connected" in shown
    assert "lowest loss 0.1" in shown
    assert "0.625" in shown
    assert repr(network) == "Network(3 minima, 2 transition states)"


def test_a_transition_state_below_its_minimum_is_named_by_its_id():
    network = replace(Network.of_pairs(*PAIRS), transition_state_ids=np.array([11, 17]))
    low = replace(network, transition_state_energies=np.array([0.9, 0.29]))
    with pytest.raises(BadInputError, match=r"transition state 17: energy 0\.29 is below"):
        _ = low.tree
    rounded = replace(network, transition_state_energies=np.array([0.9, 0.3 - 1e-10]))
    assert rounded.barrier(2, 3) == 0.3


LINKS = Links.of_pairs(*PAIRS[2:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minimum_ids": np.array([1, 3, 2])}, "minima: ids that do not ascend"),
        ({"minimum_ids": np.array([1.0, 2.0, 3.0])}, "minima: ids that do not ascend"),
        ({"minimum_ids": np.array([1, 2])}, "minima: ids and energies of different lengths"),
        ({"minimum_energies": np.array([0.1, np.nan, 0.3])}, "minima: id 2: energy nan"),
        ({"transition_state_energies": np.array([0.9, np.inf])}, "transition states: id 2"),
        ({"columns": {"test_auc": np.zeros(2)}}, "test_auc: 2 values"),
        ({"transition_state_columns": {"curvature": np.zeros(3)}}, "curvature: 3 values"),
        ({"minimum_weights": np.zeros((2, 4))}, "minimum_weights: 2 values"),
        ({"transition_state_weights": np.zeros((3, 4))}, "transition_state_weights: 3 values"),
        ({"links": LINKS._replace(minimum=np.array([0, 1, 2, 3]))}, "links: minimum: not a pos"),
        ({"links": LINKS._replace(side=np.array([0, 1, 0, 2]))}, "links: side: not a position"),
        ({"links": LINKS._replace(side=np.array([0, 0, 0, 1]))}, "state 0: none on side 1"),
        ({"links": LINKS._replace(side=np.array([1, 0, 0, 1]))}, "rows out of order"),
        ({"links": LINKS._replace(minimum=LINKS.minimum * 1.0)}, "links: not integers"),
        ({"links": LINKS._replace(via_index=np.zeros(3, int))}, "columns of different lengths"),
    ],
)
def test_what_makes_no_network_is_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        replace(Network.of_pairs(*PAIRS), **changes)


def test_links_are_put_in_order_and_ids_become_positions():
    mixed = Links(*(np.array(column) for column in zip(*SHUFFLED, strict=True)))
    links = mixed.in_order().at_positions(np.array([7, 9]), np.array([2, 4, 8]))
    assert list(zip(*(column.tolist() for column in links), strict=True)) == [
        (0, 0, 0, 0),
        (0, 0, 2, 2),
        (0, 1, 1, 1),
        (1, 0, 1, 0),
        (1, 1, 1, 0),
    ]


SHUFFLED = [(9, 1, 4, 0), (7, 0, 8, 2), (9, 0, 4, 0), (7, 1, 4, 1), (7, 0, 2, 0)]
