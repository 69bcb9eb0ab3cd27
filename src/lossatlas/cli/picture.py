"""Write pictures to files, and check beforehand that a file can be written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 200
UNDATED: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Metadata that leave out the date, so that the same picture gives the same file."""

OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="Picture to write: .png, .svg or .pdf.")
]


def check_output(output: Path, kinds: Sequence[str] = SUFFIXES) -> None:
    """Refuse a file to which no picture can be written, before any work is done.

    Args:
        output: path of the file.
        kinds: suffixes that are allowed; by default those of pictures.

    Raises:
        BadInputError: the suffix is another one, or the folder does not exist.
    """
    if output.suffix.lower() not in kinds:
        raise BadInputError(
            f"-o {output}",
            f"unknown kind of picture {output.suffix!r}",
            f"use {', '.join(kinds)}",
        )
    if not output.parent.is_dir():
        raise BadInputError(f"-o {output}", "its folder does not exist", "create it first")


def save_picture(figure: "Figure", output: Path, dpi: int = DOTS_PER_INCH) -> None:
    """Write a picture to a file, without a date or random names.

    The same picture therefore always gives the same bytes.

    Args:
        figure: the picture.
        output: path of the file, whose suffix gives the format.
        dpi: resolution of a .png file, in dots per inch; default 200.

    Raises:
        BadInputError: the file cannot be written.
    """
    import matplotlib

    # The layout is computed here and then kept. Otherwise, saving as SVG would draw everything a
    # second time to compute it; None, unlike "none", leaves no placeholder that would do so too.
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    try:
        with matplotlib.rc_context({"svg.hashsalt": "lossatlas"}):
            figure.savefig(output, dpi=dpi, metadata=UNDATED.get(output.suffix.lower()))
    except OSError as error:
        remedy = "give a path that can be written"
        raise BadInputError(f"-o {output}", str(error.strerror), remedy) from error
