"""The command `lossatlas serve`, which shows atlases in the browser."""

from typing import Annotated

import typer

from lossatlas.cli.arguments import ended_cleanly
from lossatlas.cli.table_commands import OutsideOption

PROMPT = 2.0
"""Time in seconds to wait until an atlas is read; larger ones are read while pages say so."""


@ended_cleanly
def serve(
    atlases: Annotated[
        list[str], typer.Argument(metavar="ATLAS...", help="Atlas files, or URLs of databases.")
    ],
    address: Annotated[
        str,
        typer.Option(
            help="Address of this machine at which to listen. If other machines can reach it, only "
            "requests with the token in the printed address are answered."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port at which to listen; 0 for any free one.")
    ] = 5006,
    outside: OutsideOption = False,
) -> None:
    """Show atlases in the browser.

    The pages show the graph, which follows an atlas while it is explored, every minimum with its
    network and how it classifies, paths, statistics, and the progress of the exploration. Atlases
    are only read. Ctrl-C ends the command.
    """
    from lossatlas.browser.needs import require_bokeh

    require_bokeh("serve")
    from lossatlas.browser.application import application
    from lossatlas.browser.served import ServedAtlas
    from lossatlas.browser.server import start

    served = [ServedAtlas(target, outside=outside) for target in atlases]
    for one in served:
        one.latest(PROMPT)  # What is wrong with an atlas is said here, if it is found out soon.
    running = start(application(served), address, port)
    typer.echo(f"{running.url}\n(Ctrl-C ends it)")
    running.run()
