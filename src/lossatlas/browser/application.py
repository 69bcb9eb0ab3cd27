"""The pages of the server: the atlas and the views that each shows, and how they are updated."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Any

from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.models import TabPanel, Tabs

from lossatlas.browser.figures import text
from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.live_view import live_view
from lossatlas.browser.minimum_view import Later, minimum_view
from lossatlas.browser.page_state import PageState, page_state
from lossatlas.browser.path_view import path_view
from lossatlas.browser.served import ServedAtlas
from lossatlas.browser.statistics_view import statistics_view
from lossatlas.browser.tree_page import STYLE, TEMPLATE, arranged
from lossatlas.browser.tree_view import TreeView, tree_view
from lossatlas.errors import LossatlasError

POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Content security policy of the pages: they may load what is in them or comes from this server."""
MILLISECONDS = 1000
"""Time between two checks of a page whether its atlas has changed."""
AUTO = "train AUC"
"""The column that colors the branches at first, if there is one."""
STATISTICS, EXPLORATION = 1, 2
"""Numbers of the tabs that are filled when they are opened."""
TAB = ".bk-tab.bk-active { background-color: Canvas; color: CanvasText; }"
"""Style by which the tab that is open follows the light or dark colors of the page."""
_workers = ThreadPoolExecutor(1, thread_name_prefix="lossatlas-view")


def application(atlases: Sequence[ServedAtlas]) -> Callable[[Document], None]:
    """The function that fills the page of each visit.

    A page shows the atlas that its address names, or two atlases next to each other.

    Args:
        atlases: the atlases that the server shows, at least one.
    """

    def fill(document: Document) -> None:
        document.title = "lossatlas"
        document.template = TEMPLATE  # type: ignore[assignment]
        document.template_variables.update(policy=POLICY, style=STYLE)
        context: Any = document.session_context
        arguments = context.request.arguments if context else {}
        try:
            chosen = _chosen(atlases, arguments.get("atlas", [b"0"])[0])
            other = arguments.get("beside")
            shown = [chosen] if other is None else [chosen, _chosen(atlases, other[0])]
            document.title = f"lossatlas: {' and '.join(served.name for served in shown)}"
            page = page_state(document)
            document.add_root(text(_links(atlases, chosen)))
            _fill(document, shown, page)
        except LossatlasError as error:
            document.add_root(text(_words_of(error)))

    return fill


def _fill(document: Document, shown: Sequence[ServedAtlas], page: PageState) -> None:
    """Fill a page with one or two atlases, or with the reason why nothing can be shown yet."""
    why = _why_to_wait(shown)
    if why is not None:
        _until_there_are_minima(document, shown, page, why)
    elif len(shown) == 1:
        _one(document, shown[0], page)
    else:
        _two(document, *shown)


def _why_to_wait(shown: Sequence[ServedAtlas]) -> str | None:
    """Why the graphs cannot be shown yet, in words; None if they can."""
    states = [(served.name, served.latest()) for served in shown]
    for name, state in states:
        if state is None:
            return f"{name} is being read. The graph appears when it is read."
    for name, state in states:
        if state is not None and state.leaves is None:
            return f"There are no minima in {name} yet. The graph appears when there are."
    return None


def _words_of(error: LossatlasError) -> str:
    return f"<p><b>{escape(str(error))}</b></p>"


def _chosen(atlases: Sequence[ServedAtlas], number: bytes) -> ServedAtlas:
    """The atlas with a number in the address; the first one if there is no such number."""
    digits = number.decode("ascii", "replace")
    wanted = int(digits) if digits.isdecimal() and len(digits) < 6 else 0
    return atlases[wanted] if wanted < len(atlases) else atlases[0]


def _links(atlases: Sequence[ServedAtlas], chosen: ServedAtlas) -> str:
    if len(atlases) == 1:
        return f"<b>{escape(chosen.name)}</b>"
    at = atlases.index(chosen)
    parts = []
    for k, one in enumerate(atlases):
        name = f"<b>{escape(one.name)}</b>" if k == at else escape(one.name)
        beside = "" if k == at else f' (<a href="?atlas={at}&amp;beside={k}">beside</a>)'
        parts.append(f'<a href="?atlas={k}">{name}</a>{beside}')
    return " &middot; ".join(parts)


def _later(document: Document) -> Later:
    """A function that computes in the background, one task at a time, and then updates the page."""

    def later(compute: Callable[[], Any], show: Callable[[Any], None]) -> None:
        def work() -> None:
            try:
                result = compute()
            except Exception:  # Nothing waits for the result, so the error goes into the log.
                logging.getLogger(__name__).exception("a view could not be computed")
                return
            document.add_next_tick_callback(lambda: show(result))

        _workers.submit(work)

    return later


