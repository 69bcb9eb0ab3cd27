"""The computation of a cell, which continues where an earlier run stopped.

A cell has a folder of its own in ``DIR/cells``:

=================== ========================================================================
``landscape.atlas`` all points that were found, until the budget is spent
``progress.jsonl``  counts and CPU seconds during the exploration, about one line a second
``points.npz``      losses, connections and AUC values (see `points`)
``cell.json``       the cell, its numbers, and how they were computed; written last
=================== ========================================================================

A cell is finished if ``cell.json`` says that its budget was spent. The atlas may then be deleted.
"""

import json
import math
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from lossatlas import Atlas, BadInputError, ExploreOptions, Problem, Study
from lossatlas.paper.cell import PILOT, REFERENCE, Cell, Effort, exhausted
from lossatlas.paper.provenance import about_atlas
from lossatlas.paper.recipes import Column, Recipe

PROGRESS = "progress.jsonl"
VERSION = 4
"""Version of the numbers in ``cell.json``. Numbers of another version are computed again, from the
atlas or, as far as points determine them, from ``points.npz``."""
LINE_SECONDS = 1.0
"""Seconds between two lines of ``progress.jsonl``."""


class Record(NamedTuple):
    """A cell with its results.

    Attributes:
        cell: the cell.
        folder: its folder.
        effort: the effort that was spent on it.
        numbers: its numbers by name, see `lossatlas.paper.measures`; NaN if a number is undefined.
        about: how they were computed: versions, device, data, attempts, growth of the counts ...
        version: the `VERSION` of the program that computed the numbers.
    """

    cell: Cell
    folder: Path
    effort: Effort
    numbers: dict[str, float]
    about: dict[str, Any]
    version: int = VERSION


class Watching(NamedTuple):
    """What a display is given before a cell is explored.

    Attributes:
        cell: the cell.
        options: the options of this run, whose stop rules are the rest of the budget.
        before: the effort of earlier runs.
        started: the value of `time.monotonic()` when this run of the cell began.
    """

    cell: Cell
    options: ExploreOptions
    before: Effort
    started: float


Display = Callable[[Watching], AbstractContextManager[Callable[[Any], None]]]
"""Shows an exploration: a context that yields the function to report `Progress` to."""


def cell_folder(folder: Path, cell: Cell) -> Path:
    """The folder of a cell, in the folder of the whole reproduction."""
    return folder / "cells" / cell.name


def load_record(folder: Path, cell: Cell) -> Record | None:
    """Read the results of a cell, for any budget; None if there are none.

    Raises:
        BadInputError: if a file of the cell cannot be read.
    """
    home = cell_folder(folder, cell)
    stored = read_json(home / "cell.json")
    if stored is None or stored["key"] != cell.key or not (home / "points.npz").exists():
        return None
    numbers = {name: math.nan if v is None else v for name, v in stored["numbers"].items()}
    return Record(
        cell, home, Effort(**stored["effort"]), numbers, stored["about"], stored["version"]
    )


def is_finished(record: Record) -> bool:
    """Whether a cell has spent its budget, and its numbers are those of this version."""
    outdated = record.version != VERSION and (record.folder / "landscape.atlas").exists()
    return exhausted(record.cell.budget, record.effort) and not outdated


def records(recipe: Recipe, folder: Path) -> list[tuple[Column, Record]]:
    """Read the results of a study with their columns, of all draws that there are.

    Args:
        recipe: the study.
        folder: folder of the whole reproduction.
    """
    pairs = ((c, _of_draw(folder, c, draw)) for draw in draws_in(folder) for c in recipe.columns)
    return [(column, record) for column, record in pairs if record is not None]


def draws_in(folder: Path) -> list[int]:
    """The draws of which there is any cell, ascending."""
    found = (re.search(r"-draw(\d+)-", home.name) for home in folder.glob("cells/*"))
    return sorted({int(one[1]) for one in found if one})


def decisive(found: Sequence[tuple[Column, Record]]) -> list[tuple[Column, Record]]:
    """The results of the draws that a table or figure shows: only fresh ones if there are two.

    Where any draw has all columns, only such draws are shown, since columns are compared within
    draws. Others may have a column because another study shares its landscape.

    Args:
        found: results of a study with their columns, see `records`.
    """
    columns = defaultdict[int, set[str]](set)
    for column, record in found:
        columns[record.cell.draw].add(column.key)
    every = {column.key for column, _ in found}
    whole = {draw for draw, keys in columns.items() if keys == every} or set(columns)
    fresh = {draw for draw in whole if draw > PILOT}
    shown = fresh if len(fresh) >= 2 else whole
    return [(column, record) for column, record in found if record.cell.draw in shown]


