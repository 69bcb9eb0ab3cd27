"""The model of a graphics card: searches end as on the CPU, and take as long as the table says."""

import json

import numpy as np
import pytest
from benchmarks import gpu, gpu_model
from benchmarks.gpu_model import Work, cost, modeled, row
from benchmarks.recording import Recording

from lossatlas.landscape import FunctionLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.tools import default_tools
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL

CAMEL = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
MINIMA = [np.array(p.position) for p in SIX_HUMP_CAMEL.points if p.hessian_index == 0]


def test_costs_are_those_of_the_table_and_lie_between_them_elsewhere():
    for name, costs in gpu_model.COSTS.items():
        for lanes, microseconds in zip(gpu_model.AT, costs, strict=True):
            assert cost(name, lanes) == pytest.approx(1e-6 * lanes * microseconds)
        assert cost(name, 3) == cost(name, 64)
        each = [cost(name, lanes) / lanes for lanes in (64, 100, 256, 500, 1024, 3000, 4096)]
        assert each == sorted(each, reverse=True)


@pytest.mark.parametrize("lanes", [2, 64])
def test_modeled_searches_end_as_those_that_were_recorded(tmp_path, lanes):
    ends = []

    def run(engine, times):
        assert times == 1
        outcomes = dict(engine.run(gpu_model.searches(default_tools(CAMEL), MINIMA, 30)))
        found = [[p.transition_state.energy for p in outcomes[k].pathways] for k in range(30)]
        ends.append(found)
        return sum(map(len, found))

    model, cores = modeled(Work("camel", CAMEL.surface, run), lanes, 1, tmp_path)
    again, _ = modeled(Work("camel", CAMEL.surface, run), lanes, 1, tmp_path)  # from the file
    assert ends == [ends[0]] * 3
    assert model.triples == again.triples == sum(map(len, ends[0])) > 10
    # Which searches wait together may differ, but no step can advance more than all lanes.
    (recording,) = tmp_path.iterdir()
    steps = sum(job.steps for job in Recording.kept(recording, lambda: None).jobs.values())
    least = 1e3 * steps / lanes * min(cost(name, lanes) for name in gpu_model.COSTS)
    assert min(model.device, again.device) * model.triples >= least
    assert 0 < model.used <= 1
    assert model.wall >= 0.9 * model.device
    assert cores > 0
    assert row(model, cores).count("|") == 9


def test_links_are_compared_by_what_each_side_reaches():
    ends = json.loads(json.dumps([(0, 0.5), (1, 0.25), (1, 0.125)]))
    turned = [(1, 0.5), (0, 0.125), (0, 0.25 + 1e-12)]
    assert gpu._energies(ends) == gpu._energies(turned)
    assert gpu._energies(ends) != gpu._energies([(0, 0.5), (1, 0.25), (0, 0.125)])


def test_numbers_of_lanes_used_are_counted_in_this_process():
    with gpu.occupancy(None) as used:
        engine = Engine(CAMEL.surface, lanes=2, workers=1)
        outcomes = engine.run(gpu_model.searches(default_tools(CAMEL), MINIMA, 3))
        assert len(list(outcomes)) == 3
    assert used() == 1.0  # on a CPU a lane that has finished executes nothing
    with gpu.occupancy(None) as used:
        pass
    assert np.isnan(used())


def test_the_rate_of_a_survey_counts_from_the_first_new_ones():
    counted = [(0.0, 5, 100, 7), (10.0, 6, 149, 8), (20.0, 7, 150, 9), (30.0, 8, 180, 10)]
    assert gpu.rate(counted) == 3.0
    assert np.isnan(gpu.rate(counted[:3]))


def test_both_sides_are_shown_in_two_tables():
    side = {"device": "cpu:0", "processes": 0, "lanes": 1, "searches": 10}
    side["triples"] = {"count": 8, "wall": 2.0, "most": 5.0, "used": 0.5, "links": []}
    counted = [(0.0, 0, 0, 0), (1.0, 60, 50, 90), (2.0, 80, 70, 99)]
    side["survey"] = {"counted": counted, "used": 1.0}
    *tables, last = gpu.table(side, side).splitlines()
    assert last == "the device over 2 cores: triples 1.0, of nine tenths 1.0, survey 1.0"
    assert "| cpu:0 | 1 | 1 | 8 of 10 | 2.0 | 4.0 | 5.0 | 50 % |" in tables
    assert "| cpu:0 | 1 | 1 | 80 (+80) | 70 (+70) | 99 (+99) | 20.0 | 100 % |" in tables
