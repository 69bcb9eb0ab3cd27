"""The command `lossatlas reproduce`, which computes the tables and figures of the paper."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lossatlas import BadInputError
from lossatlas.cli import JsonOption, ended_cleanly, positive

if TYPE_CHECKING:
    from lossatlas.paper.cell import Cell
    from lossatlas.paper.exploring import Watching
    from lossatlas.paper.mnist_scan import Place

T = TypeVar("T", bound="Cell | Place")
MOST_DRAWS = 10_000
"""Largest number of draws that may be asked for."""
FAILED_CELLS = 1
"""Exit code if a landscape could not be explored."""


class ScaleName(StrEnum):
    """Sizes to reproduce at."""

    QUICK = "quick"
    PAPER = "paper"


@ended_cleanly
def reproduce(
    what: Annotated[
        list[str],
        typer.Argument(metavar="WHAT...", help="all, or table-1, figure-2 ... (see below)."),
    ],
    scale: Annotated[
        ScaleName, typer.Option(help="quick: small networks, minutes; paper: its sizes, hours.")
    ] = ScaleName.QUICK,
    draws: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_DRAWS, help="Random draws of each study; default by the study."
        ),
    ] = None,
    first_draw: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_DRAWS, help="Number of the first draw; up to 10 they are the pilot."
        ),
    ] = 1,
    minutes: Annotated[
        float | None,
        typer.Option(
            callback=positive("10"), help="Minutes for each landscape; default by the scale."
        ),
    ] = None,
    cpu_minutes: Annotated[
        float | None,
        typer.Option(
            callback=positive("10"),
            help="CPU minutes for each landscape, which do not depend on what else is running.",
        ),
    ] = None,
    no_explore: Annotated[
        bool, typer.Option("--no-explore", help="Only write files from the cells that exist.")
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of cells and results.")
    ] = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Regenerate the tables and figures of the paper.

    The numbers of the paper are shown beside ours. Every landscape is explored once and stored as a
    cell in DIR/cells. A second run continues: finished cells are not explored again, interrupted
    ones are continued, and other settings make other cells. WHAT is one or more of table-1 to
    table-4, figure-1 to figure-8, si-d3, si-distributions; beyond the paper lowest-losses,
    deep-masks, deep-noise, other-labels, noise-kinds, richness, variance, mnist-scan, ideal-auc,
    persistence, loss-auc-1 to loss-auc-6; claims for tests of the statements of the paper; or all
    for everything and index.md.
    """
    from lossatlas.paper.artifacts import artifacts

    wanted = artifacts(tuple(what))
    _make_folder(output)
    how = {"draws": draws, "first": first_draw, "minutes": minutes, "cpu_minutes": cpu_minutes}
    done: dict[str, Any] | None = None
    if not no_explore:
        done = {"cached": [], "computed": [], "failed": {}}
        mnist = _with_mnist(wanted, scale.value)
        _explore_all(_wanted_cells(wanted, scale.value, mnist, how), output, done)
        _compute_ideal(wanted, scale.value, output)
        _sample_all(wanted, scale.value, how, output, done)
        if mnist and any(artifact.kind == "scan" for artifact in wanted):
            _scan_all(scale.value, how, output, done)
    _refresh_all(scale.value, output)
    files = _write_all(wanted, scale.value, output)
    if "all" in what:
        files += _write_pages(scale.value, output)
    _show(done, files, as_json)
    if done and done["failed"]:
        raise typer.Exit(FAILED_CELLS)


