"""What a page of the server tells its browser about itself, and the browser tells the server."""

from bokeh.core.properties import Bool
from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.model import DataModel
from bokeh.models import CustomJS
from bokeh.themes import Theme


def _theme(paper: str, ink: str, line: str) -> Theme:
    """Figures with the colors of the background, of the text and of thin lines."""
    axis = {f"{part}_line_color": ink for part in ("axis", "major_tick", "minor_tick")}
    axis |= {"axis_label_text_color": ink, "major_label_text_color": ink}
    legend = {"background_fill_color": paper, "border_line_color": line, "label_text_color": ink}
    plot = {f"{part}_fill_color": paper for part in ("background", "border")}
    parts = {
        "Plot": plot | {"outline_line_color": line},
        "Axis": axis,
        "Grid": {"grid_line_color": line},
        "Title": {"text_color": ink},
        "Legend": legend,
    }
    return Theme(json={"attrs": parts})


DARK, LIGHT = _theme("#16181d", "#d8d8d8", "#3d424d"), _theme("#ffffff", "#333333", "#e5e5e5")
"""The colors of figures on dark and on light pages, which are those of ``view.js``."""

BEGIN = """
const dark = matchMedia("(prefers-color-scheme: dark)")
const tell = () => { page.dark = dark.matches }
const reload = () => { if (page.outdated) location.reload() }
dark.addEventListener("change", tell)
page.properties.outdated.change.connect(reload)
tell()
reload()  // The server may have asked for it before this page was there.
"""


class PageState(DataModel):
    """The state of one page, which the server and the browser share."""

    outdated = Bool(default=False, help="set by the server: the page has to be loaded again")
    dark = Bool(default=False, help="set by the browser: it asks for light text on a dark page")


def page_state(document: Document) -> PageState:
    """Add the state to a page.

    The page loads itself again as soon as the server sets ``outdated``, and its figures have the
    colors of `DARK` while the browser asks for a dark page.

    Args:
        document: the document of the page.
    """
    page = PageState()

    def paint(_name: str, _old: bool, dark: bool) -> None:
        document.theme = DARK if dark else LIGHT

    page.on_change("dark", paint)
    document.add_root(page)
    document.js_on_event(DocumentReady, CustomJS(args={"page": page}, code=BEGIN))
    return page
