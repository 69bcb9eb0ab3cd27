"""Tables against hand-made cells."""

import csv
import io

import pytest
from hand_made import record, write

from lossatlas.paper import differences, tables
from lossatlas.paper.distributions import distributions
from lossatlas.paper.exploring import records
from lossatlas.paper.published import explanation, published
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER

D2 = recipes(PAPER)["noise-d2"]


def cells(**values: list[float]):
    """Records of the first column (no errors), one a draw, and one of the second."""
    first, second = D2.columns[:2]
    found = [
        (first, record(first.cell(draw + 1), **{name: v[draw] for name, v in values.items()}))
        for draw in range(len(next(iter(values.values()))))
    ]
    return [*found, (second, record(second.cell(1), gmin_loss=0.8))]


def entry(table, name: str, column: str):
    (found,) = [e for e in table if (e.quantity.name, e.column) == (name, column)]
    return found


def test_entries_hold_the_numbers_of_the_paper_and_of_every_draw():
    table = tables.entries(D2, cells(gmin_loss=[0.50, 0.52, 0.57], minima=[5, 6, 7]))
    loss = entry(table, "gmin_loss", "0")
    assert (loss.paper, loss.ours, loss.draws) == (0.519, (0.50, 0.52, 0.57), 3)
    assert entry(table, "minima", "10").ours == ()
    assert entry(table, "cpu_minutes", "0").ours == (1.0, 1.0, 1.0)


def test_csv_has_mean_spread_and_range():
    table = tables.entries(D2, cells(gmin_loss=[0.50, 0.52, 0.57]))
    rows = list(csv.DictReader(io.StringIO(tables.to_csv(table))))
    (row,) = [r for r in rows if (r["quantity"], r["column"]) == ("gmin_loss", "0")]
    assert float(row["ours_mean"]) == pytest.approx(0.53)
    assert float(row["ours_sd"]) == pytest.approx(0.0360555)
    numbers = [row[name] for name in ("paper", "ours_min", "ours_max", "draws")]
    assert numbers == ["0.519", "0.5", "0.57", "3"]
    (single,) = [r for r in rows if (r["quantity"], r["column"]) == ("gmin_loss", "10")]
    assert (single["ours_mean"], single["ours_sd"]) == ("0.8", "")
    (missing,) = [r for r in rows if (r["quantity"], r["column"]) == ("gmin_loss", "50")]
    assert (missing["paper"], missing["ours_mean"], missing["draws"]) == ("1.285", "", "0")


def test_markdown_shows_the_paper_beside_ours():
    made = cells(gmin_loss=[0.50, 0.52], minima=[5, 6], incorrect_mean_auc=[float("nan")] * 2)
    text = tables.to_markdown(tables.entries(D2, made))
    head, _, *lines = text.splitlines()
    assert head == "|  | 0 % errors | 10 % errors | 50 % errors | 100 % errors |"
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in lines}
    assert rows["training loss, global minimum"][:2] == [
        "0.519 / 0.510 ± 0.014 (0.500 to 0.520)",
        "0.791 / 0.800",
    ]
    assert rows["minima"][2] == "26 / not run"
    assert rows["incorrect part AUC, mean over minima"][0] == "not defined"
    assert "bottoms of monotonic sequences" not in rows


def test_a_column_without_any_number_is_named_below_the_table():
    recipe = recipes(PAPER)["kinds-permutation-d2"]
    made = cells(gmin_loss=[0.5])
    assert len(recipe.columns) == 8
    head, *_, last = tables.to_markdown(tables.entries(recipe, made)).splitlines()
    assert head == "|  | 0 % errors | 10 % errors |"
    assert last.startswith("Not run: 25 % errors, 50 % errors, ")
    head, *_ = tables.to_markdown(tables.entries(recipe, [])).splitlines()
    assert head.count("% errors") == 8


def test_remarks_stand_below_the_table():
    table = tables.entries(recipes(PAPER)["noise-d1"], [])
    text = tables.to_markdown(table)
    assert "0.726 (1) / not run" in text
    assert "\n1. 0.726 is almost surely a misprint" in text


def test_mnist_is_compared_with_table_iii_at_both_lambdas():
    for name in ("mnist-nearest", "mnist-as-written"):
        table = tables.entries(recipes(PAPER)[name], [])
        assert entry(table, "rank_test_mean_auc", "50").paper == 0.9197


def test_published_numbers_as_printed():
    assert published("noise-d1", "50")["correct_sd_auc"] == 0.0072
    assert published("noise-d2", "100")["test_gmin_loss"] == 2.771
    assert published("mnist", "75")["incorrect_mean_auc"] == 0.9164
    assert published("layers-100", "3") == {"minima": 193036, "transition_states": 540962}
    assert "correct_mean_auc" not in published("noise-d1", "100")


def test_differences_are_explained_or_marked():
    made = cells(gmin_loss=[0.50, 0.53], minima=[400, 401], transition_states=[19, 21])
    text = differences.to_markdown(tables.entries(D2, made))
    # Of 0 %: the loss and the transition states agree, the minima do not; 10 % has one draw.
    assert text.startswith("2 printed numbers lie within the spread of our draws, 2 do not.")
    rows = [line for line in text.splitlines() if line.startswith("| noise-d2")]
    assert [row.split(" | ")[2] for row in rows] == ["minima", "training loss, global minimum"]
    assert rows[1].endswith("one draw only, the spread is not known |")
    known = explanation("noise-d2", "0", "minima")
    assert rows[0].endswith(f"{known or '**unexplained**'} |")


def test_prediction_interval_covers_a_further_draw():
    import numpy as np

    random = np.random.default_rng(5)
    samples = random.normal(3.0, 2.0, (1000, 4))
    inside = 0
    for sample in samples:
        low, high = differences.prediction_interval(sample[:3])
        inside += low <= sample[3] <= high
    assert inside / len(samples) == pytest.approx(0.95, abs=0.02)


def test_class_distributions(tmp_path):
    write(tmp_path, D2.columns[1].cell(1))
    markdown, table = distributions([(D2, records(D2, tmp_path))])
    assert "|  | draw | before: a, b | changed: a, b | after: a, b |" in markdown
    assert "| 10 % errors | 1 | 3, 2 | 1, 0 | 2, 3 |" in markdown
    assert table.splitlines()[1] == "noise-d2,10 % errors,1,a,3,1,2"
