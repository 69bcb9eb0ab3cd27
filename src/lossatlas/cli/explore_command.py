"""The command `lossatlas explore`, which grows the atlas of a study."""

import math
import os
from contextlib import suppress
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
    """The ways in which progress can be shown."""

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
        typer.Option(
            metavar="FILE",
            help="Atlas to begin or continue: a file, or URL of a database; default "
            "./<study>.atlas.",
        ),
    ] = None,
    *,
    cluster: ClusterOption = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Add a line with the time to this file for everything that happens; by default it "
            "is next to the atlas, such as d2.log.",
        ),
    ] = None,
    progress: Annotated[
        Shown,
        typer.Option(
            help="How progress is shown on the standard error: live on a terminal and as a line a "
            "minute elsewhere (auto), as a line of JSON for each commit, once a second at most "
            "(json), or not at all (none).",
        ),
    ] = Shown.auto,
    hidden: Annotated[
        str | None,
        typer.Option(metavar="N,...", help="For a table: number of units of each hidden layer."),
    ] = None,
    l2: Annotated[
        float | None, typer.Option(help="For a table: strength lambda of the L2 penalty.")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(help="For a table: activation function of the hidden units; default tanh."),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="For a table: loss function; default softmax-cross-entropy."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="For a table: name of the column to be predicted."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="For a table: name of a column to leave out; may be given repeatedly."),
    ] = None,
    test_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="For a table: another table, of the rows for testing."),
    ] = None,
    as_json: JsonOption = False,
    **given: Any,
) -> None:
    """Explore the loss landscape of a study, or of a table.

    Finds minima and transition states and stores them in an atlas. An existing atlas is continued,
    and everything that was found is safe on disk at any time. The exploration ends with the first
    stop rule that holds, given here or in the study, or when nothing new is found any more. Options
    given here replace those of the study.

    For a table, --hidden and --l2 are required. A study with 80 % of the rows for training is then
    written next to the atlas, and explored.
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
    check_target(target)  # Before JAX is loaded, which takes a second.
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
        assert ended is not None  # The atlas has just been explored.
        for line in ended.lines(name, _stopped(ended)):
            run_log.write(line)
    _show(ended, name, as_json)
    if advice := ended.advice():
        note(advice)
    if ended.reason == "interrupted":
        raise typer.Exit(signals.exit_code())


def _write(draft: "Draft") -> None:
    """Write the study of a table, after all input was checked."""
    note(f"the study is {draft.write()}")


def _draft(study: Path, atlas: str | None, said: dict[str, Any]) -> "Draft | None":
    """The study that is to be written for a table; None if a study is given.

    Args:
        study: path of the study or the table.
        atlas: path or URL of the atlas, or None for the default.
        said: the options for tables, by name; None for those that were not given.

    Raises:
        BadInputError: an option is wrong or missing, or the table cannot be read.
    """
    given = [name for name, value in said.items() if value is not None]
    strength: Any = said["l2"]
    if strength is not None and not 0 < strength < math.inf:
        problem = f"{strength} is not a positive number"
        raise BadInputError("--l2", problem, "use for example --l2 1e-4")
    _refuse_atlas(study)
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

    if not os.path.isfile(os.path.expanduser(study)):
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


def _refuse_atlas(path: Path) -> None:
    """Refuse an atlas in place of a study or a table."""
    from lossatlas.studies.toml_file import refuse_atlas

    with suppress(OSError):  # there is no such file, which is said later
        with open(os.path.expanduser(path), "rb") as stream:
            begin = stream.read(100)
        refuse_atlas(path, begin)


def _units(text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = ()
    if not units or min(units) < 1:
        problem = f"{text!r} is not a list of numbers of units"
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
    """The way in which the exploration was stopped by a signal; empty if it was not."""
    return signals.stopped_by() if ended.reason == "interrupted" else ""


def _asked(given: dict[str, Any], cluster: str | None) -> str:
    """The version of the program and the options given, for the log."""
    from importlib.metadata import version

    asked = {**given, "cluster": cluster}
    listed = [f"--{k.replace('_', '-')} {v}" for k, v in asked.items() if v is not None]
    return f"lossatlas {version('lossatlas')} {' '.join(listed)}"
