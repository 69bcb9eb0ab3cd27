"""The view of two minima: the lowest path between them, its profile, and decisions along it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.models import Column, ColumnDataSource, Slider

from lossatlas.browser.drawing import Profile, decision_map, profile, straight
from lossatlas.browser.evaluation import losses
from lossatlas.browser.figures import LINE_COLOR, MARK_COLOR, small_figure, table, text
from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.minimum_view import Later, map_figure, map_levels
from lossatlas.browser.served import ServedAtlas

LONGEST = 400
"""Largest number of stationary points of a path for which its straight lines are evaluated."""


def path_view(
    served: ServedAtlas, later: Later
) -> tuple[Column, Callable[[tuple[int, int] | None], None]]:
    """The view, and the function that shows the path between two minima in it by their ids.

    Args:
        served: the atlas.
        later: function that computes in the background.
    """
    words = text()
    row = wrapped()
    latest: list[Any] = [None]

    def show(between: tuple[int, int] | None) -> None:
        latest[0] = between
        row.children = []
        if between is None:
            words.text = ""
            return
        found = _found(served, between)
        if found is None:
            words.text = f"No path joins the minima {between[0]} and {between[1]}."
            return
        words.text = _numbers(served, between, found)
        plot, line = _profile(found)
        parts = [plot]
        landscape = served.landscape
        if landscape is not None:
            distances, weights = straight(found)
            if len(found.ids) <= LONGEST:
                later(
                    lambda: losses(landscape, weights),
                    lambda values: _draw_line(line, latest[0] == between, distances, values),
                )
            parts += _map_along(served, weights)
        row.children = parts

    return stacked(words, row), show


def _found(served: ServedAtlas, between: tuple[int, int]) -> Profile | None:
    network = served.state().network
    points = network.path(*between)
    minima = [point.id for point in points if point.kind == "minimum"]
    states = [point.id for point in points if point.kind != "minimum"]
    read = served.atlas
    weights = read.minimum_weights(minima), read.transition_state_weights(states)
    return profile(network, between, weights, served.landscape)


def _numbers(served: ServedAtlas, between: tuple[int, int], found: Profile) -> str:
    ends = found.weights[0], found.weights[-1]
    if served.landscape is not None:
        ends = ends[0], served.landscape.nearest_copy(ends[1], ends[0])
    highest = float(found.losses.max())
    rows = [
        ["path", f"{between[0]} to {between[1]}"],
        ["transition states on it", len(found.ids) // 2],
        ["highest loss", highest],
        [f"barrier from {between[0]}", highest - float(found.losses[0])],
        [f"barrier from {between[1]}", highest - float(found.losses[-1])],
        ["length of the path", float(found.distances[-1])],
        ["distance of the nearest symmetry copies", float(np.linalg.norm(ends[1] - ends[0]))],
    ]
    return table(rows)


def _profile(found: Profile) -> tuple[Any, ColumnDataSource]:
    plot = small_figure("Lowest path", "distance", "loss")
    line = ColumnDataSource({"x": [], "y": []})
    plot.line(
        "x",
        "y",
        source=line,
        line_color="#999999",
        line_dash="dashed",
        legend_label="on straight lines",
    )
    plot.line(found.distances, found.losses, line_color=LINE_COLOR, line_width=2)
    kinds = np.arange(len(found.ids)) % 2
    looks = ("circle", "minima", LINE_COLOR), ("diamond", "transition states", MARK_COLOR)
    for kind, (marker, name, color) in enumerate(looks):
        if (kinds == kind).any():
            plot.scatter(
                found.distances[kinds == kind],
                found.losses[kinds == kind],
                size=9,
                marker=marker,
                color=color,
                legend_label=name,
            )
    plot.legend.label_text_font_size = "11px"
    plot.legend.orientation = "horizontal"
    plot.add_layout(plot.legend[0], "below")  # On the figure it would lie on some of the paths.
    return plot, line


def _draw_line(line: ColumnDataSource, wanted: bool, distances: np.ndarray, values: Any) -> None:
    if wanted and values is not None:
        line.data = {"x": distances, "y": values}


def _map_along(served: ServedAtlas, weights: np.ndarray) -> list[Any]:
    """A decision map that a slider moves along the path, if the network has two inputs."""
    items = served.items("train")
    if items is None or items[0].shape[1] != 2 or served.landscape is None or len(weights) < 2:
        return []
    plot = map_figure(served, weights[0])
    plot.title.text = "Decision map along the path"
    source = plot.select_one({"name": "map"}).data_source
    slider = Slider(title="along the path", start=0, end=len(weights) - 1, step=1, value=0)

    def move(_name: str, _old: int, new: int) -> None:
        at = min(max(int(new), 0), len(weights) - 1)
        found = decision_map(served.landscape, weights[at], items[0])  # type: ignore[arg-type]
        source.data = {**source.data, "image": [map_levels(found, len(served.classes))]}

    slider.on_change("value", move)
    return [Column(children=[plot, slider])]
