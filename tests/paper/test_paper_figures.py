"""Panels share colors and the scale of the loss; boxes have the whiskers that are described."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lossatlas.network.disconnectivity import build_tree
from lossatlas.paper.figures import Panel, auc_boxes, growth_curves, tree_panels


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


def test_panels_share_colors_and_the_length_of_the_axis():
    figure = tree_panels(PANELS, "testing AUC", 3)
    small, large, missing, bar = figure.axes
    lengths = [np.ptp(ax.get_ylim()) for ax in (small, large)]
    assert lengths[0] == pytest.approx(lengths[1])
    assert lengths[0] == pytest.approx(1.08 * 0.4)
    colored = [c for ax in (small, large) for c in ax.collections if c.get_array() is not None]
    assert {c.get_clim() for c in colored} == {(0.5, 0.9)}
    assert bar.get_ylabel() == "testing AUC"
    assert small.get_title() == "small: 3 minima"
    assert [text.get_text() for text in missing.texts] == ["not run"]


def test_levels_have_one_spacing_in_all_panels():
    """Branches of the small tree end at levels that the large one has, too."""
    figure = tree_panels(PANELS, "", 3)
    spacing = 0.4 / 29
    for ax, top in zip(figure.axes[:2], (1.1, 2.4), strict=True):
        skeleton = np.array(ax.collections[0].get_segments())
        starts = skeleton[:, 0, 1]
        inside = starts[starts <= top + 1e-9]
        steps = (top - inside) / spacing
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_minima_are_seen_beside_a_much_larger_tree():
    """On the common axis every minimum has a line at least as long as it is wide."""
    panels = [
        Panel("tiny", tree(1e-9, 1.0), np.ones(3)),
        Panel("large", tree(0.4, 2.0), np.ones(3)),
    ]
    ax = tree_panels(panels, "", 2).axes[0]
    (branches,) = [c for c in ax.collections if c.get_array() is not None]
    lengths = np.ptp(np.array(branches.get_segments())[:, :, 1], axis=1)
    points = 72 * ax.bbox.height / ax.figure.dpi * lengths / np.ptp(ax.get_ylim())
    assert (points >= 0.99 * branches.get_linewidth()[0]).all()


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
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [1, 1], [2, 2]]
