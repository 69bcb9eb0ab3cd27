"""The command `lossatlas discovery`, which draws the discovery curves of an atlas."""

from pathlib import Path
from typing import TYPE_CHECKING

from lossatlas.cli.arguments import AtlasArgument, ended_cleanly
from lossatlas.cli.picture import OutputOption, check_output, save_picture
from lossatlas.errors import BadInputError

if TYPE_CHECKING:
    from lossatlas.atlas import Atlas

PANEL = (5.0, 4.0)
"""Width and height of each curve, in inches."""


@ended_cleanly
def discovery(atlas: AtlasArgument, output: OutputOption) -> None:
    """Draw how many points the independent draws found.

    There is one curve for minima and one for transition states, each with its confidence interval,
    the number of points in the atlas, and the lower bound of the number of points that exist.
    """
    check_output(output)
    from lossatlas.atlas import Atlas

    with Atlas.open(atlas) as opened:
        _draw(opened, output)


def _draw(atlas: "Atlas", output: Path) -> None:
    import typer
    from matplotlib.figure import Figure

    from lossatlas.analysis.completeness import completeness
    from lossatlas.plots.discovery import plot_discovery

    streams = completeness(atlas)
    if not streams:
        remedy = "explore with --independent-share 0.5, or --until 0.99"
        raise BadInputError(atlas.name, "there are no independent draws in it", remedy)
    figure = Figure((PANEL[0] * len(streams), PANEL[1]), layout="constrained")
    panels = figure.subplots(1, len(streams), squeeze=False)[0]
    for ax, stream in zip(panels, streams, strict=True):
        plot_discovery(atlas, stream.points, ax)
    save_picture(figure, output)
    found = ", ".join(f"{s.distinct} {s.points} in {s.hits} hits" for s in streams)
    typer.echo(f"{output}: {found}")
