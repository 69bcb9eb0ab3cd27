"""`lossatlas tree`: the disconnectivity graph of an atlas as a picture."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli.arguments import AtlasArgument, ended_cleanly
from lossatlas.cli.picture import OutputOption, check_output, save
from lossatlas.cli.table_commands import OutsideOption
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from pandas import DataFrame

    from lossatlas.analysis.tree_layout import Layout
    from lossatlas.network.disconnectivity import Tree

SIZE = (8.0, 6.0)


@ended_cleanly
def tree(
    atlas: AtlasArgument,
    output: OutputOption,
    color: Annotated[
        str | None,
        typer.Option(
            help="Column of the minima that colors the branches, or none; default train_auc."
        ),
    ] = None,
    levels: Annotated[
        int, typer.Option(min=0, help="Levels that barriers are rounded up to; 0: exact.")
    ] = 30,
    top: Annotated[
        float | None,
        typer.Option(help="Highest loss shown; default chosen so that the picture is legible."),
    ] = None,
    outside: OutsideOption = False,
) -> None:
    """Draw the disconnectivity graph.

    Every branch ends at the loss of a minimum; branches meet at the loss at which a path
    connects them. Degenerate rearrangements join nothing and are left out.
    """
    check_output(output)
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
    shown = prune(exact, top=suggested_top(exact) if top is None else top)
    if levels:
        shown = discretize(shown, levels)
    return layout(shown), exact.minima.size - shown.minima.size


def _draw(placed: "Layout", values: "np.ndarray | None", label: str | None, output: Path) -> None:
    from matplotlib.figure import Figure

    from lossatlas.plots.tree import plot_tree

    figure = Figure(SIZE, layout="constrained")
    plot_tree(figure.subplots(), placed, values, label=label)
    save(figure, output)


def _report(shown: "Tree", hidden: int, output: Path) -> None:
    from lossatlas.cli.output import counted

    minima = counted(shown.minima.size, "minimum", "minima")
    typer.echo(f"{output}: {minima} in {counted(shown.roots.size, 'connected set')}")
    if hidden:
        above = counted(hidden, "minimum", "minima")
        typer.echo(f"{above} with a loss above {shown.top:.6g} not shown (see --top)")
