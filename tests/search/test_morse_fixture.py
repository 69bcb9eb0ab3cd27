"""Complete landscapes of tiny networks, found independently: the searches find the same."""

import json
from functools import partial

import numpy as np
import pytest
from lane_runs import each_in_order, in_order
from reference_networks import compiled, newton

from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.tools import default_tools
from lossatlas.search.transition_states import double_ended, single_ended


def distinct(points):
    found = {}
    for point in points:
        found.setdefault(tuple(np.round(point.invariants, 7) + 0.0), point)
    return sorted(found.values(), key=lambda point: point.energy)


@pytest.fixture(
    scope="module",
    params=[0, 1, pytest.param(2, marks=pytest.mark.slow)],
    ids=["1 unit", "1 unit, soft", "2 units"],
)
def case(request, shared):
    fixture = json.loads((shared / "morse_fixture.json").read_text())
    known = fixture["cases"][request.param]
    landscape = NetworkLandscape(
        np.array(fixture["X"]), np.array(fixture["c"]), (known["n_hidden"],), known["lam"]
    )
    tools, engine = default_tools(landscape), Engine(landscape.surface)
    options = BasinHoppingOptions(steps=4)
    chains = each_in_order(
        engine, [basin_hopping(tools, np.random.default_rng(k), options) for k in range(10)]
    )
    minima = distinct(m for chain in chains for quench in chain for m in quench.minima)
    searches = [
        single_ended(tools, m.weights, mode, sign, reach)
        for m in minima
        for mode in range(5)
        for sign in (1, -1)
        for reach in (1.0, 3.0)
    ]
    for i, a in enumerate(minima):
        ends = [landscape.nearest_copy(b.weights, a.weights) for b in minima[:i]]
        for end in [*ends, *landscape.neighbor_copies(a.weights)]:
            searches.append(double_ended(tools, a.weights, end))
    attempts = in_order(engine, searches)
    return known, landscape, minima, [p for a in attempts for p in a.pathways]


def expected(known, landscape, index):
    polish = partial(newton, loss=compiled(landscape)[0], hessian=compiled(landscape)[1])
    return [
        (p, landscape.invariants(polish(np.array(p["w"]))))
        for p in sorted(known["points"], key=lambda p: p["E"])
        if p["index"] == index
    ]


def assert_same_points(found, points):
    assert len(found) == len(points)
    for point, (known, invariants) in zip(found, points, strict=True):
        assert point.energy == pytest.approx(known["E"], abs=1e-12)
        assert point.orbit_size == known["orbit"]
        np.testing.assert_allclose(point.invariants, invariants, atol=1e-10)
        assert point.rms_gradient <= 1e-12


def test_all_minima_are_found(case):
    known, landscape, minima, pathways = case
    assert_same_points(minima, expected(known, landscape, 0))
    ends = distinct(end.minimum for p in pathways for end in p.ends)
    assert len(distinct([*minima, *ends])) == len(minima)


def test_all_index_one_points_are_found(case):
    known, landscape, _, pathways = case
    saddles = distinct(p.transition_state for p in pathways)
    assert_same_points(saddles, expected(known, landscape, 1))


def test_orbits_of_what_was_found_complete_the_euler_sum(case):
    known, _, minima, pathways = case
    saddles = distinct(p.transition_state for p in pathways)
    higher = sum((-1) ** p["index"] * p["orbit"] for p in known["points"] if p["index"] > 1)
    found = sum(m.orbit_size for m in minima) - sum(s.orbit_size for s in saddles)
    assert found + higher == 1


def test_links_lead_downhill_and_join_all_minima(case):
    _, _, minima, pathways = case
    names = {tuple(np.round(m.invariants, 7) + 0.0): k for k, m in enumerate(minima)}
    joined = list(range(len(minima)))
    for pathway in pathways:
        ends = [names[tuple(np.round(end.minimum.invariants, 7) + 0.0)] for end in pathway.ends]
        assert max(e.minimum.energy for e in pathway.ends) < pathway.transition_state.energy
        old, new = joined[ends[0]], joined[ends[1]]
        joined = [new if k == old else k for k in joined]
    assert len(set(joined)) == 1
