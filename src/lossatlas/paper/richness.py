"""How many minima there are, compared by separate quenches instead of by explorations.

What an exploration finds depends on how long it took. Here each landscape gets the same number of
quenches from random starts, each independent of all others, and nothing else. How often each
minimum was hit gives Hill numbers (Ecology 54, 427 (1973)): of order 0, in which all minima count
alike, and of orders 1 and 2, in which rare ones count less. The landscapes of a draw are compared
at equal coverage, since the same number of quenches covers less of a richer landscape.
"""

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossatlas import Atlas, BadInputError
from lossatlas.analysis import Hill, Interval, common_coverage, coverage_of, hill_numbers
from lossatlas.paper.cell import Cell
from lossatlas.paper.exploring import (
    cell_folder,
    draws_in,
    read_json,
    stored_problem,
    study_of,
    write_json,
)
from lossatlas.paper.recipes import Recipe
from lossatlas.paper.tables import markdown_row

if TYPE_CHECKING:  # these load JAX, which stored counts do not need
    from lossatlas import Task
    from lossatlas.exploration import View

QUENCHES = {"paper": 10_000, "quick": 60}
"""Number of quenches of a landscape, by the name of the scale."""
STORED, ATLAS = "quenches.json", "quenches.atlas"
"""Names of the files with the counts and with the minima, in the folder of the cell."""
NAME = "separate-quench"
NEVER = 1.0 - 1e-12
"""A completeness that is not reached, so that an exploration ends when all quenches were made."""
HEAD = (
    *("study", "column", "draw", "quenches", "failed", "coverage", "common_coverage"),
    *(f"hill_{order}{end}" for order in range(3) for end in ("", "_low", "_high")),
)


class Quenches(NamedTuple):
    """The quenches of a landscape.

    Attributes:
        made: number of quenches.
        failed: number of these that did not end at a certified minimum.
        abundances: number of minima by how often they were hit.
        cpu_seconds: CPU seconds that they took, without those of runs that did not end.
        versions: versions of lossatlas and of its libraries.
    """

    made: int
    failed: int
    abundances: dict[int, int]
    cpu_seconds: float
    versions: dict[str, str]

    @property
    def counts(self) -> np.ndarray:
        """(k,) how often each minimum was hit."""
        times = np.array(list(self.abundances), int)
        return np.repeat(times, list(self.abundances.values()))


class Row(NamedTuple):
    """The richness of one landscape.

    Attributes:
        study: name of the study.
        column: name of the column.
        draw: number of the draw.
        quenches: the quenches of the landscape.
        coverage: probability that the next quench ends at a minimum that was found.
        common: the Hill numbers at the coverage that all landscapes of the study and draw have.
    """

    study: str
    column: str
    draw: int
    quenches: Quenches
    coverage: float
    common: Hill

    @property
    def numbers(self) -> dict[str, float]:
        """The Hill numbers by name, ``hill_0`` to ``hill_2``."""
        return {f"hill_{k}": interval.estimate for k, interval in enumerate(self.common.numbers)}

    @property
    def setting(self) -> str:
        """What must agree where landscapes are compared."""
        return f"{self.quenches.made} quenches, lossatlas {self.quenches.versions['lossatlas']}"


class _Draws:
    """The separate quenches of one exploration: number k has random numbers of its own."""

    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.count, self.next = seed, count, 0

    def __call__(self, view: "View") -> "Iterator[Task]":
        """Propose the quenches that were not made yet."""
        from lossatlas import Key, Task

        while self.next < self.count:
            number, self.next = self.next, self.next + 1
            yield Task(Key(NAME, (), f"{number}"), partial(_quench, self.seed, number), 1)


def _quench(seed: int, number: int, tools: Any) -> Any:
    from lossatlas.search import quench

    random = np.random.default_rng((seed, number))
    return (yield from quench(tools, tools.landscape.random_start(random)))


def compute(folder: Path, cell: Cell, count: int) -> Quenches:
    """Make the quenches of a landscape, or continue them, and store how often minima were hit.

    Args:
        folder: folder of the whole reproduction, which must exist.
        cell: the cell of the landscape.
        count: number of quenches.

    Raises:
        BadInputError: if the settings are not those of a study, or some quenches are missing in
            the end.
        AtlasError: if the atlas cannot be written.
        KeyboardInterrupt: after an interrupt; all results are safe and can be continued.
    """
    from lossatlas import Strategy, explore, prepare

    there = stored(folder, cell)
    if there is not None and there.made >= count:
        return there
    study, home = study_of(cell, folder), cell_folder(folder, cell)
    home.mkdir(parents=True, exist_ok=True)
    file = home / ATLAS
    prepared = prepare(study, stored_problem(file))
    draws = Strategy(NAME, _Draws(cell.seed, count), draws="minima")
    silent = Strategy("no-climbs", lambda view: iter(()), draws="saddles")
    options = {"independent_share": 1.0, "until": NEVER, "seed": cell.seed, "progress": False}
    begun = time.process_time()
    with explore(prepared.landscape, file, strategies=[draws, silent], **options) as atlas:
        made = _counted(atlas, count, time.process_time() - begun)
        if atlas.exploration is not None and atlas.exploration.reason == "interrupted":
            raise KeyboardInterrupt
    if made.made < count:
        problem = f"{made.made} of {count} quenches were made"
        raise BadInputError(str(file), problem, "run the command again, alone in this folder")
    store(home, made)
    return made


