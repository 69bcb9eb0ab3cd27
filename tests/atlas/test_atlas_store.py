"""What is committed comes back; what must not be stored is refused."""

import contextlib
import time

import numpy as np
import pytest
from atlas_points import attempt, network_point, pathway, problem, symmetry_copy
from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

from lossatlas.atlas import Atlas, columns, schema
from lossatlas.atlas.database import writing
from lossatlas.errors import AtlasError, BadInputError, Status


def test_points_come_back_bit_by_bit(atlas, commit, rng):
    points = [network_point(rng) for _ in range(5)]
    huge = points[2]._replace(orbit_size=2**100 * 3, log_determinant=np.nan)
    points[2] = huge
    ids = commit(attempt(minima=points)).new_minima
    weights = atlas.minimum_weights(reversed(ids))
    assert np.array_equal(weights, [point.weights for point in reversed(points)])
    table = atlas.minima()
    assert list(table["loss"]) == [point.energy for point in points]
    assert list(table["orbit_size"]) == [point.orbit_size for point in points]
    assert list(table.columns) == [
        "id",
        "loss",
        "lowest_eigenvalue",
        "orbit_size",
        "times_found",
        "rms_gradient",
    ]


def test_transition_states_join_their_minima_in_order(atlas, commit, rng):
    low, high = network_point(rng), network_point(rng)
    states = [network_point(rng, index=1) for _ in range(3)]
    commit(
        attempt(minima=[low, high]),
        attempt(
            pathways=[
                pathway(states[0], high, symmetry_copy(rng, low)),
                pathway(states[1], low, high),
                pathway(states[2], high, high),
            ]
        ),
    )
    table = atlas.transition_states()
    assert list(table["minimum_1"]) == [1, 1, 2]
    assert list(table["minimum_2"]) == [2, 2, 2]
    assert list(table["degenerate"]) == [False, False, True]
    assert list(table["curvature"]) == [-1e-3] * 3
    assert np.array_equal(atlas.transition_state_weights([3]), [states[2].weights])


def test_transition_states_of_one_pair_do_not_overwrite_each_other(atlas, commit, rng):
    left, right = network_point(rng), network_point(rng)
    states = [network_point(rng, index=1, energy=2.0) for _ in range(4)]
    commit(attempt(pathways=[pathway(state, left, right) for state in states]))
    again = commit(attempt(pathways=[pathway(state, left, right) for state in states[:2]]))
    assert again.new_transition_states == ()
    assert list(atlas.transition_states()["times_found"]) == [2, 2, 1, 1]


def test_another_link_of_a_known_transition_state_is_reported_and_not_stored(atlas, commit, rng):
    a, b, c = (network_point(rng) for _ in range(3))
    state = network_point(rng, index=1)
    commit(attempt(pathways=[pathway(state, a, b)]))
    record = commit(attempt(pathways=[pathway(symmetry_copy(rng, state), c, a)])).attempts[0]
    assert record.conflicts == (1,)
    assert atlas.status()["link_conflicts"] == 1
    links = atlas.transition_states()[["minimum_1", "minimum_2"]]
    assert links.to_numpy().tolist() == [[1, 2]]


def test_a_path_via_another_transition_state(atlas, commit, rng):
    a, b = network_point(rng), network_point(rng)
    via, state = network_point(rng, index=1), network_point(rng, index=1)
    commit(attempt(pathways=[pathway(via, a, a), pathway(state, b, a, via=via)]))
    vias = atlas.transition_states()[["via_1", "via_1_index", "via_2", "via_2_index"]]
    missing = [[True] * 4, [True, True, False, False]]  # it is the path to b, the second minimum
    assert vias.isna().to_numpy().tolist() == missing
    assert list(vias.loc[1, ["via_2", "via_2_index"]]) == [1, 1]


def test_a_path_via_a_point_of_higher_index_keeps_its_index(atlas, commit, rng):
    a, b, state = network_point(rng), network_point(rng), network_point(rng, index=1)
    commit(attempt(pathways=[pathway(state, a, b, via=network_point(rng, index=3))]))
    table = atlas.transition_states()
    assert list(table["via_1_index"]) == [3]
    assert table[["via_1", "via_2", "via_2_index"]].isna().all(axis=None)


def test_a_path_via_an_unknown_transition_state_is_refused(atlas, commit, rng):
    a, state = network_point(rng), network_point(rng, index=1)
    with pytest.raises(AtlasError, match="list its own pathway first"):
        commit(attempt(pathways=[pathway(state, a, a, via=network_point(rng, index=1))]))
    assert atlas.status()["minima"] == 0


@pytest.mark.parametrize("index", [1, 2])
def test_only_index_zero_is_a_minimum(commit, rng, index):
    with pytest.raises(AtlasError, match=rf"index {index} .* is no minimum"):
        commit(attempt(minima=[network_point(rng, index=index)]))


