"""The disconnectivity graph as a matplotlib picture.

Every colored vertical line ends at the loss of one minimum; its color shows a value of that
minimum, such as its AUC. Gray lines join minima that are connected. In a tree of levels, branches
leave along slanted lines of the height of one level, as in disconnectionDPS; in an exact tree they
leave horizontally at the loss of the transition state. Trunks that reach the upper edge without
meeting belong to minima that no known path joins.

The functions draw into the axes that they are given, and return them. They save no file and change
no global setting.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from lossatlas.analysis.tree_layout import Layout, discretize, layout, prune, shown_tree
from lossatlas.errors import BadInputError
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.points import Network
from lossatlas.plots.many_lines import bundles, distinct, exposed

LOW_RED_HIGH_BLUE = LinearSegmentedColormap.from_list(
    "low_red_high_blue", ["#98162f", "#d64f2b", "#e8a52e", "#52b3a4", "#2d77bd", "#232f6e"]
)
"""Red for low, blue for high values. The colors can be told apart in every common form of color
blindness, and none is too pale for a thin line on white."""

TRUNK_COLOR = "#a6a6a6"
"""Color of the lines that join minima."""
PLAIN_COLOR = "#2b3a55"
"""Color of the branches of a tree without values."""
MANY_LEAVES = 20_000
"""Number of minima from which on lines are stored as pixels instead of vectors, and hidden lines
are left out."""
HIDDEN = 0.25
"""Size of the cells on which hidden lines are found, in line widths."""
SHORTEST = 1.0
"""Least length of the line of a minimum, in line widths."""


class HasNetwork(Protocol):
    """An object that has a network of points, as an atlas does."""

    def network(self) -> Network:
        """The network of points as it is now."""
        ...


def plot_tree(
    source: Network | HasNetwork,
    color: str | Sequence[float] | np.ndarray | None = "auto",
    ax: Axes | None = None,
    *,
    levels: int = 30,
    top: float | None = None,
    preset: str | None = None,
    **drawing: Any,
) -> Axes:
    """Draw the disconnectivity graph of an atlas or of a network of points.

    Args:
        source: an open atlas, or a network.
        color: the values that color the branches: the name of a column of the minima, such as
            ``"test_auc"``, ``"times_found"`` or ``"loss"``; or (m,) a value for every minimum, in
            the order of ``minimum_ids``; or None for one dark color. The default ``"auto"`` is
            ``"train_auc"`` if the network has this column, and otherwise None.
        ax: the axes to draw into; by default pyplot's current axes.
        levels: number of levels that barriers are rounded up to; 0 draws exact barriers. Default
            30.
        top: the highest loss that is shown. By default it is chosen so that the picture is legible
            even if a few minima lie far above all others.
        preset: name of a figure of the paper, one of `lossatlas.plots.PRESETS`, such as
            ``"figure-2"``. It chooses the column in place of ``"auto"``, and the number of the
            lowest minima that are shown. By default None.
        **drawing: further arguments of `draw_layout`: ``label`` of the color bar (by default the
            name of the column in words), ``cmap``, ``limits`` and ``axis``.

    Returns:
        The axes.

    Raises:
        BadInputError: if there are no minima, the minima have no such column, there is not one
            value for every minimum, no minimum lies below ``top``, there is no preset of this name,
            or `source` is neither an atlas nor a network.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1]),
        ...     {"test_auc": np.array([0.7, 0.8])},
        ... )
        >>> ax = plot_tree(network, "test_auc", Figure().subplots())
        >>> [one.get_ylabel() for one in ax.figure.axes]
        ['loss', 'test AUC']
    """
    network = network_of(source)
    if network.minimum_ids.size == 0:
        where = getattr(source, "name", "network")
        raise BadInputError(where, "there are no minima in it yet", "explore for longer")
    color, lowest = _of_preset(preset, color)
    values, words = branch_colors(network, color)
    placed = layout(_lowest_of(network, levels, top, lowest))
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.gca()
    return draw_layout(ax, placed, values, **{"label": words, **drawing})


def _of_preset(preset: str | None, color: Any) -> tuple[Any, int | None]:
    """The values that color branches, and the number of the lowest minima that are shown."""
    if preset is None:
        return color, None
    from lossatlas.plots.presets import preset as preset_of

    chosen = preset_of(preset)
    if isinstance(color, str) and color == "auto":
        color = chosen.color
    return color, chosen.options["lowest"]


def _lowest_of(network: Network, levels: int, top: float | None, lowest: int | None) -> Tree:
    """The tree that is shown, of all minima or of the lowest that are connected."""
    if lowest is None:
        return shown_tree(network, levels, top)
    exact = prune(shown_tree(network, 0, top), lowest=lowest, connected=True)
    return discretize(exact, levels) if levels else exact


def network_of(source: Any) -> Network:
    """The network of an atlas, or the network that is given.

    Raises:
        BadInputError: for any other object, such as axes, which earlier versions took first.
    """
    if isinstance(source, Network):
        return source
    if not hasattr(source, "network"):
        problem = f"{type(source).__name__} is no atlas and no network of points"
        remedy = "use plot_tree(atlas, color, ax), where Atlas.open(path) gives the atlas of a file"
        raise BadInputError("plot_tree", problem, remedy)
    return source.network()


def branch_colors(
    network: Network, color: str | Sequence[float] | np.ndarray | None = "auto"
) -> tuple[Float[np.ndarray, " minima"] | None, str | None]:
    """The values that color the branches, and their name.

    Args:
        network: the network of points.
        color: the values, as in `plot_tree`.

    Returns:
        (m,) a value for every minimum, and the label of the color bar; each None if there is none.

    Raises:
        BadInputError: if there is no such column, or no minimum has a value in it.
    """
    columns = {"loss": network.minimum_energies, **network.columns}
    if isinstance(color, str) and color == "auto":
        computed = "train_auc" in columns and bool(np.isfinite(columns["train_auc"]).any())
        color = "train_auc" if computed else None
    if color is None:
        return None, None
    if not isinstance(color, str):
        return np.asarray(color, dtype=float), None
    if color not in columns:
        remedy = f"use none or one of {', '.join(columns)}"
        raise BadInputError(f"color {color}", "the minima have no such column", remedy)
    if color == "orbit_size":  # the size itself may be too large for a float
        return np.array([math.log10(n) for n in columns[color]]), "log10 of the orbit size"
    values = np.asarray(columns[color], dtype=float)
    if np.isnan(values).all():
        remedy = "use another column, or none"
        raise BadInputError(f"color {color}", "no minimum has a value in this column", remedy)
    return values, color.replace("_", " ").replace("auc", "AUC")


def draw_layout(
    ax: Axes,
    layout: Layout,
    values: Float[np.ndarray, " minima"] | None = None,
    cmap: Colormap | str = LOW_RED_HIGH_BLUE,
    limits: tuple[float, float] | None = None,
    label: str | None = None,
    axis: tuple[float, float] | None = None,
) -> Axes:
    """Draw a tree that is laid out already, for pictures that `plot_tree` does not make.

    Args:
        ax: the axes to draw into.
        layout: the layout of an exact tree or of a tree of levels, from
            `lossatlas.analysis.tree_layout.layout`.
        values: (minima,) a value for every minimum in the input of the tree, e.g. its test AUC.
            Branches with the value NaN are gray. By default None: all branches have one dark color.
        cmap: color map of the values; by default from red for low to blue for high values.
        limits: the values at the two ends of the color map; by default the smallest and the largest
            value.
        label: label of the color bar; by default None, no color bar (see `add_colorbar`).
        axis: the lowest and the highest loss on the axis, e.g. the same ones for several trees; by
            default those of the tree.

    Returns:
        The axes.

    Raises:
        BadInputError: if there is not one value for every minimum.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from lossatlas.network.disconnectivity import build_tree
        >>> from lossatlas.analysis.tree_layout import discretize, layout
        >>> tree = build_tree(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> figure = Figure()
        >>> ax = draw_layout(
        ...     figure.subplots(), layout(discretize(tree)), np.array([0.7, 0.8]), label="AUC"
        ... )
        >>> ax.get_ylabel()
        'loss'
    """
    tree, n_leaves = layout.tree, layout.tree.minima.size
    if values is not None and np.shape(values) != tree.place.shape:
        raise BadInputError(
            "values", f"shape {np.shape(values)}", f"give one for each of {tree.place.size}"
        )
    _axes(ax, layout, axis)
    slants, drops = _lines(layout)
    # The deepest minima are drawn last, so that no other line hides them.
    downwards = np.argsort(-tree.energy[:n_leaves], kind="stable")
    width = _line_width(ax, n_leaves)
    thickness = width * _data_per_point(ax)
    # Renderers leave out lines that are much shorter than a pixel, so minima would be missing.
    drops[:n_leaves, 0, 1] = np.maximum(
        drops[:n_leaves, 0, 1], drops[:n_leaves, 1, 1] + SHORTEST * thickness[1]
    )
    many = n_leaves > MANY_LEAVES
    style = {"capstyle": "butt" if many else "round", "rasterized": many, "antialiased": not many}
    skeleton, leaves = np.concatenate([slants, drops[n_leaves:]]), drops[downwards]
    shown = None if values is None else np.asarray(values, dtype=float)[tree.minima[downwards]]
    ends = _limits(shown, limits)
    if many:
        cell = HIDDEN * thickness
        skeleton = bundles(skeleton[distinct(skeleton, cell)])
        seen = exposed(leaves, cell)
        leaves, shown = leaves[seen], None if shown is None else shown[seen]
    ax.add_collection(
        LineCollection(list(skeleton), colors=TRUNK_COLOR, linewidths=0.6 * width, **style),
        autolim=False,
    )
    branches = LineCollection(list(leaves), linewidths=width, **style)
    ax.add_collection(branches, autolim=False)
    if shown is None:
        branches.set_color(PLAIN_COLOR)
    else:
        _color(branches, shown, cmap, ends)
        if label is not None:
            add_colorbar(ax, label)
    return ax


def add_colorbar(ax: Axes, label: str) -> Colorbar:
    """Add a slim color bar beside a tree that is colored by values, e.g. one for several trees.

    Args:
        ax: the axes in which the tree is drawn.
        label: the label of the color bar.

    Raises:
        BadInputError: if the axes hold no tree that is colored by values.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> ax = plot_tree(network, np.array([0.7, 0.8]), Figure().subplots())
        >>> add_colorbar(ax, "AUC").ax.get_ylabel()
        'AUC'
    """
    colored = [c for c in ax.collections if c.get_array() is not None]
    if not colored:
        raise BadInputError("ax", "holds no tree colored by values", "draw one with values first")
    low, high = colored[-1].get_clim()
    bar = ax.figure.colorbar(colored[-1], ax=ax, label=label, fraction=0.04, pad=0.02, aspect=35)
    bar.outline.set_visible(False)
    if low is not None and low == high:  # others would be beside it, such as an AUC above 1
        bar.set_ticks([low])
    return bar


def _lines(layout: Layout) -> tuple[Float[np.ndarray, "nodes 2 2"], Float[np.ndarray, "nodes 2 2"]]:
    """For every node, the line from the trunk of its parent, and its own vertical trunk."""
    tree = layout.tree
    is_root = tree.parent < 0
    x_above = np.where(is_root, layout.x, layout.x[tree.parent])
    y_above = np.where(is_root, _ceiling(layout), tree.energy[tree.parent])
    # The slanted line of a shallow minimum takes half of its depth at most, so that the vertical
    # line, which shows its color, keeps the other half.
    fall = np.minimum(tree.spacing, y_above - tree.energy)
    leaves = slice(tree.minima.size)
    fall[leaves] = np.minimum(fall[leaves], (y_above - tree.energy)[leaves] / 2)
    shoulder = y_above - np.where(layout.x == x_above, 0.0, fall)
    slants = np.stack([x_above, y_above, layout.x, shoulder], axis=1)
    drops = np.stack([layout.x, shoulder, layout.x, tree.energy], axis=1)
    return slants.reshape(-1, 2, 2), drops.reshape(-1, 2, 2)


def _span(layout: Layout) -> float:
    return (layout.tree.top - layout.tree.energy.min()) or 1.0


def _ceiling(layout: Layout) -> float:
    """The upper end of the picture, which the trunk of every component reaches."""
    return layout.tree.top + 0.03 * _span(layout)


def _limits(
    values: np.ndarray | None, limits: tuple[float, float] | None
) -> tuple[float | None, float | None]:
    """The limits that are given, or the smallest and largest of all values, even hidden ones."""
    if limits is not None:
        return limits
    if values is None or not np.isfinite(values).any():
        return None, None
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())


def _color(
    branches: LineCollection,
    values: np.ndarray,
    cmap: Colormap | str,
    limits: tuple[float | None, float | None],
) -> None:
    branches.set_array(np.ma.masked_invalid(values))
    branches.set_cmap(cmap)
    branches.set_cmap(branches.get_cmap().with_extremes(bad=TRUNK_COLOR))
    branches.set_clim(*limits)


def _line_width(ax: Axes, n_leaves: int) -> float:
    """The line width in points, about half of the distance between branches, within limits."""
    pitch = 72 * ax.bbox.width / ax.figure.dpi / n_leaves
    return float(np.clip(pitch / 2, 0.35, 2.0))


def _data_per_point(ax: Axes) -> Float[np.ndarray, " 2"]:
    """Width and height, in units of the data, of a square of one typographic point."""
    points = 72 * np.array([ax.bbox.width, ax.bbox.height]) / ax.figure.dpi
    return np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())]) / points


def _axes(ax: Axes, layout: Layout, axis: tuple[float, float] | None) -> None:
    n_leaves = layout.tree.minima.size
    ax.set_xlim(-0.5 - 0.02 * n_leaves, n_leaves - 0.5 + 0.02 * n_leaves)
    own = (layout.tree.energy.min() - 0.04 * _span(layout), _ceiling(layout))
    ax.set_ylim(*(own if axis is None else axis))
    ax.set_ylabel("loss")
    ax.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    ax.xaxis.set_visible(False)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