def _of_draw(folder: Path, column: Column, draw: int) -> Record | None:
    """The results of a column for a draw, or else those of the cell that it had before."""
    found = load_record(folder, column.cell(draw))
    if found is None and column.before is not None:
        return load_record(folder, column.before(draw))
    return found


def compute(folder: Path, cell: Cell, display: Display) -> Record:
    """Explore a cell until its budget is spent, and write its results.

    Args:
        folder: folder of the whole reproduction, which must exist.
        cell: the cell to be computed or continued.
        display: shows the exploration.

    Raises:
        BadInputError: if the data are missing or the settings are not those of a study.
        AtlasError: if the atlas cannot be written.
        KeyboardInterrupt: after an interrupt; all results are safe and can be continued.
    """
    study = study_of(cell, folder)
    home = cell_folder(folder, cell)
    home.mkdir(parents=True, exist_ok=True)
    atlas_file = home / "landscape.atlas"
    # Imported here because JAX takes a second to load, and finished cells do not need it.
    from lossatlas import prepare

    stored = stored_problem(atlas_file)
    if stored is None:  # effort that was spent on an atlas which was deleted does not count
        (home / PROGRESS).unlink(missing_ok=True)
    prepared = prepare(study, stored)
    with Atlas.open_or_create(atlas_file, prepared.problem) as atlas:
        effort = _spend(cell, home, prepared.landscape, atlas, display)
        return _summarize(cell, home, prepared.landscape, atlas, effort)


def study_of(cell: Cell, folder: Path) -> Study:
    """The study of a cell, in which a reference to another cell is the path of its atlas."""
    tables, reference = cell.study, cell.study.get("noise", {}).get("reference", "")
    if reference.startswith(REFERENCE):
        key = reference.removeprefix(REFERENCE)
        there = list(folder.glob(f"cells/*-{key[:8]}/landscape.atlas"))
        if not there:
            remedy = "compute the column without label errors first, and keep its atlas"
            raise BadInputError(cell.name, "the clean landscape has no atlas", remedy)
        tables = tables | {"noise": tables["noise"] | {"reference": str(there[0].resolve())}}
    try:
        return Study.model_validate(tables)
    except ValidationError as error:
        remedy = "use the settings that docs/studies.md describes"
        raise BadInputError(cell.name, str(error.errors()[0]["msg"]), remedy) from error


def stored_problem(atlas_file: Path) -> Problem | None:
    """The problem of an atlas; None if there is no atlas."""
    if not atlas_file.exists() or atlas_file.stat().st_size == 0:
        return None
    with Atlas.open(atlas_file) as atlas:
        return atlas.problem


def _spend(cell: Cell, home: Path, landscape, atlas: Atlas, display: Display) -> Effort:
    """Explore until the budget is spent, and return the effort of all runs together."""
    from lossatlas.exploration import grow

    before = _progress(home)[-1]
    if exhausted(cell.budget, before):
        return before
    options = replace(
        cell.budget.after(before.seconds, before.cpu_seconds),
        seed=cell.seed,
        strategies=cell.strategies,
        independent_share=cell.independent_share,
        aim=cell.aim,
    )
    log = _Log(home / PROGRESS, before)
    with display(Watching(cell, options, before, log.started)) as report:

        def note(progress) -> None:
            log.note(progress)
            report(progress)

        ended = grow(landscape, atlas, options, note, log.started)
    effort = log.close(ended)
    if ended.reason == "interrupted":
        raise KeyboardInterrupt
    return effort


class _Log:
    """Writes ``progress.jsonl``, with sums over all runs of a cell."""

    def __init__(self, path: Path, before: Effort) -> None:
        self.path, self.before = path, before
        self.started, self.cpu_started = time.monotonic(), time.process_time()
        self.written = 0.0

    def note(self, progress) -> None:
        if progress.seconds - self.written >= LINE_SECONDS:
            self.written = progress.seconds
            self._write(progress, "")

    def close(self, ended) -> Effort:
        return self._write(ended, ended.reason)

    def _write(self, counts, reason: str) -> Effort:
        """Write a line from the seconds, minima, transition states and attempts of this run."""
        effort = Effort(
            round(self.before.seconds + counts.seconds, 3),
            round(self.before.cpu_seconds + time.process_time() - self.cpu_started, 3),
            counts.minima,
            counts.transition_states,
            self.before.attempts + counts.attempts,
            reason,
        )
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(effort._asdict()) + "\n")
        return effort


