"""The planner's state: the same however the log was read, and what the network says."""

import shutil
import sqlite3
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from explored import explore, rough_landscape

from lossatlas.atlas import Atlas
from lossatlas.errors import AtlasError, ConnectionLostError
from lossatlas.exploration import ahead as reading, points as stored
from lossatlas.exploration.catalog import chosen
from lossatlas.exploration.checkpoint import last_due
from lossatlas.exploration.fold import Recent
from lossatlas.exploration.neighbors import NEIGHBORS
from lossatlas.exploration.strategies import COPIES, DISPLACEMENTS, climb_name
from lossatlas.exploration.tasks import take
from lossatlas.exploration.view import Observer
from lossatlas.search.tools import N_SOFT

STEP = 7
"""Attempts folded in at a time; no round has so few."""


@pytest.fixture(scope="module")
def landscape():
    return rough_landscape()


@pytest.fixture(scope="module")
def path(landscape, tmp_path_factory):
    path = tmp_path_factory.mktemp("fold") / "a.atlas"
    explore(landscape, path, transition_states=110)
    return path


@pytest.fixture(scope="module")
def atlas(path):
    with Atlas.open(path) as atlas:
        yield atlas


def first(propose, view, count=8):
    return [task.key for task in islice(propose(view), count)]


def test_what_is_proposed_does_not_depend_on_the_rounds_before(landscape, atlas):
    """An agenda that was kept proposes what one that begins does, at any moment of the log."""
    observer, strategies = Observer(atlas, landscape, seed=3), chosen()
    kept = [strategy.begin() for strategy in strategies]
    last = len(atlas.attempts())
    for as_of in [*range(STEP, last, STEP), last]:
        view = observer.view(as_of)
        for strategy, propose in zip(strategies, kept, strict=True):
            assert first(propose, view) == first(strategy.begin(), view), (strategy.name, as_of)


def test_what_is_proposed_is_what_sorting_all_minima_gives(landscape, atlas):
    observer, last = Observer(atlas, landscape, seed=3), len(atlas.attempts())
    for as_of in range(20, last, 43):
        _as_sorted_anew(observer.view(as_of))


def _taken(name, view):
    """What a round would take."""
    view = replace(view, tried=deepcopy(view.tried))
    (strategy,) = (one for one in chosen() if one.name == name)
    return [task.key for task in take(strategy.begin()(view), 12, view.tried)]


def _as_sorted_anew(view):
    order = view.by_energy().tolist()
    climbs = [
        ("single-ended", view.ids(position), climb_name(mode, sign, displacement))
        for displacement in DISPLACEMENTS
        for mode in range(N_SOFT)
        for position in order
        for sign in (1, -1)
    ]
    copies = [
        ("degenerate", view.ids(position), f"copy {rank}")
        for rank in range(COPIES)
        for position in order
    ]
    for name, every in (("single-ended", climbs), ("degenerate", copies)):
        assert _taken(name, view) == [key for key in every if key not in view.tried][:12]
    assert _taken("connect", view) == _bands(view, order)[:12]


def _bands(view, order):
    component, found = view.component, {}
    outside = [k for k in order if component[k] != component[order[0]]]
    near = [(k, rank) for rank in range(NEIGHBORS) for k in outside]
    pairs = [(k, int(view.neighbors[k, rank])) for k, rank in near]
    for one, other in [*pairs, *((k, order[0]) for k in outside)]:
        pair = view.pair(one, other)
        apart = view.inside[other] and component[one] != component[other]
        if apart and not view.tried.joined(*pair):
            found.setdefault(("connect", pair, ""))
    return list(found)


def pieces(fold):
    """All that views are made of."""
    return {
        "energies": fold.minima.energies.array,
        "weights": fold.minima.weights.array,
        "inside": fold.minima.among_inside.array,
        "states": fold.states.weights_inside.array,
        "links": np.array([rows.array for rows in fold.links]),
        "components": fold.components.labels(),
        "neighbors": fold.near.found,
        "known": fold.known.as_of().rows.keys,
        "gaps": fold.checkpoint.gaps,
        "trapped": fold.checkpoint.trapped,
        "shortcuts": fold.checkpoint.shortcuts,
        "recent": np.array([fold.recent[name] for name in sorted(fold.recent)]),
        "numbers": np.array([fold.as_of, fold.checkpoint.as_of, fold.lowest]),
    }


def test_the_state_is_the_same_however_it_was_reached(landscape, atlas):
    slow, last = Observer(atlas, landscape), len(atlas.attempts())
    for as_of in range(1, last + 1, STEP):
        slow.view(as_of)
        if as_of % 4 == 1:
            at_once = Observer(atlas, landscape)
            at_once.view(as_of)
            for name, values in pieces(slow.fold).items():
                np.testing.assert_array_equal(values, pieces(at_once.fold)[name], err_msg=name)


