"""Figures of Bokeh in one style, and texts in HTML."""

from html import escape
from typing import Any

import numpy as np
from bokeh.models import Div
from bokeh.plotting import figure

from lossatlas.browser.tree_page import TABLE

SIZE = 300
CLASS_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Of Okabe and Ito, told apart in every common form of color blindness."""
LOOK_ALIKE = {
    ord("$"): "\N{FULLWIDTH DOLLAR SIGN}",
    ord("\\"): "\N{FULLWIDTH REVERSE SOLIDUS}",
}
LINE_COLOR = "#2d77bd"
MARK_COLOR = "#c0392b"


def small_figure(title: str, x: str, y: str, **options: Any) -> Any:
    """A figure among others: no logo, few tools, axes with labels."""
    settings = {"height": SIZE, "width": int(1.25 * SIZE), "tools": "pan,wheel_zoom,reset,save"}
    plot = figure(title=title, output_backend="canvas", **{**settings, **options})
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.xaxis.axis_label, plot.yaxis.axis_label = x, y
    plot.grid.grid_line_alpha = 0.4
    return plot


def class_color(k: int) -> str:
    """The color of a class."""
    return CLASS_COLORS[k % len(CLASS_COLORS)]


def text(html: str = "", **options: Any) -> Div:
    """A place for HTML that is escaped already; formulas in it stay as they are."""
    if "width" not in options:
        options = {"sizing_mode": "stretch_width", **options}
    return Div(text=html, disable_math=True, stylesheets=[TABLE], **options)


def table(rows: list[list[object]], heads: list[str] | None = None) -> str:
    """A table of HTML; all texts are shown as they are, numbers with six digits."""
    lines = []
    if heads is not None:
        lines.append("".join(f"<th>{escape(head)}</th>" for head in heads))
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(shown(cell))}</td>" for cell in rest)
        lines.append(f"<th>{escape(shown(first))}</th>{cells}")
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def plain(words: str) -> str:
    """Words for an axis or a legend, without the signs that begin a formula there."""
    return words.translate(LOOK_ALIKE)


def shown(value: object) -> str:
    """A value as a cell of a table.

    Examples:
        >>> shown(0.123456789), shown(1234), shown(None), shown("<b>")
        ('0.123457', '1,234', 'none', '<b>')
    """
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "none"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    return f"{value:,}" if isinstance(value, (int, np.integer)) else str(value)
