"""Candidates that an atlas keeps are those that a search finds, whatever part of them is there."""

import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from explored import explore, rough_landscape

from lossatlas.atlas import Atlas
from lossatlas.atlas.neighbors import read_neighbors
from lossatlas.exploration.fold import Fold
from lossatlas.exploration.neighbors import Neighbors


@pytest.fixture(scope="module")
def landscape():
    return rough_landscape()


@pytest.fixture(scope="module")
def path(landscape, tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "a.atlas"
    explore(landscape, path, transition_states=60)
    return path


def folded(path, landscape, keep=True):
    with Atlas.open(path) as atlas:
        fold = Fold(atlas, landscape)
        fold.advance()
        if keep:
            fold.keep_neighbors()
        with atlas.reading() as connection:
            return fold.near, read_neighbors(connection)


def test_an_exploration_keeps_the_candidates_of_the_minima_that_it_planned_from(path, landscape):
    near, kept = folded(path, landscape, keep=False)
    count = len(kept.minimum)
    assert 0 < count <= len(near.found)
    np.testing.assert_array_equal(kept.distances, near.candidates().distances[:count])


@pytest.mark.parametrize("lost", ["1 = 1", "minimum > 9", "minimum = 7", "minimum % 3 = 0"])
def test_what_is_lost_is_found_again(tmp_path, path, landscape, lost):
    near, kept = folded(path, landscape)
    damaged = tmp_path / "b.atlas"
    shutil.copy(path, damaged)
    with closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute(f"DELETE FROM neighbors WHERE {lost}")
    again, stored = folded(damaged, landscape)
    np.testing.assert_array_equal(again.found, near.found)
    np.testing.assert_array_equal(again.distances, near.distances)
    for one, other in zip(stored, kept, strict=True):
        np.testing.assert_array_equal(one, other)
    with Atlas.open(damaged) as atlas:
        assert atlas.check() == ()


def test_an_interrupt_while_neighbors_are_searched_ends_an_exploration(
    tmp_path, landscape, monkeypatch
):
    """The planner knows some minima already of which the neighbors are not known."""
    path, add, added = tmp_path / "c.atlas", Neighbors.add, []

    def interrupted(near, new, *known):
        added.extend(new)
        if len(added) > 30:
            raise KeyboardInterrupt
        add(near, new, *known)

    monkeypatch.setattr(Neighbors, "add", interrupted)
    assert explore(landscape, path, transition_states=60).reason == "interrupted"
    monkeypatch.undo()
    with Atlas.open(path) as atlas:
        assert atlas.check() == ()
    near, kept = folded(path, landscape)
    np.testing.assert_array_equal(kept.distances, near.candidates().distances)
