"""The disconnectivity graph as models of Bokeh: a figure, its controls and its texts.

The models are empty at first: the scripts fill them with the lines that are visible. Moving the
picture therefore needs no program, and a page that is only a file can do everything that a page of
the server can.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from bokeh.events import Tap
from bokeh.models import (
    BasicTickFormatter,
    BoxZoomTool,
    ColorBar,
    ColumnDataSource,
    CustomJS,
    Div,
    HoverTool,
    LinearColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Select,
    Slider,
    Span,
    Spinner,
    TextInput,
    Title,
    WheelZoomTool,
)
from bokeh.plotting import figure
from matplotlib.colors import to_hex

from lossatlas.browser.engine import TreeData, callback, column_names, contents_of
from lossatlas.browser.leaves import Leaves
from lossatlas.errors import BadInputError
from lossatlas.plots.tree import LOW_RED_HIGH_BLUE, PLAIN_COLOR, TRUNK_COLOR

HEIGHT = 520
LINE = {"x0": "x0", "y0": "y0", "x1": "x1", "y1": "y1"}
PLAIN = "-1"
"""Value of the control of colors that means no column."""


FIELD = """
.bk-input { background-color: Field; color: FieldText; }
.noUi-target { background-color: color-mix(in srgb, CanvasText 12%, Canvas); }
"""
"""Style by which input fields follow the light or dark colors of the page."""
LIGHTER = 0.35
"""Fraction of white that is mixed into the colors on a dark page."""


def palette(white: float) -> list[str]:
    """The colors of low to high values, mixed with a fraction of white from 0 to 1."""
    colors = LOW_RED_HIGH_BLUE(np.linspace(0, 1, 256))[:, :3]
    return [to_hex(color) for color in (1 - white) * colors + white]


class TreeView(NamedTuple):
    """The parts of the view of a disconnectivity graph.

    Attributes:
        data: the row of leaves, the options of the picture, and the minima that are chosen.
        plot: the figure.
        controls: the controls, by the names that the scripts use.
        says: elements for texts, by the names that the scripts use.
        starts: the callback that the document has to call when it is ready.
    """

    data: TreeData
    plot: Any
    controls: dict[str, Any]
    says: dict[str, Div]
    starts: CustomJS


def tree_view(
    leaves: Leaves,
    color: str | None = None,
    levels: int = 30,
    quantity: str = "loss",
    axis: tuple[float, float] | None = None,
    packed: Mapping[str, Any] | None = None,
) -> TreeView:
    """The view of a row of leaves.

    Args:
        leaves: the row of leaves, from `leaves_of`.
        color: name of the column that colors the branches at first, as it is shown; by default all
            have one dark color.
        levels: number of levels of the tree, at least two; 0 shows the exact tree at first. The
            default is 30.
        quantity: name of the quantity of the axis; default ``"loss"``.
        axis: lowest and highest loss shown at first, for example those of several trees; by default
            those of this tree.
        packed: the result of `contents_of` for this row, if it is known already.

    Raises:
        BadInputError: there is no column of this name, or a single level.
    """
    if levels == 1 or levels < 0:
        raise BadInputError("levels", f"{levels} is less than two", "use 2 or more, or 0: exact")
    contents = contents_of(leaves) if packed is None else packed
    data = TreeData(**contents, levels=levels or 30, quantity=quantity, axis=list(axis or ()))
    plot, parts = _plot(leaves, quantity)
    controls = _controls(leaves, color, exact=levels == 0)
    says = {
        name: Div(disable_math=True, sizing_mode="stretch_width", visible=name != "search")
        for name in ("threshold", "search", "chosen")
    }
    starts = callback(data=data, plot=plot, controls=controls, says=says, colors={}, **parts)
    plot.js_on_event(Tap, starts)
    return TreeView(data, plot, controls, says, starts)


def _plot(leaves: Leaves, quantity: str) -> tuple[Any, dict[str, Any]]:
    """The figure, and the parts of it that the scripts need, by name."""
    plot = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        tools=[PanTool(), BoxZoomTool(), ResetTool(), SaveTool(filename="tree")],
        toolbar_location="above",
        output_backend="canvas",
        x_range=Range1d(start=0.0, end=float(max(leaves.ids.size, 2))),
        y_range=Range1d(start=float(leaves.losses.min()), end=float(leaves.top)),
        min_width=280,
    )
    wheel = WheelZoomTool()
    plot.add_tools(wheel)
    plot.toolbar.active_scroll = wheel
    plot.toolbar.logo = None
    plot.xaxis.visible = False
    plot.grid.visible = False
    plot.outline_line_color = None
    plot.yaxis.axis_label = quantity
    plot.yaxis.formatter = BasicTickFormatter(use_scientific=False, precision="auto")
    sources, glyphs, renderers = _lines(plot)
    palettes = {"light": palette(0.0), "dark": palette(LIGHTER)}
    mapper = LinearColorMapper(palette=palettes["light"], nan_color=TRUNK_COLOR)
    title = Title(text="", text_font_style="normal", align="right")
    bar = ColorBar(color_mapper=mapper, width=10, padding=4, visible=False, syncable=False)
    plot.add_layout(bar, "right")
    plot.add_layout(title, "above")
    line = Span(dimension="width", line_dash="dashed", line_color="#c0392b", visible=False)
    plot.add_layout(line)
    plot.add_tools(*_hovers(leaves, renderers, quantity))
    parts = {"sources": sources, "glyphs": glyphs, "mapper": mapper, "bar": bar}
    return plot, {**parts, "palettes": palettes, "barTitle": title, "line": line}


def _lines(plot: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Sources, glyphs and renderers of the three kinds of lines, and of chosen minima."""
    sources, glyphs, renderers = {}, {}, {}
    for name in ("slants", "trunks", "leaves"):
        # Not synchronized, so that the browser does not send back to the server what it draws.
        sources[name] = ColumnDataSource({k: [] for k in LINE}, syncable=False)
        color = PLAIN_COLOR if name == "leaves" else TRUNK_COLOR
        renderers[name] = plot.segment(**LINE, source=sources[name], line_color=color)
        glyphs[name] = renderers[name].glyph
        glyphs[name].syncable = False
    sources["marks"] = ColumnDataSource({"x": [], "y": [], "text": []}, syncable=False)
    plot.scatter(
        "x", "y", source=sources["marks"], size=11, line_color="#c0392b", fill_alpha=0, line_width=2
    )
    plot.text(
        "x",
        "y",
        "text",
        source=sources["marks"],
        y_offset=8,
        text_align="center",
        text_baseline="top",
        text_color="#c0392b",
        text_font_size="12px",
    )
    return sources, glyphs, renderers


