"""The command `lossatlas tree`, which draws a disconnectivity graph."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lossatlas.cli.arguments import ended_cleanly
from lossatlas.cli.figure_options import refuse_for_pages, with_figure_options, with_preset
from lossatlas.cli.numbers import any_number
from lossatlas.cli.picture import SUFFIXES, check_output, save_picture
from lossatlas.cli.table_commands import OutsideOption
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np

    from lossatlas.network.disconnectivity import Tree
    from lossatlas.network.points import Network
    from lossatlas.plots.tree_figure import TreeOptions

PAGE = ".html"
"""Suffix of an output that is not a picture but a page for the browser."""
TreeOutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="Picture to write (.png, .svg or .pdf), or page to zoom, search and color in the "
        "browser (.html), which is one file and needs no connection.",
    ),
]

MOST_LEVELS = 1_000_000
"""Largest number of levels; with more, a picture looks like that of the exact tree."""
TABLES = ("min.data", "ts.data")
"""The files of PATHSAMPLE that hold energies and links."""


class Picture(NamedTuple):
    """The options by which a tree is drawn.

    Attributes:
        levels: number of levels to which barriers are rounded up; 0 for exact barriers.
        top: highest loss that is shown; None for a legible picture.
        output: path of the file.
        quantity: name of the quantity of the axis.
        title: title of a page for the browser.
        figure: values of the options of figures, by name.
    """

    levels: int
    top: float | None
    output: Path
    quantity: str = "loss"
    title: str = ""
    figure: Mapping[str, Any] = MappingProxyType({})

    def options(self) -> "TreeOptions":
        """The options in the form that functions of figures take."""
        from lossatlas.plots.tree_figure import TreeOptions

        given = {**self.figure, "labels": tuple(self.figure["label"] or ())}
        del given["label"]
        return TreeOptions(self.levels, self.top, quantity=self.quantity, **given)


@ended_cleanly
@with_figure_options
def tree(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="ATLAS | MIN.DATA TS.DATA",
            help="Atlas file, or URL of a database; or the files min.data and ts.data of "
            "PATHSAMPLE, or the folder that holds them.",
        ),
    ],
    output: TreeOutputOption,
    color: Annotated[
        str | None,
        typer.Option(
            help="Column of the minima that colors the branches, or the word none; default "
            "train_auc if it was computed."
        ),
    ] = None,
    levels: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST_LEVELS,
            help="Number of levels to which barriers are rounded up; 0 for exact barriers.",
        ),
    ] = 30,
    top: Annotated[
        float | None,
        typer.Option(
            callback=any_number("0.6"),
            help="Highest loss to show; by default it is chosen so that the picture is legible.",
        ),
    ] = None,
    outside: OutsideOption = False,
    **figure: Any,
) -> None:
    """Draw the disconnectivity graph.

    Every branch ends at the loss of a minimum, and branches meet at the lowest loss at which a path
    connects their minima. Degenerate rearrangements, which join a minimum to its own copy, are left
    out.

    From the files of PATHSAMPLE, only energies and links are read.
    """
    if levels == 1:
        raise BadInputError("--levels 1", "1 is less than two", "use 2 or more, or 0: exact")
    if output.suffix.lower() == PAGE:
        refuse_for_pages(figure, output)
    chosen, options = with_preset(context, color, figure)
    picture = Picture(levels, top, output, figure=options)
    _check_picture(picture)
    files = pathsample_files(source)
    if files is not None:
        _draw_files(files, chosen, picture, by_preset=color is None)
        return
    (atlas,) = source
    from lossatlas.atlas import Atlas

    with Atlas.open(atlas) as opened:
        name, network = opened.name, opened.network(outside=outside)
        if network.minimum_ids.size == 0:
            raise _nothing_to_draw(name, opened.status())
    _check_top(network, top)
    preset = figure["preset"] if color is None else None
    _draw(network, _colors(network, chosen, name, preset), picture._replace(title=name))


def pathsample_files(source: Sequence[str]) -> tuple[Path, Path] | None:
    """The files of minima and of transition states that were given; None for an atlas.

    Args:
        source: the arguments of the command: an atlas, a folder or two files.

    Raises:
        BadInputError: a folder lacks these files, only one of them is given, or more than two files
            are given.
    """
    remedy = "give one atlas, or the files min.data and ts.data"
    if len(source) > 2:
        raise BadInputError(" ".join(source), f"{len(source)} files", remedy)
    paths = [Path(name).expanduser() for name in source]
    if len(source) == 2:
        return paths[0], paths[1]
    if "://" in source[0]:
        return None
    if paths[0].is_dir():
        for name in TABLES:
            if not (paths[0] / name).is_file():
                raise BadInputError(source[0], f"is a folder without the file {name}", remedy)
        return paths[0] / TABLES[0], paths[0] / TABLES[1]
    if paths[0].name in TABLES:
        raise BadInputError(source[0], "is one table of two", remedy)
    return None


def _draw_files(
    files: tuple[Path, Path], color: str | None, picture: Picture, *, by_preset: bool
) -> None:
    from lossatlas.interop.pathsample_network import read_network

    if color not in (None, "none"):
        problem = "energies and links alone are read of the files of PATHSAMPLE"
        remedy = "add --color none to the preset" if by_preset else "leave it out, or use none"
        raise BadInputError(f"--color {color}", problem, remedy)
    picture = picture._replace(quantity="energy", title=f"{files[0]}, {files[1]}")
    network = read_network(*files)
    _check_top(network, picture.top)
    _draw(network, (None, None), picture)


def _check_top(network: "Network", top: float | None) -> None:
    lowest = network.minimum_energies.min()
    if top is not None and top < lowest:
        problem = f"no minimum is left, the lowest is at {lowest:.10g}"
        raise BadInputError(f"--top {top:.10g}", problem, "use a higher value, or leave it out")


def _nothing_to_draw(name: str, counts: dict[str, Any]) -> BadInputError:
    """The error for a tree without minima, with the reason why most searches failed, if known."""
    if counts["minima"]:
        problem = f"all {counts['minima']} minima lie outside the box of the function"
        return BadInputError(name, problem, "give --outside, or a larger box")
    failure = counts["dominant_failure"]
    if failure is None:
        return BadInputError(name, "there are no minima in it yet", "explore for longer")
    ended = f"{failure['count']:,} of {failure['attempts']:,} attempts ended as {failure['status']}"
    problem = f"there are no minima in it: {ended}: {failure['meaning']}"
    return BadInputError(name, problem, failure["remedy"])


def _colors(
    network: "Network", color: str | None, name: str, preset: str | None
) -> tuple["np.ndarray | None", str | None]:
    """A value for every minimum and the name of the values; None for branches of one color."""
    from lossatlas.plots.tree import branch_colors

    try:
        return branch_colors(network, {None: "auto", "none": None}.get(color, color))
    except BadInputError as error:
        remedy = error.remedy
        if "_auc" in str(color):
            known = color in network.columns
            remedy += (
                f"; lossatlas auc {name} says where an AUC is undefined, and why"
                if known
                else f"; AUC columns are computed by: lossatlas auc {name}"
            )
        origin = "" if preset is None else f" of --preset {preset}"
        raise BadInputError(f"--color {color}{origin}", error.problem, remedy) from error


def _draw(
    network: "Network", colors: tuple["np.ndarray | None", str | None], picture: Picture
) -> None:
    """Draw the tree as `plot_tree` or `show_tree` does, and report what is shown."""
    if picture.output.suffix.lower() == PAGE:
        _write_page(network, colors[1], picture)
        return
    from lossatlas.plots.tree_figure import drawn
    from lossatlas.shown import counted

    with drawn(network, colors, picture.options()) as found:
        save_picture(found.figure, picture.output)
    _report(network, found.tree, picture, found.cut_off)
    if found.cut_off:
        cut_off = counted(found.cut_off, "minimum", "minima")
        typer.echo(f"{cut_off} of small branches counted at the branches that these join")


def _write_page(network: "Network", words: str | None, picture: Picture) -> None:
    from lossatlas.browser.leaves import leaves_of
    from lossatlas.browser.show import words_of_column, write_page
    from lossatlas.browser.tree_page import tree_page

    view = {"color": words_of_column(words), "levels": picture.levels}
    leaves = leaves_of(network, picture.top)
    html = tree_page(leaves, picture.title, quantity=picture.quantity, **view)
    write_page(html, picture.output)
    _report(network, network.tree, picture)


def _check_picture(picture: Picture) -> None:
    """Refuse a file that cannot be written, a page if Bokeh is missing, and wrong options."""
    output = picture.output
    check_output(output, (*SUFFIXES, PAGE))
    if output.suffix.lower() == PAGE:
        from lossatlas.browser.needs import require_bokeh

        require_bokeh(f"-o {output}")
    else:
        from lossatlas.plots.tree_figure import check_options

        check_options(picture.options())


def _report(network: "Network", shown: "Tree", picture: Picture, cut_off: int = 0) -> None:
    from lossatlas.shown import counted

    hidden = network.minimum_ids.size - shown.minima.size - cut_off
    minima = counted(shown.minima.size, "minimum", "minima")
    typer.echo(f"{picture.output}: {minima} in {counted(shown.roots.size, 'connected set')}")
    if hidden:
        quantity = picture.quantity
        article = "an" if quantity == "energy" else "a"
        above = counted(hidden, "minimum", "minima")
        if picture.figure.get("lowest"):
            typer.echo(f"{above} not shown: higher, or not connected (see --lowest, --top)")
            return
        typer.echo(f"{above} with {article} {quantity} above {shown.top:.6g} not shown (see --top)")
