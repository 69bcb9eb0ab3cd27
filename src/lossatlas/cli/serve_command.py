"""`lossatlas serve`: atlases in the browser."""

from typing import Annotated

import typer

from lossatlas.cli.arguments import ended_cleanly
from lossatlas.cli.table_commands import OutsideOption


@ended_cleanly
def serve(
    atlases: Annotated[
        list[str], typer.Argument(metavar="ATLAS...", help="Atlas files, or URLs of databases.")
    ],
    address: Annotated[
        str,
        typer.Option(
            help="Address of this machine to listen at; where others can reach it, only who brings "
            "the token in the printed address is answered."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen at; 0: any that is free.")
    ] = 5006,
    outside: OutsideOption = False,
) -> None:
    """Show atlases in the browser.

    The graph, which follows an atlas that is explored; every minimum with its network and how it
    classifies; paths, statistics, and how the exploration goes on. Atlases are only read. Ctrl-C
    ends it.
    """
    from lossatlas.browser.needs import require_bokeh

    require_bokeh("serve")
    from lossatlas.browser.application import application
    from lossatlas.browser.served import ServedAtlas
    from lossatlas.browser.server import start

    served = [ServedAtlas(target, outside=outside) for target in atlases]
    for one in served:
        one.state()  # large atlases take their time here, and not when the page is opened
    running = start(application(served), address, port)
    typer.echo(f"{running.url}\n(Ctrl-C ends it)")
    running.run()