def test_only_index_one_is_a_transition_state(commit, rng):
    a = network_point(rng)
    with pytest.raises(AtlasError, match=r"index 2 .* is no transition state"):
        commit(attempt(pathways=[pathway(network_point(rng, index=2), a, a)]))


@pytest.mark.parametrize("field", ["energy", "uncertainty", "rms_gradient"])
def test_numbers_that_are_not_finite_are_refused(commit, rng, field):
    with pytest.raises(AtlasError, match="not finite"):
        commit(attempt(minima=[network_point(rng)._replace(**{field: np.nan})]))


def test_a_failing_batch_leaves_nothing(atlas, commit, rng):
    good, bad = network_point(rng), network_point(rng, index=1)
    with pytest.raises(AtlasError):
        commit(attempt(minima=[good]), attempt(minima=[bad]))
    assert atlas.status()["minima"] == atlas.status()["attempts"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum": 7},
        {"transition_state": 2},
        {"side": 2},
        {"side": 0, "minimum": 1},  # there is this link
        {"via": 1},
        {"via_index": 1},
        {"via": 1, "via_index": 2},
        {"via": 9, "via_index": 1},
        {"via_index": 0},
        {"method": None},
        {"checksum": None},
    ],
)
def test_the_database_itself_refuses_inconsistent_links(atlas, commit, rng, changes):
    a, b, state = network_point(rng), network_point(rng), network_point(rng, index=1)
    commit(attempt(pathways=[pathway(state, a, b)]))
    row = {"transition_state": 1, "side": 0, "minimum": 2, "method": "", "checksum": 0, **changes}
    with pytest.raises(AtlasError), writing(atlas._engine, atlas.name) as connection:
        connection.execute(insert(schema.link).values(row))


@pytest.mark.parametrize(
    "changes",
    [
        {"minimum": None},
        {"minimum": 7},
        {"minimum": 1, "transition_state": 1},
        {"role": "hit"},
        {"role": "saddle"},
        {"role": "origin", "minimum": None, "transition_state": 1},
        {"attempt": 9},
        {"position": 0},  # there is this row
    ],
)
def test_the_database_itself_refuses_points_that_no_attempt_can_have(atlas, commit, rng, changes):
    a, state = network_point(rng), network_point(rng, index=1)
    commit(attempt(pathways=[pathway(state, a, a)]))
    row = {"attempt": 1, "position": 5, "role": "minimum", "minimum": 1, "checksum": 0, **changes}
    with pytest.raises(AtlasError), writing(atlas._engine, atlas.name) as connection:
        connection.execute(insert(schema.attempt_point).values(row))


def test_attempts_are_logged_with_what_they_found_and_cost(atlas, commit, rng):
    a, b = network_point(rng), network_point(rng)
    state = network_point(rng, index=1)
    commit(
        attempt(minima=[a], strategy="basin-hopping"),
        attempt(origins=(1,), pathways=[pathway(state, a, b)]),
        attempt(
            origins=(1, 2),
            status=Status.WRONG_INDEX,
            what="index 2",
            failures={Status.WRONG_INDEX: 2, Status.UNDECIDED: 1},
        ),
    )
    table = atlas.attempts()
    assert list(table["strategy"]) == ["basin-hopping", "single-ended", "single-ended"]
    assert list(table["origin"]) == [(), (1,), (1, 2)]
    assert list(table["minima"]) == [(1,), (1, 2), ()]
    assert list(table["transition_states"]) == [(), (1,), ()]
    assert list(table["new_minima"]) == [1, 1, 0]
    assert list(table["status"]) == ["CONVERGED", "CONVERGED", "WRONG_INDEX"]
    assert table["failures"][2] == {"WRONG_INDEX": 2, "UNDECIDED": 1}
    assert table["gradients"].sum() == 90


def test_runs_have_a_beginning_and_if_all_went_well_an_end(atlas):
    first = atlas.start_run({"minutes": 2.0}, 7, {"jax": "0.10"}, "2 cores")
    second = atlas.start_run({}, 2**40, {}, "cpu")
    atlas.finish_run(first, "time is up")
    table = atlas.runs().set_index("id")
    assert table.loc[first, "reason"] == "time is up"
    assert table.loc[first, "options"] == {"minutes": 2.0}
    assert 0 <= table.loc[first, "seconds"] < 60
    assert table["end_time"].isna().to_dict() == {first: False, second: True}
    assert table.loc[second, "seed"] == 2**40
    assert atlas.status()["unfinished_runs"] == 1


def test_an_unknown_run_is_refused(atlas, rng):
    with pytest.raises(AtlasError, match="no run 9"):
        atlas.finish_run(9, "done")
    with pytest.raises(AtlasError, match="no run 9"):
        atlas.commit(9, [attempt(minima=[network_point(rng)])], "1")