def store(home: Path, made: Quenches) -> None:
    """Write the quenches of a landscape into the folder of its cell."""
    write_json(home / STORED, made._asdict())


def _counted(atlas: Atlas, count: int, seconds: float) -> Quenches:
    """Count hits; a quench that two programs made at the same time counts once."""
    attempts = atlas.attempts().query("strategy == @NAME").drop_duplicates("what")
    attempts = attempts[attempts["what"].astype(int) < count]
    hits = [minima[-1] for minima in attempts["minima"] if len(minima)]
    times, numbers = np.unique(np.unique(hits, return_counts=True)[1], return_counts=True)
    return Quenches(
        len(attempts),
        len(attempts) - len(hits),
        dict(zip(times.tolist(), numbers.tolist(), strict=True)),
        round(seconds, 1),
        atlas.runs()["versions"].iloc[-1],
    )


def stored(folder: Path, cell: Cell) -> Quenches | None:
    """Read the quenches of a cell; None if they were not made.

    Raises:
        BadInputError: if the file cannot be read.
    """
    path = cell_folder(folder, cell) / STORED
    content = read_json(path)
    if content is None:
        return None
    try:
        abundances = {int(times): number for times, number in content["abundances"].items()}
        return Quenches(**{**content, "abundances": abundances})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = "delete it, and the quenches are counted again"
        raise BadInputError(str(path), f"is not a file of quenches ({error!r})", remedy) from error


def rows(recipe: Recipe, folder: Path) -> list[Row]:
    """The richness of all landscapes of a study for which quenches were made.

    Landscapes without any minimum are left out. The landscapes of a draw are compared at the
    coverage that all of them have.
    """
    found: list[Row] = []
    for draw in draws_in(folder):
        there = [(column, stored(folder, column.cell(draw))) for column in recipe.columns]
        some = [(column, made) for column, made in there if made is not None and made.abundances]
        if some:
            common = common_coverage([quenches.counts for _, quenches in some])
            for column, quenches in some:
                own = coverage_of(quenches.counts, int(quenches.counts.sum()))
                equal = _hill_numbers(tuple(quenches.abundances.items()), common)
                found.append(Row(recipe.name, column.key, draw, quenches, own, equal))
    return found


@cache
def _hill_numbers(abundances: tuple[tuple[int, int], ...], coverage: float) -> Hill:
    return hill_numbers(np.repeat(*np.array(abundances).T), coverage)


def to_csv(found: Sequence[Row]) -> str:
    """The rows as CSV, with one line for each landscape."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEAD)
    for row in found:
        numbers = [x for interval in row.common.numbers for x in interval[:3]]
        made = (row.quenches.made, row.quenches.failed, row.coverage, row.common.coverage)
        values = (f"{x:.6g}" for x in (*made, *numbers))
        writer.writerow([row.study, row.column, row.draw, *values])
    return stream.getvalue()


def place(study: str) -> str:
    """The name under which statements find the Hill numbers of a study."""
    return f"{study}, quenches"


def to_markdown(recipe: Recipe, found: Sequence[Row]) -> str:
    """A table of the landscapes of a study, with a line for each draw and order."""
    head = ["draw", "", *(column.label for column in recipe.columns)]
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for draw in dict.fromkeys(row.draw for row in found):
        mine = {row.column: row for row in found if row.draw == draw}
        shown = [mine.get(column.key) for column in recipe.columns]
        for label, cells in _lines(shown):
            lines.append(markdown_row([f"{draw}", label, *cells]))
    return f"## {recipe.title}\n\n" + "\n".join(lines) + "\n"


def _lines(shown: Sequence[Row | None]) -> Iterator[tuple[str, list[str]]]:
    """The lines of one draw: what was made, and the Hill numbers with their intervals."""
    yield "minima found", [_of(row, lambda r: f"{len(r.quenches.counts):,}") for row in shown]
    failed = [_of(row, lambda r: f"{r.quenches.failed} of {r.quenches.made:,}") for row in shown]
    yield "quenches without a certified minimum", failed
    yield (
        "probability that the next quench ends at one of them",
        [_of(row, lambda r: f"{r.coverage:.4f}") for row in shown],
    )
    common = min(row.coverage for row in shown if row is not None)
    for order in range(3):
        yield (
            f"Hill number of order {order} at a coverage of {common:.3f}",
            [_of(row, lambda r, k=order: _interval(r.common.numbers[k])) for row in shown],
        )


def _of(row: Row | None, text: Callable[[Row], str]) -> str:
    return "not run" if row is None else text(row)


def _interval(interval: Interval) -> str:
    return f"{interval.estimate:.1f} ({interval.low:.1f} to {interval.high:.1f})"
