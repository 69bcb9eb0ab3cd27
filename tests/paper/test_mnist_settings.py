"""The nearest setting where it is known, because the numbers of the paper were put into it."""

import math

import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.paper import mnist_scan
from lossatlas.paper.mnist_report import figure, summary, to_csv, to_markdown
from lossatlas.paper.mnist_scan import GRIDS, PARTS, TOLERANCES, Descents, Place, file_of
from lossatlas.paper.mnist_settings import (
    AVERAGES,
    HELD_OUT,
    counted,
    distance,
    fresh_draws,
    key_of,
    numbers_of,
    places,
    printed,
    scanned,
)

POOLED = "macro AUC, sd over minima and classes"
CLASSES, BEST = 10, 4
STARTS = GRIDS["paper"].starts


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
    found = scanned(folder, "paper")
    assert len(found.fits) == 2 * len(TOLERANCES) * len(AVERAGES)
    assert (found.pairs, found.not_reached) == (2, 0)
    best = found.nearest
    assert best is not None
    assert best is found.fits[0]
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
    over = found["macro AUC, sd over minima"]
    assert over["incorrect", "mean"] == pytest.approx(single.mean())
    assert over["incorrect", "sd"] == pytest.approx(single.mean(axis=1).std(ddof=1))
    assert found[POOLED]["incorrect", "sd"] == pytest.approx(single.std(ddof=1))
    assert found["AUC of class 0"]["test", "sd"] == pytest.approx(auc[:, 3, 0].std(ddof=1))
    assert found["micro AUC"]["train", "mean"] == pytest.approx(auc[:, 0, -1].mean())


def test_tolerances_that_some_descent_did_not_reach_are_left_out(folder):
    write(folder, Place("divided by 255", 0.007, 0.4, 1), as_printed("40"), reached=2)
    found = scanned(folder, "paper")
    mine = [fit for fit in found.fits if fit.setting.l2 == 0.007]
    assert {fit.setting.tolerance for fit in mine} == {float(t) for t in TOLERANCES[:2]}
    assert found.not_reached == (len(TOLERANCES) - 2) * len(AVERAGES)
    assert f"{found.not_reached} settings are left out" in to_markdown(found, "paper", folder)


def test_half_of_a_grid_counts_by_what_is_whole(folder):
    file_of(folder, "paper", Place("divided by 255", 0.007, 0.4, 1)).unlink()
    found = scanned(folder, "paper")
    assert {fit.setting.l2 for fit in found.fits} == {0.1}
    assert (found.pairs, found.wanted) == (1, 24)


def test_fresh_draws_get_the_nearest_setting_and_are_shown(folder, monkeypatch):
    grid = GRIDS["paper"]
    every = len(grid.pixels) * len(grid.l2) * len(grid.errors)
    assert len(places(folder, "paper", 1)) == every - 2 * len(grid.errors)
    assert places(folder, "paper", 2) == places(folder, "paper", 10) == []
    with pytest.raises(BadInputError, match=r"2 of 24 pairs .* scan draw 1 first"):
        places(folder, "paper", 11)
    small = grid._replace(pixels=("divided by 255",), l2=(0.1, 0.007))
    monkeypatch.setitem(GRIDS, "paper", small)
    assert places(folder, "paper", 1) == []
    fresh = places(folder, "paper", 11)
    assert {(place.pixels, place.l2) for place in fresh} == {("divided by 255", 0.007)}
    assert len(fresh) == len(grid.errors)
    found = scanned(folder, "paper")
    assert "draw 1, by which it was chosen" in to_markdown(found, "paper", folder)
    for place in fresh:
        write(folder, place, as_printed(key_of(place.error)))
        write(folder, place._replace(draw=12), as_printed(key_of(place.error)) + 0.004)
    write(folder, fresh[0]._replace(draw=13), as_printed("0"))
    assert fresh_draws(found, "paper", folder) == [11, 12]
    text = to_markdown(found, "paper", folder)
    assert "draws 11, 12, which took no part in the choice" in text
    assert "Distance of these draws: 0.2" in text  # of 0 and 0.4
    assert "| testing AUC, mean | 0.9687 / 0.9707 ± " in text


def test_numbers_that_are_printed_twice_count_once():
    assert printed("0")["correct", "mean"] == printed("0")["train", "mean"]
    assert {part for part, _ in counted("0")} == {"train", "test"}
    assert {part for part, _ in counted("100")} == {"train", "test"}
    assert {part for part, _ in counted("50")} == {"train", "incorrect", "correct", "test"}


def test_files_of_other_descents_are_not_taken(folder, monkeypatch):
    assert scanned(folder, "paper").pairs == 2
    with monkeypatch.context() as patch:
        patch.setattr(mnist_scan, "MEMORY", 5)
        assert scanned(folder, "paper").pairs == 0
    more = GRIDS["paper"]._replace(starts=STARTS + 1)
    monkeypatch.setitem(GRIDS, "paper", more)
    assert scanned(folder, "paper").pairs == 0


def test_the_report_names_the_nearest_setting_and_shows_both_numbers(folder):
    found = scanned(folder, "paper")
    text = to_markdown(found, "paper", folder)
    assert "pixels divided by 255, lambda 0.007, descents that stop at an RMS gradient of" in text
    assert "## The nearest setting with the lambda that the paper prints" in text
    said = summary(found)
    assert said.startswith("Nearest to Table III: pixels divided by 255, lambda 0.007,")
    assert "With the lambda that the paper prints: pixels divided by 255, lambda 0.1," in said
    assert "| testing AUC, mean | 0.9687 / 0.9687 |" in text
    assert "draw 1, by which it was chosen" in text
    assert "2 of 24 pairs of a scaling and a lambda were scanned with draw 1" in text
    assert "| lambda 0.1 | divided by 255 | 0.1 |" in text
    lines = to_csv(found.fits).splitlines()
    assert len(lines) == 1 + len(found.fits)
    assert lines[1].startswith("divided by 255,0.007,0.001,")


def test_nothing_is_said_of_what_was_not_scanned(tmp_path):
    text = to_markdown(scanned(tmp_path, "paper"), "paper", tmp_path)
    assert text.endswith("No setting was computed yet.\n")


def test_the_figure_has_a_line_for_each_lambda(folder):
    drawn = figure(scanned(folder, "paper").fits)
    assert len(drawn.axes) == len(AVERAGES)
    line = drawn.axes[0].lines[0]
    assert line.get_label() == "0.007"
    assert line.get_xdata()[np.argmin(line.get_ydata())] == pytest.approx(TOLERANCES[BEST])
