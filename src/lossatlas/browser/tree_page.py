"""The disconnectivity graph as one file, which needs no other files and no connection.

A content security policy in the file forbids the browser to make any request, whatever the texts of
an atlas contain.
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
"""Content security policy that allows the scripts and styles of the file itself, and no others."""

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
    """The text of the page in HTML.

    Args:
        leaves: the row of leaves, from `leaves_of`.
        title: title of the page.
        **view: ``color``, ``levels`` and ``quantity`` of `tree_view`.

    Raises:
        BadInputError: there is no column of this name, or a single level.
    """
    document = Document(title=title)
    add_view(document, tree_view(leaves, **view))
    variables = {"policy": POLICY, "style": STYLE}
    return file_html(document, INLINE, title=title, template=TEMPLATE, template_variables=variables)


def add_view(document: Document, view: TreeView) -> None:
    """Add a view to a document, which starts it when it is ready."""
    document.add_root(arranged(view))
    document.js_on_event(DocumentReady, view.starts)


def arranged(view: TreeView) -> Column:
    """Arrange a view, with the controls above the figure and its texts below."""
    controls, says = view.controls, view.says
    says["chosen"].stylesheets = [TABLE]
    first = [controls[name] for name in ("color", "merging", "scale", "search")]
    second = [controls[name] for name in ("threshold", "least", "smallest")]
    rows = [wrapped(*some) for some in (first, second)]
    parts = [*rows, says["threshold"], says["search"], view.plot, says["chosen"]]
    return stacked(*parts)