def _hovers(leaves: Leaves, renderers: dict[str, Any], quantity: str) -> list[HoverTool]:
    """The tooltips of branches, in which names of columns are not read as fields."""
    names = [_text(name) for name in column_names(leaves)]
    fields = [("minimum", "@id"), (_text(quantity), "@loss{%.10g}")]
    fields += [(name, f"@c{k}{{%.6g}}") for k, name in enumerate(names)]
    formats: dict[str, Any] = {f"@c{k}": "printf" for k in range(len(names))} | {"@loss": "printf"}
    leaf = HoverTool(
        renderers=[renderers["leaves"]],
        tooltips=[*fields, ("minima drawn as one", "@count")],
        formatters=formats,
    )
    trunk = HoverTool(
        renderers=[renderers["trunks"]],
        tooltips=[("lowest minimum", "@id"), ("minima of the branch", "@count")],
        visible=False,
    )
    return [leaf, trunk]


def _text(words: str) -> str:
    """A text without the signs that templates of tooltips read as fields."""
    return words.replace("@", "(at)").replace("$", "(dollar)")


def _controls(leaves: Leaves, color: str | None, *, exact: bool) -> dict[str, Any]:
    names = column_names(leaves)
    if color is not None and color not in names:
        remedy = f"use none or one of {', '.join(names)}"
        raise BadInputError(f"color {color}", "the minima have no such column", remedy)
    choices: list[Any] = [(PLAIN, "none"), *((str(k), name) for k, name in enumerate(names))]
    chosen = PLAIN if color is None else str(names.index(color))
    merging: list[Any] = [("levels", "in levels"), ("exact", "exact")]
    scales: list[Any] = [("linear", "linear"), ("log", "log of the distance to the lowest")]
    controls = {
        "color": Select(title="Color", value=chosen, options=choices, width=220),
        "merging": Select(
            title="Barriers", value="exact" if exact else "levels", options=merging, width=110
        ),
        "scale": Select(title="Axis", value="linear", options=scales, width=160),
        "search": TextInput(title="Find the minimum with id", width=160),
        "smallest": Spinner(title="Least minima of a branch", low=1, step=1, value=1, width=160),
        "least": Slider(
            title="Least depth of a branch, % of the axis",
            start=0,
            end=100,
            step=0.5,
            value=0,
            width=240,
        ),
        "threshold": Slider(
            title="Threshold, % of the axis", start=0, end=100, step=0.2, value=0, width=240
        ),
    }
    for control in controls.values():
        control.stylesheets = [FIELD]
    return controls
