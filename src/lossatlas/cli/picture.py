"""Pictures to files: which kinds there are, and what can go wrong."""

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

OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="Picture to write: .png, .svg or .pdf.")
]


def check_output(output: Path, kinds: Sequence[str] = SUFFIXES) -> None:
    """Refuse a file that no picture can be written to, before any work is done.

    Args:
        output: the file.
        kinds: endings of names that are allowed.

    Raises:
        BadInputError: for another kind of file, or a folder that is not there.
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
    """Write a picture, the same bytes for the same picture: no date, no random names.

    Raises:
        BadInputError: if the file cannot be written.
    """
    import matplotlib

    # The layout is computed once and kept: an SVG would draw everything for it a second time, also
    # for the placeholder that "none" in place of None leaves behind.
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    try:
        with matplotlib.rc_context({"svg.hashsalt": "lossatlas"}):
            figure.savefig(output, dpi=dpi, metadata=UNDATED.get(output.suffix.lower()))
    except OSError as error:
        remedy = "give a path that can be written"
        raise BadInputError(f"-o {output}", str(error.strerror), remedy) from error
