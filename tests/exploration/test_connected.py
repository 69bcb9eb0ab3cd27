"""The aim "connected": what it calls the main set, what it proposes, and what comes of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from explored import explore, rough_landscape
from hypothesis import given, strategies as st

from lossatlas.atlas import Atlas
from lossatlas.atlas.log import read_draws
from lossatlas.errors import BadInputError
from lossatlas.exploration.catalog import AIMS, chosen
from lossatlas.exploration.components import Components
from lossatlas.exploration.connected import CHAINS, FindLowest, shortest_way
from lossatlas.exploration.main_set import main_set
from lossatlas.exploration.stop_rules import ExploreOptions
from lossatlas.exploration.tasks import take
from lossatlas.exploration.tried import Tried


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_the_main_set_by_its_definition(labels, random):
    labels, m = np.minimum(labels, len(labels) - 1), len(labels)
    energies = np.array(random.sample(range(99), m), float)
    inside = np.array([random.random() < 0.8 for _ in range(m)])
    found = main_set(labels, energies, inside, established=3)
    sets = {one: np.flatnonzero((labels == one) & inside) for one in set(labels[inside].tolist())}
    if not sets:
        assert (found.label, found.lowest) == (-1, -1)
        return
    lowest = min(sets, key=lambda one: energies[sets[one]].min())
    large = [one for one in sets if len(sets[one]) >= 3]
    largest = min(large, key=lambda one: (-len(sets[one]), energies[sets[one]].min()), default=None)
    assert found.lowest == lowest
    assert found.label == (lowest if largest is None else largest)
    assert found.members.tolist() == [one == found.label for one in labels.tolist()]
    on_island = found.on_the_lowest_island
    assert on_island.any() == (found.label != found.lowest)


@given(st.data())
def test_the_shortest_way_costs_least(data):
    """Against Floyd and Warshall's algorithm on components."""
    m = data.draw(st.integers(2, 7))
    labels = np.array(data.draw(st.lists(st.integers(0, m - 1), min_size=m, max_size=m)))
    ends = st.tuples(st.integers(0, m - 1), st.integers(0, m - 1))
    pairs = np.array(data.draw(st.lists(ends, max_size=12)), int).reshape(-1, 2)
    pairs = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    costs = np.array([data.draw(st.sampled_from([1.0, 2.0, 3.5, np.inf])) for _ in pairs])
    begin, end = int(labels[0]), int(labels[-1])
    apart = np.full((m, m), np.inf)
    np.fill_diagonal(apart, 0.0)
    for (a, b), cost in zip(labels[pairs].tolist(), costs, strict=True):
        apart[a, b] = apart[b, a] = min(apart[a, b], cost)
    for k in range(m):
        apart = np.minimum(apart, apart[:, [k]] + apart[[k]])
    way = shortest_way(labels, pairs, costs, (begin, end))
    if begin == end or np.isinf(apart[begin, end]):
        assert not len(way)
        return
    assert costs[way].sum() == pytest.approx(apart[begin, end])
    here = begin
    for row in way:
        a, b = labels[pairs[row]].tolist()
        assert here in (a, b)
        here = b if here == a else a
    assert here == end


def test_labels_are_the_first_minimum_of_each_component():
    random, components = np.random.default_rng(1), Components()
    components.add([True] * 50)
    for a, b in random.integers(50, size=(40, 2)).tolist():
        components.join(a, b)
        labels = components.labels()
        assert labels.tolist() == [components.find(k) for k in range(50)]
        assert all(labels[k] <= k for k in range(50))


def test_an_exploration_begins_with_some_chains_and_no_more():
    view = SimpleNamespace(seed=0, tried=Tried())
    propose = FindLowest()
    assert len(take(propose(view), 10, view.tried)) == 10
    assert len(take(propose(view), 99, view.tried)) == CHAINS - 10
    assert not take(FindLowest()(view), 99, view.tried)


def test_each_aim_has_its_own_strategies_and_draws():
    assert {strategy.name for strategy in chosen()}.isdisjoint(
        {s.name for s in chosen(aim="connected")} - {"independent-minima"}
    )
    ours, draws = AIMS["connected"]
    assert chosen(aim="connected") == (*ours, *draws)
    assert ExploreOptions(aim="connected").share_of_draws == 0.05
    assert {strategy.draws for strategy in draws} == {"minima", "connected"}


def test_how_complete_an_atlas_is_cannot_be_asked_of_one_connected_set():
    with pytest.raises(BadInputError, match="until: draws from one connected set"):
        ExploreOptions(aim="connected", until=0.9)


def test_draws_of_both_aims_are_kept_apart_in_one_atlas(tmp_path):
    path, landscape = tmp_path / "both.atlas", rough_landscape()
    explore(landscape, path, aim="connected", minima=60, independent_share=0.5)
    explore(landscape, path, minima=90, independent_share=0.5)
    with Atlas.open(path) as atlas:
        strategies = atlas.attempts()["strategy"].value_counts()
        draws = {stream: len(read_draws(atlas, stream)) for stream in ("minima", "saddles")}
    assert strategies["independent-connected"] > 0
    assert draws["saddles"] == strategies["independent-saddles"] > 0
    assert draws["minima"] == strategies["independent-minima"] > 0


def test_what_climbs_and_bands_find_is_connected_and_so_is_the_lowest(tmp_path):
    path = tmp_path / "connected.atlas"
    explore(rough_landscape(), path, aim="connected", minima=200)
    with Atlas.open(path) as atlas:
        network, attempts = atlas.network(), atlas.attempts()
        assert atlas.runs()["options"].iloc[-1]["aim"] == "connected"
    found = main_set(network.components, network.minimum_energies)
    assert found.label == found.lowest
    grown = attempts[attempts["strategy"].isin(["single-ended", "within"])]
    reached = {one for some in grown["minima"] for one in some} & set(network.minimum_ids.tolist())
    members = set(network.minimum_ids[found.members].tolist())
    assert len(reached) > 40
    assert len(reached & members) > 0.95 * len(reached)


def test_one_that_is_continued_finds_what_it_would_have_found(tmp_path):
    landscape = rough_landscape()
    for name, stops in (("once", [80]), ("twice", [25, 80])):
        for stop in stops:
            explore(landscape, tmp_path / f"{name}.atlas", aim="connected", minima=stop)
    tables = []
    for name in ("once", "twice"):
        with Atlas.open(tmp_path / f"{name}.atlas") as atlas:
            tables.append(atlas.attempts()[["strategy", "what", "new_minima"]])
    assert tables[0].equals(tables[1])
