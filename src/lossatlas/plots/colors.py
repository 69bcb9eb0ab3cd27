"""Color maps for thin lines on white.

The colors of `red-blue` can be told apart in every common form of color blindness, but its two ends
are equally dark and look alike in print without colors. The other maps grow lighter from one end to
the other, so they can be read without colors too; the part that is too pale on white is left out.
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
"""For each name, the color map of matplotlib and the part of it, from 0 to 1, that is dark
enough."""
NAMES = ("red-blue", *PARTS)


def color_map(name: str) -> Colormap:
    """The color map of a name, from low to high values.

    Args:
        name: ``"red-blue"``, ``"cividis"``, ``"viridis"`` or ``"gray"``.

    Raises:
        BadInputError: if there is no map of this name.

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
