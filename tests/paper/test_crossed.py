"""Components of variance of landscapes made by hand, into which known effects were put."""

import math

import pytest
from hand_made import record

from lossatlas.paper.crossed import NUMBERS, split, to_csv, to_markdown
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER

RECIPE = recipes(PAPER)["crossed-d1"]


def found(effect, draws=(1, 2, 3, 4)):
    """Results whose numbers are all `effect(draw, label, search)`."""
    result = []
    for draw in draws:
        for column in RECIPE.columns:
            label, search = map(int, column.key.split("-"))
            numbers = dict.fromkeys(NUMBERS, effect(draw, label, search))
            result.append((column, record(column.cell(draw), **numbers)))
    return result


EFFECTS = {
    "data": lambda draw, label, search: float(draw),
    "labels": lambda draw, label, search: math.cos(draw + 40 * label),
    "searches": lambda draw, label, search: math.cos(draw + 40 * label + 90 * search),
}


@pytest.mark.parametrize("source", EFFECTS)
def test_an_effect_belongs_to_the_seed_that_has_it(source):
    for one in split(RECIPE, found(EFFECTS[source])):
        assert one.shape == (4, 3, 2)
        assert getattr(one.shares, source) > 0.8
        below = dict(zip(one.found._fields, one.found, strict=True))
        if source != "searches":
            assert below["searches"] == 0


def test_results_in_another_order_are_the_same():
    results = found(lambda draw, label, search: math.sin(7 * draw + 3 * label + search))
    assert split(RECIPE, results) == split(RECIPE, results[::-1])


def test_draws_without_all_columns_are_left_out():
    results = found(lambda draw, label, search: draw)
    assert split(RECIPE, results[:-1])[0].shape == (3, 3, 2)
    assert split(RECIPE, results[:7]) == []
    assert to_markdown(RECIPE, []).endswith("or not all in the same way.\n")


def test_draws_beyond_those_of_the_study_change_nothing():
    def effect(draw, label, search):
        return math.sin(7 * draw + 3 * label + search)

    assert split(RECIPE, found(effect, (1, 2, 3, 4, 11))) == split(RECIPE, found(effect))


def test_the_table_has_standard_deviations_with_shares():
    results = split(RECIPE, found(lambda draw, label, search: 0.1 * draw))
    text = to_markdown(RECIPE, results)
    assert "4 × 3 × 2" in text
    assert "| data | 0.1291 (" in text  # the standard deviation of .1, .2, .3, .4
    assert "share 100 %" in text
    assert len(to_csv(results).splitlines()) == 1 + 3 * len(NUMBERS)


def test_numbers_that_do_not_vary_have_no_shares():
    (one, *_) = split(RECIPE, found(lambda draw, label, search: 0.5))
    assert one.found == (0, 0, 0)
    assert math.isnan(one.shares.data)
    assert "share" not in to_markdown(RECIPE, [one])


def test_landscapes_that_were_computed_in_several_ways_are_not_combined():
    results = found(lambda draw, label, search: float(draw))
    column, record = results[3]
    other = record._replace(about={**record.about, "setting": {"width": [192]}})
    assert split(RECIPE, [*results[:3], (column, other), *results[4:]]) == []
