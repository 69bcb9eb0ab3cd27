"""`lossatlas explore`: grow the atlas of a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli import signals
from lossatlas.cli.arguments import JsonOption, ended_cleanly, note
from lossatlas.cli.settings import with_settings
from lossatlas.cli.workers import ClusterOption, check_cluster, workers_of
from lossatlas.exploration.stop_rules import SETTINGS

if TYPE_CHECKING:
    from lossatlas.atlas import Exploration


@ended_cleanly
@with_settings(*SETTINGS)
def explore(
    context: typer.Context,
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Study file, see examples/d2.toml.")
    ],
    atlas: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Atlas to begin or continue; default ./<study>.atlas."),
    ] = None,
    *,
    cluster: ClusterOption = None,
    as_json: JsonOption = False,
    **given: Any,
) -> None:
    """Explore the loss landscape of a study.

    Finds minima and transition states and keeps them in an atlas. An atlas that is there is
    continued; what is found is safe on disk at any time. Stops at the first stop rule that
    holds, given here or in the study, or when nothing new turns up. Options given here replace
    those of the study.
    """
    from lossatlas.atlas.opening import check_target
    from lossatlas.lanes.runtime import configure
    from lossatlas.studies.study import load_study

    loaded = load_study(study)
    target = f"{loaded.name}.atlas" if atlas is None else atlas
    check_target(target)  # before JAX takes its second to load
    check_cluster(cluster)
    configure()
    from lossatlas.studies.exploring import explored

    with workers_of(cluster) as executor:
        settings = {**given, "executor": executor}
        with explored(loaded, target, settings, started=context.obj) as opened:
            ended = opened.exploration
    assert ended is not None  # it has just been explored
    _show(ended, target, as_json)
    if advice := ended.advice():
        note(advice)
    if ended.reason == "interrupted":
        raise typer.Exit(signals.exit_code())


def _show(ended: "Exploration", target: str, as_json: bool) -> None:
    from lossatlas.cli.output import show_json

    if as_json:
        failure = ended.dominant_failure
        fields = {**ended._asdict(), "dominant_failure": failure and failure.fields()}
        show_json({"atlas": target, **fields})
        return
    reason = signals.stopped_by() if ended.reason == "interrupted" else ""
    for line in ended.lines(target, reason):
        typer.echo(line)
