"""Sizes and styles of figures, among them those that journals ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lossatlas.errors import BadInputError

MILLIMETERS_PER_INCH = 25.4


class Format(NamedTuple):
    """The size of a figure and of its text.

    Attributes:
        width: width of the figure, in millimeters.
        height: height of the figure, in millimeters.
        font: size of the text, in points.

    Examples:
        >>> FORMATS["aps"]._replace(height=120.0)
        Format(width=86.0, height=120.0, font=8.0)
    """

    width: float
    height: float
    font: float


FORMATS = {
    "screen": Format(203.2, 152.4, 10.0),
    "aps": Format(86.0, 70.0, 8.0),
    "aps-wide": Format(178.0, 100.0, 8.0),
    "acs": Format(82.5, 68.0, 8.0),
    "acs-wide": Format(177.8, 100.0, 8.0),
    "nature": Format(89.0, 72.0, 7.0),
    "nature-wide": Format(183.0, 100.0, 7.0),
    "elsevier": Format(90.0, 72.0, 8.0),
    "elsevier-wide": Format(190.0, 105.0, 8.0),
    "slide": Format(240.0, 135.0, 16.0),
}
"""Formats by name: one column of a journal or, with ``-wide``, two columns. ``screen`` is the
default, for pictures on a screen."""


def format_of(name: str) -> Format:
    """The format of a name.

    Raises:
        BadInputError: if there is no format of this name.

    Examples:
        >>> format_of("aps").width
        86.0
    """
    if name not in FORMATS:
        raise BadInputError(
            f"format {name}", "there is no such format", f"use {', '.join(FORMATS)}"
        )
    return FORMATS[name]


def inches(size: Format) -> tuple[float, float]:
    """Width and height in inches, as matplotlib expects them."""
    return size.width / MILLIMETERS_PER_INCH, size.height / MILLIMETERS_PER_INCH


@contextmanager
def styled(size: Format, style: str | None = None) -> Iterator[None]:
    """A context in which figures are drawn and saved with the text size of a format and a style.

    The settings of the style take precedence over those of the format.

    Args:
        size: the format of the figure.
        style: name of a style of matplotlib, or path of a style file; by default None, no style.

    Raises:
        BadInputError: if there is no such style, or the file is not a style file.

    Examples:
        >>> import matplotlib as mpl
        >>> with styled(FORMATS["nature"]):
        ...     mpl.rcParams["font.size"]
        7.0
    """
    import matplotlib as mpl
    from matplotlib import style as styles

    settings: Any = {
        "font.size": size.font,
        "axes.linewidth": 0.08 * size.font,
        "xtick.major.width": 0.08 * size.font,
        "ytick.major.width": 0.08 * size.font,
        "pdf.fonttype": 42,  # TrueType, so that text stays text, as journals require
        "ps.fonttype": 42,
    }
    own: Any = {} if style is None or style in styles.available else _read(style)
    with mpl.rc_context(settings):
        if style is not None and style in styles.available:
            styles.use(style)
        mpl.rcParams.update(own)
        yield


def _read(style: str) -> dict[Any, Any]:
    import logging

    import matplotlib as mpl

    path = Path(style).expanduser()
    where = f"style {style}"
    if not path.is_file():
        remedy = "give the path of a file, or a name of matplotlib.style.available"
        raise BadInputError(where, "there is no such file and no such style", remedy)
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("matplotlib")
    spreads, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        settings = mpl.rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise BadInputError(where, " ".join(str(error).split()), "correct the file") from error
    finally:
        logger.removeHandler(handler)
        logger.propagate = spreads
    if heard:
        problem = " ".join(heard[0].split()).partition(" You probably")[0]
        raise BadInputError(where, problem, "correct the file")
    return dict(settings)