@pytest.mark.parametrize("step", ["count_points", "read_columns", "read_links"])
def test_reading_that_a_lost_connection_ends_is_repeated(landscape, atlas, monkeypatch, step):
    """Nothing of it is in the state twice."""
    undisturbed, lost = Observer(atlas, landscape), []
    undisturbed.view()
    module = reading if step == "read_links" else stored
    read = getattr(module, step)

    def losing(*arguments):
        found = read(*arguments)
        lost.append(len(lost))
        if len(lost) in (1, 4):
            raise ConnectionLostError("the connection is lost")
        return found

    monkeypatch.setattr(module, step, losing)
    observer = Observer(atlas, landscape)
    observer.view(len(atlas.attempts()) // 2)
    observer.view()
    for name, values in pieces(observer.fold).items():
        np.testing.assert_array_equal(values, pieces(undisturbed.fold)[name], err_msg=name)
    assert len(lost) >= 2


def test_it_is_what_the_network_says(landscape, atlas):
    view, points = Observer(atlas, landscape).view(), atlas.network(outside=True)
    np.testing.assert_array_equal(view.minimum_ids, points.minimum_ids)
    np.testing.assert_array_equal(view.minimum_energies, points.minimum_energies)
    np.testing.assert_array_equal(view.links, points.links)
    np.testing.assert_array_equal(view.component, points.components)
    np.testing.assert_array_equal(view.tree.gaps, points.tree.gaps)
    label = view.components.labels()
    np.testing.assert_array_equal(np.unique(label, return_inverse=True)[1], points.components)
    order = view.by_energy()
    assert view.lowest == order[0]
    connected = points.components[order] == points.components[order[0]]
    assert view.connected_part() == pytest.approx(connected.mean())
    assert sorted(view.minima_inside) == sorted(order)
    assert len(order) < len(points.minimum_ids)  # some lie outside


def test_the_checkpoint_follows_from_the_log_alone(landscape, atlas):
    attempts, energies = atlas.attempts(), atlas.minima(outside=True)
    energies = np.where(energies["outside"], np.inf, energies["loss"])
    found = np.repeat(attempts["id"], attempts["new_minima"]).to_numpy()
    observer = Observer(atlas, landscape)
    for as_of in range(5, len(attempts), 31):
        there = energies[: (found <= as_of).sum()]
        lowest = found[np.argmin(there)] if len(there) and np.isfinite(there.min()) else 0
        assert observer.view(as_of).checkpoint.as_of == max(last_due(as_of), lowest)


def test_the_last_attempts_of_a_strategy_count(landscape, atlas):
    log = atlas.attempts()
    for name, recent in Observer(atlas, landscape).view().recent.items():
        last = log[log["strategy"] == name].tail(200)
        assert recent == Recent(*(int(last[column].sum()) for column in Recent._fields))


def test_the_state_never_goes_back(landscape, atlas):
    observer = Observer(atlas, landscape)
    assert observer.view(50).as_of == 50
    assert observer.view(20).as_of == 50


def changed(path, tmp_path, *statements):
    copy = tmp_path / "changed.atlas"
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return copy


def test_points_that_no_attempt_found_are_there_from_the_start(path, landscape, tmp_path):
    """As in an atlas that another program has filled."""
    tables = ("attempt_point", "attempt", "batch")
    with Atlas.open(changed(path, tmp_path, *(f"DELETE FROM {name}" for name in tables))) as atlas:
        view = Observer(atlas, landscape).view()
        points = atlas.network(outside=True)
    assert (view.as_of, view.checkpoint.as_of) == (0, 0)
    np.testing.assert_array_equal(view.component, points.components)
    assert len(view.checkpoint.shortcuts) > 0
    assert len(first(chosen(["single-ended"])[0].begin(), view)) == 8


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DELETE FROM link WHERE transition_state = 9 AND side = 1", "transition state 9 has no"),
        ("DELETE FROM link WHERE transition_state = 9", "transition state 9 has no minimum on one"),
        (
            "UPDATE link SET minimum = 4321 WHERE transition_state = 9 AND side = 0",
            "leads to minimum 4321, which is not",
        ),
        (
            "DELETE FROM minimum WHERE id = (SELECT MAX(minimum) FROM link)",
            "a link leads to minimum",
        ),
    ],
)
def test_a_damaged_atlas_is_not_explored(path, landscape, tmp_path, damage, message):
    copy = changed(path, tmp_path, damage)
    with Atlas.open(copy) as atlas, pytest.raises(AtlasError, match=message) as found:
        Observer(atlas, landscape).view()
    assert "restore a copy" in str(found.value)
