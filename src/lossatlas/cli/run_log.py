"""The log of what was done to an atlas, and lines of progress for programs that watch.

The log is a text file next to the atlas, to which lines are only ever added. If it cannot be
written, for example on a full disk, the program goes on without it.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lossatlas.cli import arguments

if TYPE_CHECKING:
    from lossatlas.exploration.explorer import Progress

EVERY = 60.0
"""Seconds between two lines of the log about the state of an exploration."""
LINES_EVERY = 1.0
"""Least number of seconds between two lines of progress for programs."""


def beside(atlas: str) -> Path | None:
    """The default path of the log of an atlas; None if the atlas is in a database.

    Examples:
        >>> beside("d2.atlas"), beside("d2.db"), beside("postgresql://host/d2")
        (PosixPath('d2.log'), PosixPath('d2.db.log'), None)
    """
    if "://" in atlas:
        return None
    path = Path(atlas).expanduser()
    return (
        path.with_suffix(".log") if path.suffix == ".atlas" else path.with_name(f"{path.name}.log")
    )


class RunLog:
    """The log of one call of a command.

    Args:
        path: path of the file; None for no log.
    """

    def __init__(self, path: Path | None) -> None:
        self.path, self.last = path, 0.0

    def write(self, text: str) -> None:
        """Add a line with the local time and a text."""
        if self.path is None:
            return
        line = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}  {' '.join(text.split())}\n"
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def report(self, state: "Progress") -> None:
        """Add a line with the state of an exploration, at most once a minute."""
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.last = now
            self.write(
                f"round {state.round}: {state.minima} minima, {state.transition_states} transition "
                f"states, {state.attempts} attempts in {state.seconds:.0f} s"
            )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Write all messages of the block to the log too, and the error that ends it, if any."""
        arguments.listeners.append(self.write)
        try:
            yield
        except BaseException as error:
            text = str(error) or type(error).__name__
            self.write(f"ended: {text}")
            raise
        finally:
            arguments.listeners.remove(self.write)


class ProgressLines:
    """Prints the state of an exploration after commits, as lines of JSON on the standard error."""

    def __init__(self) -> None:
        self.last = -LINES_EVERY

    def __call__(self, state: "Progress") -> None:
        """Print one line, at most once a second."""
        now = time.monotonic()
        if now - self.last >= LINES_EVERY:
            self.last = now
            with suppress(OSError):
                print(json.dumps(state._asdict()), file=sys.stderr, flush=True)  # noqa: T201
