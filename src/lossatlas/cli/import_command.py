"""The command `lossatlas import`, which turns a database of PATHSAMPLE into an atlas."""

from pathlib import Path
from typing import Annotated

import typer

from lossatlas.cli.arguments import JsonOption, ended_cleanly, note

SHOWN = 20
"""Number of differences that are shown; --json shows all."""


@ended_cleanly
def import_(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder with min.data, ts.data and the files of their points."
        ),
    ],
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study file of the same network.")],
    atlas: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Atlas to which points are added; default ./<study>.atlas."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import a database of GMIN, OPTIM and PATHSAMPLE.

    Every point is polished and certified, and every path is followed anew. Differences from the
    database are reported. The number of each line of min.data becomes the column source_line. The
    atlas can be explored further like any other.
    """
    from lossatlas.atlas.opening import check_target
    from lossatlas.lanes.runtime import configure
    from lossatlas.studies.study import load_study

    loaded = load_study(study)
    target = f"{loaded.name}.atlas" if atlas is None else atlas
    check_target(target)
    configure()
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import show_json
    from lossatlas.interop.importing import import_database
    from lossatlas.interop.pathsample import read_database
    from lossatlas.studies.problem import prepare

    prepared = prepare(loaded)
    read_database(folder, prepared.landscape.n_weights)  # Refuse bad files before an atlas begins.
    with Atlas.open_or_create(target, prepared.problem) as opened:
        found, name = import_database(folder, opened, prepared.landscape), opened.name
    if as_json:
        show_json({"atlas": name, **found._asdict()})
        return
    typer.echo(
        f"{name}: {found.minima} minima and {found.transition_states} transition states of the "
        f"source are certified, {len(found.differences)} differences"
    )
    for text in found.differences[:SHOWN]:
        note(text)
    if len(found.differences) > SHOWN:
        note(f"and {len(found.differences) - SHOWN} more, see --json")
