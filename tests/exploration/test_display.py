"""What is shown while an exploration runs."""

import io
import time
from importlib.machinery import ModuleSpec

import pytest
from rich.console import Console

from lossatlas.atlas import Exploration
from lossatlas.exploration.display import (
    ExploreDisplay,
    is_live,
    progress_bar,
    say_how_it_ended,
    task_shown,
)
from lossatlas.exploration.explorer import ExploreOptions, Progress


def progress(seconds: float, transition_states: int) -> Progress:
    return Progress(seconds, 5, transition_states, 40, 2, 3, {"single-ended": 30, "connect": 10})


def display(options: ExploreOptions, seconds_ago: float = 30.0) -> ExploreDisplay:
    return ExploreDisplay(options, time.monotonic() - seconds_ago, transition_states=10, minima=4)


def test_time_decides_what_is_left():
    shown = display(ExploreOptions(minutes=2))
    assert shown.share_done() == pytest.approx(0.25, abs=0.01)
    assert shown.seconds_left() == pytest.approx(90, abs=1)


def test_the_number_decides_what_is_left():
    shown = display(ExploreOptions(transition_states=50))
    assert (shown.share_done(), shown.seconds_left()) == (None, None)  # no rate known yet
    shown.record(progress(30.0, 20))
    assert shown.rate() == 20.0
    assert shown.share_done() == 0.25
    assert shown.seconds_left() == 90.0


def test_the_nearest_rule_counts():
    shown = display(ExploreOptions(minutes=10, transition_states=50))
    shown.record(progress(30.0, 40))
    assert shown.share_done() == 0.75
    assert shown.seconds_left() == pytest.approx(10.0)


def test_no_rule_no_end():
    shown = display(ExploreOptions())
    shown.record(progress(30.0, 20))
    assert (shown.share_done(), shown.seconds_left()) == (None, None)


def test_a_terminal_sees_counts_rate_and_time_left():
    shown = display(ExploreOptions(minutes=2))
    screen = io.StringIO()
    shown.console = Console(file=screen, force_terminal=True, width=120)
    with shown.shown() as report:
        report(progress(30.0, 20))
    for part in ("minima 5 (+1)", "transition states 20 (+10)", "20.0 transition states/min"):
        assert part in screen.getvalue()
    assert "1:2" in screen.getvalue()  # minutes and seconds left
    assert "round 3: connect 10, single-ended 30" in screen.getvalue()


def test_elsewhere_plain_lines_now_and_then():
    shown = display(ExploreOptions(minutes=2))
    lines = io.StringIO()
    shown.console = Console(file=lines, width=40)
    with shown.shown() as report:
        report(progress(1.0, 20))
        shown.last_line -= 60
        report(progress(61.0, 22))
        report(progress(62.0, 23))
    (line,) = lines.getvalue().splitlines()
    said, left = line.rsplit("   ", 1)
    assert said == (
        "1:01  minima 5 (+1)   transition states 22 (+12)   attempts 40   "
        "11.8 transition states/min"
    )
    assert left in ("1:30 left", "1:29 left", "1:28 left")  # two minutes, less half a minute


def test_bars_and_tasks_are_quiet_elsewhere(capsys):
    with progress_bar("checking") as report:
        report(1, 2)
    with task_shown("preparing"):
        pass
    assert capsys.readouterr().err == "preparing\n"


def test_cpu_time_decides_what_is_left(monkeypatch):
    monkeypatch.setattr(time, "process_time", lambda: 100.0)
    shown = display(ExploreOptions(cpu_minutes=2))
    monkeypatch.setattr(time, "process_time", lambda: 115.0)
    assert shown.share_done() == pytest.approx(0.125)
    # 15 of 120 seconds in 30 seconds of the clock.
    assert shown.seconds_left() == pytest.approx(210, abs=1)


class FullDisk(io.StringIO):
    """A file on a disk without space."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_searching_goes_on_where_messages_cannot_be_written():
    shown = display(ExploreOptions(minutes=2))
    shown.console = Console(file=FullDisk(), width=40)
    with shown.shown() as report:
        shown.last_line -= 60
        report(progress(61.0, 22))
    assert shown.latest == progress(61.0, 22)


@pytest.mark.parametrize(
    ("jupyter", "widgets", "live"),
    [(False, True, False), (True, True, True), (True, False, False)],
)
def test_a_notebook_shows_it_live_if_it_can(monkeypatch, jupyter, widgets, live):
    console = Console(file=io.StringIO(), force_jupyter=jupyter)
    spec = ModuleSpec("ipywidgets", None) if widgets else None
    monkeypatch.setattr("lossatlas.exploration.display.find_spec", lambda name: spec)
    assert is_live(console) is live


def test_a_notebook_without_widgets_has_plain_lines(monkeypatch):
    """Rich would show nothing but a warning for each refreshment there."""
    lines: list[str] = []
    monkeypatch.setattr("rich.jupyter.display", lambda segments, text: lines.append(text))
    monkeypatch.setattr("lossatlas.exploration.display.find_spec", lambda name: None)
    shown = display(ExploreOptions(minutes=2))
    shown.console = Console(force_jupyter=True, width=120)
    with shown.shown() as report:
        shown.last_line -= 60
        report(progress(61.0, 22))
    assert len(lines) == 1
    assert lines[0].startswith("1:01  minima 5 (+1)   transition states 22 (+12)")


def test_the_last_lines(capsys):
    ended = Exploration("time", 1, 0, 3, 20.0, 30.0, ("Band",), 70.0)
    say_how_it_ended(ended, "[bold]d2.atlas")
    assert capsys.readouterr().err.splitlines() == [
        "[bold]d2.atlas: 1 minimum, 0 transition states",
        "too little time is left to compile what comes next; 3 attempts in 20.0 s (30.0 s of CPU "
        "time)",
        "the time was too short: compiling the methods of searching takes longer (Band); give it "
        "2 minutes or more the first time",
    ]
