"""The command `lossatlas status`, which shows how much an atlas holds."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.numbers import checked

if TYPE_CHECKING:
    from pandas import DataFrame

CLEAR = "\x1b[2J\x1b[H"
"""The control characters that clear the screen of a terminal."""
NOT_ESTIMATED = "not estimated; explore with --independent-share 0.2 or --until 0.99"
"""The text that is shown without independent draws, from which completeness is estimated."""


@ended_cleanly
def status(
    atlas: AtlasArgument,
    watch: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Show it again after this time, until Ctrl-C; with --json one line each time.",
            callback=checked(lambda value: 0.1 <= value <= 86_400, "from 0.1 to 86400", "60"),
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much of a landscape an atlas holds.

    Shows counts, the fingerprint of the landscape, estimates of the unseen points from independent
    draws, and the last runs.
    """
    if watch is None:
        _show_once(atlas, as_json, in_lines=False)
        return
    while True:
        if sys.stdout.isatty():
            typer.echo(CLEAR, nl=False)
        _show_once(atlas, as_json, in_lines=True)
        sys.stdout.flush()
        time.sleep(watch)


def _show_once(atlas: str, as_json: bool, *, in_lines: bool) -> None:
    from lossatlas.analysis.completeness import completeness, completeness_table
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import records, show_json, show_table

    with Atlas.open(atlas) as opened:
        counts, streams = opened.status(), completeness_table(completeness(opened))
        if as_json:
            show_json({**counts, "completeness": records(streams)}, one_line=in_lines)
            return
        runs = opened.runs()
    for name, value in counts.items():
        typer.echo(f"{name.replace('_', ' '):28}{_shown(value)}")
    if len(streams):
        typer.echo()
        show_table(_in_words(streams), as_json=False, as_csv=False, limit=0)
    else:
        typer.echo(f"{'completeness':28}{NOT_ESTIMATED}")
    if len(runs):
        runs["start_time"] = runs["start_time"].dt.strftime("%Y-%m-%d %H:%M")
        runs["reason"] = runs["reason"].fillna("killed or still running")
        typer.echo()
        columns = ["id", "start_time", "seconds", "seed", "device", "reason"]
        show_table(runs.tail(5).filter(columns), as_json=False, as_csv=False, limit=0)


def _in_words(streams: "DataFrame") -> "DataFrame":
    """The table of completeness for people, with each interval in one column."""
    shown = streams.filter(["points", "known", "draws", "hits", "distinct", "singletons"])
    for name in ("coverage", "atlas_coverage", "chao1", "chapman"):
        decimals = ".4f" if name.endswith("coverage") else ".4g"
        ends = (streams[f"{name}_low"], streams[f"{name}_high"])
        shown[name] = [
            f"{value:{decimals}} ({low:{decimals}} to {high:{decimals}})"
            for value, low, high in zip(streams[name], *ends, strict=True)
        ]
    return shown


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "remedy" in value:
        ended = f"{value['count']:,} of {value['attempts']:,} attempts {value['status']}"
        return f"{ended}: {value['meaning']}; {value['remedy']}"
    if isinstance(value, dict):
        return ", ".join(f"{part} {text[:40]}" for part, text in value.items())
    if isinstance(value, float):
        return f"{value:.10g}"
    return f"{value:,}" if isinstance(value, int) else str("none" if value is None else value)
