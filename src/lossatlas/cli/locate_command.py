"""The command `lossatlas locate`, which finds the minimum that training has reached."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.landscapes import LandscapeOption, landscape_for

if TYPE_CHECKING:
    from lossatlas.interop.locating import Located


@ended_cleanly
def locate(
    atlas: AtlasArgument,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="File of a trained network: .npz, .safetensors, .pt."),
    ],
    landscape_file: LandscapeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the minimum that training has reached.

    The network is read from a file with the arrays of a torch Sequential (0.weight, 0.bias,
    2.weight, ...), whose inputs are those of the atlas. It is quenched, and the minimum is
    certified and looked for in the atlas. Nothing is written.
    """
    from lossatlas.lanes.runtime import configure

    configure()
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import show_json
    from lossatlas.interop.locating import locate as located
    from lossatlas.interop.models import weights_of

    with Atlas.open(atlas) as opened:
        landscape = landscape_for(opened, landscape_file)
        found = located(opened, landscape, weights_of(landscape, model))
    if as_json:
        fields = {**found._asdict(), "status": found.status.name.lower()}
        fields.pop("weights")
        show_json(fields)
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: "Located") -> list[str]:
    lines = [f"loss of the network     {found.loss:.10g} (RMS gradient {found.rms_gradient:.1e})"]
    if found.weights is None:
        status = found.status.name.lower().replace("_", " ")
        lines.append(f"no minimum is reached from it: {status}")
    else:
        name = "not in the atlas" if found.minimum is None else f"minimum {found.minimum}"
        lines.append(f"downhill from it        {name}, loss {found.minimum_loss:.10g}")
        lines.append(f"distance to it          {found.distance:.6g}")
        if found.minimum is not None:
            known = found.barrier == found.barrier  # False for NaN.
            text = f"{found.barrier:.6g}" if known else "no path is known"
            lines.append(f"barrier to the global   {text}")
    if found.nearest is not None:
        lines.append(
            f"nearest of the atlas    minimum {found.nearest}, {found.nearest_distance:.6g}"
        )
    return lines
