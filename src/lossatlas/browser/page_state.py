"""What a page of the server tells its browser about itself, and the browser tells the server."""

from bokeh.core.properties import Bool
from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.model import DataModel
from bokeh.models import CustomJS
from bokeh.themes import Theme

PAPER, INK, LINE = "#16181d", "#d8d8d8", "#3d424d"
"""Colors of the background, the text and the thin lines of a dark page, as in ``view.js``."""
_AXIS = {f"{part}_line_color": INK for part in ("axis", "major_tick", "minor_tick")}
_AXIS |= {"axis_label_text_color": INK, "major_label_text_color": INK}
DARK = Theme(
    json={
        "attrs": {
            "Plot": {
                "background_fill_color": PAPER,
                "border_fill_color": PAPER,
                "outline_line_color": LINE,
            },
            "Axis": _AXIS,
            "Grid": {"grid_line_color": LINE},
            "Title": {"text_color": INK},
            "Legend": {
                "background_fill_color": PAPER,
                "border_line_color": LINE,
                "label_text_color": INK,
            },
        }
    }
)
"""Light lines and text on dark figures."""
LIGHT = Theme(json={})
"""The colors that Bokeh has without a theme."""

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
