"""The scripts that draw the graph in the browser, as one callback of Bokeh."""

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
    """The leaves of a tree in the browser, and the minima that were clicked there."""

    packed = Bytes(default=b"", help="the leaves, encoded by `pack`")
    names = List(String, help="names of the further columns, as they are shown")
    lowest = Float(help="the lowest loss")
    top = Float(help="the highest loss that is shown at first")
    levels = Int(default=30, help="number of levels of the barriers")
    quantity = String(default="loss", help="name of the quantity of the axis")
    axis = List(Float, help="lowest and highest loss of several trees; empty for those of this one")
    second = Bool(default=False, help="whether the axis belongs to another tree")
    chosen = List(Int, help="ids of the minima that were clicked, two at most")


def contents_of(leaves: Leaves) -> dict[str, Any]:
    """The properties of `TreeData` that follow from the leaves."""
    return {
        "packed": pack(leaves),
        "names": list(leaves.columns),
        "lowest": float(leaves.losses.min()),
        "top": float(leaves.top),
    }


def column_names(leaves: Leaves) -> tuple[str, ...]:
    """The names of the columns that can color the branches, in the order that the scripts use."""
    added = ("barrier to a lower minimum", "barrier to the lowest minimum")
    return ("loss above the lowest", *leaves.columns, *added)


@cache
def script() -> str:
    """The text of all scripts, as one module."""
    folder = files("lossatlas.browser") / "scripts"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)


def callback(**models: Any) -> CustomJS:
    """The callback that starts the view and handles clicks.

    Args:
        **models: Bokeh models, by the names that the scripts use for them.
    """
    return CustomJS(args=models, code=script(), module=True)
