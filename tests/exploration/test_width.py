"""The width: chosen at the start, stored, kept, refused; what is found depends on nothing else."""

import json

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.log import read_log
from lossatlas.errors import BadInputError
from lossatlas.exploration import ExploreOptions, grow, width
from lossatlas.exploration.planner import BLIND
from lossatlas.exploration.width import (
    bytes_of_a_search,
    check_lanes,
    check_width,
    chosen_width,
    default_width,
    largest_width,
)
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.lanes.capacity import Capacity
from lossatlas.studies.exploring import explore
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

GIB = 2**30
CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")


def one_by_one(lanes):
    return Capacity(lanes, 1, 1, False, ())


@pytest.fixture(scope="module")
def small():
    random = np.random.default_rng(5)
    return NetworkLandscape(random.normal(size=(40, 2)), random.integers(3, size=40), (3,), 1e-3)


def grown(landscape, path, **options):
    """All that is stored, without ids of runs, and how wide each attempt and run was."""
    with Atlas.open_or_create(path, Problem(landscape.fingerprint())) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=3, **options))
        with atlas.reading() as connection:
            tables = {
                name: connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY id").all()
                for name in ("minimum", "transition_state")
            }
            links = connection.exec_driver_sql("SELECT * FROM link").all()
            recorded = connection.exec_driver_sql("SELECT options FROM run ORDER BY id").scalars()
            widths = [json.loads(options)["width"] for options in recorded]
        return {**tables, "links": links, "log": read_log(atlas)}, widths


@pytest.fixture(scope="module")
def wide(small, tmp_path_factory):
    return grown(small, tmp_path_factory.mktemp("wide") / "a", width=192, transition_states=8)


@pytest.mark.parametrize(
    ("lanes", "workers"), [(1, 1), (1, 3), pytest.param(2, 2, marks=pytest.mark.slow)]
)
def test_the_same_width_gives_the_same_atlas(small, wide, tmp_path, lanes, workers):
    """Field by field, on any number of workers and lanes; by default there are two workers here."""
    options = {"width": 192, "transition_states": 8, "lanes": lanes, "workers": workers}
    assert grown(small, tmp_path / "b", **options) == wide


def test_rounds_are_at_most_half_of_the_width_and_begin_small(small, wide):
    stored, widths = wide
    log = stored["log"]
    assert {entry.width for entry in log} == set(widths) == {192}
    searches = {(entry.round, entry.strategy, entry.what, entry.origins) for entry in log}
    counts = np.bincount([key[0] for key in searches])
    assert BLIND <= counts[0] <= BLIND + 8  # shares are rounded up
    assert counts.max() <= 192 / 2 + 8


def test_an_atlas_keeps_its_width_unless_another_is_given(tmp_path):
    path, seen = tmp_path / "a", []
    for given, expected in ((6, 6), (None, 6), (3, 3), (None, 3)):
        stored, widths = grown(CAMEL, path, width=given, seed=len(seen), workers=1)
        seen.append(expected)
        assert widths == seen
        assert stored["log"][-1].width == expected


def test_a_run_that_stored_nothing_leaves_no_width(tmp_path):
    path = tmp_path / "a"
    with Atlas.open_or_create(path, Problem(CAMEL.fingerprint())) as atlas:
        chosen = [
            chosen_width(ExploreOptions(), atlas, CAMEL, one_by_one(lanes))
            for lanes in (1, 2, 3, 64)
        ]
    assert chosen == [48, 48, 72, 1536]


@pytest.mark.parametrize("narrow", [2, 3])
def test_the_narrowest_finds_something(tmp_path, narrow):
    stored, _ = grown(CAMEL, tmp_path / "a", width=narrow, minima=2)
    assert len(stored["minimum"]) >= 2
    assert max(entry.round for entry in stored["log"]) >= 1


def test_more_than_the_memory_holds_is_refused_before_anything_is_done(
    small, tmp_path, monkeypatch
):
    path = tmp_path / "a"
    monkeypatch.setattr(width, "available_memory", lambda: 200 * bytes_of_a_search(small))
    with pytest.raises(BadInputError, match=r"explore: width: 101 searches .*at most 100$"):
        explore(small, path, width=101, progress=False)
    assert not path.exists()
    check_width(100, small)
    with Atlas.create(path, Problem(small.fingerprint())) as atlas:
        assert chosen_width(ExploreOptions(), atlas, small, one_by_one(64)) == 100
        with pytest.raises(BadInputError, match="at most 100"):
            grow(small, atlas, ExploreOptions(width=101))
        assert atlas.status()["runs"] == 0


def test_a_stored_width_may_be_too_large_for_a_smaller_machine(tmp_path, monkeypatch):
    path = tmp_path / "a"
    grown(CAMEL, path, width=300, minima=2)
    monkeypatch.setattr(width, "available_memory", lambda: 20 * bytes_of_a_search(CAMEL))
    with Atlas.open(path) as atlas:
        with pytest.raises(BadInputError, match=r"a: width: 300 searches .* at most 10$"):
            grow(CAMEL, atlas, ExploreOptions())
        assert chosen_width(ExploreOptions(width=10), atlas, CAMEL, one_by_one(2)) == 10


def test_what_a_machine_holds_goes_with_the_size_of_the_landscape(monkeypatch):
    monkeypatch.setattr(width, "available_memory", lambda: 16 * GIB)
    items = np.random.default_rng(0).normal(size=(5, 700)), np.arange(5) % 3
    narrow, large = (NetworkLandscape(*items, (units,), 1e-2) for units in (2, 100))
    assert large.n_weights > 70_000
    vectors = 8 * large.n_weights
    assert 20 * vectors < bytes_of_a_search(large) < 50 * vectors
    assert 48 < largest_width(large) < largest_width(narrow)
    monkeypatch.setattr(width, "available_memory", lambda: None)
    assert largest_width(large) == default_width(10**7) == 1_000_000


def test_matrices_of_symmetry_are_counted():
    """A function of many weights has a projector for each path."""
    many = FunctionLandscape(lambda w: w @ w, -np.ones(400), np.ones(400), "bowl")
    assert bytes_of_a_search(many) > 2 * 8 * 400**2


def test_vectorized_lanes_are_many_and_each_needs_fewer_searches(tmp_path):
    with Atlas.open_or_create(tmp_path / "a", Problem(CAMEL.fingerprint())) as atlas:
        capacity = Capacity(2048, 2, 1, True, ())
        assert chosen_width(ExploreOptions(), atlas, CAMEL, capacity) == 8192


def test_lanes_that_cannot_fit_into_the_memory_are_refused_before_anything_is_done(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(width, "device_memory", lambda: 100 * 8 * CAMEL.n_weights**2)
    check_lanes(100, CAMEL)
    with pytest.raises(BadInputError, match=r"explore: lanes: .* 101 lanes.* use at most 100, or"):
        explore(CAMEL, tmp_path / "a", lanes=101, progress=False)
    assert not (tmp_path / "a").exists()
    monkeypatch.setattr(width, "device_memory", lambda: 8)
    with pytest.raises(BadInputError, match="use a smaller network"):
        check_lanes(1, CAMEL)
    large = FunctionLandscape(lambda w: w @ w, -np.ones(1200), np.ones(1200))
    check_lanes(10**6, large)  # without spectra
    monkeypatch.setattr(width, "device_memory", lambda: None)
    check_lanes(10**6, CAMEL)
