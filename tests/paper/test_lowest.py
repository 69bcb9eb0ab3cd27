"""Lowest losses by seed, from cells made by hand whose lowest minimum is the second of three."""

from hand_made import write

from lossatlas.paper.exploring import records
from lossatlas.paper.lowest import lowest, to_csv, to_markdown
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER

RECIPE = recipes(PAPER)["seeds-1000"]


def results(folder, losses, draw=1):
    for column, loss in zip(RECIPE.columns, losses, strict=False):
        numbers = {"gmin_loss": loss, "test_gmin_auc": 0.7, "connected_minima": 3.0}
        write(folder, column.cell(draw), **numbers)
    return records(RECIPE, folder)


def test_gaps_are_those_within_a_network(tmp_path):
    found = lowest(results(tmp_path, [0.81, 0.80, 0.83, 0.5, 0.5, 0.5]))
    gaps = [round(one.gap, 12) for one in found]
    assert gaps == [0.01, 0.0, 0.03, 0.0, 0.0, 0.0]
    assert {one.found_as for one in found} == {2}
    text = to_markdown(RECIPE, found)
    assert "2 hidden layers, draw 1: the lowest losses are up to 0.03 apart" in text
    assert "3 hidden layers, draw 1: the lowest loss is the same with all seeds" in text


def test_draws_are_not_compared_with_each_other(tmp_path):
    results(tmp_path, [0.81] * 6)
    found = lowest(results(tmp_path, [0.7] * 6, draw=2))
    assert [one.gap for one in found] == [0.0] * 12
    assert "draw 2: the lowest loss is the same" in to_markdown(RECIPE, found)


def test_seeds_that_are_missing_leave_it_open(tmp_path):
    found = lowest(results(tmp_path, [0.81, 0.81]))
    text = to_markdown(RECIPE, found)
    assert "2 hidden layers, draw 1: 2 of 3 seeds were run" in text
    assert "3 hidden layers, draw 1: 0 of 3 seeds were run" in text
    assert to_markdown(RECIPE, []).endswith("Not run.\n")


def test_the_file_has_a_line_for_each_seed(tmp_path):
    found = lowest(results(tmp_path, [0.81] * 6))
    lines = to_csv([(RECIPE, found)]).splitlines()
    assert len(lines) == 7
    assert lines[1].startswith("seeds-1000,2-1,1,0.81,0,2,3,")


def test_landscapes_that_were_computed_in_several_ways_are_not_compared(tmp_path):
    found = results(tmp_path, [0.81] * 6)
    column, record = found[0]
    other = record._replace(about={**record.about, "setting": {"width": [192]}})
    text = to_markdown(RECIPE, lowest([(column, other), *found[1:]]))
    assert "2 hidden layers, draw 1: not compared" in text
    assert "3 hidden layers, draw 1: the lowest loss is the same" in text
