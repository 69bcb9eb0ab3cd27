"""Arrange the parts of a page: one below the other, or side by side in lines that break."""

from typing import Any

from bokeh.models import Column, Row

WRAPPED: Any = {"flex-wrap": "wrap", "gap": "4px 14px", "align-items": "end"}


def stacked(*parts: Any, **options: Any) -> Column:
    """Arrange parts one below the other, as wide as the page."""
    return Column(children=list(parts), sizing_mode="stretch_width", **options)


def wrapped(*parts: Any) -> Row:
    """Arrange parts side by side, in as many lines as the width of the page requires."""
    return Row(children=list(parts), styles=WRAPPED, sizing_mode="stretch_width")
