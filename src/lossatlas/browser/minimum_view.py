"""The view of one minimum: its properties, its network, its spectrum, and how it classifies."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import Column, LinearColorMapper
from bokeh.palettes import Greys256

from lossatlas.browser.drawing import decision_map, probabilities, wires
from lossatlas.browser.evaluation import LARGEST, spectrum
from lossatlas.browser.figures import class_color, plain, shown, small_figure, table, text
from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.prediction import prediction_figures
from lossatlas.browser.served import ServedAtlas

if TYPE_CHECKING:
    from lossatlas.landscape.network_landscape import NetworkLandscape

SHADES = 100
"""Number of colors of each class of a decision map, from an even choice to certainty."""
DARK_CELL = 0.7
"""Share of the items of a class from which on a cell of the confusion matrix is dark."""
Later = Callable[[Callable[[], Any], Callable[[Any], None]], None]
"""A function that computes something in the background and then shows it."""


def minimum_view(served: ServedAtlas, later: Later) -> tuple[Column, Callable[[int | None], None]]:
    """The view, and the function that shows a minimum in it by its id (or none).

    Args:
        served: the atlas.
        later: function that computes in the background.
    """
    words = text("Click a branch of the graph to see its minimum.")
    row = wrapped()
    latest: list[int | None] = [None]

    def show(identifier: int | None) -> None:
        latest[0] = identifier
        if identifier is None:
            words.text, row.children = "Click a branch of the graph to see its minimum.", []
            return
        (w,) = served.atlas.minimum_weights([identifier])
        landscape = served.landscape
        words.text = _numbers(served, identifier, w)
        if landscape is None:
            row.children = [_coordinates(w)]
            return
        figures = [_network(landscape, w), *_classification(served, w)]
        figures += prediction_figures(served, w)
        row.children = figures

        def show_spectrum(values: np.ndarray | None) -> None:
            if latest[0] == identifier:
                row.children = [*figures, _spectrum(values)]

        later(lambda: spectrum(landscape, w), show_spectrum)

    return stacked(words, row), show


def _numbers(served: ServedAtlas, identifier: int, w: np.ndarray) -> str:
    network = served.state().network
    at = int(network.positions(identifier))
    rows: list[list[object]] = [["minimum", str(identifier)]]
    rows.append(["loss", float(network.minimum_energies[at])])
    for name, values in network.columns.items():
        value = values[at]
        words = name.replace("_", " ").replace("auc", "AUC")
        if name == "orbit_size":
            words = "symmetry orbit (copies)"
        rows.append([words, value])
    rows.append(["length of the weight vector", float(np.linalg.norm(w))])
    return table(rows)


def _coordinates(w: np.ndarray) -> Any:
    plot = small_figure("Coordinates", "number", "value")
    plot.vbar(x=np.arange(1, w.size + 1), top=w, width=0.7, color="#2d77bd")
    return plot


def _network(landscape: "NetworkLandscape", w: np.ndarray) -> Any:
    drawn = wires(landscape.architecture, w)
    title = f"Network {'-'.join(map(str, landscape.architecture.widths))}"
    last = len(landscape.architecture.widths) - 1
    plot = small_figure(title, "layer", "", x_range=(-0.3, last + 0.3))
    plot.yaxis.visible = plot.xaxis.visible = False
    plot.grid.visible = False
    largest = np.abs(drawn.weight).max(initial=0.0) or 1.0
    lines = {name: getattr(drawn, name) for name in ("x0", "y0", "x1", "y1")}
    plot.segment(
        **lines,
        line_width=0.3 + 5 * np.abs(drawn.weight) / largest,
        line_color=np.where(drawn.weight < 0, "#2d77bd", "#c0392b").tolist(),
        line_alpha=0.75,
    )
    colors = np.where(np.nan_to_num(drawn.node_bias) < 0, "#2d77bd", "#c0392b")
    colors = np.where(np.isnan(drawn.node_bias), "#888888", colors)
    plot.scatter(drawn.node_x, drawn.node_y, size=10, color=colors.tolist(), line_color="#333333")
    plot.title.text = f"{title}: red above 0, blue below"
    return plot


def _spectrum(values: np.ndarray | None) -> Any:
    if values is None:
        return text(f"<p>No spectrum: more than {LARGEST:,} weights.</p>", width=240)
    # Rounding makes some of the zero curvatures negative, which the axis cannot show.
    plot = small_figure("Spectrum of the Hessian", "rank", "eigenvalue", y_axis_type="log")
    above = np.flatnonzero(values > 0)
    plot.scatter(above + 1, values[above], size=5, color="#2d77bd")
    return plot


def _classification(served: ServedAtlas, w: np.ndarray) -> list[Any]:
    """ROC curves and the confusion matrix of the testing (or else training) items, and the map."""
    group = "test" if served.items("test") is not None else "train"
    items = served.items(group)
    if items is None or served.landscape is None:
        return []
    inputs, labels = items
    chances = probabilities(served.landscape, w, inputs)
    figures = [_roc(served, chances, labels, group), _confusion(served, chances, labels, group)]
    if inputs.shape[1] == 2:
        figures.append(map_figure(served, w))
    return figures


def _roc(served: ServedAtlas, chances: np.ndarray, labels: np.ndarray, group: str) -> Any:
    from sklearn.metrics import roc_auc_score, roc_curve

    plot = small_figure(f"ROC, {group} items", "false positive rate", "true positive rate")
    plot.line([0, 1], [0, 1], line_color="#999999", line_dash="dotted")
    for k in range(chances.shape[1]):
        is_class = labels == k
        if 0 < is_class.sum() < labels.size:
            false, true, _ = roc_curve(is_class, chances[:, k])
            area = roc_auc_score(is_class, chances[:, k])
            name = f"{_class_name(served, k)}: {area:.3f}"
            plot.line(false, true, line_color=class_color(k), line_width=2, legend_label=name)
    if plot.legend:
        plot.legend.location = "bottom_right"
        plot.legend.label_text_font_size = "11px"
        plot.legend.background_fill_alpha = 0.6
    return plot


def _confusion(served: ServedAtlas, chances: np.ndarray, labels: np.ndarray, group: str) -> Any:
    from sklearn.metrics import confusion_matrix

    classes = chances.shape[1]
    counts = confusion_matrix(labels, chances.argmax(axis=1), labels=np.arange(classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ranges = {"x_range": (-0.5, classes - 0.5), "y_range": (classes - 0.5, -0.5)}
    plot = small_figure(f"Confusion, {group} items", "chosen", "true", **ranges)
    mapper = LinearColorMapper(palette=Greys256[::-1], low=0, high=1.4)
    plot.image([share], x=-0.5, y=-0.5, dw=classes, dh=classes, color_mapper=mapper)
    true, chosen = np.divmod(np.arange(classes**2), classes)
    if classes <= 12:
        numbers = [shown(int(count)) for count in counts.ravel()]
        # The cells are light or dark gray on any page, so the numbers do not follow its colors.
        inks = np.where(share.ravel() > DARK_CELL, "#ffffff", "#111111").tolist()
        place: Any = {"text_align": "center", "text_baseline": "middle"}
        plot.text(chosen, true, numbers, text_color=inks, **place)
    names = {k: _class_name(served, k) for k in range(classes)}
    for axis in (plot.xaxis, plot.yaxis):
        axis.ticker = list(range(classes)) if classes <= 12 else axis.ticker
        axis.major_label_overrides = names
    plot.grid.visible = False
    return plot


def map_figure(served: ServedAtlas, w: np.ndarray) -> Any:
    """The decision map of a weight vector, with the training items on it."""
    inputs, labels = served.items("train") or (np.zeros((0, 2)), np.zeros(0, int))
    found = decision_map(served.landscape, w, inputs)  # type: ignore[arg-type]
    features = [plain(str(name)) for name in served.atlas.problem.specification.get("features", ())]
    names = features if len(features) == 2 else ["input 1", "input 2"]
    plot = small_figure("Decision map", *names)
    plot.image(
        [map_levels(found, len(served.classes))],
        x=found.low[0],
        y=found.low[1],
        dw=np.ptp([found.low[0], found.high[0]]),
        dh=np.ptp([found.low[1], found.high[1]]),
        color_mapper=map_colors(len(served.classes)),
        name="map",
    )
    colors = [class_color(int(k)) for k in labels[:2000]]
    plot.scatter(*inputs[:2000].T, color=colors, size=4, line_color="#222222", line_width=0.4)
    plot.grid.visible = False
    return plot


def map_levels(found: Any, classes: int) -> np.ndarray:
    """Class and certainty as one number, which is an index into `map_colors`."""
    even = 1 / max(classes, 2)
    part = np.clip((found.certainty - even) / (1 - even), 0, 1 - 1e-9)
    return (found.classes * SHADES + np.floor(part * SHADES)).astype(np.float64)


def map_colors(classes: int) -> LinearColorMapper:
    """The colors of a decision map: each class has its color, which is paler for less certainty."""
    palette = []
    for k in range(classes):
        color = np.array([int(class_color(k)[i : i + 2], 16) for i in (1, 3, 5)])
        for part in np.linspace(0.1, 0.65, SHADES):
            mixed = np.round(255 + part * (color - 255)).astype(int)
            palette.append("#" + "".join(f"{value:02x}" for value in mixed))
    return LinearColorMapper(palette=palette, low=-0.5, high=classes * SHADES - 0.5)


def _class_name(served: ServedAtlas, k: int) -> str:
    """The name of a class, without signs that Bokeh would read as a formula or a field."""
    names = served.classes
    return plain(names[k]) if k < len(names) else str(k)
