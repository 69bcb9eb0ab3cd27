"""Figures beyond the paper: they show what they are given."""

import io
import math

import numpy as np
from hand_made import record

from lossatlas.paper.artifacts import artifacts
from lossatlas.paper.claims import Claim, judge
from lossatlas.paper.drawing import figure_of, median_draw
from lossatlas.paper.funnel_verdicts import TAUS, FunnelShares
from lossatlas.paper.more_figures import (
    MANY_POINTS,
    Cloud,
    forest,
    level_curves,
    loss_against_auc,
    persistence_curves,
)
from lossatlas.paper.recipes import recipes
from lossatlas.paper.scales import PAPER


def cloud(title, connected):
    n = len(connected)
    losses = np.linspace(0.1, 0.2, n)
    return Cloud(title, losses, losses + 0.6, losses + 0.5, np.array(connected))


def test_every_minimum_is_a_mark_and_what_is_not_connected_is_open():
    figure = loss_against_auc([cloud("a", [True, True, False]), cloud("b", [True])], columns=3)
    first, second = figure.axes
    assert [ax.get_title() for ax in (first, second)] == ["a", "b"]
    assert [len(drawn.get_offsets()) for drawn in first.collections] == [2, 1, 2, 1]
    filled = [bool(drawn.get_facecolors()[0, 3] > 0) for drawn in first.collections]
    assert filled == [True, False, True, False]
    assert [len(drawn.get_offsets()) for drawn in second.collections] == [1, 1]


def test_curves_by_share_of_wrong_labels_have_the_mean_and_the_range_of_each_level():
    panels = {
        "loss": {"uniform": [(0, 0.5), (50, 0.7), (50, 1.1)], "permutation": [(50, 0.6)]},
        "minima": {"uniform": [(0, 3.0)], "permutation": []},
    }
    figure = level_curves({"D1": panels, "D2": panels})
    assert [ax.get_title() for ax in figure.axes] == ["D1", "D1", "D2", "D2"]
    loss, minima = figure.axes[:2]
    assert (loss.get_ylabel(), minima.get_ylabel()) == ("loss", "minima")
    uniform, permutation = loss.lines
    np.testing.assert_allclose(uniform.get_ydata(), [0.5, 0.9])
    np.testing.assert_allclose(permutation.get_ydata(), [0.6])
    (bars, _) = loss.collections
    np.testing.assert_allclose(bars.get_segments()[1][:, 1], [0.7, 1.1])
    assert [text.get_text() for text in figure.legends[0].texts] == ["uniform", "permutation"]


def test_a_scalable_picture_does_not_grow_with_the_number_of_minima():
    def size(n):
        written = io.BytesIO()
        loss_against_auc([cloud("a", [True] * n)]).savefig(written, format="svg")
        return written.tell()

    few, many, more = size(10), size(MANY_POINTS + 1), size(10 * MANY_POINTS)
    assert more < 1.5 * many < 150_000
    assert few < many


def test_statements_stand_in_units_of_their_margin():
    def claim(name, unit):
        value = lambda draw: draw["s", "0"][name]  # noqa: E731
        return Claim(name, "", "", "", value, unit, "f")

    draws = {
        k: {("s", "0"): {"auc": 0.02 + 0.001 * k, "none": math.nan, "loss": -0.05 + 0.001 * k}}
        for k in (1, 2, 3)
    }
    found = judge([claim("auc", "auc"), claim("none", "auc"), claim("loss", "loss")], draws)
    ax = forest(found).axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["auc", "loss"]
    marks = {tuple(np.ravel(line.get_xydata())) for line in ax.lines if len(line.get_xdata()) == 1}
    assert {(round(x, 6), y) for x, y in marks} == {(2.2, 0.0), (-4.8, 1.0)}
    assert forest([]).axes


def test_bands_are_the_bounds_and_the_thick_lines_their_means():
    shares = [
        FunnelShares(*(np.full(len(TAUS), value) for value in (low, low + 0.1, low, low)))
        for low in (0.2, 0.6)
    ]
    figure = persistence_curves([("x", shares), ("nothing", [])])
    ax = figure.axes[0]
    thick = [line for line in ax.lines if line.get_linewidth() > 1.5]
    assert [line.get_ydata()[0] for line in thick] == [np.float64(0.4), np.float64(0.5)]
    assert ax.get_title() == "x"
    assert not [line for line in figure.axes[1].lines if line.get_linewidth() > 1.5]


def test_the_median_draw_is_that_of_the_median_lowest_loss():
    column = recipes(PAPER)["noise-d2"].columns[0]
    found = [
        (column, record(column.cell(draw), gmin_loss=loss))
        for draw, loss in enumerate([0.5, 0.9, 0.7, 0.6], start=1)
    ]
    assert median_draw(found, column).cell.draw == 4
    assert median_draw(found[:3], column).cell.draw == 3
    assert median_draw([], column) is None


def test_kinds_of_noise_are_compared_in_the_draws_that_all_of_them_have():
    """The clean landscape is shared, and uniform noise has more draws than permutation noise."""
    uniform, permutation, other = (
        recipes(PAPER)[f"kinds-{kind}-d2"] for kind in ("uniform", "permutation", "boundary")
    )

    def found(recipe, draws, keys=("0", "50")):
        pairs = [(c, c.cell(draw)) for draw in draws for c in recipe.columns if c.key in keys]
        return [(column, record(cell, minima=float(cell.draw))) for column, cell in pairs]

    (artifact,) = artifacts(("noise-kinds",))
    studies = [
        (uniform, found(uniform, (11, 12, 13))),
        (permutation, found(permutation, (11, 13))),
        (other, found(other, (1, 2), keys=("0",))),
    ]
    figure = figure_of(artifact, studies)
    assert {ax.get_title() for ax in figure.axes} == {"D2, draws 11, 13"}
    minima = figure.axes[3]
    assert [line.get_ydata().tolist() for line in minima.lines] == [[12.0, 12.0]] * 2
    assert figure_of(artifact, [studies[0], (permutation, found(permutation, (1,)))]) is None
