"""Points, tables and arguments of the scaling benchmark; the count of lane-steps."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from benchmarks import scaling
from benchmarks.device_calls import noted

from lossatlas.kernels.quench import Quench
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request

POINT = scaling.Point("weights", 7998, 0.5, 0.25, float("nan"), float("nan"), 3, 0)
LANES = scaling.Fullness(4, 2, 200, 1.0, 0.75, 0.97)


def test_results_survive_json():
    stored = json.loads(json.dumps({"weights": [asdict(POINT)], "fullness": asdict(LANES)}))
    (point,), lanes = scaling.restored(stored)
    np.testing.assert_equal(asdict(point), asdict(POINT))
    assert lanes == LANES


def test_table():
    text = scaling.markdown([POINT], LANES)
    assert "| 7,998 | 0.5 | 0.25 | - | - | 3 minima, 0 triples |" in text
    assert "97.0 %" in text


def test_picture(tmp_path):
    scaling.draw([POINT], tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_arguments():
    assert scaling.parser().parse_args(["--only", "lanes", "fullness"]).only == [
        "lanes",
        "fullness",
    ]
    with pytest.raises(SystemExit):
        scaling.parser().parse_args(["--only", "nonsense"])


@pytest.mark.parametrize("lanes", [1, 3])
def test_lane_steps_are_the_evaluations(lanes):
    """A step of a quench is an evaluation, so both counts of all quenches agree."""
    random = np.random.default_rng(0)
    landscape = NetworkLandscape(random.normal(size=(20, 2)), np.arange(20) % 2, (2,), 1e-2)
    kernel = Quench(steps=7)

    def search(w):
        return (yield Request(kernel, (w, np.asarray(1e-7))))

    with noted() as calls:
        engine = Engine(landscape.surface, lanes=lanes, workers=2)
        starts = random.normal(size=(6, landscape.n_weights))
        found = list(engine.run(search(w) for w in starts))
    taken, executed, slowest, seconds = np.sum([call[1:] for call in calls], axis=0)
    assert taken == executed == sum(int(result.evaluations) for _, result in found)
    assert slowest >= taken
    assert seconds > 0
    assert {call.kernel for call in calls} == {"Quench"}
