"""The progress of an exploration: a live display, or a plain line now and then.

A terminal and a notebook show a display that is replaced as the exploration goes on. Elsewhere, for
example in the log of a job, a plain line is written every minute. The output goes to the standard
error, in a notebook below the cell. A notebook needs the package ipywidgets for the live display;
without it plain lines are written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from lossatlas.atlas import Exploration
    from lossatlas.exploration.explorer import ExploreOptions, Progress as Snapshot

PLAIN_SECONDS = 60.0
"""Seconds between two plain lines, where there is no live display."""


def is_live(console: Console) -> bool:
    """Say whether the console can replace what it has shown, as a live display needs."""
    widgets = console.is_jupyter and find_spec("ipywidgets") is not None
    return console.is_terminal or widgets


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for work that can be counted, and yield the function that moves it.

    Args:
        description: a text to be shown before the bar.

    Yields:
        ``report(done, total)``, to be called with the number of items done and their total.
    """
    console = Console(stderr=True)
    columns = (TextColumn(description), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not is_live(console)) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def task_shown(text: str) -> Iterator[None]:
    """Show a text while work is done that takes some seconds and cannot be counted."""
    console = Console(stderr=True)
    if is_live(console):
        with console.status(text):
            yield
    else:
        say(text, console)
        yield


def say(text: str, console: Console | None = None) -> None:
    """Print one line as it is; brackets in it are not read as markup.

    Args:
        text: the line.
        console: where it is printed; by default the standard error.
    """
    console = Console(stderr=True) if console is None else console
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def say_how_it_ended(ended: "Exploration", name: str) -> None:
    """Print how an exploration ended and what to do about it.

    Args:
        ended: how it ended.
        name: name of the atlas.
    """
    for line in (*ended.lines(name), ended.advice()):
        if line:
            say(line)


class ExploreDisplay:
    """Shows the progress of an exploration on the standard error or in a notebook.

    Args:
        options: the options of the exploration, whose stop rules say how much is left.
        started: value of `time.monotonic()` at which the exploration began, in seconds.
        transition_states: number of transition states in the atlas at that time.
        minima: number of minima in the atlas at that time.

    Examples:
        >>> from lossatlas.exploration import ExploreOptions, Progress
        >>> options = ExploreOptions(transition_states=20)
        >>> display = ExploreDisplay(options, time.monotonic(), transition_states=10, minima=8)
        >>> display.record(Progress(60.0, 9, 15, 40, 6, 1, {"connect": 40}))
        >>> display.rate(), display.share_done()
        (5.0, 0.5)
    """

    def __init__(
        self, options: "ExploreOptions", started: float, transition_states: int, minima: int
    ) -> None:
        """Begin without showing anything."""
        self.options, self.started = options, started
        self.cpu_started = time.process_time()
        self.transition_states_before, self.minima_before = transition_states, minima
        self.latest: Snapshot | None = None
        self.console = Console(stderr=True)
        self.last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[Callable[["Snapshot"], None]]:
        """Show the progress in a ``with`` block, and yield the function to report it to."""
        if not is_live(self.console):
            yield self._report_plainly
            return
        live = Live(get_renderable=self._picture, console=self.console, refresh_per_second=4)
        with live:
            yield self.record

    def record(self, progress: "Snapshot") -> None:
        """Keep the state after a commit, to be shown when the display is drawn next."""
        self.latest = progress

    def _report_plainly(self, progress: "Snapshot") -> None:
        self.record(progress)
        if time.monotonic() - self.last_line >= PLAIN_SECONDS:
            self.last_line = time.monotonic()
            with suppress(OSError):  # a full disk for messages is no reason to stop searching
                left = self.seconds_left()
                ending = "" if left is None else f"   {duration(left)} left"
                say(f"{duration(progress.seconds)}  {self._counts()}{ending}", self.console)

    def share_done(self) -> float | None:
        """Return the part that is done, from 0 to 1, by the stop rule that will hold first.

        It is None if no stop rule tells how much is left.
        """
        shares = []
        if self.options.minutes is not None:
            shares.append((time.monotonic() - self.started) / (60.0 * self.options.minutes))
        if self.options.cpu_minutes is not None:
            shares.append(self._cpu_seconds() / (60.0 * self.options.cpu_minutes))
        if self.options.transition_states is not None and self.latest is not None:
            wanted = self.options.transition_states - self.transition_states_before
            shares.append(self._found() / wanted if wanted > 0 else 1.0)
        return min(1.0, max(shares)) if shares else None

    def seconds_left(self) -> float | None:
        """Estimate the seconds until the first stop rule holds, at the present rate.

        It is None if no stop rule tells how much is left.
        """
        left = []
        if self.options.minutes is not None:
            left.append(60.0 * self.options.minutes - (time.monotonic() - self.started))
        if self.options.cpu_minutes is not None and self._cpu_seconds() > 0:
            slowness = (time.monotonic() - self.started) / self._cpu_seconds()
            left.append(slowness * (60.0 * self.options.cpu_minutes - self._cpu_seconds()))
        rate = self.rate()
        if self.options.transition_states is not None and self.latest is not None and rate > 0:
            missing = self.options.transition_states - self.latest.transition_states
            left.append(60.0 * missing / rate)
        return max(0.0, min(left)) if left else None

    def rate(self) -> float:
        """Return the number of new transition states per minute of this exploration."""
        if self.latest is None:
            return 0.0
        return 60.0 * self._found() / max(self.latest.seconds, 1e-9)

    def _cpu_seconds(self) -> float:
        return time.process_time() - self.cpu_started

    def _found(self) -> int:
        assert self.latest is not None  # only asked for after a report
        return self.latest.transition_states - self.transition_states_before

    def _counts(self) -> str:
        if self.latest is None:
            return "compiling, first searches ..."
        now = self.latest
        return (
            f"minima {now.minima:,} (+{now.minima - self.minima_before:,})   "
            f"transition states {now.transition_states:,} (+{self._found():,})   "
            f"attempts {now.attempts:,}   {self.rate():.1f} transition states/min"
        )

    def _picture(self) -> RenderableType:
        seconds, left, share = (
            time.monotonic() - self.started,
            self.seconds_left(),
            self.share_done(),
        )
        bar = ProgressBar(
            total=1.0 if share is not None else None, completed=share or 0.0, width=40
        )
        line = Table.grid(padding=(0, 2))
        ending = "until nothing new turns up"
        if self.options.until is not None:
            ending = f"until {self.options.until:.6g} complete"
        if left is not None:
            ending = f"{duration(left)} left"
        line.add_row(bar, Text(duration(seconds)), Text(ending))
        rows: list[RenderableType] = [line, Text(self._counts())]
        if self.latest is not None:
            made = sorted(self.latest.strategy_counts.items())
            tried = ", ".join(f"{name} {count}" for name, count in made)
            rows.append(Text(f"round {self.latest.round}: {tried}", style="dim"))
        return Group(*rows)


def duration(seconds: float) -> str:
    """Write a time as minutes and seconds, with hours before them if there are any.

    Args:
        seconds: the time in seconds.

    Examples:
        >>> duration(75.2), duration(7265)
        ('1:15', '2:01:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
