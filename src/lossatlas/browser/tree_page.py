"""The disconnectivity graph as one file: nothing else is needed to look at it, and no connection.

A content security policy in the file forbids the browser every request, whatever the texts of an
atlas hold.
"""

from typing import Any

from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.events import DocumentReady
from bokeh.models import Column
from bokeh.resources import INLINE

from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.leaves import Leaves
from lossatlas.browser.tree_view import TreeView, tree_view

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'"
)
"""Scripts and styles of the file itself, and nothing from anywhere else."""

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 8px 12px; max-width: 1500px; background: #fff; color: #333;
       font: 14px/1.4 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { body { background: #16181d; color: #d8d8d8; } }
"""
TABLE = """
table { border-collapse: collapse; }
th { font-weight: normal; text-align: left; padding: 1px 14px 1px 0; }
td { text-align: right; padding: 1px 12px 1px 0; font-variant-numeric: tabular-nums; }
"""

TEMPLATE = """
{% block preamble %}
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<style>{{ style }}</style>
{% endblock %}
"""


def tree_page(leaves: Leaves, title: str, **view: Any) -> str:
    """The page as text of HTML.

    Args:
        leaves: from `leaves_of`.
        title: of the page, shown as it is.
        **view: ``color``, ``levels`` and ``quantity`` of `tree_view`.

    Raises:
        BadInputError: as `tree_view`.
    """
    document = Document(title=title)
    add_view(document, tree_view(leaves, **view))
    variables = {"policy": POLICY, "style": STYLE}
    return file_html(document, INLINE, title=title, template=TEMPLATE, template_variables=variables)


def add_view(document: Document, view: TreeView) -> None:
    """Put a view into a document, and start it when the document is ready."""
    document.add_root(arranged(view))
    document.js_on_event(DocumentReady, view.starts)


def arranged(view: TreeView) -> Column:
    """Controls above the figure, and what it says below; lines of controls break where needed."""
    controls, says = view.controls, view.says
    says["chosen"].stylesheets = [TABLE]
    first = [controls[name] for name in ("color", "merging", "scale", "search")]
    second = [controls[name] for name in ("threshold", "least", "smallest")]
    rows = [wrapped(*some) for some in (first, second)]
    parts = [*rows, says["threshold"], says["search"], view.plot, says["chosen"]]
    return stacked(*parts)
