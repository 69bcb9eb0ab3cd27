"""Known points: the table finds what a search through all of its rows finds, and never forgets."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from known_rows import known_rows

from lossatlas.search import known
from lossatlas.search.identity import deviation, energy_window
from lossatlas.search.known import NOTHING_KNOWN, KnownPoints, Rows
from lossatlas.search.outcome import StationaryPoint


def point(energy, name):
    """A point of this energy; those of one name are copies."""
    invariants = np.array([energy, float(name)])
    return StationaryPoint(np.ones(3), energy, 1e-14, 1, -np.ones(4), 0.0, 1e-10, invariants, 2)


def table_of(points, table=None, before=0):
    """A table to which these points are added, their keys counted from 1."""
    table = KnownPoints() if table is None else table
    if points:
        table.append(known_rows(points, np.arange(len(points)) + before + 1))
    return table


def searched(points, wanted):
    """By comparing with every row, one after the other."""
    near = [k for k, p in enumerate(points) if abs(p.energy - wanted.energy) <= energy_window(1.0)]
    apart = [deviation(wanted, points[k].uncertainty, points[k].invariants) for k in near]
    return near[int(np.argmin(apart))] + 1 if min(apart, default=2.0) <= 1.0 else None


# Few energies and few names: many points of one energy, none of them copies of another.
ALL = [point(energy, name) for energy in np.linspace(0, 1, 4) for name in range(6)]
SOME = st.lists(st.sampled_from(range(len(ALL))), unique=True)


@settings(max_examples=60, deadline=None)
@given(SOME, st.lists(st.integers(0, len(ALL)), max_size=4), st.integers(0, 12))
def test_the_table_finds_what_a_search_through_all_rows_finds(order, cuts, tail):
    points, bounds = [ALL[k] for k in order], sorted({0, len(order), *cuts})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "TAIL", tail)
        table, views = KnownPoints(), {}
        for first, last in pairwise(bounds):
            table_of(points[first:last], table, first)
            views[min(last, len(points))] = table.as_of()
    for count, view in views.items():
        for one in ALL:
            expected = searched(points[:count], one)
            assert view.find(one) == expected
            assert table.as_of(count).find(one) == expected
            assert pickle.loads(pickle.dumps(view)).find(one) == expected


@settings(max_examples=20, deadline=None)
@given(SOME, st.integers(0, len(ALL)))
def test_rows_sent_elsewhere_make_the_same_table(order, cut):
    points = [ALL[k] for k in order]
    table = table_of(points[:cut])
    copy = KnownPoints()
    copy.append(pickle.loads(pickle.dumps(table.since(0))))
    table_of(points[cut:], table, len(table))
    copy.append(table.since(len(copy)))
    assert len(copy) == len(table) == len(points)
    assert [copy.as_of().find(p) for p in ALL] == [table.as_of().find(p) for p in ALL]


def test_of_two_that_may_be_it_the_closer_one_is():
    wanted = point(0.5, 1)
    near = [wanted._replace(invariants=wanted.invariants + x) for x in (3e-9, 1e-9)]
    assert table_of(near).as_of().find(wanted) == 2


def test_without_rows_everything_is_new():
    assert NOTHING_KNOWN.find(point(0.5, 1)) is None


def test_what_was_read_of_growing_rows_does_not_change():
    grown = Rows()
    before = grown.array
    for k in range(5):
        grown.extend(np.full((40, 2), float(k)))
    assert before.shape == (0,)
    assert grown.array.shape == (200, 2)
    np.testing.assert_array_equal(grown.array[:, 0], np.repeat(np.arange(5.0), 40))
    with pytest.raises(ValueError, match="read-only"):
        grown.array[0] = 1.0
