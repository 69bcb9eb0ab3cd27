"""Pictures to files: which kinds there are, and what can go wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 200

OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="Picture to write: .png, .svg or .pdf.")
]


def check_output(output: Path) -> None:
    """Refuse a file that no picture can be written to, before any work is done.

    Raises:
        BadInputError: for another kind of file, or a folder that is not there.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise BadInputError(
            f"-o {output}",
            f"unknown kind of picture {output.suffix!r}",
            f"use {', '.join(SUFFIXES)}",
        )
    if not output.parent.is_dir():
        raise BadInputError(f"-o {output}", "its folder does not exist", "create it first")


def save(figure: "Figure", output: Path) -> None:
    """Write a picture.

    Raises:
        BadInputError: if the file cannot be written.
    """
    # The layout is computed once and kept: an SVG would draw everything for it a second time, also
    # for the placeholder that "none" in place of None leaves behind.
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    try:
        figure.savefig(output, dpi=DOTS_PER_INCH)
    except OSError as error:
        remedy = "give a path that can be written"
        raise BadInputError(f"-o {output}", str(error.strerror), remedy) from error
