"""Panels have their own colors and scales; boxes have the whiskers that are described."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lossatlas.network.disconnectivity import build_tree
from lossatlas.paper.figures import STEADY, Panel, auc_boxes, growth_curves, tree_panels


def tree(depth: float, base: float):
    energies = base + depth * np.array([0.0, 0.3, 0.5])
    return build_tree(
        energies, base + depth * np.array([0.7, 1.0]), np.array([0, 1]), np.array([1, 2])
    )


PANELS = [
    Panel("small", tree(0.1, 1.0), np.array([0.5, 0.6, 0.7])),
    Panel("large", tree(0.4, 2.0), np.array([0.6, 0.9, 0.8])),
    Panel("missing", None, None),
]


def test_every_panel_has_its_own_scale_its_own_colors_and_its_remark():
    panels = [PANELS[0]._replace(remark="draw 2"), *PANELS[1:]]
    figure = tree_panels(panels, "testing AUC", 3)
    small, large, missing, *bars = figure.axes
    lengths = [np.ptp(ax.get_ylim()) for ax in (small, large)]
    assert lengths == pytest.approx([1.08 * 0.1, 1.08 * 0.4])
    colored = [c for ax in (small, large) for c in ax.collections if c.get_array() is not None]
    assert [c.get_clim() for c in colored] == [(0.5, 0.7), (0.6, 0.9)]
    assert [bar.get_ylabel() for bar in bars] == ["testing AUC"] * 2
    assert small.get_title() == "small: 3 minima\ndraw 2"
    assert [text.get_text() for text in missing.texts] == ["not run"]


def test_colors_are_told_apart_in_gray():
    """Their luminance rises steadily, and the lightest is far from white."""
    rgb = STEADY(np.linspace(0, 1, 50))[:, :3]
    gray = rgb @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(gray) > 0).all()
    assert gray[-1] < 0.8


def test_branches_end_at_thirty_levels_of_the_panel():
    figure = tree_panels(PANELS, "", 3)
    for ax, top, depth in zip(figure.axes[:2], (1.1, 2.4), (0.1, 0.4), strict=True):
        skeleton = np.array(ax.collections[0].get_segments())
        starts = skeleton[:, 0, 1]
        steps = (top - starts[starts <= top + 1e-9]) / (depth / 29)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_minima_that_are_not_connected_are_counted_but_not_drawn():
    apart = build_tree(np.array([0.1, 0.2, 0.3]), np.array([0.4]), np.array([0]), np.array([1]))
    figure = tree_panels([Panel("x", apart, np.zeros(3))], "", 1)
    assert figure.axes[0].get_title() == "x: 3 minima, 2 shown"


def test_a_single_minimum_and_nothing_at_all_can_be_drawn(tmp_path):
    none = np.zeros(0, int)
    one = build_tree(np.array([0.5]), np.zeros(0), none, none)
    figure = tree_panels([Panel("one", one, np.array([0.9])), Panel("none", None, None)], "AUC")
    figure.savefig(tmp_path / "a.png")
    tree_panels([Panel("none", None, None)], "AUC").savefig(tmp_path / "b.png")


def test_whiskers_reach_within_one_and_a_half_interquartile_ranges():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 8.6])
    quartiles = np.percentile(values, [25, 75])
    limit = quartiles[1] + 1.5 * np.ptp(quartiles)
    ax = auc_boxes([("0", np.append(values, [30.0, np.nan]))], Figure().subplots(), "AUC")
    heights = [line.get_ydata() for line in ax.lines]
    whisker = max(max(h) for h in heights[:3] if len(h) == 2 and max(h) < 30)
    with_outlier = np.append(values, 30.0)
    q1, q3 = np.percentile(with_outlier, [25, 75])
    inside = with_outlier[with_outlier <= q3 + 1.5 * (q3 - q1)]
    assert whisker == inside.max()
    assert limit > 8.6
    fliers = heights[-1]
    assert fliers.tolist() == [30.0]


def test_empty_boxes_and_curves():
    ax = auc_boxes([("0", np.zeros(0)), ("10", np.array([0.5]))], Figure().subplots(), "AUC")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "10"]
    ax = growth_curves([("minima", np.arange(3.0), np.arange(3))], Figure().subplots())
    assert ax.lines[0].get_xydata().tolist() == [[1, 1], [2, 2]]  # zero has no logarithm
    ax = growth_curves([], Figure().subplots(), [("minima", 65591)])
    assert ax.lines[0].get_ydata() == [65591, 65591]


def test_numbers_of_the_paper_stand_beside_the_boxes():
    printed = [(0.9, 0.02), None]
    groups = [("0", np.array([0.8, 0.9])), ("10", np.array([0.7]))]
    ax = auc_boxes(groups, Figure().subplots(), "AUC", printed)
    diamonds = [line for line in ax.lines if line.get_marker() == "D"]
    assert [line.get_xydata().tolist() for line in diamonds] == [[[1.42, 0.9]]]
