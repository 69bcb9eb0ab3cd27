"""Kernels, neighbors and paths measured on a small landscape."""

import sys
from unittest.mock import patch

import numpy as np
import pytest
from benchmarks import arguments, kernels, neighbors, paths, verification

from lossatlas.atlas import Atlas, Problem
from lossatlas.exploration import ExploreOptions, grow
from lossatlas.landscape import NetworkLandscape


@pytest.fixture(scope="module")
def landscape():
    random = np.random.default_rng(2)
    labels = np.arange(40) % 3
    inputs = random.normal(size=(40, 2)) + np.array([[0.0, 0.0], [1.0, 0.5], [0.3, 1.0]])[labels]
    return NetworkLandscape(inputs, labels, (3,), 1e-3)


@pytest.fixture(scope="module")
def found(landscape, tmp_path_factory):
    """Weights of minima and of transition states, and which minima these join."""
    path = tmp_path_factory.mktemp("benchmarks") / "small.atlas"
    with Atlas.create(path, Problem(landscape.fingerprint())) as atlas:
        grow(landscape, atlas, ExploreOptions(transition_states=6))
        points = atlas.network()
        minima = np.array(atlas.minimum_weights([int(i) for i in points.minimum_ids]))
        ids = [int(i) for i in points.transition_state_ids]
        saddles = np.array(atlas.transition_state_weights(ids))
    pairs = list(zip(points.minimum_1, points.minimum_2, strict=True))
    return minima, saddles, pairs


def test_operations_are_measured_in_many_lanes(landscape, monkeypatch):
    monkeypatch.setattr(kernels, "ROUNDS", 1)
    head, *rows = kernels.vectorized(landscape, 3)
    assert "sums | products" in head
    with patch.object(kernels, "best_of", lambda code, x: code.as_text().count(" dot(")):
        _, *dots = kernels.vectorized(landscape, 3)
    for row in dots[:3]:
        sums, multiplied = (float(cell) for cell in row.split("|")[2:4])
        assert sums < multiplied
    assert len(rows) == 5
    assert all(float(cell) > 0 for row in rows for cell in row.split("|")[2:4])


def test_kernels_are_all_measured(landscape, monkeypatch):
    monkeypatch.setattr(kernels, "ROUNDS", 3)
    times = kernels.kernels(landscape)
    assert {"both, to steer by", "energy + gradient"} <= set(times)
    assert all(0 < time < 1e5 for time in times.values()), times


def test_ranks_are_places_in_the_order_of_distance(landscape, found):
    minima, _, pairs = found
    pairs = [pair for pair in pairs if pair[0] != pair[1]][:2]
    rows = {row.name: row for row in neighbors.ranked(landscape, minima, pairs)}
    assert list(rows) == ["invariants", "descriptors", "nearest copies"]
    for (a, b), rank in zip(pairs, rows["nearest copies"].ranks, strict=True):
        apart = [np.linalg.norm(landscape.nearest_copy(w, minima[a]) - minima[a]) for w in minima]
        assert rank == sorted(apart).index(apart[b]) - 1


def test_paths_at_the_tightest_tolerance_are_the_measure(landscape, found, monkeypatch):
    monkeypatch.setattr(paths, "TOLERANCES", (1e-4, 5e-3))
    tight, loose = paths.followed(landscape, found[1][:2])
    assert (tight.wrong, tight.paths, loose.paths) == (0, 4, 4)
    assert tight.hessians > loose.hessians


def test_confirming_paths_lead_where_tighter_ones_do(landscape, tmp_path):
    path = tmp_path / "small.atlas"
    problem = Problem(landscape.fingerprint())
    said, *phases, ratio = verification.phases(landscape, problem, path, 6, "small")
    assert int(said.split()[-3]) >= 6  # transition states
    cpu = [float(row.split(", small")[1].split()[0]) for row in phases]
    assert len(cpu) == 2  # and no failures
    assert ratio.startswith("verifying / exploring")
    with Atlas.open(path) as atlas:
        rows = list(verification.compared(landscape, atlas, 4))
    assert [row.split()[-3:] for row in rows] == 3 * [["0", "of", "4"]]
    hessians = [float(row[37:].split()[0]) for row in rows]
    assert hessians == sorted(hessians, reverse=True)


def test_other_ends_are_noticed():
    ends = verification.Ends([[(0.1, 0)], [(0.2, 0)]], None)  # type: ignore[arg-type]
    for sides, same in (
        ([[(0.1, 0)], [(0.2 + 1e-10, 0)]], True),
        ([[(0.1, 0)], [(0.2 + 1e-7, 0)]], False),
        ([[(0.1, 0)], [(0.2, 1)]], False),
        ([[(0.1, 0)], [(0.2, 0), (0.3, 0)]], False),
        ([], False),
    ):
        assert verification.same(ends, ends._replace(sides=sides)) is same


def test_arguments(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["paths", "a.atlas", "--sample", "7"])
    assert arguments.atlas_and_sample("Title.\n\nMore.", 50) == ("a.atlas", 7)
    monkeypatch.setattr(sys, "argv", ["paths", "--help"])
    with pytest.raises(SystemExit):
        arguments.atlas_and_sample("Title.\n\nMore.", 50)
    assert "Title." in capsys.readouterr().out