def test_properties_are_columns_of_the_minima(atlas, commit, rng):
    commit(attempt(minima=[network_point(rng) for _ in range(3)]))
    test = atlas.problem.data_hash("test")
    atlas.set_property("test_auc", {1: 0.7, 2: np.nan}, test)
    atlas.set_property("test_auc", {2: np.float64(0.8)}, test)
    atlas.set_property("curvature_sum", {3: 2.5})
    table = atlas.minima()
    assert list(table.columns[-2:]) == ["curvature_sum", "test_auc"]
    assert np.array_equal(table["test_auc"], [0.7, 0.8, np.nan], equal_nan=True)
    assert np.array_equal(table["curvature_sum"], [np.nan, np.nan, 2.5], equal_nan=True)


def test_bad_properties_are_refused(atlas, commit, rng):
    commit(attempt(minima=[network_point(rng)]))
    with pytest.raises(BadInputError, match="minimum 5"):
        atlas.set_property("test_auc", {1: 0.5, 5: 0.5})
    for name in (*atlas.minima(outside=True).columns, *atlas.network().columns):
        with pytest.raises(BadInputError, match="column of every atlas"):
            atlas.set_property(name, {1: 0.5})
    with pytest.raises(BadInputError, match="data that the atlas does not hold"):
        atlas.set_property("test_auc", {1: 0.5}, "0" * 64)
    assert "test_auc" not in atlas.minima()


def test_weights_of_unknown_ids_are_refused(atlas):
    with pytest.raises(BadInputError, match="transition state 3, 4"):
        atlas.transition_state_weights([4, 3])


def test_weights_of_more_ids_than_one_statement_takes(atlas, commit, rng, monkeypatch):
    monkeypatch.setattr(columns, "IDS_PER_QUERY", 2)
    points = [network_point(rng) for _ in range(5)]
    commit(attempt(minima=points))
    ids = [5, 1, 2, 2, 4, 3]
    assert np.array_equal(atlas.minimum_weights(ids), [points[i - 1].weights for i in ids])


def test_status_counts(atlas, commit, rng):
    assert atlas.status()["lowest_loss"] is None
    points = [network_point(rng, energy=energy) for energy in (0.9, 0.5, 0.7, 0.8)]
    a, b = points[:2]
    states = [network_point(rng, index=1) for _ in range(3)]
    paths = [pathway(states[0], a, b), pathway(states[1], a, a), pathway(states[2], b, a)]
    commit(attempt(minima=points), attempt(pathways=paths), attempt(status=Status.NOT_FINITE))
    status = atlas.status()
    expected = {
        "minima": 4,
        "transition_states": 3,
        "degenerate_rearrangements": 1,
        "components": 3,
        "lowest_loss": 0.5,
        "attempts": 3,
        "converged_attempts": 2,
        "gradients": 90,
        "hessians": 12,
        "runs": 1,
    }
    assert {key: status[key] for key in expected} == expected


def test_an_empty_atlas_has_an_empty_network_and_empty_tables(atlas):
    network = atlas.network(with_weights=True)
    assert len(network.minimum_ids) == len(network.degenerate) == 0
    assert network.minimum_1.dtype == np.int64
    assert atlas.status()["components"] == 0
    tables = (atlas.minima(), atlas.transition_states(), atlas.attempts(), atlas.runs())
    assert [len(table) for table in tables] == [0, 0, 0, 0]


def test_ids_are_never_given_twice(atlas, commit, rng):
    with pytest.raises(AtlasError):
        commit(attempt(minima=[network_point(rng), network_point(rng, index=1)]))
    commit(attempt(minima=[network_point(rng)]))
    with atlas.reading() as connection:
        ids = connection.execute(select(schema.minimum.c.id)).scalars().all()
    assert len(ids) == len(set(ids)) == 1


def test_an_interrupt_between_a_transaction_and_its_block_locks_nobody_out(atlas):
    """While the exception is handled, what has been begun is still there, and its lock with it."""
    begun = time.monotonic()
    kept = atlas.writing()
    kept.__enter__()
    run = atlas.start_run({}, 0, {}, "cpu")
    atlas.finish_run(run, "interrupted")
    assert time.monotonic() - begun < 10.0
    with contextlib.suppress(SQLAlchemyError):  # what the interrupt left is gone
        kept.__exit__(None, None, None)
    assert (atlas.status()["runs"], atlas.status()["unfinished_runs"]) == (1, 0)


def test_an_interrupt_inside_a_statement_locks_nobody_out(tmp_path):
    """SQLAlchemy closes the connection then, SQLite not before the statement has ended."""
    with Atlas.create(tmp_path / "a.atlas", problem()) as atlas:
        with contextlib.suppress(KeyboardInterrupt), atlas.writing() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(
                "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT k FROM n"
            )
            connection.invalidate()
            raise KeyboardInterrupt
        begun = time.monotonic()
        atlas.finish_run(atlas.start_run({}, 0, {}, "cpu"), "interrupted")
        assert time.monotonic() - begun < 10.0
        assert cursor is not None  # as the exception keeps it where it is handled
