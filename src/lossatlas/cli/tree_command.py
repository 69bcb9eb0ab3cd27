"""`lossatlas tree`: the disconnectivity graph of an atlas, or of min.data and ts.data."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli.arguments import ended_cleanly
from lossatlas.cli.numbers import any_number
from lossatlas.cli.picture import OutputOption, check_output, save
from lossatlas.cli.table_commands import OutsideOption
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

    from lossatlas.analysis.tree_layout import Layout
    from lossatlas.network.disconnectivity import Tree

SIZE = (8.0, 6.0)
MOST_LEVELS = 1_000_000
"""More levels than these are exact for every picture."""
TABLES = ("min.data", "ts.data")
"""The files of PATHSAMPLE that hold energies and links."""


@ended_cleanly
def tree(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="ATLAS | MIN.DATA TS.DATA",
            help="Atlas file, or URL of a database; or the files min.data and ts.data of "
            "PATHSAMPLE, or the folder that holds them.",
        ),
    ],
    output: OutputOption,
    color: Annotated[
        str | None,
        typer.Option(
            help="Column of the minima that colors the branches, or none; default train_auc."
        ),
    ] = None,
    levels: Annotated[
        int,
        typer.Option(
            min=0, max=MOST_LEVELS, help="Levels that barriers are rounded up to; 0: exact."
        ),
    ] = 30,
    top: Annotated[
        float | None,
        typer.Option(
            callback=any_number("0.6"),
            help="Highest loss shown; default chosen so that the picture is legible.",
        ),
    ] = None,
    outside: OutsideOption = False,
) -> None:
    """Draw the disconnectivity graph.

    Every branch ends at the loss of a minimum; branches meet at the loss at which a path
    connects them. Degenerate rearrangements join nothing and are left out.

    Of the files of PATHSAMPLE only energies and links are read.
    """
    if levels == 1:
        raise BadInputError("--levels 1", "1 is less than two", "use 2 or more, or 0: exact")
    check_output(output)
    files = pathsample_files(source)
    if files is not None:
        _draw_files(files, color, levels, top, output)
        return
    (atlas,) = source
    from lossatlas.atlas import Atlas, tables
    from lossatlas.atlas.snapshot import read_links

    with Atlas.open(atlas) as opened, opened.reading() as connection:
        name, frame = opened.name, tables.minima(connection, outside=outside)
        links = read_links(connection, frame["id"].to_numpy(), outside=outside)
        if frame.empty:
            raise _nothing_to_draw(name, tables.status(connection))
    values, label = _colors(frame, color, name)
    placed, hidden = _placed(frame["loss"].to_numpy(), links, levels, top)
    _draw(placed, values, label, output)
    _report(placed.tree, hidden, output)


def pathsample_files(source: Sequence[str]) -> tuple[Path, Path] | None:
    """The tables of minima and of transition states that were asked for; None for an atlas.

    Raises:
        BadInputError: for a folder without these files, one file alone or more than two.
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
    files: tuple[Path, Path], color: str | None, levels: int, top: float | None, output: Path
) -> None:
    from lossatlas.interop.pathsample_network import read_network

    if color not in (None, "none"):
        problem = "energies and links alone are read of the files of PATHSAMPLE"
        raise BadInputError(f"--color {color}", problem, "leave it out, or use none")
    energies, *links = read_network(*files)
    placed, hidden = _placed(energies, tuple(links), levels, top)
    _draw(placed, None, None, output, quantity="energy")
    _report(placed.tree, hidden, output, quantity="energy")


def _nothing_to_draw(name: str, counts: dict[str, Any]) -> BadInputError:
    """Why there are no minima: none inside the box, or what most searches failed for."""
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
    frame: "DataFrame", color: str | None, name: str
) -> tuple["np.ndarray | None", str | None]:
    """A value for every minimum of the table, and what to call it; None for plain branches."""
    columns = [column for column in frame.columns if column != "id"]
    if color is None:
        computed = "train_auc" in columns and bool(frame["train_auc"].notna().to_numpy().any())
        color = "train_auc" if computed else "none"
    if color == "none":
        return None, None
    if color not in columns:
        remedy = f"use none or one of {', '.join(columns)}"
        if "_auc" in color:
            remedy += f"; AUC columns are computed by: lossatlas auc {name}"
        raise BadInputError(f"--color {color}", "the minima have no such column", remedy)
    if frame[color].isna().to_numpy().all():
        remedy = "use another column, or none"
        if "_auc" in color:
            remedy += f"; lossatlas auc {name} says where an AUC is undefined, and why"
        raise BadInputError(f"--color {color}", "no minimum has a value in this column", remedy)
    return _numbers(frame[color].tolist(), color)


def _numbers(values: list[Any], color: str) -> tuple["np.ndarray", str]:
    import numpy as np

    if color == "orbit_size":  # may be too large for a float
        return np.array([math.log10(size) for size in values]), "log10 of the orbit size"
    return np.array(values, float), color.replace("_", " ").replace("auc", "AUC")


def _placed(
    energies: "np.ndarray", links: tuple["np.ndarray", ...], levels: int, top: float | None
) -> tuple["Layout", int]:
    """The tree of all minima up to the top, laid out, and how many minima it leaves out."""
    from lossatlas.analysis.tree_layout import discretize, layout, prune, suggested_top
    from lossatlas.network.disconnectivity import build_tree

    exact = build_tree(energies, *links)
    if top is not None and top < energies.min():
        problem = f"no minimum is left, the lowest is at {energies.min():.10g}"
        raise BadInputError(f"--top {top:.10g}", problem, "use a higher value, or leave it out")
    shown = prune(exact, top=suggested_top(exact) if top is None else top)
    if levels:
        shown = discretize(shown, levels)
    return layout(shown), exact.minima.size - shown.minima.size


def _draw(
    placed: "Layout",
    values: "np.ndarray | None",
    label: str | None,
    output: Path,
    quantity: str = "loss",
) -> None:
    from matplotlib.figure import Figure

    from lossatlas.plots.tree import plot_tree

    figure = Figure(SIZE, layout="constrained")
    plot_tree(figure.subplots(), placed, values, label=label).set_ylabel(quantity)
    save(figure, output)


def _report(shown: "Tree", hidden: int, output: Path, quantity: str = "loss") -> None:
    from lossatlas.cli.output import counted

    minima = counted(shown.minima.size, "minimum", "minima")
    typer.echo(f"{output}: {minima} in {counted(shown.roots.size, 'connected set')}")
    if hidden:
        article = "an" if quantity == "energy" else "a"
        above = counted(hidden, "minimum", "minima")
        typer.echo(f"{above} with {article} {quantity} above {shown.top:.6g} not shown (see --top)")
