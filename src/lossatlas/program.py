"""The program `lossatlas`: all of its commands, each with an example for its help."""

import time
from typing import Annotated

import typer

from lossatlas.cli.auc_command import auc
from lossatlas.cli.discovery_command import discovery
from lossatlas.cli.explore_command import explore
from lossatlas.cli.export_command import export
from lossatlas.cli.import_command import import_
from lossatlas.cli.locate_command import locate
from lossatlas.cli.metrics_command import metrics
from lossatlas.cli.serve_command import serve
from lossatlas.cli.status_command import status
from lossatlas.cli.storage_commands import backup, compact, history, merge
from lossatlas.cli.table_commands import minima, transition_states
from lossatlas.cli.tree_command import tree
from lossatlas.cli.verify_command import verify
from lossatlas.paper.command import reproduce

app = typer.Typer(
    name="lossatlas",
    help="Loss landscapes of neural networks: certified minima, transition states, and how they "
    "are connected.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help takes a fifth of a second to show, help formatted by rich takes half a second.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lossatlas {version('lossatlas')}")
        raise typer.Exit


@app.callback()
def _begin(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    context.obj = time.monotonic()


COMMANDS = (
    (explore, "lossatlas explore examples/d2.toml --minutes 10"),
    (status, "lossatlas status d2.atlas --json"),
    (minima, "lossatlas minima d2.atlas --csv > minima.csv"),
    (transition_states, "lossatlas transition-states d2.atlas --limit 50"),
    (auc, "lossatlas auc d2.atlas --positive-class 1"),
    (metrics, "lossatlas metrics d2.atlas --minimum 1"),
    (tree, "lossatlas tree d2.atlas -o d2.png --color test_auc"),
    (serve, "lossatlas serve d2.atlas other.atlas"),
    (discovery, "lossatlas discovery d2.atlas -o discovery.png"),
    (locate, "lossatlas locate d2.atlas trained.npz"),
    (export, "lossatlas export d2.atlas -o best.npz"),
    (import_, "lossatlas import peer d2.toml --atlas peer.atlas"),
    (verify, "lossatlas verify d2.atlas --sample 100"),
    (history, "lossatlas history d2.atlas --minimum 17"),
    (backup, "lossatlas backup d2.atlas -o d2-monday.atlas"),
    (merge, "lossatlas merge d2-monday.atlas d2-tuesday.atlas -o d2-both.atlas"),
    (compact, "lossatlas compact d2.atlas"),
    (reproduce, "lossatlas reproduce table-2 --scale paper --draws 3 -o results"),
)

for command, example in COMMANDS:
    app.command(command.__name__.strip("_").replace("_", "-"), epilog=f"Example:  {example}")(
        command
    )
