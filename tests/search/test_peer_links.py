"""The Fortran programs' D2 landscape: every transition state certified, every link by flow."""

import csv

import numpy as np
import pytest
from lane_runs import in_order

from lossatlas.errors import Status
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools


@pytest.fixture(scope="module")
def peer(shared):
    """Every stored point certified, and followed if it is a transition state."""
    folder = shared / "peer" / "d2"
    rows = np.loadtxt(folder / "MLPdata")
    landscape = NetworkLandscape(rows[:, 1:], rows[:, 0].astype(int), (10,), 1e-4)
    tools = default_tools(landscape)
    minima = np.fromfile(folder / "points.min", "<f8").reshape(-1, landscape.n_weights)
    saddles = np.fromfile(folder / "points.ts", "<f8").reshape(-1, landscape.n_weights)

    def search(w, is_saddle):
        certificate = yield from certified(tools, w)
        if certificate.point is None or not is_saddle:
            return certificate.point, None
        followed = yield from follow(tools, certificate.point, certificate.modes[0])
        return certificate.point, followed

    searches = [search(w, False) for w in minima] + [search(w, True) for w in saddles]
    found = in_order(Engine(landscape.surface), searches)
    with (folder / "flow.csv").open() as file:
        table = list(csv.DictReader(file))
    return landscape, found[: len(minima)], found[len(minima) :], table, (minima, saddles)


def test_all_points_are_certified_and_hardly_moved(peer):
    landscape, minima, saddles, _, stored = peer
    assert (len(minima), len(saddles)) == (11, 30)
    for index, found, files in ((0, minima, stored[0]), (1, saddles, stored[1])):
        for (point, _), w in zip(found, files, strict=True):
            assert point is not None
            assert point.index == index
            assert point.rms_gradient <= 1e-12
            assert point.uncertainty < 1e-7
            assert np.linalg.norm(point.weights - w) < 1e-2
            gap = np.linalg.norm(point.weights - w)
            aligned = landscape.nearest_copy(w, point.weights)
            assert np.linalg.norm(aligned - point.weights) <= gap + 1e-8


def test_all_have_equal_units_and_small_orbits(peer):
    landscape, minima, saddles, _, _ = peer
    for point, _ in [*minima, *saddles]:
        assert point.orbit_size < landscape.group_order
        assert landscape.group_order % point.orbit_size == 0


def test_identity_tells_all_apart_but_the_one_listed_twice(peer):
    _, minima, saddles, _, _ = peer
    for found, same in ((minima, set()), (saddles, {(1, 4)})):
        points = [point for point, _ in found]
        pairs = {
            (i, j)
            for j, b in enumerate(points)
            for i, a in enumerate(points[:j])
            if np.abs(a.invariants - b.invariants).max() < 1e-7
        }
        assert pairs == same


def test_links_are_those_of_the_integrated_flow(peer):
    _, _, saddles, table, _ = peer
    for (point, followed), row in zip(saddles, table, strict=True):
        assert point.energy == pytest.approx(float(row["loss"]), abs=1e-10)
        assert point.lowest_eigenvalues[0] == pytest.approx(float(row["curvature"]), rel=0.02)
        assert followed.status is Status.CONVERGED
        ends = sorted(end.minimum.energy for end in followed.pathways[-1].ends)
        expected = sorted(float(row[f"flow_minimum_{k}"]) for k in (1, 2))
        assert ends == pytest.approx(expected, abs=2e-9), row["ts"]


def test_ends_are_certified_minima(peer):
    _, _, saddles, _, _ = peer
    for point, followed in saddles:
        for pathway in followed.pathways:
            assert pathway.transition_state.index == 1
            for end in pathway.ends:
                assert end.minimum.index == 0
                assert end.minimum.rms_gradient <= 1e-12
                assert end.minimum.energy < pathway.transition_state.energy <= point.energy
                if end.via is not None:
                    assert end.minimum.energy < end.via.energy
