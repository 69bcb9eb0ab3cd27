"""Arguments that several commands have in common, and how commands end."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Annotated, ParamSpec

import typer

from lossatlas.cli import signals
from lossatlas.errors import DataWarning, LossatlasError

AtlasArgument = Annotated[
    str, typer.Argument(metavar="ATLAS", help="Atlas file, or URL of a database.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

FAILED_VERIFICATION = 1
OUTPUT_FAILED = 1
BAD_INPUT = 2

listeners: list[Callable[[str], None]] = []
"""Who gets all messages, too."""

P = ParamSpec("P")


def ended_cleanly(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a user can put right into one message and an exit code, without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with warnings_on_one_line():
                command(*args, **kwargs)
        except LossatlasError as error:
            note(str(error))
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            note(f"{signals.stopped_by()}; all that was committed is safe")
            raise typer.Exit(signals.exit_code()) from None
        except OSError as error:
            explain_os_error(error)
            raise typer.Exit(OUTPUT_FAILED) from None

    return run


def note(text: str) -> None:
    """A message on the standard error; where that cannot be written either, nothing."""
    for listener in listeners:
        listener(text)
    with suppress(OSError):
        typer.echo(f"lossatlas: {text}", err=True)


def explain_os_error(error: OSError) -> None:
    """Say in one line what could not be read or written, and write no more to a broken output."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        note(f"{error.filename}: {reason}")
    elif isinstance(error, BrokenPipeError):
        note("the output was closed before all of it was written")
    else:
        note(f"the output cannot be written: {reason}")
    # What is left in the buffer would be written when Python ends, and fail once more.
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print each `DataWarning` once, as one line on the standard error.

    Plain user warnings are messages of the program too. Others are shown as Python shows them: they
    are for developers, who need the place.
    Whatever filters the user has set, data warnings neither stop a command nor are left out.
    """
    seen: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        show_elsewhere = warnings.showwarning

        def show(message, category, filename, lineno, file=None, line=None) -> None:
            text = " ".join(str(message).split())
            if not issubclass(category, DataWarning):
                if category is UserWarning and file is None:
                    note(text)
                else:
                    show_elsewhere(message, category, filename, lineno, file, line)
            elif text not in seen:
                seen.add(text)
                note(f"warning: {text}")

        warnings.showwarning = show
        yield
