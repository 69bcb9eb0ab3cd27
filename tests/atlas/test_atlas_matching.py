"""Identity: copies and re-found points are one, everything else stays distinct."""

from collections import Counter

import numpy as np
import pytest
from atlas_points import (
    at_weights,
    attempt,
    moved,
    network_invariants,
    network_point,
    pathway,
    problem,
    symmetry_copy,
)
from hypothesis import given, settings, strategies as st
from sqlalchemy import text

from lossatlas.atlas import Atlas, matching, schema
from lossatlas.search import identity

seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_a_symmetry_copy_deviates_by_less_than_tolerated(seed):
    rng = np.random.default_rng(seed)
    point = network_point(rng)
    copy = symmetry_copy(rng, point)
    assert np.linalg.norm(copy.weights - point.weights) > 1
    assert identity.deviation(point, copy.uncertainty, copy.invariants) < 0.1


@given(seeds, st.floats(1e-12, 1e-6))
def test_a_point_found_again_within_its_uncertainty_is_the_same(seed, distance):
    rng = np.random.default_rng(seed)
    point = network_point(rng)
    again = moved(rng, symmetry_copy(rng, point), distance)
    assert identity.deviation(point, again.uncertainty, again.invariants) <= 1.0
    assert abs(again.energy - point.energy) <= identity.energy_window(point.energy)


@given(seeds, st.floats(1e-4, 1.0))
def test_a_point_elsewhere_is_another(seed, distance):
    rng = np.random.default_rng(seed)
    point = network_point(rng)
    other = moved(rng, point, distance)
    assert identity.deviation(point, 1e-10, other.invariants) > 1.0


@given(seeds)
def test_deviation_is_symmetric_for_copies_of_equal_length(seed):
    rng = np.random.default_rng(seed)
    a = network_point(rng)
    b = moved(rng, a, 1e-9)
    forth = identity.deviation(a, b.uncertainty, b.invariants)
    assert forth == pytest.approx(identity.deviation(b, a.uncertainty, a.invariants), rel=1e-6)


def found(connection, point):
    """The id of the stored minimum that a point is a copy of."""
    return matching.Known(connection, schema.minimum, [point.energy]).match(point)


def test_an_identical_point_found_again_is_a_hit(commit, rng):
    point = network_point(rng)
    first = commit(attempt(minima=[point]))
    again = commit(attempt(minima=[moved(rng, symmetry_copy(rng, point), 1e-7)]))
    assert again.new_minima == ()
    assert again.hits == 1
    assert again.attempts[0].minima == first.attempts[0].minima


def test_minima_whose_losses_differ_by_1e_8_are_distinct(commit, rng):
    point = network_point(rng, energy=0.52)
    nearly = point._replace(energy=point.energy + 1e-8)  # even with equal invariants
    nearly = nearly._replace(invariants=network_invariants(nearly.weights, nearly.energy))
    assert len(commit(attempt(minima=[point, nearly])).new_minima) == 2


def test_equal_losses_do_not_make_points_one(commit, rng):
    one = network_point(rng, energy=0.52)
    other = network_point(rng, energy=0.52 + 1e-12)
    near = at_weights(one.weights + 1e-4 * rng.normal(size=74), 0.52)
    assert len(commit(attempt(minima=[one, other, near])).new_minima) == 3


def test_points_of_one_batch_match_each_other(atlas, commit, rng):
    a, b = network_point(rng), network_point(rng)
    receipt = commit(
        attempt(minima=[a, b, symmetry_copy(rng, a)]), attempt(minima=[symmetry_copy(rng, b)])
    )
    assert [record.hits for record in receipt.attempts] == [1, 1]
    assert list(atlas.minima()["times_found"]) == [2, 2]


def test_a_minimum_and_a_transition_state_never_match(commit, rng):
    minimum = network_point(rng)
    state = at_weights(minimum.weights, minimum.energy, index=1)
    receipt = commit(attempt(pathways=[pathway(state, minimum, minimum)]))
    assert len(receipt.new_minima) == len(receipt.new_transition_states) == 1


def test_the_closest_of_several_candidates_is_the_match(atlas, commit, rng):
    point = network_point(rng, energy=0.5)
    near = moved(rng, point, 3e-6)._replace(uncertainty=1e-10, energy=0.5)
    commit(attempt(minima=[point, near]))
    blurred = near._replace(uncertainty=1e-5)
    with atlas.reading() as connection:
        assert found(connection, blurred) == 2
        assert found(connection, point) == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12), seeds)
def test_counts_equal_those_of_the_points_known_to_be_distinct(tmp_path_factory, draws, seed):
    rng = np.random.default_rng(seed)
    originals = [network_point(rng, energy=0.5) for _ in range(6)]  # all of one energy
    found = [moved(rng, symmetry_copy(rng, originals[i]), 1e-8) for i in draws]
    with Atlas.create(tmp_path_factory.mktemp("a") / "a.atlas", problem()) as atlas:
        run_id = atlas.start_run({}, 0, {}, "cpu")
        atlas.commit(run_id, [attempt(minima=[p]) for p in found], "all")
        assert sorted(atlas.minima()["times_found"]) == sorted(Counter(draws).values())


@pytest.mark.parametrize("size", matching.WINDOWS)
def test_candidates_come_from_an_index(tmp_path, size):
    window = {f"{end}_{k}": 0.5 for k in range(size) for end in ("low", "high")}
    with Atlas.create(tmp_path / "a.atlas", problem()) as atlas, atlas.reading() as connection:
        sql = text(f"EXPLAIN QUERY PLAN {matching._query('minimum', size).text}")
        plan = [row.detail for row in connection.execute(sql, window)]
    searches = [detail for detail in plan if "minimum" in detail]
    assert len(searches) == size
    assert all("SEARCH minimum USING INDEX ix_minimum_energy" in detail for detail in searches)


def test_a_batch_finds_all_that_it_has_in_common_with_the_atlas(commit, rng):
    """Many points of close, equal and distant energies, more than one query looks for."""
    energies = np.concatenate([np.linspace(0, 1, 90), 0.5 + 1e-10 * np.arange(40), [0.7] * 20])
    points = [network_point(rng, energy=float(energy)) for energy in energies]
    ids = commit(attempt(minima=points)).new_minima
    assert len(ids) == 150
    order = rng.permutation(150)
    again = commit(attempt(minima=[symmetry_copy(rng, points[k]) for k in order]))
    assert again.attempts[0].minima == tuple(ids[k] for k in order)
    assert again.hits == 150
