"""Arguments that several commands have in common, and how commands end."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec

import typer

from lossatlas.errors import LossatlasError

AtlasArgument = Annotated[
    str, typer.Argument(metavar="ATLAS", help="Atlas file, or URL of a database.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

FAILED_VERIFICATION = 1
FAILED_CELLS = 1
BAD_INPUT = 2
INTERRUPTED = 130

P = ParamSpec("P")


def ended_cleanly(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a user can put right into one message and an exit code, without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except LossatlasError as error:
            typer.echo(f"lossatlas: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            typer.echo("lossatlas: interrupted; all that was committed is safe", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return run
