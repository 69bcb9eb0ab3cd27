"""The scripts that draw in the browser, as one callback of Bokeh."""

from functools import cache
from importlib.resources import files
from typing import Any

from bokeh.core.properties import Bool, Bytes, Float, Int, List, String
from bokeh.model import DataModel
from bokeh.models import CustomJS

from lossatlas.browser.leaves import Leaves
from lossatlas.browser.packing import pack

SCRIPTS = ("forest.js", "detail.js", "reading.js", "view.js")


class TreeData(DataModel):
    """The row of leaves in the browser, and which minima are chosen there."""

    packed = Bytes(default=b"", help="from `pack`")
    names = List(String, help="words for the further columns")
    lowest = Float(help="the lowest loss")
    top = Float(help="the highest loss shown at first")
    levels = Int(default=30, help="number of levels")
    quantity = String(default="loss", help="what the axis shows")
    axis = List(Float, help="lowest and highest loss of several trees; empty: those of this one")
    second = Bool(default=False, help="whether its axis belongs to another tree")
    chosen = List(Int, help="ids of the minima that were clicked, two at most")


def contents_of(leaves: Leaves) -> dict[str, Any]:
    """What of a `TreeData` follows from the row."""
    return {
        "packed": pack(leaves),
        "names": list(leaves.columns),
        "lowest": float(leaves.losses.min()),
        "top": float(leaves.top),
    }


def column_names(leaves: Leaves) -> tuple[str, ...]:
    """What the branches can be colored by, in the order that the scripts number the columns."""
    added = ("barrier to a lower minimum", "barrier to the lowest minimum")
    return ("loss above the lowest", *leaves.columns, *added)


@cache
def script() -> str:
    """All scripts as one module."""
    folder = files("lossatlas.browser") / "scripts"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)


def callback(**models: Any) -> CustomJS:
    """What starts the view, and is told of clicks; `models` are the names that the scripts use."""
    return CustomJS(args=models, code=script(), module=True)
