"""How many points there are, compared by separate searches instead of by explorations.

What an exploration finds depends on how long it took. Here each landscape gets the same number of
separate searches (see `sampling`) and nothing else. How often each point was hit gives Hill numbers
(Ecology 54, 427 (1973)): of order 0, in which all points count alike, and of orders 1 and 2, in
which rare ones count less. The landscapes of a draw are compared at equal coverage, since the same
number of searches covers less of a richer landscape.
"""

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lossatlas.analysis import Hill, Interval, common_coverage, coverage_of, hill_numbers
from lossatlas.paper.exploring import draws_in
from lossatlas.paper.recipes import Recipe
from lossatlas.paper.sampling import CLIMBS, QUENCHES, Kind, Sample, stored
from lossatlas.paper.tables import markdown_row

HEAD = (
    *("study", "column", "draw", "kind", "searches", "failed", "starts"),
    *("coverage", "common_coverage"),
    *(f"hill_{order}{end}" for order in range(3) for end in ("", "_low", "_high")),
)


POINTS = {"quenches": "minima", "climbs": "transition states"}
"""The points at which searches of each kind end, in words."""
_NO_NUMBER = Interval(math.nan, math.nan, math.nan)
NO_HILL = Hill(math.nan, 0, (_NO_NUMBER, _NO_NUMBER, _NO_NUMBER))
"""The Hill numbers of a landscape on which no search succeeded."""


class Row(NamedTuple):
    """The richness of one landscape.

    Attributes:
        study: name of the study.
        column: name of the column.
        draw: number of the draw.
        kind: the kind of searches.
        sample: the searches on the landscape.
        coverage: probability that the next search ends at a point that was found.
        common: the Hill numbers at the coverage that all landscapes of the study and draw have.
    """

    study: str
    column: str
    draw: int
    kind: Kind
    sample: Sample
    coverage: float
    common: Hill

    @property
    def numbers(self) -> dict[str, float]:
        """The Hill numbers by name, ``hill_0`` to ``hill_2``."""
        return {f"hill_{k}": interval.estimate for k, interval in enumerate(self.common.numbers)}

    @property
    def setting(self) -> str:
        """What must agree where landscapes are compared."""
        version = self.sample.versions["lossatlas"]
        return f"{self.sample.made} {self.kind.name}, lossatlas {version}"


def rows(recipe: Recipe, folder: Path, kind: Kind = QUENCHES) -> list[Row]:
    """The richness of all landscapes of a study for which separate searches were made.

    The landscapes of a draw are compared at the coverage that all of them have. Those on which no
    search succeeded have no Hill numbers and no coverage, which are NaN.

    Args:
        recipe: the study.
        folder: folder of the whole reproduction.
        kind: the kind of searches; default quenches.
    """
    found: list[Row] = []
    for draw in draws_in(folder):
        there = [(column, stored(folder, column.cell(draw), kind)) for column in recipe.columns]
        some = [(column, made) for column, made in there if made is not None]
        hits = [made.counts for _, made in some if made.abundances]
        common = common_coverage(hits) if hits else math.nan
        for column, made in some:
            own, equal = math.nan, NO_HILL
            if made.abundances:
                own = coverage_of(made.counts, int(made.counts.sum()))
                equal = _hill_numbers(tuple(made.abundances.items()), common)
            found.append(Row(recipe.name, column.key, draw, kind, made, own, equal))
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
        made = (row.sample.made, row.sample.failed, row.sample.starts)
        values = (f"{x:.6g}" for x in (row.coverage, row.common.coverage, *numbers))
        writer.writerow([row.study, row.column, row.draw, row.kind.name, *made, *values])
    return stream.getvalue()


def study_name(study: str, kind: Kind = QUENCHES) -> str:
    """The name under which statements find the Hill numbers of a study."""
    return f"{study}, {kind.name}"


def to_markdown(recipe: Recipe, found: Sequence[Row], kind: Kind = QUENCHES) -> str:
    """A table of the landscapes of a study, with a line for each draw and order."""
    title = f"## {recipe.title}: {POINTS[kind.name]}\n\n"
    if not found:
        return f"{title}Not run.\n"
    head = ["draw", "", *(column.label for column in recipe.columns)]
    lines = [markdown_row(head), markdown_row(["---"] * len(head))]
    for draw in dict.fromkeys(row.draw for row in found):
        mine = {row.column: row for row in found if row.draw == draw}
        shown = [mine.get(column.key) for column in recipe.columns]
        for label, cells in _lines(shown, kind):
            lines.append(markdown_row([f"{draw}", label, *cells]))
    return title + "\n".join(lines) + "\n"


def _lines(shown: Sequence[Row | None], kind: Kind) -> Iterator[tuple[str, list[str]]]:
    """The lines of one draw: what was made, and the Hill numbers with their intervals."""
    points = POINTS[kind.name]
    if kind is CLIMBS:
        yield "minima to begin at", [_of(row, lambda r: f"{r.sample.starts:,}") for row in shown]
    yield f"{points} found", [_of(row, lambda r: f"{len(r.sample.counts):,}") for row in shown]
    failed = [_of(row, lambda r: f"{r.sample.failed} of {r.sample.made:,}") for row in shown]
    yield f"{kind.name} that ended at none", failed
    yield (
        "probability that the next one ends at one of them",
        [_of(row, lambda r: _or_none(r.coverage, f"{r.coverage:.4f}")) for row in shown],
    )
    common = np.fmin.reduce([row.coverage for row in shown if row is not None])
    for order in range(3):
        yield (
            f"Hill number of order {order} at a coverage of {common:.3f}",
            [_of(row, lambda r, k=order: _interval(r.common.numbers[k])) for row in shown],
        )


def _of(row: Row | None, text: Callable[[Row], str]) -> str:
    return "not run" if row is None else text(row)


def _interval(interval: Interval) -> str:
    text = f"{interval.estimate:.1f} ({interval.low:.1f} to {interval.high:.1f})"
    return _or_none(interval.estimate, text)


def _or_none(value: float, text: str) -> str:
    return "none found" if math.isnan(value) else text
