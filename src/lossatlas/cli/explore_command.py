"""`lossatlas explore`: grow the atlas of a study."""

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli import signals
from lossatlas.cli.arguments import JsonOption, ended_cleanly, note
from lossatlas.cli.settings import with_settings
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import ExploreOptions

if TYPE_CHECKING:
    from lossatlas.atlas import Problem
    from lossatlas.exploration.explorer import Exploration
    from lossatlas.studies.problem import Prepared
    from lossatlas.studies.study import Study

REASONS = {
    "time": "the time is up",
    "number": "there are as many points as asked for",
    "complete": "it is as complete as asked for, by independent draws",
    "nothing new": "nothing new turns up any more",
}
QUICK_AUC = 2_000_000
"""Outputs, items times minima, that the AUC is computed from in about a second; more are left
for the command `auc` when the program is asked to end."""


@ended_cleanly
@with_settings(
    "minutes",
    "cpu_minutes",
    "minima",
    "transition_states",
    "until",
    "independent_share",
    "seed",
    "lanes",
    "workers",
)
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
    as_json: JsonOption = False,
    **given: float | None,
) -> None:
    """Explore the loss landscape of a study.

    Finds minima and transition states and keeps them in an atlas. An atlas that is there is
    continued; what is found is safe on disk at any time. Stops at the first stop rule that
    holds, given here or in the study, or when nothing new turns up. Options given here replace
    those of the study.
    """
    from lossatlas.studies.study import load_study

    loaded = load_study(study)
    target = f"{loaded.name}.atlas" if atlas is None else atlas
    check_target(target)
    ended = _explore(loaded, target, given, context.obj)
    _show(ended, target, as_json)
    _advise(ended)
    if ended.reason == "interrupted":
        raise typer.Exit(signals.exit_code())


def check_target(target: str) -> None:
    """Refuse a place where no atlas can be, before any work is done.

    Raises:
        BadInputError: if the folder is missing, or it or the file cannot be written.
    """
    if "://" in target:
        return
    path = Path(target).expanduser()
    if path.is_dir():
        raise BadInputError(target, "is a folder", "give the path of a file in it")
    if not path.parent.is_dir():
        raise BadInputError(target, f"there is no folder {path.parent}", "create it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        problem = f"its folder cannot be written ({error.strerror})"
        raise BadInputError(target, problem, "give --atlas in another folder") from error
    if path.exists() and not os.access(path, os.W_OK):
        raise BadInputError(target, "cannot be written", "change its permissions or copy it")


def _explore(
    study: "Study", target: str, given: dict[str, float | None], started: float
) -> "Exploration":
    from lossatlas.cli.runtime import set_up_jax

    stored = _stored_problem(target)
    set_up_jax()
    chosen = {name: value for name, value in given.items() if value is not None}
    options = ExploreOptions(**{**study.explore.model_dump(), **chosen})
    return _grow(_prepared(study, stored), target, options, started)


def _stored_problem(target: str) -> "Problem | None":
    """The problem of the atlas that will be continued; None if it will be begun."""
    from lossatlas.atlas import Atlas

    path = Path(target).expanduser()
    if "://" in target or not path.exists() or path.stat().st_size == 0:
        return None
    with Atlas.open(target) as atlas:
        return atlas.problem


def _prepared(study: "Study", stored: "Problem | None") -> "Prepared":
    from lossatlas.cli.progress import task_shown
    from lossatlas.studies.problem import prepare

    with task_shown(f"{study.name}: preparing the data"):
        return prepare(study, stored)


def _grow(
    prepared: "Prepared", target: str, options: ExploreOptions, started: float
) -> "Exploration":
    from lossatlas.analysis.auc_columns import compute_auc
    from lossatlas.atlas import Atlas
    from lossatlas.cli.progress import ExploreDisplay
    from lossatlas.exploration.explorer import explore as explore_landscape

    with Atlas.open_or_create(target, prepared.problem) as atlas:
        counts = atlas.status()
        display = ExploreDisplay(options, started, counts["transition_states"], counts["minima"])
        with display.shown() as report:
            ended = explore_landscape(prepared.landscape, atlas, options, report, started)
        if ended.reason == "interrupted" and not _is_quick(prepared.problem, ended.minima):
            note(f"the AUC of new minima is not computed; do it by: lossatlas auc {target}")
        else:
            compute_auc(atlas, prepared.landscape, only_missing=True)
    return ended


def _is_quick(problem: "Problem", minima: int) -> bool:
    """Whether the AUC of so many minima takes little time."""
    items = sum(len(problem.arrays[f"{group}_labels"]) for group in ("train", "test"))
    return minima * items <= QUICK_AUC


def _show(ended: "Exploration", target: str, as_json: bool) -> None:
    from lossatlas.cli.output import counted, show_json

    if as_json:
        failure = ended.dominant_failure
        fields = {**ended._asdict(), "dominant_failure": failure and failure.fields()}
        show_json({"atlas": target, **fields})
        return
    minima = counted(ended.minima, "minimum", "minima")
    states = counted(ended.transition_states, "transition state")
    typer.echo(f"{target}: {minima}, {states}")
    reason = REASONS.get(ended.reason) or signals.stopped_by()
    typer.echo(
        f"{reason}; {counted(ended.attempts, 'attempt')} in "
        f"{ended.seconds:.1f} s ({ended.cpu_seconds:.1f} s of CPU time)"
    )
    if ended.dominant_failure is not None:
        typer.echo(str(ended.dominant_failure))


def _advise(ended: "Exploration") -> None:
    """Say so where the time was too short to compile what searches need."""
    if ended.reason != "time" or (ended.attempts and not ended.uncompiled):
        return
    minutes = max(1, math.ceil((ended.seconds + ended.compile_seconds) / 60.0))
    found = "too short" if ended.attempts else "too short to find anything"
    missing = f" ({', '.join(ended.uncompiled)})" if ended.uncompiled else ""
    note(
        f"the time was {found}: compiling the methods of searching takes longer{missing}; give "
        f"--minutes {minutes} or more the first time"
    )
