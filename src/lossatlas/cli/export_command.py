"""The command `lossatlas export`, which writes a minimum or all points for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, ended_cleanly
from lossatlas.cli.landscapes import LandscapeOption, landscape_for
from lossatlas.errors import BadInputError

OF_MINIMA = (".npz", ".safetensors")
"""Suffixes of files that hold the network of one minimum."""


@ended_cleanly
def export(
    atlas: AtlasArgument,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="New file .npz or .safetensors for a minimum, or .graphml or a folder of "
            "PATHSAMPLE for all points.",
        ),
    ],
    minimum: Annotated[
        int | None, typer.Option(min=1, help="Id of the minimum; default the lowest one.")
    ] = None,
    landscape_file: LandscapeOption = None,
) -> None:
    """Write minima or all points for other programs.

    A minimum is written as the arrays of a torch Sequential (.npz, .safetensors), whose inputs are
    those of the atlas. All points are written as a graph (.graphml), or as the four files of a
    PATHSAMPLE database in a folder, which is created if it does not exist,
    together with the settings by which disconnectionDPS draws them (dinfo).
    """
    from lossatlas.atlas import Atlas

    with Atlas.open(atlas) as opened:
        if output.suffix in OF_MINIMA:
            _write_minimum(opened, output, minimum, landscape_file)
            return
        if minimum is not None:
            remedy = f"give a file {' or '.join(OF_MINIMA)}, or leave --minimum out"
            raise BadInputError("--minimum", f"{output} holds all points", remedy)
        if output.suffix == ".graphml":
            from lossatlas.interop.graphs import write_graphml

            write_graphml(output, opened.network())
            return
        if output.suffix:
            remedy = f"use {', '.join(OF_MINIMA)}, .graphml, or the name of a folder"
            raise BadInputError(str(output), f"unknown kind of file {output.suffix!r}", remedy)
        from lossatlas.interop.pathsample import write_database, write_tree_settings

        network = opened.network(with_weights=True)
        output.mkdir(exist_ok=True)
        write_database(output, network)
        write_tree_settings(output, network)


def _write_minimum(opened, output: Path, minimum: int | None, landscape_file: str | None) -> None:
    from lossatlas.lanes.runtime import configure

    configure()
    from lossatlas.interop.model_files import write_layers
    from lossatlas.landscape.model_landscape import dense_network
    from lossatlas.landscape.plain_weights import plain_layers

    landscape = dense_network(landscape_for(opened, landscape_file))
    if minimum is None:
        frame = opened.minima().sort_values(["loss", "id"])
        if not len(frame):
            raise BadInputError(opened.name, "there are no minima in it", "explore for longer")
        minimum = int(frame["id"].iloc[0])
    weights = opened.minimum_weights([minimum])[0]
    write_layers(output, plain_layers(landscape.architecture, weights))