def _progress(home: Path) -> list[Effort]:
    """The lines of ``progress.jsonl``, after a first one for the start without any effort."""
    efforts = [Effort()]
    path = home / PROGRESS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            efforts.append(Effort(**json.loads(line)))
        except ValueError:  # the program was killed while it wrote this line
            continue
    return efforts


def _summarize(cell: Cell, home: Path, landscape, atlas: Atlas, effort: Effort) -> Record:
    from lossatlas import completeness, compute_auc
    from lossatlas.analysis import completeness_table
    from lossatlas.paper.measures import measures
    from lossatlas.paper.points import half_of_the_log, losses_in_testing, read_points, save_points

    if effort.minima == 0:
        remedy = "give it more minutes"
        raise BadInputError(cell.name, "no minimum was found within its budget", remedy)
    for rule in ("threshold", "rank"):
        compute_auc(atlas, landscape, cell.auc, rule, only_missing=True)
    if cell.auc == "macro":  # the spread over the classes is compared with the paper as well
        for number in range(len(atlas.problem.specification["classes"])):
            compute_auc(atlas, landscape, number, "rank", only_missing=True)
    else:
        compute_auc(atlas, landscape, "macro", "rank", only_missing=True)
    points = read_points(atlas, losses_in_testing(landscape, atlas))
    save_points(home / "points.npz", points)
    streams = completeness_table(completeness(atlas)).to_dict("records")
    about = {"completeness": streams, **about_atlas(atlas, _progress(home))}
    numbers = {
        **measures(points, cell.auc, half_of_the_log(points, about["discovery"])),
        "test_gmin_loss": float(points.columns["test_loss"][np.argmin(points.minimum_energies)]),
        **_symmetry(landscape),
        **_unseen(streams),
    }
    record = Record(cell, home, effort, numbers, about)
    _write(record)
    return record


def _write(record: Record) -> None:
    cell = record.cell
    content = {
        "key": cell.key,
        "version": VERSION,
        "study": cell.study,
        "draw": cell.draw,
        "seed": cell.seed,
        "effort": record.effort._asdict(),
        "numbers": record.numbers,
        "about": record.about,
    }
    write_json(record.folder / "cell.json", content)


def refreshed(record: Record) -> Record:
    """Compute the numbers of a record again from its points, and write them.

    Numbers that need more than points, such as the loss on testing items, are kept.

    Raises:
        BadInputError: if the points cannot be read.
    """
    if record.version == VERSION:
        return record
    from lossatlas.paper.measures import measures
    from lossatlas.paper.points import half_of_the_log, load_points

    points = load_points(record.folder / "points.npz")
    half = half_of_the_log(points, record.about["discovery"])
    numbers = {**record.numbers, **measures(points, record.cell.auc, half)}
    new = record._replace(numbers=numbers, version=VERSION)
    _write(new)
    return new


def _symmetry(landscape) -> dict[str, float]:
    """The numbers of free and frozen weights, and the order of the remaining symmetry group."""
    frozen = landscape.architecture.n_full - landscape.n_weights
    return {
        "weights": landscape.n_weights,
        "frozen_weights": frozen,
        "group_order": float(landscape.group_order),
    }


def _unseen(streams: list[dict[str, Any]]) -> dict[str, float]:
    """Estimates, from independent draws, of minima and transition states that were not found."""
    return {
        f"{stream['points'].replace(' ', '_')}_{name}": stream[name]
        for stream in streams
        for name in ("atlas_coverage", "atlas_coverage_low", "chao1", "chao1_low")
    }


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file with JSON; None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        remedy = "delete it, and the cell is computed again"
        raise BadInputError(str(path), f"cannot be read ({error})", remedy) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file under another name first, so that no half-written file is left."""
    new = path.with_name(f"{path.name}.new")
    text = json.dumps(_finite(content), indent=1, allow_nan=False)
    new.write_text(text + "\n", encoding="utf-8")
    os.replace(new, path)


def _finite(value: Any) -> Any:
    """The value with null in place of numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
