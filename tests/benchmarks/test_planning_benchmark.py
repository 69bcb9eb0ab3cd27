"""The benchmark of planning on an atlas of a few minima."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import planning
from benchmarks.synthetic_atlas import fill, landscape, states_at

from lossatlas.atlas import Atlas
from lossatlas.exploration.view import Observer

MINIMA = 80


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("planning") / "a.atlas")
    fill(path, landscape(), MINIMA)
    return path


def test_made_up_atlases_are_sound(path):
    """Every point was found by the attempt that says so, links lead to points found before."""
    with Atlas.open(path) as atlas:
        wrong = [text for text in atlas.check() if "times_found" not in text and "more" not in text]
        view, points = Observer(atlas, landscape()).view(), atlas.network()
    assert wrong == []
    assert len(points.minimum_ids) == MINIMA
    assert len(points.transition_state_ids) == states_at(MINIMA)
    alone = np.bincount(points.components)[points.components] == 1
    assert alone[np.arange(20, MINIMA + 1, 20) - 1].all()
    assert 0.8 < view.connected_part() <= 0.95
    met = np.repeat(np.arange(1, MINIMA + 1), np.diff([states_at(k) for k in range(MINIMA + 1)]))
    assert (np.maximum(points.minimum_1, points.minimum_2) < met).all()


def test_rounds_are_planned_and_committed(path, monkeypatch, tmp_path):
    monkeypatch.setattr(planning, "SEARCHES", 48)
    found = planning.measured(path, MINIMA)
    assert found.minima > MINIMA
    assert found.transition_states > states_at(MINIMA)
    assert found.attempts >= 4 * MINIMA + 48
    assert 0 < found.planning < found.together < 100
    lines = list(planning.table([found]))
    assert lines[0].count("|") == lines[2].count("|")
    planning.draw([found], tmp_path / "planning.png")
    assert (tmp_path / "planning.png").read_bytes().startswith(b"\x89PNG")


def test_arguments():
    options = planning.parser().parse_args(["--width", "384", "--folder", "kept"])
    assert (options.width, options.folder, options.quick) == (384, Path("kept"), False)
