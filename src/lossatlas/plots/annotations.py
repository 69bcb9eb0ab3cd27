"""What is written into a picture of a tree: labels, numbers of minima, a scale bar."""

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
"""Widths of labels are taken for so much larger than they are."""
ROOM = 2.4
"""Height below the tree for labels and the lines to them, in heights of a label."""
INK = "#333333"


def label_minima(ax: Axes, layout: Layout, labels: Mapping[int, str]) -> Axes:
    """Write labels of chosen minima below the tree, each with a line to its minimum.

    The labels stand in one line, in the order of the minima, as near below them as they can
    without touching, so the lines do not cross.

    Args:
        ax: where the tree is drawn.
        layout: of the tree.
        labels: texts by position of the minimum in the input of the tree.

    Returns:
        The axes.

    Raises:
        BadInputError: a minimum is not shown, or the labels are wider than the picture.
    """
    if not labels:
        return ax
    places = _places(layout, labels)
    x, tips = layout.x[places], layout.tree.energy[places]
    low, high = ax.get_ylim()
    style: Any = {"ha": "center", "va": "top", "color": INK, "fontsize": "small"}
    texts = [ax.text(at, low, text, **style) for at, text in zip(x, labels.values(), strict=True)]
    for text in texts:
        text.set_in_layout(False)  # the axes shall not shrink for what is inside of them
    order = np.argsort(x, kind="stable")
    _settle(ax)
    boxes = [texts[k].get_window_extent().transformed(ax.transData.inverted()) for k in order]
    heights = max(box.height for box in boxes)
    centers = _spread(x[order], np.array([PADDING * box.width for box in boxes]), ax.get_xlim())
    shelf = low
    # The room takes its part of the same height of the axes.
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
    """Write below the tips of branches how many minima stand for each, where there is room.

    Args:
        ax: where the tree is drawn.
        layout: of the tree.
        counts: of its leaves, such as `Cut.minima`; those of one are not written.

    Returns:
        The numbers that were written; of numbers that would touch each other or a branch the
        largest are.
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
    """Replace the axis by a bar of a round length, as many pictures of trees have it.

    Returns:
        What the bar stands for.
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
    """The largest of 1, 2, 5 times a power of ten that is not above a number.

    Examples:
        >>> round_length(0.034), round_length(7.0), round_length(1.0)
        (0.02, 5.0, 1.0)
    """
    unit = 10.0 ** math.floor(math.log10(largest) + 1e-12)
    step = max(step for step in (1, 2, 5) if step * unit <= largest * (1 + 1e-9))
    return float(f"{step * unit:.12g}")


def _settle(ax: Axes) -> None:
    """Have the layout of the figure computed, so that sizes of texts are known."""
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
    """Centers near to the wanted ones, in their order, without overlap, inside of the limits."""
    from scipy.optimize import isotonic_regression

    if widths.sum() > limits[1] - limits[0]:
        problem = f"{widths.size} labels are wider than the picture"
        raise BadInputError("labels", problem, "label fewer minima, or draw a wider picture")
    before = np.concatenate([[0.0], np.cumsum((widths[:-1] + widths[1:]) / 2)])
    free = isotonic_regression(wanted - before).x
    lowest = limits[0] + widths[0] / 2
    highest = limits[1] - widths[-1] / 2 - before[-1]
    return np.clip(free, lowest, highest) + before
