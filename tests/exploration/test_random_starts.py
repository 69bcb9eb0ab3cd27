"""Strategies that draw where to climb from: what they draw, and that they draw nothing twice."""

from types import SimpleNamespace

import numpy as np
import pytest

from lossatlas.exploration.random_starts import (
    PERTURBATION,
    LookAround,
    LookBetween,
    LookOnMirrors,
    _mirrored,
    _perturbed,
    perturbation,
)
from lossatlas.exploration.tasks import Key, take
from lossatlas.exploration.tried import Tried
from lossatlas.landscape import NetworkLandscape
from lossatlas.search.tools import default_tools


@pytest.fixture(scope="module")
def network():
    random = np.random.default_rng(1)
    return NetworkLandscape(random.normal(size=(30, 2)), np.arange(30) % 3, (4,), 1e-2)


def view(minima, seed=0):
    """As much of a view as these strategies look at: minima 7, 8 ..."""
    return SimpleNamespace(
        weights=np.arange(3.0 * minima).reshape(minima, 3),
        transition_states=np.zeros((0, 3)),
        minima_inside=np.arange(minima),
        seed=seed,
        landscape=SimpleNamespace(
            neighbor_copies=lambda w: [-w], random_start=lambda random: random.normal(size=3)
        ),
        tried=Tried(),
        ids=lambda *positions: tuple(int(p) + 7 for p in positions),
    )


def pair(task):
    """Positions of the two minima that a draw looks between."""
    return tuple(int(w[0]) // 3 for w in task.search.args[:2])


def test_any_two_minima_are_looked_between():
    tasks = take(LookBetween()(view(3)), 300, Tried())
    assert {pair(task) for task in tasks} == {(a, b) for a in (0, 1, 2) for b in (0, 1, 2)}
    assert len({task.key for task in tasks}) == 300


def test_draws_depend_on_seed_and_number_alone():
    def drawn(seed, tried=()):
        seen = view(5, seed)
        for k in tried:
            seen.tried.add(Key("between", (), f"draw {k}"))
        return [(task.key.what, pair(task)) for task in take(LookBetween()(seen), 20, Tried())]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1, tried=range(5))[:15] == drawn(1)[5:]


def test_without_minima_there_is_nothing_between_and_no_mirror():
    assert list(LookBetween()(view(0))) == []
    assert list(LookOnMirrors()(view(0))) == []
    assert list(LookAround()(view(0))) == []


@pytest.mark.parametrize("strategy", [LookOnMirrors, LookAround])
def test_draws_begin_near_minima_and_transition_states(strategy):
    seen = view(2)
    seen.transition_states = np.array([np.full(3, 9.0), np.full(3, 8.0)])
    tasks = take(strategy()(seen), 200, Tried())
    starts = {tuple(t.search.args[0]) for t in tasks}
    assert starts == {(0, 1, 2), (3, 4, 5), (9, 9, 9), (8, 8, 8)}
    assert len({task.key for task in tasks}) == 200


@pytest.mark.parametrize("seed", range(5))
def test_a_climb_begins_on_one_mirror_more_and_goes_up_across_it(network, seed):
    """The equal units of the state it starts from stay equal, unless the new mirror takes one."""
    random = np.random.default_rng(seed)
    state = network.random_start(random)
    state = (state + network.neighbor_copies(state)[-1]) / 2
    before = stabilizer(network, state)
    search = _mirrored(state, random, default_tools(network))
    ((start, direction),) = [request.job for request in next(search)]
    assert stabilizer(network, start) >= before == 2
    images = network.neighbor_copies(start + 0.01 * direction)
    apart = np.linalg.norm(np.array(images) - (start - 0.01 * direction), axis=1)
    assert apart.min() < 1e-12
    assert 0 < np.linalg.norm(start - state) < 50 * network.length_scale


def test_a_perturbed_start_lies_in_a_box_and_in_no_excluded_direction(network):
    state = network.random_start(np.random.default_rng(0))
    steps = []
    for k in range(50):
        search = _perturbed(state, np.random.default_rng(k), default_tools(network))
        ((start, direction),) = [request.job for request in next(search)]
        steps.append(start - state)
        np.testing.assert_allclose(direction, steps[-1], atol=1e-14)
    assert np.abs(network.excluded_modes @ np.transpose(steps)).max() < 1e-13
    # A part of the box is projected away: along the axes it shrinks, but only a little.
    sizes = np.abs(steps).max(axis=1)
    low, high = PERTURBATION
    assert 0.5 * low < sizes.min() < 2.0 * low
    assert 0.8 * high < sizes.max() < 2.0 * high


def stabilizer(network, w):
    return network.group_order // network.orbit_size(w)


def test_a_landscape_without_symmetry_has_no_mirrors():
    seen = view(2)
    seen.landscape.neighbor_copies = lambda w: []
    assert list(LookOnMirrors()(seen)) == []


def test_perturbations_of_large_networks_are_no_longer_than_those_of_small_ones():
    lengths = []
    for units in (25, 200):
        inputs = np.random.default_rng(0).normal(size=(30, 2))
        landscape = NetworkLandscape(inputs, np.arange(30) % 3, (units,), 1e-2)
        random = np.random.default_rng(0)
        steps = [perturbation(landscape, random) for _ in range(200)]
        lengths.append(np.mean(np.linalg.norm(steps, axis=1)))
    assert landscape.n_weights > 1000
    assert lengths[1] == pytest.approx(lengths[0], rel=0.1)
