"""Figures of Bokeh in one style, and texts and tables in HTML."""

from html import escape
from typing import Any

import numpy as np
from bokeh.models import Div
from bokeh.plotting import figure

from lossatlas.browser.tree_page import TABLE

SIZE = 300
CLASS_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Colors of Okabe and Ito, which can be told apart in every common form of color blindness."""
LOOK_ALIKE = {
    ord("$"): "\N{FULLWIDTH DOLLAR SIGN}",
    ord("\\"): "\N{FULLWIDTH REVERSE SOLIDUS}",
}
"""Signs that begin a formula in Bokeh, and signs that look like them and do not."""
LINE_COLOR = "#2d77bd"
MARK_COLOR = "#c0392b"


def small_figure(title: str, x: str, y: str, **options: Any) -> Any:
    """A small figure with labeled axes, few tools and no logo.

    Args:
        title: title of the figure.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        **options: further arguments of `bokeh.plotting.figure`.
    """
    settings = {"height": SIZE, "width": int(1.25 * SIZE), "tools": "pan,wheel_zoom,reset,save"}
    plot = figure(title=title, output_backend="canvas", **{**settings, **options})
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.xaxis.axis_label, plot.yaxis.axis_label = x, y
    plot.grid.grid_line_alpha = 0.4
    return plot


def class_color(k: int) -> str:
    """The color of the class with a number; colors repeat if there are many classes."""
    return CLASS_COLORS[k % len(CLASS_COLORS)]


def text(html: str = "", **options: Any) -> Div:
    """A text element with HTML in which all foreign text is already escaped.

    Formulas in it are not typeset.
    """
    if "width" not in options:
        options = {"sizing_mode": "stretch_width", **options}
    return Div(text=html, disable_math=True, stylesheets=[TABLE], **options)


def table(rows: list[list[object]], heads: list[str] | None = None) -> str:
    """A table in HTML, in which texts are escaped and numbers have six digits.

    Args:
        rows: cells of each row; the first one is its heading.
        heads: headings of the columns; by default there are none.
    """
    lines = []
    if heads is not None:
        lines.append("".join(f"<th>{escape(head)}</th>" for head in heads))
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(shown(cell))}</td>" for cell in rest)
        lines.append(f"<th>{escape(shown(first))}</th>{cells}")
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def plain(words: str) -> str:
    """A text for an axis or a legend, without the signs that would begin a formula there."""
    return words.translate(LOOK_ALIKE)


def shown(value: object) -> str:
    """The text of a value in a cell of a table.

    Examples:
        >>> shown(0.123456789), shown(1234), shown(None), shown("<b>")
        ('0.123457', '1,234', 'none', '<b>')
    """
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "none"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    return f"{value:,}" if isinstance(value, (int, np.integer)) else str(value)