def _make_folder(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise BadInputError(f"-o {output}", problem, "give another folder") from error


def _wanted_cells(wanted, scale: str, mnist: bool, how: dict[str, Any]) -> "list[Cell]":
    """All cells that are needed, each once, in the order of the studies.

    `how` has further arguments of `cells_of`.
    """
    from lossatlas.paper.recipes import cells_of, recipes
    from lossatlas.paper.scales import SCALES

    names = {name for a in wanted for name in a.recipes if a.kind != "richness"}
    chosen = [recipe for name, recipe in recipes(SCALES[scale]).items() if name in names]
    chosen = [recipe for recipe in chosen if mnist or recipe.kind != "mnist"]
    found = (cell for recipe in chosen for _, cell in cells_of(recipe, **how))
    return list({cell.key: cell for cell in found}.values())


def _explore_all(cells: "list[Cell]", output: Path, done: dict[str, Any]) -> None:
    """Explore the cells that are not finished; `done` gets their names, and why any failed."""
    from lossatlas.paper.exploring import compute, is_finished, load_record

    missing = []
    for cell in cells:
        record = load_record(output, cell)
        if record is not None and is_finished(record):
            done["cached"].append(cell.name)
        else:
            missing.append(cell)

    def explore(cell: "Cell") -> None:
        compute(output, cell, _display)
        done["computed"].append(cell.name)

    _for_each(missing, "", explore, done["failed"])


def _sample_all(wanted, scale: str, how: dict[str, Any], output: Path, done: dict) -> None:
    """Make the separate searches of the landscapes that have fewer than the scale asks for."""
    from lossatlas.paper.recipes import cells_of, recipes
    from lossatlas.paper.sampling import KINDS, QUENCHES, compute, stored
    from lossatlas.paper.scales import SCALES

    names = {n for a in wanted if a.kind == "richness" for n in a.recipes}
    every = [recipe for name, recipe in recipes(SCALES[scale]).items() if name in names]
    cells = [cell for recipe in every for _, cell in cells_of(recipe, **how)]
    for kind in KINDS:
        count, quenches = kind.counts[scale], QUENCHES.counts[scale]
        there = [stored(output, cell, kind) for cell in cells]
        pairs = zip(cells, there, strict=True)
        missing = [cell for cell, made in pairs if made is None or made.made < count]

        def sample(cell: "Cell", kind=kind, count=count, quenches=quenches) -> None:
            compute(output, cell, kind, count, quenches)

        _for_each(missing, f"{count:,} {kind.name} on ", sample, done["failed"])


def _scan_all(scale: str, how: dict[str, Any], output: Path, done: dict) -> None:
    """Make the descents of the settings of MNIST; draw 1 chooses the setting of fresh draws."""
    from lossatlas.data import load_mnist
    from lossatlas.paper.mnist_scan import compute
    from lossatlas.paper.mnist_settings import places

    try:
        for draw in range(how["first"], how["first"] + (how["draws"] or 1)):
            missing = places(output, scale, draw)
            if missing:
                load_mnist()  # files that are missing are told once and not for each place
            work = partial(compute, output, scale)
            _for_each(missing, "descents on ", work, done["failed"])
    except BadInputError as error:
        done["failed"]["mnist-scan"] = str(error)
        _say(f"FAILED  mnist-scan: {error}")


def _with_mnist(wanted, scale: str) -> bool:
    """Whether MNIST is used; if it is left out though it is wanted, that is said."""
    there = scale != "quick" or bool(os.environ.get("LOSSATLAS_MNIST"))
    if not there and any(a.kind == "scan" or "mnist-nearest" in a.recipes for a in wanted):
        _say("MNIST skipped: LOSSATLAS_MNIST names no folder, and quick downloads nothing")
    return there


def _for_each(
    cells: "Sequence[T]", text: str, work: "Callable[[T], object]", failed: dict[str, str]
) -> None:
    """Do something for each cell or place; one that fails must not stop the others."""
    if cells:
        from lossatlas import configure

        configure()
    for number, cell in enumerate(cells, 1):
        _say(f"[{number}/{len(cells)}] {text}{cell.name}")
        try:
            work(cell)
        except Exception as error:
            failed[cell.name] = f"{type(error).__name__}: {error}"
            _say(f"FAILED  {cell.name}: {failed[cell.name]}")


@contextmanager
def _display(watching: "Watching") -> Iterator[Callable[[Any], None]]:
    from lossatlas.exploration import ExploreDisplay

    before = watching.before
    display = ExploreDisplay(
        watching.options, watching.started, before.transition_states, before.minima
    )
    with display.shown() as report:
        yield report


def _compute_ideal(wanted, scale: str, output: Path) -> None:
    """Compute the tables that need no landscape."""
    from lossatlas.paper.files import compute_ideal
    from lossatlas.paper.scales import SCALES

    for artifact in wanted:
        if artifact.kind == "ideal":
            compute_ideal(artifact, SCALES[scale], output)


def _refresh_all(scale: str, output: Path) -> None:
    """Compute the numbers of cells of older versions again, as far as points determine them."""
    from lossatlas.paper.exploring import records, refreshed
    from lossatlas.paper.recipes import recipes
    from lossatlas.paper.scales import SCALES

    for recipe in recipes(SCALES[scale]).values():
        for _, record in records(recipe, output):
            refreshed(record)


def _write_all(wanted, scale: str, output: Path) -> list[Path]:
    from lossatlas.paper.files import write_artifact
    from lossatlas.paper.scales import SCALES

    files: list[Path] = []
    for artifact in wanted:
        files += write_artifact(artifact, SCALES[scale], output)
    return files


def _write_pages(scale: str, output: Path) -> list[Path]:
    from lossatlas.paper.files import write_pages
    from lossatlas.paper.scales import SCALES

    return write_pages(SCALES[scale], output)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _show(done: dict[str, Any] | None, files: list[Path], as_json: bool) -> None:
    from lossatlas.cli import counted, show_json

    if as_json:
        show_json({**(done or {}), "files": [str(file) for file in files]})
        return
    for file in files:
        typer.echo(file)
    if done is None:
        return
    typer.echo(
        f"{counted(len(done['computed']), 'landscape')} computed, "
        f"{len(done['cached'])} from before, {len(done['failed'])} failed"
    )
    for name, problem in done["failed"].items():
        typer.echo(f"FAILED  {name}: {problem}")
