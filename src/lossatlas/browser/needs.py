"""Check that the optional packages for pages in the browser are installed."""

from importlib.util import find_spec

from lossatlas.errors import BadInputError


def require_bokeh(where: str) -> None:
    """Refuse to go on if Bokeh is not installed, before any work is done.

    Args:
        where: the option or function that needs it, for the message, such as ``"-o tree.html"``.

    Raises:
        BadInputError: Bokeh is not installed; the message says how to install it.
    """
    if find_spec("bokeh") is None:
        problem = "pictures in the browser need Bokeh, which is not installed"
        raise BadInputError(where, problem, "pip install 'lossatlas[browser]'")
