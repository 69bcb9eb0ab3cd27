"""The network of points that an atlas gives: complete, and continued by what is new."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from atlas_points import attempt, network_point, pathway, problem

from lossatlas.atlas import Atlas, tables
from lossatlas.atlas.network import read_network
from lossatlas.network.points import Network


def test_a_network_is_frozen_and_points_to_positions(atlas, commit, rng):
    points = [network_point(rng, energy=energy) for energy in (0.9, 0.5, 0.7)]
    state = network_point(rng, index=1)
    commit(
        attempt(minima=points, strategy="basin-hopping"),
        attempt(origins=(3, 1), pathways=[pathway(state, points[2], points[0])]),
    )
    network = atlas.network(with_weights=True)
    commit(attempt(minima=[network_point(rng)]))
    assert network.minimum_ids.tolist() == [1, 2, 3]
    assert (network.minimum_1.tolist(), network.minimum_2.tolist()) == ([0], [2])
    assert network.columns["orbit_size"].tolist() == [points[0].orbit_size] * 3
    assert np.array_equal(network.minimum_weights, [point.weights for point in points])
    assert np.array_equal(network.transition_state_weights, [state.weights])
    assert atlas.network().minimum_weights is None


def test_a_network_is_continued_by_what_is_new(atlas, commit, rng):
    """Asked again and again, an atlas says the same as one that was never asked before."""
    points = [network_point(rng) for _ in range(6)]
    states = [network_point(rng, index=1) for _ in range(3)]
    steps = [
        lambda: None,
        lambda: commit(attempt(minima=points[:2])),
        lambda: commit(attempt(pathways=[pathway(states[0], points[0], points[2])])),
        lambda: commit(attempt(minima=points[:1]), attempt(minima=points[3:])),
        lambda: atlas.set_property("length", {2: 0.5}),
        lambda: commit(attempt(pathways=[pathway(states[1], points[5], points[5])])),
        lambda: atlas.set_property("length", {3: 0.25, 2: np.nan}),
    ]
    for step in steps:
        step()
        asked = atlas.network()
        assert atlas.network() is asked
        with atlas.reading() as connection:
            assert_same(asked, read_network(connection).network)
            frame = tables.minima(connection)
        for name in frame.columns.difference(["id", "loss"]):
            np.testing.assert_array_equal(asked.columns[name], frame[name])
    assert asked.degenerate.tolist() == [False, True]


def assert_same(one: Network, other: Network) -> None:
    for name in ("minimum_ids", "minimum_energies", "transition_state_ids"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.transition_state_energies, other.transition_state_energies)
    np.testing.assert_array_equal(one.links, other.links)
    for columns in ("columns", "transition_state_columns"):
        assert list(getattr(one, columns)) == list(getattr(other, columns))
        for key, values in getattr(one, columns).items():
            np.testing.assert_array_equal(values, getattr(other, columns)[key])
            assert values.dtype == getattr(other, columns)[key].dtype


def test_what_another_program_commits_and_writes_is_seen(atlas, commit, rng, target):
    """Points met again, new ones, and columns, in whatever order they come."""
    points, state = [network_point(rng) for _ in range(3)], network_point(rng, index=1)
    commit(attempt(minima=points), attempt(pathways=[pathway(state, points[0], points[1])]))
    before = atlas.network()
    with Atlas.open(target) as other:
        run_id = other.start_run({}, 0, {}, "cpu")
        again = pathway(state, points[0], points[1])
        found = attempt(minima=[points[2], network_point(rng)], pathways=[again], hits=(1,))
        other.commit(run_id, [found, found], "theirs")
        other.set_property("length", {4: 0.25})
        commit(attempt(minima=points[:1]))
        other.set_property("length", {4: 0.5, 1: 2.0})
        now = atlas.network()
        assert_same(now, other.network())
    assert (now.columns["times_found"] - [*before.columns["times_found"], 0]).tolist() == [
        3,
        2,
        2,
        2,
    ]
    assert now.transition_state_columns["times_found"].tolist() == [5]
    np.testing.assert_array_equal(now.columns["length"], [2.0, np.nan, np.nan, 0.5])


def test_what_it_costs_to_read_what_is_new_does_not_grow(tmp_path, rng):
    """Counted in steps of SQLite's machine, which are the same on every computer."""
    steps = []
    with Atlas.create(tmp_path / "a.atlas", problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        for number, size in enumerate((50, 50, 800, 800)):
            points = [network_point(rng) for _ in range(size)]
            states = [pathway(network_point(rng, index=1), *points[:2]) for _ in range(size)]
            atlas.commit(run_id, [attempt(minima=points, pathways=states)], f"many {number}")
            atlas.network()
            few = attempt(minima=[*points[:2], network_point(rng)], pathways=states[:2])
            atlas.commit(run_id, [few], f"few {number}")
            steps.append(steps_of(atlas, atlas.network))
    assert 0 < steps[-1] < 1.5 * steps[1], steps


def steps_of(atlas: Atlas, read: Callable[[], object]) -> int:
    """How many tens of steps SQLite takes for what is read."""
    taken = []
    with atlas.reading() as connection:
        driver = connection.connection.dbapi_connection
    driver.set_progress_handler(lambda: taken.append(1), 10)  # the only connection there is
    read()
    driver.set_progress_handler(None, 0)
    return len(taken)


def test_new_columns_keep_the_tree_of_a_network(atlas, commit, rng):
    commit(attempt(minima=[network_point(rng), network_point(rng)]))
    tree = atlas.network().tree
    atlas.set_property("length", {1: 2.0})
    network = atlas.network()
    np.testing.assert_array_equal(network.columns["length"], [2.0, np.nan])
    assert network.tree is tree


def test_columns_of_replaced_data_disappear_from_the_network(target, rng):
    """Also of an atlas that is open in another program meanwhile."""
    old = problem()
    with Atlas.create(target, old) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[network_point(rng)])], "a batch")
        atlas.set_property("test_auc", {1: 0.5}, old.data_hash("test"))
        assert "test_auc" in atlas.network().columns
        arrays = {**old.arrays, "test_inputs": old.arrays["test_inputs"] + 1}
        Atlas.open_or_create(target, replace(old, arrays=arrays)).close()
        assert "test_auc" not in atlas.network().columns