def _one(document: Document, served: ServedAtlas, page: PageState) -> None:
    """Fill a page with the views of an atlas that has minima."""
    live, update = live_view(served)
    view = _view_of(served)
    minimum, show_minimum = minimum_view(served, _later(document))
    path, show_path = path_view(served, _later(document))
    message = text(visible=False)
    attempt = _attempting(served, message)

    def show_chosen(_name: str, _old: list[int], new: list[int]) -> None:
        ids = [int(one) for one in new][-2:]
        attempt("minimum", lambda: show_minimum(ids[-1] if ids else None))
        attempt("path", lambda: show_path((ids[0], ids[1]) if len(ids) == 2 else None))

    def fill_statistics(statistics: Any) -> None:
        attempt("statistics", lambda: statistics.update(children=[statistics_view(served)]))

    def look() -> None:
        attempt("look", lambda: _bring_up_to_date(view, served, page))
        if tabs.active == EXPLORATION:
            attempt("exploration", update)

    view.data.on_change("chosen", show_chosen)
    graph = stacked(arranged(view), path, minimum)
    fillings = {STATISTICS: fill_statistics, EXPLORATION: lambda _: attempt("exploration", update)}
    tabs = _tabs(graph, live, fillings)
    document.add_root(stacked(message, tabs))
    document.js_on_event(DocumentReady, view.starts)
    document.add_periodic_callback(look, MILLISECONDS)


def _attempting(served: ServedAtlas, message: Any) -> Callable[[str, Callable[[], Any]], None]:
    """A function that does something by name, and says in a message why it failed.

    What it says stays until the same is done successfully.
    """
    failures: dict[str, str] = {}

    def attempt(name: str, act: Callable[[], Any]) -> None:
        try:
            served.check_there()
            act()
            failures.pop(name, None)
        except LossatlasError as error:
            failures[name] = _words_of(error)
        message.text = "".join(dict.fromkeys(failures.values()))
        message.visible = bool(failures)

    return attempt


def _tabs(graph: Any, live: Any, fillings: Mapping[int, Callable[[Any], None]]) -> Tabs:
    """The tabs of a page, some of which are filled whenever they are opened."""
    children = [graph, stacked(), live]
    titles = ("Graph", "Statistics", "Exploration")
    panels = [TabPanel(child=child, title=t) for child, t in zip(children, titles, strict=True)]
    tabs = Tabs(tabs=panels, sizing_mode="stretch_width", stylesheets=[TAB])

    def fill(_name: str, _old: int, new: int) -> None:
        if new in fillings:
            fillings[new](children[new])

    tabs.on_change("active", fill)
    return tabs


def _until_there_are_minima(
    document: Document, shown: Sequence[ServedAtlas], page: PageState, why: str
) -> None:
    """Fill a page with the exploration so far, and load it again when there is a graph to show."""
    words = text(f"<p>{escape(why)}</p>")
    views = [live_view(served) for served in shown]

    def look() -> None:
        try:
            why = _why_to_wait(shown)
            if why is None:
                page.update(outdated=True)
                return
            words.text = f"<p>{escape(why)}</p>"
            for served, (_, update) in zip(shown, views, strict=True):
                if served.latest() is not None:
                    update()
        except LossatlasError as error:
            words.text = _words_of(error)

    document.add_root(stacked(words, *(live for live, _ in views)))
    document.add_periodic_callback(look, MILLISECONDS)


def _view_of(served: ServedAtlas, **options: Any) -> TreeView:
    leaves = served.state().leaves
    assert leaves is not None  # Callers make sure that there are minima.
    color = AUTO if AUTO in leaves.columns else None
    return tree_view(leaves, color=color, packed=served.state().packed, **options)


def _bring_up_to_date(view: TreeView, served: ServedAtlas, page: PageState) -> None:
    """Send the leaves again if they have changed; if there are other columns, reload the page."""
    state = served.state()
    changed = state.leaves is not None and state.packed["packed"] is not view.data.packed
    if changed and state.packed["names"] == view.data.names:
        view.data.update(**state.packed)
    elif changed:
        page.update(outdated=True)


def _two(document: Document, left: ServedAtlas, right: ServedAtlas) -> None:
    """Fill a page with the graphs of two atlases on one axis."""
    both = [served.state().leaves for served in (left, right)]
    lowest = min(float(leaves.losses.min()) for leaves in both if leaves is not None)
    top = max(float(leaves.top) for leaves in both if leaves is not None)
    views = [_view_of(served, axis=(lowest, top)) for served in (left, right)]
    views[1].plot.y_range = views[0].plot.y_range
    views[1].data.update(second=True)
    parts = []
    for served, view in zip((left, right), views, strict=True):
        title = text(f"<b>{escape(served.name)}</b>")
        parts.append(stacked(title, arranged(view), min_width=360))
        document.js_on_event(DocumentReady, view.starts)
    document.add_root(wrapped(*parts))
