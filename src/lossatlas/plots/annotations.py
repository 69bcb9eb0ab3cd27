"""Annotations of a picture of a tree: labels, numbers of minima, a scale bar."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from lossatlas.analysis.tree_layout import Layout
from lossatlas.errors import BadInputError

PADDING = 1.15
"""Factor by which the widths of labels are enlarged, so that labels do not touch."""
ROOM = 2.4
"""Height of the room below the tree for labels and their lines, in heights of a label."""
INK = "#333333"
"""Color of all annotations."""


def label_minima(ax: Axes, layout: Layout, labels: Mapping[int, str]) -> Axes:
    """Write labels of chosen minima below a tree, each with a line to its minimum.

    The labels form one row in the order of the minima, so that their lines do not cross. Each is as
    close to its minimum as possible without touching another label.

    Args:
        ax: the axes in which the tree is drawn.
        layout: the layout of the tree.
        labels: the texts, by the position of the minimum in the input of the tree.

    Returns:
        The axes.

    Raises:
        BadInputError: if a minimum is not shown, or the labels are wider than the picture.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from lossatlas.analysis.tree_layout import layout
        >>> from lossatlas.network import build_tree
        >>> from lossatlas.plots.tree import draw_layout
        >>> placed = layout(
        ...     build_tree(np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1]))
        ... )
        >>> ax = draw_layout(Figure().subplots(), placed)
        >>> sorted(text.get_text() for text in label_minima(ax, placed, {0: "A", 1: "B"}).texts)
        ['A', 'B']
    """
    if not labels:
        return ax
    places = _places(layout, labels)
    x, tips = layout.x[places], layout.tree.energy[places]
    low, high = ax.get_ylim()
    style: Any = {"ha": "center", "va": "top", "color": INK, "fontsize": "small"}
    texts = [ax.text(at, low, text, **style) for at, text in zip(x, labels.values(), strict=True)]
    for text in texts:
        text.set_in_layout(False)  # otherwise the layout would shrink the axes to make room
    order = np.argsort(x, kind="stable")
    _settle(ax)
    boxes = [texts[k].get_window_extent().transformed(ax.transData.inverted()) for k in order]
    heights = max(box.height for box in boxes)
    centers = _spread(x[order], np.array([PADDING * box.width for box in boxes]), ax.get_xlim())
    shelf = low
    # The axes keep their height, so the room for the labels is taken from the height of the tree.
    part = ROOM * heights / (high - low)
    below = low - part / max(1 - part, 0.3) * (high - low)
    ax.set_ylim(below, high)
    bottom = below + 0.45 * (low - below)
    for k, center in zip(order, centers, strict=True):
        texts[k].set_position((center, bottom))
        corners: Any = [x[k], x[k], center], [tips[k], shelf, bottom]
        dots: Any = (0, (1, 1.5))
        ax.plot(*corners, color=INK, linewidth=0.5, linestyle=dots, clip_on=False)
    return ax


def count_branches(ax: Axes, layout: Layout, counts: Int[np.ndarray, " leaves"]) -> list[str]:
    """Write below the tip of each branch how many minima it represents, where there is room.

    Of numbers that would touch each other or a branch, only the largest is written.

    Args:
        ax: the axes in which the tree is drawn.
        layout: the layout of the tree.
        counts: (leaves,) number of minima that each leaf of the tree represents, such as
            `lossatlas.analysis.branches.Cut.minima`. Ones are not written.

    Returns:
        The numbers that were written.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from lossatlas.analysis.tree_layout import layout
        >>> from lossatlas.network import build_tree
        >>> from lossatlas.plots.tree import draw_layout
        >>> placed = layout(
        ...     build_tree(np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1]))
        ... )
        >>> count_branches(draw_layout(Figure().subplots(), placed), placed, np.array([1, 7]))
        ['7']
    """
    n = layout.tree.minima.size
    _settle(ax)
    tips = ax.transData.transform(np.column_stack([layout.x[:n], layout.tree.energy[:n]]))
    taken: list[Bbox] = []
    written = []
    for leaf in np.argsort(-counts, kind="stable"):
        if counts[leaf] <= 1:
            break
        text = ax.annotate(
            f"{counts[leaf]:,}",
            (layout.x[leaf], layout.tree.energy[leaf]),
            (0, -1.5),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize="x-small",
            color=INK,
        )
        box = text.get_window_extent().expanded(1.25, 1.05)
        crossed = (np.abs(tips[:, 0] - (box.x0 + box.x1) / 2) < box.width / 2) & (
            tips[:, 1] < box.y1
        )
        if crossed.any() or any(box.overlaps(other) for other in taken):
            text.remove()
            continue
        taken.append(box)
        written.append(text.get_text())
    return written


def add_scale_bar(ax: Axes) -> float:
    """Replace the axis of losses by a bar of a round length.

    Args:
        ax: the axes in which a tree is drawn.

    Returns:
        The length of the bar, in units of the loss.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from lossatlas.network import Network
        >>> from lossatlas.plots.tree import plot_tree
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> add_scale_bar(plot_tree(network, None, Figure().subplots()))
        0.01
    """
    low, high = ax.get_ylim()
    length = round_length((high - low) / 5)
    quantity = ax.get_ylabel()
    ax.yaxis.set_visible(False)
    ax.spines["left"].set_visible(False)
    start = low + 0.05 * (high - low)
    side = -0.02
    transform = ax.get_yaxis_transform()
    ax.plot(
        [side, side],
        [start, start + length],
        transform=transform,
        color=INK,
        linewidth=1.5,
        solid_capstyle="butt",
        clip_on=False,
    )
    ax.text(
        side - 0.015,
        start + length / 2,
        f"{quantity} {length:g}",
        transform=transform,
        rotation=90,
        ha="right",
        va="center",
        color=INK,
    )
    return length


def round_length(largest: float) -> float:
    """The largest number of the form 1, 2 or 5 times a power of ten that is not above `largest`.

    Examples:
        >>> round_length(0.034), round_length(7.0), round_length(1.0)
        (0.02, 5.0, 1.0)
    """
    unit = 10.0 ** math.floor(math.log10(largest) + 1e-12)
    step = max(step for step in (1, 2, 5) if step * unit <= largest * (1 + 1e-9))
    return float(f"{step * unit:.12g}")


def _settle(ax: Axes) -> None:
    """Compute the layout of the figure, so that the sizes of texts are known."""
    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()


def _places(layout: Layout, labels: Mapping[int, str]) -> Int[np.ndarray, " labels"]:
    positions = np.array(list(labels))
    places = layout.tree.place[positions]
    hidden = [labels[int(position)] for position in positions[places < 0]]
    if hidden:
        remedy = "leave the label out, or show more of the tree"
        raise BadInputError(f"label {hidden[0]}", "the minimum is not shown", remedy)
    return places


def _spread(wanted: np.ndarray, widths: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Centers as near to the wanted ones as possible, in their order, without overlap."""
    from scipy.optimize import isotonic_regression

    if widths.sum() > limits[1] - limits[0]:
        problem = f"{widths.size} labels are wider than the picture"
        raise BadInputError("labels", problem, "label fewer minima, or draw a wider picture")
    before = np.concatenate([[0.0], np.cumsum((widths[:-1] + widths[1:]) / 2)])
    free = isotonic_regression(wanted - before).x
    lowest = limits[0] + widths[0] / 2
    highest = limits[1] - widths[-1] / 2 - before[-1]
    return np.clip(free, lowest, highest) + before
