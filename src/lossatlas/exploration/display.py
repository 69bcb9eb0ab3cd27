"""What is going on: live on a terminal and in a notebook, a few plain lines elsewhere.

On the standard error, but in a notebook below the cell. A notebook needs the package ipywidgets for
what is live; without it there are plain lines.
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
"""Elsewhere than on a terminal, seconds between two lines."""


def is_live(console: Console) -> bool:
    """Whether what was shown can be replaced."""
    widgets = console.is_jupyter and find_spec("ipywidgets") is not None
    return console.is_terminal or widgets


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for counted work; yields ``report(done, total)``."""
    console = Console(stderr=True)
    columns = (TextColumn(description), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not is_live(console)) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def task_shown(text: str) -> Iterator[None]:
    """Say what is being done, for work of some seconds that cannot be counted."""
    console = Console(stderr=True)
    if is_live(console):
        with console.status(text):
            yield
    else:
        say(text, console)
        yield


def say(text: str, console: Console | None = None) -> None:
    """A line of plain text; markup in it is no markup."""
    console = Console(stderr=True) if console is None else console
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def say_how_it_ended(ended: "Exploration", name: str) -> None:
    """The last lines, when an exploration has ended."""
    for line in (*ended.lines(name), ended.advice()):
        if line:
            say(line)


class ExploreDisplay:
    """The state of an exploration, for eyes.

    Args:
        options: its stop rules.
        started: `time.monotonic()` at which it began.
        transition_states: in the atlas at that time.
        minima: likewise.
    """

    def __init__(
        self, options: "ExploreOptions", started: float, transition_states: int, minima: int
    ) -> None:
        """Show nothing yet."""
        self.options, self.started = options, started
        self.cpu_started = time.process_time()
        self.transition_states_before, self.minima_before = transition_states, minima
        self.latest: Snapshot | None = None
        self.console = Console(stderr=True)
        self.last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[Callable[["Snapshot"], None]]:
        """Show it; yields the function to report progress to."""
        if not is_live(self.console):
            yield self._report_plainly
            return
        live = Live(get_renderable=self._picture, console=self.console, refresh_per_second=4)
        with live:
            yield self.record

    def record(self, progress: "Snapshot") -> None:
        """Take note of the state after a commit."""
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
        """How much is done, by the stop rule that is nearest; None without a rule."""
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
        """Until the first stop rule holds, at the present rate; None if that is unknown."""
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
        """New transition states a minute."""
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
    """Minutes and seconds, with hours where there are any.

    Examples:
        >>> duration(75.2), duration(7265)
        ('1:15', '2:01:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
