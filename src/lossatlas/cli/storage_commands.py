"""The commands `lossatlas merge`, `backup`, `compact` and `history`: atlases as files."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli.arguments import AtlasArgument, JsonOption, ended_cleanly
from lossatlas.cli.table_commands import CsvOption, LimitOption

if TYPE_CHECKING:
    from pandas import DataFrame

OutputOption = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FILE", help="New file, or URL of an empty database."),
]


@ended_cleanly
def merge(
    atlases: Annotated[
        list[str], typer.Argument(metavar="ATLAS ATLAS...", help="Two atlases or more.")
    ],
    output: OutputOption,
    as_json: JsonOption = False,
) -> None:
    """Join atlases of one landscape in a new one.

    Points that are the same up to symmetry become one, and all runs and attempts are kept. If one
    atlas is a copy of another that was explored further, what both have in common is stored once.
    The given atlases are not changed.
    """
    from lossatlas.atlas import Atlas
    from lossatlas.atlas.joining import merge as join
    from lossatlas.cli.output import show_json
    from lossatlas.shown import counted

    joined = join(atlases, output)
    if as_json:
        with Atlas.open(output) as opened:
            name = opened.name
        show_json({"atlas": name, "joined": [one._asdict() for one in joined]})
        return
    for one in joined:
        states = counted(one.transition_states, "new transition state")
        known = f"{one.known_minima:,} and {one.known_transition_states:,} known"
        attempts = f"{counted(one.attempts, 'attempt')} ({one.shared_attempts:,} there already)"
        points = f"{counted(one.minima, 'new minimum', 'new minima')}, {states} ({known})"
        typer.echo(f"{one.name}: {points}, {attempts}")
        if one.conflicts:
            text = counted(one.conflicts, "transition state joins", "transition states join")
            typer.echo(f"{one.name}: {text} other minima than before; lossatlas verify says which")


@ended_cleanly
def backup(atlas: AtlasArgument, output: OutputOption) -> None:
    """Copy an atlas as it is now, while others write to it.

    The copy is either complete or not there at all, and no existing file is ever replaced. A file
    can also be copied to a database, and a database to a file.
    """
    from lossatlas.atlas import Atlas
    from lossatlas.atlas.copying import backup as copy, check_new
    from lossatlas.shown import counted

    check_new(output)
    with Atlas.open(atlas) as opened:
        copy(opened, output)
    with Atlas.open(output) as opened:
        counts, name = opened.status(), opened.name
    minima = counted(counts["minima"], "minimum", "minima")
    states = counted(counts["transition_states"], "transition state")
    typer.echo(f"{name}: {minima}, {states}, {counted(counts['attempts'], 'attempt')}")


@ended_cleanly
def compact(atlas: AtlasArgument, as_json: JsonOption = False) -> None:
    """Write an atlas anew, so that it takes less space.

    No other program can write to it meanwhile. For a file, as much free space is needed as the file
    takes.
    """
    from lossatlas.atlas import Atlas
    from lossatlas.atlas.copying import compact as shrink
    from lossatlas.cli.output import show_json

    with Atlas.open(atlas) as opened:
        sizes = shrink(opened)
        name = opened.name
    if as_json:
        show_json({"atlas": name, "bytes_before": sizes.before, "bytes": sizes.after})
        return
    typer.echo(f"{name}: {sizes.before:,} bytes before, {sizes.after:,} bytes now")


@ended_cleanly
def history(
    atlas: AtlasArgument,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    limit: LimitOption = None,
    minimum: Annotated[
        int | None, typer.Option(min=1, help="Show the attempts that met this minimum.")
    ] = None,
    transition_state: Annotated[
        int | None, typer.Option(min=1, help="Show the attempts that met this transition state.")
    ] = None,
) -> None:
    """Show the runs of an atlas, or who has found a point.

    For each run it shows when and on which device it was made, its seed and versions, and what it
    added. With the id of a point, it shows the attempts that have met the point, each with its run;
    the first of them found it.
    """
    from lossatlas.atlas import Atlas, provenance
    from lossatlas.cli.output import show_table

    asked = {"minimum": minimum, "transition_state": transition_state}
    with Atlas.open(atlas) as opened, opened.reading() as connection:
        frame = provenance.runs(connection)
        if any(asked.values()):
            frame = provenance.met(connection, **asked)
        else:
            frame = _for_programs(frame) if as_json or as_csv else _for_people(frame)
    show_table(frame, as_json=as_json, as_csv=as_csv, limit=limit)


def _for_programs(frame: "DataFrame") -> "DataFrame":
    """The table of runs with times as text, and None for missing times."""
    for name in ("start_time", "end_time"):
        times = [None if time != time else time.isoformat() for time in frame[name]]
        frame = frame.assign(**{name: times})
    return frame


def _for_people(frame: "DataFrame") -> "DataFrame":
    """The columns of the table of runs that fit on a line."""

    def day(time: Any) -> str:
        return "-" if time != time or time is None else f"{time:%Y-%m-%d %H:%M}"

    shown = frame.assign(start_time=frame["start_time"].map(day))
    shown["reason"] = shown["reason"].fillna("killed or still running")
    shown["version"] = [versions.get("lossatlas", "-") for versions in frame["versions"]]
    names = ("run", "start_time", "seconds", "seed", "version", "device", "reason")
    return shown.filter([*names, "attempts", "minima", "transition_states"])
