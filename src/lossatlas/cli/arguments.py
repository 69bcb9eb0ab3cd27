"""Arguments that several commands have in common, and the ways in which commands end."""

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
"""Exit code of `lossatlas verify` if anything is not as stored."""
OUTPUT_FAILED = 1
"""Exit code if the output cannot be written."""
BAD_INPUT = 2
"""Exit code for errors that the user can correct."""

listeners: list[Callable[[str], None]] = []
"""Functions that are called with every message, besides printing it."""

P = ParamSpec("P")


def ended_cleanly(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command end with one message and an exit code, without a traceback.

    This holds for errors that the user can correct, for interrupts, and for outputs that cannot be
    written; other exceptions are faults of the program, and show their traceback.
    """

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
    """Print a message on the standard error, if that can be written."""
    for listener in listeners:
        listener(text)
    with suppress(OSError):
        typer.echo(f"lossatlas: {text}", err=True)


def explain_os_error(error: OSError) -> None:
    """Report in one line what could not be read or written, and stop writing to the output."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        note(f"{error.filename}: {reason}")
    elif isinstance(error, BrokenPipeError):
        note("the output was closed before all of it was written")
    else:
        note(f"the output cannot be written: {reason}")
    # Python would try to write the rest of the buffer when it ends, and fail again.
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def warnings_on_one_line() -> Iterator[None]:
    """Print each `DataWarning` once, as one line on the standard error.

    Plain user warnings are messages of the program too. All others are shown in the way of Python,
    since they are for developers, who need to know where they come from. Whatever filters the user
    has set, data warnings are always shown and never stop a command.
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
