"""The figures of the paper: several disconnectivity graphs on one scale, and box-plots.

Panels of trees share the colors and the scale of the loss: a length means the same difference of
loss in every panel, and branches join at levels of one spacing. Every panel begins at its own
global minimum, since these differ by more than the depth of a tree.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.analysis import discretize, layout, prune, suggested_top
from lossatlas.network import Tree
from lossatlas.plots import PLAIN_COLOR, draw_layout

LEVELS = 30
"""As in the programs of the paper."""
MANY = 1000
"""Minima of a panel that are drawn; more would be no lines any more."""
PANEL = (4.6, 3.8)
"""Width and height of a panel in inches."""
LINE = 44
"""Characters that fit into one line above a panel."""


class Panel(NamedTuple):
    """A tree with the values that color it.

    Attributes:
        title: above the panel.
        tree: exact; None where there is nothing to draw yet.
        values: one for every minimum.
    """

    title: str
    tree: Tree | None
    values: np.ndarray | None


def tree_panels(panels: Sequence[Panel], label: str, columns: int = 2) -> Figure:
    """A figure of disconnectivity graphs with one color bar.

    Args:
        panels: at least one, row by row.
        label: of the color bar.
        columns: panels in a row.

    Raises:
        BadInputError: not one value for every minimum.

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
    figure = Figure((PANEL[0] * columns + 0.8, PANEL[1] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    shown = [None if panel.tree is None else _shown(panel.tree) for panel in panels]
    limits = _color_limits(panels, shown)
    spans = [tree.top - float(tree.energy.min()) for tree in shown if tree is not None]
    span = max(spans, default=0.0) or 1.0
    spacing = span / (LEVELS - 1)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax, panel, tree in zip(axes, panels, shown, strict=False):
        ax.set_title(_title(panel, tree), fontsize="medium")
        if tree is None:
            _empty(ax)
            continue
        levels = discretize(tree, (tree.top, spacing))
        bottom = float(tree.energy.min())
        axis = (bottom - 0.04 * span, bottom + 1.04 * span)
        draw_layout(ax, layout(levels), panel.values, limits=limits, axis=axis)
    drawn = [c for ax in axes for c in ax.collections if c.get_array() is not None]
    if drawn:
        bar = figure.colorbar(drawn[-1], ax=list(axes), label=label, aspect=40, pad=0.02)
        bar.outline.set_visible(False)
    return figure


def _title(panel: Panel, shown: Tree | None) -> str:
    """The title with the number of minima, and how many of them are drawn."""
    if panel.tree is None or shown is None:
        return panel.title
    known, drawn = panel.tree.minima.size, shown.minima.size
    counts = f"{known:,} {'minimum' if known == 1 else 'minima'}"
    counts += "" if drawn == known else f", {drawn:,} shown"
    text = f"{panel.title}: {counts}"
    return text if len(text) <= LINE else f"{panel.title}\n{counts}"


def _shown(tree: Tree) -> Tree:
    """The part of a tree that is drawn: the low-lying region, connected to the lowest minimum.

    Left out are the few minima that lie far above all others, and all but the `MANY` lowest.
    """
    return prune(tree, top=suggested_top(tree), connected=True, lowest=MANY)


def _color_limits(
    panels: Sequence[Panel], shown: Sequence[Tree | None]
) -> tuple[float, float] | None:
    """The smallest and the largest value of all minima drawn."""
    values = [
        panel.values[tree.minima]
        for panel, tree in zip(panels, shown, strict=True)
        if tree is not None and panel.values is not None
    ]
    finite = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.zeros(0)
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _empty(ax: Axes) -> None:
    ax.set_axis_off()
    ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", color="0.5")


def auc_boxes(groups: Sequence[tuple[str, np.ndarray]], ax: Axes, label: str) -> Axes:
    """Box-plots side by side, as in the paper's Figure 5.

    The box extends over the quartiles with a band at the median; whiskers reach to the outermost
    value within 1.5 interquartile ranges of the box, points are those beyond.

    Args:
        groups: a label and the values of each box; an empty box where there are none.
        ax: the axes to draw into.
        label: of the vertical axis.

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
    ax.set_ylabel(label)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def growth_curves(curves: Sequence[tuple[str, np.ndarray, np.ndarray]], ax: Axes) -> Axes:
    """How counts grow with effort.

    Args:
        curves: a label, CPU minutes, and the counts found by then.
        ax: the axes to draw into.

    Examples:
        >>> ax = growth_curves([("minima", np.arange(3), np.arange(3))], Figure().subplots())
        >>> ax.get_xlabel()
        'CPU minutes'
    """
    for label, minutes, counts in curves:
        ax.plot(minutes, counts, label=label)
    ax.set_xlabel("CPU minutes")
    ax.set_ylabel("found")
    ax.spines[["top", "right"]].set_visible(False)
    if curves:
        ax.legend(frameon=False)
    return ax
