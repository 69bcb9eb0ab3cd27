"""What the browser needs: an extra, whose absence is said in words."""

from importlib.util import find_spec

from lossatlas.errors import BadInputError


def require_bokeh(where: str) -> None:
    """Refuse before any work where Bokeh is not installed.

    Args:
        where: what was asked for, e.g. ``"-o tree.html"``.

    Raises:
        BadInputError: names the extra.
    """
    if find_spec("bokeh") is None:
        problem = "pictures in the browser need Bokeh, which is not installed"
        raise BadInputError(where, problem, "pip install 'lossatlas[browser]'")
