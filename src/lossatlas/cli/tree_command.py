"""`lossatlas tree`: the disconnectivity graph of an atlas as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, ended_cleanly
from lossatlas.cli.picture import OutputOption, check_output, save
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np

    from lossatlas.network.points import Network

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
) -> None:
    """Draw the disconnectivity graph.

    Every branch ends at the loss of a minimum; branches meet at the loss at which a path
    connects them. Degenerate rearrangements join nothing and are left out.
    """
    check_output(output)
    from lossatlas.atlas import Atlas

    with Atlas.open(atlas) as opened:
        name, network = opened.name, opened.network()
    if network.minimum_ids.size == 0:
        raise BadInputError(name, "there are no minima in it yet", "explore for longer")
    _draw(network, _colors(network, color, name), levels, top, output)
    _report(network, levels, top, output)


def _colors(
    network: "Network", color: str | None, name: str
) -> tuple["np.ndarray | None", str | None]:
    """A value for every minimum, and what to call it; None for plain branches."""
    from lossatlas.plots.tree import branch_colors

    try:
        return branch_colors(network, {None: "auto", "none": None}.get(color, color))
    except BadInputError as error:
        remedy = error.remedy
        if "_auc" in str(color):
            remedy += f"; AUC columns are computed by: lossatlas auc {name}"
        raise BadInputError(f"--color {color}", error.problem, remedy) from error


def _draw(
    network: "Network",
    colors: tuple["np.ndarray | None", str | None],
    levels: int,
    top: float | None,
    output: Path,
) -> None:
    from matplotlib.figure import Figure

    from lossatlas.plots.tree import plot_tree

    figure = Figure(SIZE, layout="constrained")
    values, label = colors
    plot_tree(network, values, figure.subplots(), levels=levels, top=top, label=label)
    save(figure, output)


def _report(network: "Network", levels: int, top: float | None, output: Path) -> None:
    from lossatlas.analysis.tree_layout import shown_tree
    from lossatlas.cli.output import counted

    shown = shown_tree(network, levels, top)
    hidden = network.minimum_ids.size - shown.minima.size
    minima = counted(shown.minima.size, "minimum", "minima")
    typer.echo(f"{output}: {minima} in {counted(shown.roots.size, 'connected set')}")
    if hidden:
        above = counted(hidden, "minimum", "minima")
        typer.echo(f"{above} with a loss above {shown.top:.6g} not shown (see --top)")
