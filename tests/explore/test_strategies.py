"""Strategies: what they propose, and that they propose nothing twice."""

from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.errors import Status
from lossatlas.explore.strategies import (
    _mirrored,
    look_between,
    look_on_mirrors,
    rearrange,
    take,
)
from lossatlas.landscape import NetworkLandscape
from lossatlas.search.outcome import Attempt
from lossatlas.search.tools import default_tools


@pytest.fixture(scope="module")
def network():
    random = np.random.default_rng(1)
    return NetworkLandscape(random.normal(size=(30, 2)), np.arange(30) % 3, (4,), 1e-2)


def view(minima):
    """As much of a view as these strategies look at: minima 7, 8 ..., the last one the lowest."""
    return SimpleNamespace(
        points=SimpleNamespace(minimum_ids=np.arange(minima) + 7),
        weights=np.arange(3.0 * minima).reshape(minima, 3),
        rearrangements=np.empty((0, 3)),
        landscape=SimpleNamespace(
            neighbor_copies=lambda w: [-w], random_start=lambda random: random.normal(size=3)
        ),
        tried=set(),
        ids=lambda *positions: tuple(int(p) + 7 for p in positions),
        by_energy=lambda: np.arange(minima)[::-1],
    )


def pair(task):
    """Ids of the two minima that a draw looks between."""
    return task.search.args[0][0], task.search.args[1][0]


def test_any_two_minima_are_looked_between():
    tasks = take(look_between(view(3)), 300, set())
    assert {pair(task) for task in tasks} == {(a, b) for a in (7, 8, 9) for b in (7, 8, 9)}
    assert len({task[:3] for task in tasks}) == 300


def test_draws_depend_on_seed_and_number_alone():
    def drawn(seed, tried=()):
        seen = view(5)
        seen.tried |= {("between", (), f"draw {k}") for k in tried}
        return [(task.detail, pair(task)) for task in take(look_between(seen, seed), 20, set())]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1, tried=range(5))[:15] == drawn(1)[5:]


def test_without_minima_there_is_nothing_between_and_no_mirror():
    assert list(look_between(view(0))) == []
    assert list(look_on_mirrors(view(0))) == []


def test_mirrors_are_drawn_near_minima_and_rearrangements():
    seen = view(2)
    seen.rearrangements = np.full((2, 3), 9.0)
    tasks = take(look_on_mirrors(seen), 200, set())
    starts = {(tuple(t.search.args[0]), t.search.args[1]) for t in tasks}
    assert starts == {((0, 1, 2), True), ((3, 4, 5), True), ((9, 9, 9), False)}
    assert len({task[:3] for task in tasks}) == 200


def test_a_climb_begins_on_the_mirror_and_goes_up_across_it(network):
    """Of a rearrangement the mirror is its own, wherever its state is disturbed to."""
    random = np.random.default_rng(0)
    state = network.random_start(random)
    state = (state + network.neighbor_copies(state)[3]) / 2
    for anywhere in (True, False):
        search = _mirrored(state, anywhere, random, "draw 0", default_tools(network))
        ((start, direction),) = [request.job for request in next(search)]
        near = network.neighbor_copies(start + 1e-3 * direction)[0]
        np.testing.assert_allclose(near, start - 1e-3 * direction, atol=1e-12)
        assert np.linalg.norm(start - state) < 3 * network.length_scale or anywhere


def test_a_landscape_without_symmetry_has_no_mirrors():
    seen = view(2)
    seen.landscape.neighbor_copies = lambda w: []
    assert list(look_on_mirrors(seen)) == []


def test_rearrangements_begin_with_the_nearest_copy_of_the_lowest_minimum():
    tasks = take(rearrange(view(2)), 3, set())
    assert [(t.origin, t.detail) for t in tasks] == [
        ((8,), "copy 0"), ((7,), "copy 0"), ((8,), "copy 1"),
    ]  # fmt: skip


def test_a_minimum_without_so_many_copies_has_no_rearrangement():
    (task,) = take(rearrange(view(1)), 1, set())
    tools = SimpleNamespace(landscape=SimpleNamespace(neighbor_copies=lambda w: []))
    search = task.search(tools)
    with pytest.raises(StopIteration) as ended:
        next(search)
    attempt = ended.value.value
    assert isinstance(attempt, Attempt)
    assert attempt[:4] == ("degenerate", (7,), "copy 0", Status.NO_CANDIDATE)
