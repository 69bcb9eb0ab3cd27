"""The graph in a notebook, and as a file from Python."""

from html import escape
from pathlib import Path
from typing import NamedTuple

from lossatlas.browser.leaves import leaves_of
from lossatlas.browser.needs import require_bokeh
from lossatlas.errors import BadInputError
from lossatlas.network.points import Network
from lossatlas.plots.tree import HasNetwork, branch_colors, network_of

FRAME_HEIGHT = 760
"""Of the frame in a notebook, in pixels."""


class TreePage(NamedTuple):
    """The interactive graph; the last line of a notebook's cell shows it.

    Attributes:
        html: the whole page, which needs nothing else and makes no request.
    """

    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Raises:
            BadInputError: the file cannot be written.
        """
        return write_page(self.html, Path(path))

    def _repr_html_(self) -> str:
        """A frame of its own, in which scripts can reach nothing of the notebook."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts allow-downloads" '
            f'style="width: 100%; height: {FRAME_HEIGHT}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        """What it is, without its text."""
        return f"TreePage({len(self.html):,} characters)"


def show_tree(
    source: Network | HasNetwork,
    color: str | None = "auto",
    *,
    levels: int = 30,
    top: float | None = None,
) -> TreePage:
    """The disconnectivity graph to zoom, pan, color and search, in a notebook or as a file.

    Args:
        source: an open atlas, or a network.
        color: column of the minima that colors the branches at first, as in `plot_tree`.
        levels: number of levels that barriers are rounded up to at first; 0: exact.
        top: highest loss shown at first; by default chosen so that the picture is legible.

    Returns:
        The page, which a notebook shows.

    Raises:
        BadInputError: Bokeh is not installed (``pip install 'lossatlas[browser]'``), there are no
            minima, no such column, or no minimum below ``top``.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> page = show_tree(network)                            # doctest: +SKIP
        >>> page.save("tree.html")                               # doctest: +SKIP
    """
    require_bokeh("show_tree")
    from lossatlas.browser.tree_page import tree_page

    network = network_of(source)
    if network.minimum_ids.size == 0:
        where = getattr(source, "name", "network")
        raise BadInputError(where, "there are no minima in it yet", "explore for longer")
    words = branch_colors(network, color)[1]
    title = f"Disconnectivity graph: {getattr(source, 'name', 'network')}"
    view = {"color": words_of_column(words), "levels": levels}
    return TreePage(tree_page(leaves_of(network, top), title, **view))


def words_of_column(words: str | None) -> str | None:
    """The column of the view that words of `branch_colors` mean."""
    return "loss above the lowest" if words == "loss" else words


def write_page(html: str, output: Path) -> Path:
    """Write a page to a file.

    Raises:
        BadInputError: the file cannot be written.
    """
    try:
        output.write_text(html, encoding="utf-8")
    except OSError as error:
        remedy = "give a path that can be written"
        raise BadInputError(f"-o {output}", str(error.strerror), remedy) from error
    return output
