"""`lossatlas explore`: grow the atlas of a study."""

import math
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossatlas.cli import signals
from lossatlas.cli.arguments import JsonOption, ended_cleanly, note
from lossatlas.cli.run_log import ProgressLines, RunLog, beside
from lossatlas.cli.settings import with_settings
from lossatlas.cli.workers import ClusterOption, check_cluster, workers_of
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import SETTINGS

if TYPE_CHECKING:
    from lossatlas.atlas import Exploration
    from lossatlas.studies.quick_study import Draft


class Shown(StrEnum):
    """How progress is shown."""

    auto = "auto"
    json = "json"
    none = "none"


@ended_cleanly
@with_settings(*SETTINGS)
def explore(
    context: typer.Context,
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY", help="Study file (.toml), or a table: .csv, .npz, ..."),
    ],
    atlas: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Atlas to begin or continue; default ./<study>.atlas."),
    ] = None,
    *,
    cluster: ClusterOption = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Add what happens to this file, with times; default beside the atlas: d2.log.",
        ),
    ] = None,
    progress: Annotated[
        Shown,
        typer.Option(
            help="On the standard error: live on a terminal and a line a minute elsewhere (auto), "
            "a line of JSON for each commit, once a second at most (json), or nothing (none).",
        ),
    ] = Shown.auto,
    hidden: Annotated[
        str | None, typer.Option(metavar="N,...", help="Of a table: units of each hidden layer.")
    ] = None,
    l2: Annotated[
        float | None, typer.Option(help="Of a table: strength of the L2 penalty.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of a table: of the hidden units; default tanh.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="Of a table: default softmax-cross-entropy.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Of a table: the column to be predicted.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Of a table: a column to leave out; may be repeated.")
    ] = None,
    test_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Of a table: one of testing rows.")
    ] = None,
    as_json: JsonOption = False,
    **given: Any,
) -> None:
    """Explore the loss landscape of a study, or of a table.

    Finds minima and transition states and keeps them in an atlas. An atlas that is there is
    continued; what is found is safe on disk at any time. Stops at the first stop rule that
    holds, given here or in the study, or when nothing new turns up. Options given here replace
    those of the study.

    Of a table, --hidden and --l2 are needed. A study is written beside the atlas, with 80 % of the
    rows for training, and explored.
    """
    from lossatlas.atlas.opening import check_target
    from lossatlas.lanes.runtime import configure
    from lossatlas.studies.study import load_study

    said = {
        "hidden": hidden,
        "l2": l2,
        "activation": activation,
        "loss": loss,
        "label": label,
        "drop": drop or None,
        "test-file": test_file,
    }
    draft = _draft(study, atlas, said)
    loaded = load_study(study) if draft is None else draft.study
    target = f"{loaded.name}.atlas" if atlas is None else atlas
    check_target(target)  # before JAX takes its second to load
    check_cluster(cluster)
    configure()
    from lossatlas.studies.exploring import Reporting, explored

    run_log = RunLog(beside(target) if log is None else log)
    shown = {Shown.auto: True, Shown.none: False, Shown.json: ProgressLines()}[progress]
    reporting = Reporting(shown, context.obj, run_log.report)
    with run_log.kept():
        run_log.write(f"explore {study}: {_asked(given, cluster)}")
        with workers_of(cluster) as executor:
            settings = {**given, "executor": executor}
            begun = None if draft is None else partial(_write, draft)
            with explored(loaded, target, settings, reporting=reporting, begun=begun) as opened:
                ended, name = opened.exploration, opened.name
        assert ended is not None  # it has just been explored
        for line in ended.lines(name, _stopped(ended)):
            run_log.write(line)
    _show(ended, name, as_json)
    if advice := ended.advice():
        note(advice)
    if ended.reason == "interrupted":
        raise typer.Exit(signals.exit_code())


def _write(draft: "Draft") -> None:
    """Write the study of a table, once nothing can be refused any more."""
    note(f"the study is {draft.write()}")


def _draft(study: Path, atlas: str | None, said: dict[str, Any]) -> "Draft | None":
    """The study of a table, to be written; None if a study is given."""
    given = [name for name, value in said.items() if value is not None]
    strength: Any = said["l2"]
    if strength is not None and not 0 < strength < math.inf:
        problem = f"{strength} is not a positive number"
        raise BadInputError("--l2", problem, "use for example --l2 1e-4")
    if study.suffix.lower() == ".toml" or not study.suffix:
        if given:
            problem = "this option is for tables"
            raise BadInputError(f"--{given[0]}", problem, f"write it in {study}")
        return None
    for name, example in (("hidden", "10"), ("l2", "1e-4")):
        if said[name] is None:
            remedy = f"give e.g. --{name} {example}, or the path of a study (.toml)"
            raise BadInputError(str(study), f"a table needs --{name}", remedy)
    from lossatlas.studies.quick_study import Quick, draft_study

    if not study.expanduser().is_file():
        raise BadInputError(str(study), "no such file", "check the path")
    folder = Path() if atlas is None or "://" in atlas else Path(atlas).expanduser().parent
    if not folder.is_dir():
        raise BadInputError(str(folder), "no such folder", "create it first")
    quick = Quick(
        _units(said["hidden"]),
        said["l2"],
        said["activation"],
        said["loss"],
        said["label"],
        tuple(said["drop"] or ()),
        said["test-file"],
    )
    return draft_study(study, folder, quick)


def _units(text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = ()
    if not units or min(units) < 1:
        problem = f"{text!r} are no numbers of units"
        raise BadInputError("--hidden", problem, "give e.g. 10, or 5,5 for two layers")
    return units


def _show(ended: "Exploration", target: str, as_json: bool) -> None:
    from lossatlas.cli.output import show_json

    if as_json:
        failure = ended.dominant_failure
        fields = {**ended._asdict(), "dominant_failure": failure and failure.fields()}
        show_json({"atlas": target, **fields})
        return
    for line in ended.lines(target, _stopped(ended)):
        typer.echo(line)


def _stopped(ended: "Exploration") -> str:
    """By which signal it was stopped, if it was."""
    return signals.stopped_by() if ended.reason == "interrupted" else ""


def _asked(given: dict[str, Any], cluster: str | None) -> str:
    """The options given, and the version, for the log."""
    from importlib.metadata import version

    asked = {**given, "cluster": cluster}
    listed = [f"--{k.replace('_', '-')} {v}" for k, v in asked.items() if v is not None]
    return f"lossatlas {version('lossatlas')} {' '.join(listed)}"
