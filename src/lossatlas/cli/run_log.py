"""What was done to an atlas and when: a text file beside it, and lines for programs that watch.

Lines are only ever added. A log that cannot be written, on a full disk for example, stops nothing.
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
"""Seconds between two lines about the state of an exploration."""
LINES_EVERY = 1.0
"""Seconds between two lines for programs, at least."""


def beside(atlas: str) -> Path | None:
    """Where the log of an atlas is; None if it is in a database.

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
    """The log of one call.

    Args:
        path: of the file; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        """Nothing is written yet."""
        self.path, self.last = path, 0.0

    def write(self, text: str) -> None:
        """Add a line with the local time."""
        if self.path is None:
            return
        line = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}  {' '.join(text.split())}\n"
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(line)

    def report(self, state: "Progress") -> None:
        """The state of an exploration, once a minute."""
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.last = now
            self.write(
                f"round {state.round}: {state.minima} minima, {state.transition_states} transition "
                f"states, {state.attempts} attempts in {state.seconds:.0f} s"
            )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """All messages go into the log, too, and how it ended."""
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
    """The state after commits, as lines of JSON on the standard error."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self.last = -LINES_EVERY

    def __call__(self, state: "Progress") -> None:
        """One line, at most once a second."""
        now = time.monotonic()
        if now - self.last >= LINES_EVERY:
            self.last = now
            with suppress(OSError):
                print(json.dumps(state._asdict()), file=sys.stderr, flush=True)  # noqa: T201
