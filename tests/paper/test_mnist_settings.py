"""The nearest setting where it is known, because the numbers of the paper were put into it."""

import math

import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.paper.mnist_report import figure, to_csv, to_markdown
from lossatlas.paper.mnist_scan import GRIDS, PARTS, TOLERANCES, Descents, Place, file_of
from lossatlas.paper.mnist_settings import (
    AVERAGES,
    HELD_OUT,
    distance,
    draws_of_nearest,
    fits,
    key_of,
    nearest,
    numbers_of,
    places,
    printed,
)

POOLED = "mean over classes, sd over minima and classes"
CLASSES, STARTS, BEST = 10, 3, 4


def as_printed(column: str) -> np.ndarray:
    """(s, 4, C + 1) AUC whose pooled mean and standard deviation are those of the paper."""
    found, count = np.full((STARTS, len(PARTS), CLASSES + 1), np.nan), STARTS * CLASSES
    for number, part in enumerate(PARTS):
        if (part, "mean") in (paper := printed(column)):
            aside = paper[part, "sd"] * math.sqrt((count - 1) / count)
            found[:, number, :-1] = paper[part, "mean"] + aside * (-1.0) ** np.arange(CLASSES)
            found[:, number, -1] = paper[part, "mean"]
    return found


def write(folder, place: Place, auc: np.ndarray, reached: int = len(TOLERANCES)) -> None:
    """Descents with these AUC at tolerance number `BEST`, and worse ones at all others."""
    every = np.repeat(auc[:, None], len(TOLERANCES), axis=1)
    every += 0.05 * abs(np.arange(len(TOLERANCES)) - BEST)[None, :, None, None]
    loss = np.ones((STARTS, len(TOLERANCES)))
    every[:, reached:], loss[:, reached:] = np.nan, np.nan
    path = file_of(folder, "paper", place)
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **Descents(every, loss, np.ones(loss.shape, int))._asdict())


@pytest.fixture
def folder(tmp_path):
    """Two lambda, of which the second has the numbers of the paper, apart from what is held out."""
    for error in GRIDS["paper"].errors:
        key = key_of(error)
        wrong = 0.01 * (key in HELD_OUT)
        write(tmp_path, Place("divided by 255", 0.1, error, 1), as_printed(key) - 0.12)
        write(tmp_path, Place("divided by 255", 0.007, error, 1), as_printed(key) + wrong)
    return tmp_path


def test_the_setting_with_the_numbers_of_the_paper_is_the_nearest(folder):
    found = fits(folder, "paper")
    assert len(found) == 2 * len(TOLERANCES) * len(AVERAGES)
    best = nearest(found)
    assert best is not None
    assert best is found[0]
    assert best.setting == ("divided by 255", 0.007, pytest.approx(TOLERANCES[BEST]), POOLED)
    assert best.chosen_by == pytest.approx(0, abs=1e-4)
    assert best.held_out > 0.1  # what is held out does not take part in the choice


def test_distance_by_hand():
    ours = {"50": {("test", "mean"): 0.90, ("test", "sd"): 0.03}, "5": {}}
    paper = {"50": {("test", "mean"): 0.92, ("test", "sd"): 0.02}}
    assert distance(ours, paper) == pytest.approx(math.sqrt((1.0**2 + 0.5**2) / 2))
    assert math.isnan(distance({"50": {("test", "mean"): 0.9}}, paper))
    assert math.isnan(distance({}, paper))


def test_averages_by_hand():
    auc = np.random.default_rng(0).uniform(size=(5, 4, 11))
    auc[:, 1, 3] = np.nan  # a class of which no label is wrong
    single = np.delete(auc[:, 1, :-1], 3, axis=1)
    found = {name: numbers_of(auc, name) for name in AVERAGES}
    over = found["mean over classes, sd over minima"]
    assert over["incorrect", "mean"] == pytest.approx(single.mean())
    assert over["incorrect", "sd"] == pytest.approx(single.mean(axis=1).std(ddof=1))
    assert found[POOLED]["incorrect", "sd"] == pytest.approx(single.std(ddof=1))
    assert found["class 0"]["test", "sd"] == pytest.approx(auc[:, 3, 0].std(ddof=1))
    assert found["all classes together"]["train", "mean"] == pytest.approx(auc[:, 0, -1].mean())


def test_tolerances_that_some_descent_did_not_reach_are_left_out(folder):
    write(folder, Place("divided by 255", 0.007, 0.4, 1), as_printed("40"), reached=2)
    found = [fit for fit in fits(folder, "paper") if fit.setting.l2 == 0.007]
    assert {fit.setting.tolerance for fit in found} == {float(t) for t in TOLERANCES[:2]}


def test_half_of_a_grid_counts_by_what_is_whole(folder):
    file_of(folder, "paper", Place("divided by 255", 0.007, 0.4, 1)).unlink()
    assert {fit.setting.l2 for fit in fits(folder, "paper")} == {0.1}


def test_fresh_draws_get_the_nearest_setting_and_are_shown(folder):
    grid = GRIDS["paper"]
    every = len(grid.pixels) * len(grid.l2) * len(grid.errors)
    assert len(places(folder, "paper", [1])) == every - 2 * len(grid.errors)
    assert places(folder, "paper", [2, 10]) == []
    fresh = places(folder, "paper", [11, 12])
    assert {(place.pixels, place.l2) for place in fresh} == {("divided by 255", 0.007)}
    assert len(fresh) == 2 * len(grid.errors)
    found = fits(folder, "paper")
    assert draws_of_nearest(found, "paper", folder) == [1]
    for place in fresh[:-1]:
        write(folder, place, as_printed(key_of(place.error)))
    assert draws_of_nearest(found, "paper", folder) == [11]
    text = to_markdown(found, "paper", folder, [11])
    assert "draw 11, which took no part in the choice" in text


def test_fresh_draws_need_a_scan(tmp_path):
    with pytest.raises(BadInputError, match=r"scan draw 1 first"):
        places(tmp_path, "paper", [11])


def test_the_report_names_the_nearest_setting_and_shows_both_numbers(folder):
    found = fits(folder, "paper")
    text = to_markdown(found, "paper", folder, [1])
    assert "Pixels divided by 255, lambda 0.007, descents that stop at an RMS gradient of" in text
    assert "| testing AUC, mean | 0.9687 / 0.9687 |" in text
    assert "draw 1, by which it was chosen" in text
    lines = to_csv(found).splitlines()
    assert len(lines) == 1 + len(found)
    assert lines[1].startswith("divided by 255,0.007,0.001,")
    assert to_markdown([], "paper", folder, []).endswith("No setting was computed yet.\n")


def test_the_figure_has_a_line_for_each_lambda(folder):
    drawn = figure(fits(folder, "paper"))
    assert len(drawn.axes) == len(AVERAGES)
    line = drawn.axes[0].lines[0]
    assert line.get_label() == "0.007"
    assert line.get_xdata()[np.argmin(line.get_ydata())] == pytest.approx(TOLERANCES[BEST])
