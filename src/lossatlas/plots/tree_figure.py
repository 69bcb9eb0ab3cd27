"""A complete figure of a disconnectivity graph, as for a paper."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lossatlas.analysis.branches import Cut, cut
from lossatlas.analysis.tree_layout import discretize, layout, prune, shown_tree
from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.points import Network
from lossatlas.plots.annotations import add_scale_bar, count_branches, label_minima
from lossatlas.plots.colors import color_map
from lossatlas.plots.formats import Format, format_of, inches, styled
from lossatlas.plots.tree import HasNetwork, branch_colors, draw_layout, network_of

SMALLEST_SIDE, LARGEST_SIDE = 20.0, 2000.0
"""Lengths between which the sides of a figure must lie, in millimeters."""


@dataclass(frozen=True)
class TreeOptions:
    """Options of a figure of a tree.

    Args:
        levels: number of levels that barriers are rounded up to; 0 draws exact barriers. Default
            30.
        top: the highest loss that is shown; by default None, chosen so that the picture is legible.
        format: name of a format, one of `FORMATS`; default ``"screen"``.
        width: width in millimeters; by default None, that of the format.
        height: height in millimeters; by default None, that of the format.
        colors: name of a color map: ``"red-blue"`` (the default), ``"cividis"``, ``"viridis"`` or
            ``"gray"``.
        style: name of a style of matplotlib, or path of a style file, whose settings take
            precedence over those of the format; by default None, no style.
        labels: ids of minima that are labeled; default none.
        inset: number of the lowest minima that are drawn a second time, enlarged, beside the tree;
            default 0.
        scale_bar: whether a scale bar replaces the axis; default False.
        depth: least height of a branch above its minimum, in units of the loss. Lower branches are
            left out, and their minima are counted. Default 0.
        smallest: least number of minima in a branch. Smaller branches are left out, and their
            minima are counted. Default 1.
        lowest: number of minima that are shown, the lowest ones, without those that no path below
            ``top`` connects to the lowest; default 0, all minima.
        quantity: label of the axis; default ``"loss"``.

    Examples:
        >>> TreeOptions(format="aps", labels=[1, 7], scale_bar=True).levels
        30
    """

    levels: int = 30
    top: float | None = None
    format: str = "screen"
    width: float | None = None
    height: float | None = None
    colors: str = "red-blue"
    style: str | None = None
    labels: Sequence[int] = ()
    inset: int = 0
    scale_bar: bool = False
    depth: float = 0.0
    smallest: int = 1
    lowest: int = 0
    quantity: str = "loss"


class TreeFigure(NamedTuple):
    """A figure of a tree, as `tree_figure` draws it.

    Attributes:
        figure: the matplotlib figure.
        tree: the tree that is drawn.
        cut_off: number of minima in branches that were left out.

    Examples:
        >>> from lossatlas.network import Network
        >>> network = Network.of_pairs([0.51, 0.52], [0.6], [0], [1])
        >>> with tree_figure(network) as drawn:
        ...     drawn.cut_off
        0
    """

    figure: Figure
    tree: Tree
    cut_off: int


@contextmanager
def tree_figure(
    source: Network | HasNetwork,
    color: str | None = "auto",
    options: TreeOptions | None = None,
) -> Iterator[TreeFigure]:
    """Draw a figure of a disconnectivity graph, in a context in which its style is in effect.

    Save the figure inside of the ``with`` block, since some settings act only when it is saved.

    Args:
        source: an open atlas, or a network.
        color: the column of the minima that colors the branches, as in `lossatlas.plot_tree`;
            default ``"auto"``.
        options: the options of the figure; by default those of `TreeOptions()`.

    Raises:
        BadInputError: for the reasons of `lossatlas.plot_tree`, or if an option is not valid.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> with tree_figure(network, options=TreeOptions(format="aps", labels=[2])) as drawn:
        ...     [round(25.4 * float(side), 1) for side in drawn.figure.get_size_inches()]
        [86.0, 70.0]
    """
    network = network_of(source)
    if network.minimum_ids.size == 0:
        where = getattr(source, "name", "network")
        raise BadInputError(where, "there are no minima in it yet", "explore for longer")
    with drawn(network, branch_colors(network, color), options or TreeOptions()) as found:
        yield found


@contextmanager
def drawn(
    network: Network, colors: tuple[Any, str | None], options: TreeOptions
) -> Iterator[TreeFigure]:
    """Draw a figure as `tree_figure` does, with the values and label of `branch_colors`."""
    size = size_of(options)
    with styled(size, options.style):
        yield _drawn(network, colors, options, size)


def check_options(options: TreeOptions) -> None:
    """Check options before anything is read.

    Raises:
        BadInputError: if an option is not valid; the message names it.
    """
    color_map(options.colors)
    if options.lowest < 0:
        raise BadInputError(f"lowest {options.lowest}", "is less than zero", "use 0 for all minima")
    with styled(size_of(options), options.style):
        pass


def size_of(options: TreeOptions) -> Format:
    """The format with the width and height that the options give.

    Raises:
        BadInputError: if there is no such format, or a side is too short or too long.
    """
    size = format_of(options.format)
    for name, side in (("width", options.width), ("height", options.height)):
        if side is None:
            continue
        if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
            remedy = f"use {SMALLEST_SIDE:g} to {LARGEST_SIDE:g} millimeters"
            raise BadInputError(f"{name} {side:g}", "no such picture can be drawn", remedy)
        size = size._replace(**{name: side})
    return size


def _drawn(
    network: Network, colors: tuple[Any, str | None], options: TreeOptions, size: Format
) -> TreeFigure:
    figure = Figure(inches(size), layout="constrained")
    left = _cut(network, options)
    tree = discretize(left.tree, options.levels) if options.levels else left.tree
    ratios: Any = {"width_ratios": (2, 1)} if options.inset else {}
    panels = figure.subplots(1, 1 + bool(options.inset), squeeze=False, **ratios)[0]
    values, words = colors
    limits = _limits(values, tree)
    drawing = {"cmap": color_map(options.colors), "limits": limits}
    placed = layout(tree)
    ax = draw_layout(panels[0], placed, values, **drawing, label=None if options.inset else words)
    ax.set_ylabel(options.quantity)
    if options.inset:
        _draw_bottom(panels, left.tree, options, values, {**drawing, "label": words})
    _annotate(ax, placed, network, options, left)
    return TreeFigure(figure, tree, int(left.minima.sum()) - left.minima.size)


def _cut(network: Network, options: TreeOptions) -> Cut:
    exact = shown_tree(network, 0, options.top)
    if options.lowest:
        exact = prune(exact, lowest=options.lowest, connected=True)
    if options.depth > 0 or options.smallest > 1:
        return cut(exact, options.depth, options.smallest)
    return Cut(exact, np.ones(exact.minima.size, np.int64))


def _annotate(ax: Axes, placed: Any, network: Network, options: TreeOptions, left: Cut) -> None:
    positions = network.positions(np.array(options.labels, dtype=np.int64))
    texts = map(str, options.labels)
    label_minima(ax, placed, dict(zip(map(int, positions), texts, strict=True)))
    if options.scale_bar:
        add_scale_bar(ax)
    by_position = dict(zip(left.tree.minima.tolist(), left.minima.tolist(), strict=True))
    count_branches(ax, placed, np.array([by_position[k] for k in placed.tree.minima.tolist()]))


def _draw_bottom(
    panels: Sequence[Axes], tree: Tree, options: TreeOptions, values: Any, drawing: dict[str, Any]
) -> None:
    """Draw the lowest minima in the second panel, and mark them in the first."""
    bottom = prune(tree, lowest=options.inset, connected=True)
    shown = discretize(bottom, options.levels) if options.levels else bottom
    ax = draw_layout(panels[1], layout(shown), values, **drawing)
    ax.set_ylabel("")
    ax.set_title("bottom", fontsize="medium")
    low, high = ax.get_ylim()
    panels[0].axhspan(low, high, color="#f0e9d8", zorder=0, linewidth=0)


def _limits(values: Any, tree: Tree) -> tuple[float, float] | None:
    """The smallest and the largest value that is shown, for the colors of both panels."""
    if values is None:
        return None
    shown = values[tree.minima]
    finite = shown[np.isfinite(shown)]
    return (float(finite.min()), float(finite.max())) if finite.size else None
