"""Costs from landscapes made by hand."""

import math

import pytest
from hand_made import record

from lossatlas.paper.budget import costs, rate, to_markdown
from lossatlas.paper.cell import Effort
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER

LAYERS = recipes(PAPER)["layers-1000"]


def grown(seconds, minima, states, connected, draw=1):
    column = LAYERS.columns[0]
    made = record(column.cell(draw), connected_minima=connected)
    discovery = {"cpu_seconds": seconds, "minima": minima, "transition_states": states}
    effort = Effort(seconds[-1], seconds[-1], minima[-1], states[-1], 9, "time")
    return column, made._replace(effort=effort, about={**made.about, "discovery": discovery})


def test_rates_are_those_of_the_last_half_of_the_time():
    _, one = grown([0.0, 50.0, 100.0], [0, 400, 500], [0, 100, 100], 300)
    assert rate(one, "minima") == pytest.approx(0.5)
    assert rate(one, "transition_states") == math.inf


def test_what_is_missing_takes_its_time():
    both = [
        grown([0.0, 300.0, 600.0], [0, 900, 1500], [0, 500, 1100], 1000.0),
        grown([0.0, 300.0, 600.0], [0, 900, 1500], [0, 500, 1100], 2000.0, draw=2),
    ]
    (found,) = costs([(LAYERS, both)])
    assert (found.draws, found.connected, found.minutes) == (2, 1500.0, 10.0)
    assert found.per_connected == pytest.approx(0.4)
    assert found.to_the_paper == pytest.approx((3630 - 1500) * 0.4 / 60)
    assert found.planned == 20.0 * LAYERS.draws
    text = to_markdown([found])
    assert "| layers-1000 | 2 hidden layers (5, 5) | 2 | 10.0 | 1,500 | 1,500 | 1,100 |" in text


def test_a_count_that_is_reached_needs_no_more_time():
    (found,) = costs([(LAYERS, [grown([0.0, 60.0], [0, 9000], [0, 99], 9000.0)])])
    assert found.to_the_paper == 0.0
    assert costs([(LAYERS, [])]) == []
    deep = recipes(PAPER)["masks-two"]  # of which the paper prints nothing
    _, made = grown([0.0, 60.0], [0, 9000], [0, 99], 9000.0)
    (found,) = costs([(deep, [(deep.columns[0], made)])])
    assert math.isnan(found.to_the_paper)
