"""The figures of the paper: disconnectivity graphs side by side, box-plots and growth curves.

Every panel of trees has its own scale of the loss and its own colors, because landscapes differ
from each other by more than the depth of a tree, and by more than the spread of a value within it.
The title of each panel gives in numbers what could be read off a common scale. The colors become
steadily lighter from low to high values, so that they can be told apart in print without colors and
in every form of color blindness.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from lossatlas.analysis import discretize, layout, prune, suggested_top
from lossatlas.network import Tree
from lossatlas.plots import PLAIN_COLOR, add_colorbar, draw_layout

LEVELS = 30
"""Number of levels of a tree, as in the programs of the paper."""
MANY = 1000
"""Largest number of minima that are drawn in a panel, so that lines can still be told apart."""
PANEL = (5.4, 4.4)
"""Width and height of a panel in inches."""
STEADY = ListedColormap(colormaps["viridis"](np.linspace(0.0, 0.88, 256)), "steady")
"""Dark for low, light for high values, without the lightest colors, which are too pale on white."""

PAPER_COLOR = "#b2182b"
"""Color of numbers that the paper prints."""


class Panel(NamedTuple):
    """A tree with the values that color it.

    Attributes:
        title: the title of the panel.
        tree: the exact tree; None if there is nothing to draw yet.
        values: (minima,) a value for every minimum.
        remark: a line below the title, e.g. how complete the landscape is.
    """

    title: str
    tree: Tree | None
    values: np.ndarray | None
    remark: str = ""


def tree_panels(panels: Sequence[Panel], label: str, columns: int = 2) -> Figure:
    """A figure of disconnectivity graphs, each with its own color bar.

    Args:
        panels: the panels, at least one, row by row.
        label: label of the color bars.
        columns: number of panels in a row; default 2.

    Raises:
        BadInputError: if there is not one value for every minimum.

    Examples:
        >>> from lossatlas.network import build_tree
        >>> tree = build_tree(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> figure = tree_panels([Panel("0 %", tree, np.array([0.7, 0.8]))], "AUC", 1)
        >>> figure.axes[0].get_title()
        '0 %: 2 minima'
    """
    rows = -(-len(panels) // columns)
    figure = Figure((PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, panel in zip(axes, panels, strict=False):
        if panel.tree is None:
            ax.set_title(panel.title, fontsize="small")
            _empty(ax)
        else:
            _draw(ax, panel, panel.tree, label)
    return figure


def _draw(ax: Axes, panel: Panel, whole: Tree, label: str) -> None:
    tree = _shown(whole)
    ax.set_title(_title(panel, whole, tree), fontsize="small")
    bottom = float(tree.energy.min())
    span = (tree.top - bottom) or 1.0
    levels = discretize(tree, (tree.top, span / (LEVELS - 1)))
    axis = (bottom - 0.04 * span, bottom + 1.04 * span)
    draw_layout(ax, layout(levels), panel.values, cmap=STEADY, axis=axis)
    colored = any(drawn.get_array() is not None for drawn in ax.collections)
    if colored and panel.values is not None and np.isfinite(panel.values).any():
        add_colorbar(ax, label)


def _title(panel: Panel, whole: Tree, shown: Tree) -> str:
    """The title with the number of minima, how many of them are drawn, and the remark."""
    known, drawn = whole.minima.size, shown.minima.size
    counts = f"{known:,} {'minimum' if known == 1 else 'minima'}"
    counts += "" if drawn == known else f", {drawn:,} shown"
    return f"{panel.title}: {counts}" + (f"\n{panel.remark}" if panel.remark else "")


def _shown(tree: Tree) -> Tree:
    """The part of a tree that is drawn: the low-lying region, connected to the lowest minimum.

    The few minima that lie far above all others are left out, and so are all but the `MANY` lowest.
    """
    return prune(tree, top=suggested_top(tree), connected=True, lowest=MANY)


def _empty(ax: Axes) -> None:
    ax.set_axis_off()
    ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", color="0.5")


def auc_boxes(
    groups: Sequence[tuple[str, np.ndarray]],
    ax: Axes,
    label: str,
    printed: Sequence[tuple[float, float] | None] = (),
) -> Axes:
    """Box-plots side by side, as in the paper's Figure 5.

    A box extends over the quartiles and has a line at the median. The whiskers reach to the
    outermost values within 1.5 interquartile ranges of the box; values beyond are drawn as points.

    Args:
        groups: for each box its label and its values, of which there may be none.
        ax: the axes to draw into.
        label: label of the vertical axis.
        printed: for each box the mean and the standard deviation that the paper prints, which are
            drawn beside it, or None if it prints none; by default none are drawn.

    Examples:
        >>> ax = auc_boxes([("0", np.array([0.9, 0.95, 0.97]))], Figure().subplots(), "testing AUC")
        >>> ax.get_ylabel()
        'testing AUC'
    """
    values = [np.asarray(v)[np.isfinite(v)] for _, v in groups]
    ax.boxplot(
        values,
        tick_labels=[name for name, _ in groups],
        whis=1.5,
        widths=0.6,
        medianprops={"color": PLAIN_COLOR, "linewidth": 1.5},
        flierprops={"marker": ".", "markersize": 4},
    )
    for place, pair in enumerate(printed, start=1):
        if pair is not None:
            style = {"fmt": "D", "markersize": 4, "color": PAPER_COLOR, "capsize": 3}
            ax.errorbar(place + 0.42, pair[0], yerr=pair[1], **style)
    ax.set_ylabel(label)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def growth_curves(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray]],
    ax: Axes,
    printed: Sequence[tuple[str, float]] = (),
) -> Axes:
    """Draw how counts grow with effort, both on logarithmic scales.

    Args:
        curves: for each curve its label, CPU minutes, and the counts at these times.
        ax: the axes to draw into.
        printed: labels and counts of the paper, drawn as horizontal lines; default none.

    Examples:
        >>> ax = growth_curves([("minima", np.arange(3), np.arange(3))], Figure().subplots())
        >>> ax.get_xlabel()
        'CPU minutes'
    """
    colors = {}
    for label, minutes, counts in curves:
        there = (np.asarray(minutes) > 0) & (np.asarray(counts) > 0)
        (line,) = ax.loglog(np.asarray(minutes)[there], np.asarray(counts)[there], label=label)
        colors[label] = line.get_color()
    for label, count in printed:
        color = colors.get(label, PAPER_COLOR)
        ax.axhline(count, linestyle="--", linewidth=1, color=color, label=f"{label}, paper")
    ax.set_xlabel("CPU minutes")
    ax.set_ylabel("found")
    ax.spines[["top", "right"]].set_visible(False)
    if curves or printed:
        ax.legend(frameon=False)
    return ax
