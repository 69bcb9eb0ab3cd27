"""Colors of values, for thin lines on white.

`red-blue` is told apart in every common form of color blindness, but its two ends are equally dark:
in gray they look alike. The others grow lighter from one end to the other, so they can be read in
gray, too; what would be too pale on white is left out.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, ListedColormap

from lossatlas.errors import BadInputError
from lossatlas.plots.tree import LOW_RED_HIGH_BLUE

PARTS = {
    "cividis": ("cividis", 0.0, 0.82),
    "viridis": ("viridis", 0.0, 0.8),
    "gray": ("gray", 0.0, 0.72),
}
"""Maps of matplotlib, and the part of each that is dark enough."""
NAMES = ("red-blue", *PARTS)


def color_map(name: str) -> Colormap:
    """The colors of this name, from low to high values.

    Raises:
        BadInputError: there is no such map.

    Examples:
        >>> color_map("cividis").N
        256
    """
    if name == "red-blue":
        return LOW_RED_HIGH_BLUE
    if name not in PARTS:
        raise BadInputError(f"colors {name}", "there are no such colors", f"use {', '.join(NAMES)}")
    whole, start, end = PARTS[name]
    colors = mpl.colormaps[whole](np.linspace(start, end, 256))
    return ListedColormap(colors, name)
