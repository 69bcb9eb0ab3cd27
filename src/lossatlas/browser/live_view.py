"""The view of a running exploration: what it has found, how fast, and how long it will go on."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bokeh.models import Column, ColumnDataSource

from lossatlas.atlas.ending import REASONS
from lossatlas.browser.figures import LINE_COLOR, MARK_COLOR, small_figure, table, text
from lossatlas.browser.layouts import stacked, wrapped
from lossatlas.browser.served import ServedAtlas
from lossatlas.exploration.display import duration

KEPT = 2000
"""Number of points of the curves that are kept."""


def live_view(served: ServedAtlas) -> tuple[Column, Callable[[], None]]:
    """The view, which is empty at first, and the function that brings it up to date."""
    words = text()
    source = ColumnDataSource({"seconds": [], "minima": [], "transition_states": []})
    plot = small_figure("Since this page was opened", "seconds", "points")
    for name, color in (("minima", LINE_COLOR), ("transition_states", MARK_COLOR)):
        plot.line(
            "seconds",
            name,
            source=source,
            color=color,
            line_width=2,
            legend_label=name.replace("_", " "),
        )
    plot.legend.location = "top_left"
    plot.legend.background_fill_alpha = 0.6
    begun = time.monotonic()

    parts = stacked(words)

    def update() -> None:
        network = served.state().network
        counts = network.minimum_ids.size, network.transition_state_ids.size
        seconds = time.monotonic() - begun
        source.stream(
            {"seconds": [seconds], "minima": [counts[0]], "transition_states": [counts[1]]}, KEPT
        )
        if len(parts.children) == 1:  # Bokeh would warn of a figure without data.
            parts.children = [words, wrapped(plot)]
        words.text = _words(served, source, counts) + _strategies(*served.strategies())

    return parts, update


def _words(served: ServedAtlas, source: ColumnDataSource, counts: tuple[int, int]) -> str:
    runs = served.atlas.runs()
    rows: list[list[object]] = [["minima", counts[0]], ["transition states", counts[1]]]
    if not len(runs):
        return table([*rows, ["runs", "none"]])
    run = runs.iloc[-1]
    if isinstance(run["reason"], str):
        why = REASONS.get(run["reason"], run["reason"])
        return table([*rows, ["last run", f"ended: {why}"]])
    running = (datetime.now(UTC) - run["start_time"]).total_seconds()
    rows.append(["last run", f"running for {duration(running)}, or killed"])
    options: dict[str, Any] = run["options"] if isinstance(run["options"], dict) else {}
    rows.append(["lanes", options.get("lanes")])
    rate = _rate(source)
    rows.append(["transition states a minute", rate])
    left = _seconds_left(options, running, counts, rate)
    rows.append(["time left", "until nothing new turns up" if left is None else duration(left)])
    return table(rows)


def _rate(source: ColumnDataSource) -> float:
    """Transition states found per minute, over the last minute that was observed."""
    seconds, states = list(source.data["seconds"]), list(source.data["transition_states"])
    first = next(k for k, at in enumerate(seconds) if at >= seconds[-1] - 60)
    spent = seconds[-1] - seconds[first]
    return 60.0 * (states[-1] - states[first]) / spent if spent > 0 else 0.0


def _seconds_left(
    options: dict[str, Any], running: float, counts: tuple[int, int], rate: float
) -> float | None:
    """Estimated seconds until a stop rule holds; None if that cannot be foreseen."""
    left = []
    if options.get("minutes") is not None:
        left.append(60.0 * float(options["minutes"]) - running)
    if options.get("transition_states") is not None and rate > 0:
        left.append(60.0 * (int(options["transition_states"]) - counts[1]) / rate)
    return max(0.0, min(left)) if left else None


def _strategies(made: Counter[str], found: Counter[str]) -> str:
    if not made:
        return "<p>No attempts yet.</p>"
    rows = [[name, count, found[name]] for name, count in made.most_common()]
    return table(rows, ["strategy", "attempts", "new points"])
