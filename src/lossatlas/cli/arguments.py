"""Arguments that several commands have in common, and how commands end."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, ParamSpec

import typer

from lossatlas.errors import DataWarning, LossatlasError

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
            with warnings_on_one_line():
                command(*args, **kwargs)
        except LossatlasError as error:
            typer.echo(f"lossatlas: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            typer.echo("lossatlas: interrupted; all that was committed is safe", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return run


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print each `DataWarning` once, as one line on the standard error.

    Other warnings are shown as Python shows them: they are for developers, who need the place.
    Whatever filters the user has set, data warnings neither stop a command nor are left out.
    """
    seen: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        show_elsewhere = warnings.showwarning

        def show(message, category, filename, lineno, file=None, line=None) -> None:
            if not issubclass(category, DataWarning):
                show_elsewhere(message, category, filename, lineno, file, line)
            elif (text := " ".join(str(message).split())) not in seen:
                seen.add(text)
                typer.echo(f"lossatlas: warning: {text}", err=True)

        warnings.showwarning = show
        yield
