"""The disconnectivity graph in a notebook, or as a file that a browser can show."""

from html import escape
from pathlib import Path
from typing import NamedTuple

from lossatlas.browser.leaves import leaves_of
from lossatlas.browser.needs import require_bokeh
from lossatlas.errors import BadInputError
from lossatlas.network.points import Network
from lossatlas.plots.tree import HasNetwork, branch_colors, network_of

FRAME_HEIGHT = 760
"""Height of the frame in a notebook, in pixels."""


class TreePage(NamedTuple):
    """The interactive disconnectivity graph, which a notebook shows as the result of a cell.

    Attributes:
        html: text of the page in HTML, which needs no other files and no connection.

    Examples:
        >>> TreePage("<!DOCTYPE html><title>tree</title>")
        TreePage(34 characters)
    """

    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Args:
            path: path of the file, which usually ends in ``.html``.

        Returns:
            The path of the file.

        Raises:
            BadInputError: the file cannot be written.
        """
        return write_page(self.html, Path(path))

    def _repr_html_(self) -> str:
        """Show the page in a frame, from which its scripts cannot reach the notebook."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts allow-downloads" '
            f'style="width: 100%; height: {FRAME_HEIGHT}px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        """The number of characters of the page, instead of its text."""
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
        color: column of the minima that colors the branches at first, such as ``"test_auc"``, or
            None for one color. The default ``"auto"`` is the training AUC if it was computed.
        levels: number of levels to which barriers are rounded up at first, at least two; 0 shows
            exact barriers. The default is 30.
        top: highest loss that is shown at first; by default it is chosen so that the picture is
            legible.

    Returns:
        The page, which a notebook shows as the result of a cell; `TreePage.save` writes it to a
        file.

    Raises:
        BadInputError: Bokeh is not installed (``pip install 'lossatlas[browser]'``), there are no
            minima, no column of this name, or no minimum below ``top``, or there is a single level.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.51, 0.52]), np.array([0.6]), np.array([0]), np.array([1])
        ... )
        >>> page = show_tree(network)
        >>> page.html[:15]
        '<!DOCTYPE html>'
        >>> page.save("tree.html")                               # doctest: +SKIP
        PosixPath('tree.html')
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
    """The name of a column in the view, from the name that `branch_colors` gives it."""
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
