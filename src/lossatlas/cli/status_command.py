"""`lossatlas status`: what an atlas holds, in counts."""

from typing import Any

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly


@ended_cleanly
def status(atlas: AtlasArgument, as_json: JsonOption = False) -> None:
    """Show how much of a landscape an atlas holds.

    Counts, the fingerprint of the landscape, and the last runs.
    """
    from lossatlas.atlas import Atlas
    from lossatlas.cli.output import show_json, show_table

    with Atlas.open(atlas) as opened:
        counts = opened.status()
        if as_json:
            show_json(counts)
            return
        runs = opened.runs()
    for name, value in counts.items():
        typer.echo(f"{name.replace('_', ' '):28}{_shown(value)}")
    if len(runs):
        runs["start_time"] = runs["start_time"].dt.strftime("%Y-%m-%d %H:%M")
        runs["reason"] = runs["reason"].fillna("killed or still running")
        typer.echo()
        columns = ["id", "start_time", "seconds", "seed", "device", "reason"]
        show_table(runs.tail(5).filter(columns), as_json=False, as_csv=False, limit=0)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{part} {text[:40]}" for part, text in value.items())
    if isinstance(value, float):
        return f"{value:.10g}"
    return f"{value:,}" if isinstance(value, int) else str("none" if value is None else value)
