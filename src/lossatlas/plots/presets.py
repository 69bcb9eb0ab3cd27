"""How trees look in the figures of the paper, by the names of the figures.

The figures of *Perspective: New Insights From Loss Function Landscapes of Neural Networks* show
several graphs side by side, in a width of two columns. A preset is for one of these graphs: the
column of the minima that colors it, the width that it has in the paper, and the part of the tree
that `lossatlas reproduce` draws in the figure of that name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError

LOWEST = 1000
"""Number of minima of a graph, the lowest ones, so that lines of a column can be told apart."""


class Preset(NamedTuple):
    """How the graphs of one figure look.

    Attributes:
        shows: what the figure shows, in words.
        color: the column of the minima that colors the branches.
        options: values of `TreeOptions`, by name.

    Examples:
        >>> preset("figure-7").options["width"]
        58.0
    """

    shows: str
    color: str
    options: Mapping[str, Any]


def _of(shows: str, color: str, **options: Any) -> Preset:
    always = {"format": "aps", "colors": "red-blue", "lowest": LOWEST}
    return Preset(shows, color, MappingProxyType({**always, **options}))


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "figure-1": _of("data set D1 with label errors, training AUC", "train_auc"),
        "figure-2": _of("data set D1 with label errors, testing AUC", "test_auc"),
        "figure-3": _of("data set D2 with label errors, training AUC", "train_auc"),
        "figure-4": _of("data set D2 with label errors, testing AUC", "test_auc"),
        "figure-6": _of("reduced connectivity, testing AUC", "test_auc"),
        "figure-7": _of("reduced connectivity, three graphs in a row", "test_auc", width=58.0),
        "figure-8": _of("two and three hidden layers, testing AUC", "test_auc"),
    }
)
"""The presets by name. Figure 5 is missing, since it shows box-plots."""


def preset(name: str) -> Preset:
    """The preset of a name.

    Args:
        name: one of `PRESETS`, such as ``"figure-2"``.

    Raises:
        BadInputError: if there is no preset of this name; the message lists those that there are.

    Examples:
        >>> from lossatlas.plots import TreeOptions, preset
        >>> chosen = preset("figure-2")
        >>> chosen.color, TreeOptions(**chosen.options, labels=[1]).format
        ('test_auc', 'aps')
    """
    if name in PRESETS:
        return PRESETS[name]
    problem, names = "there is no such preset", f"use {', '.join(PRESETS)}"
    if name == "figure-5":
        problem = "this figure shows box-plots, which lossatlas reproduce figure-5 draws"
    raise BadInputError(f"preset {name}", problem, names)
